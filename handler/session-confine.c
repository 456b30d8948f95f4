/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a session closes its walls, and what it says where they cannot be had. Whoever
 * finds a fault in what parses the server's words or the client's finds himself behind them.
 */

#include "session.h"

#include <errno.h>

#include "confine.h"
#include "reason.h"

/* Said once a session, unless its parent has said it for all. */
static int accept_lack(struct session *s, int error, const char *lacking)
{
	if (error != -EOPNOTSUPP)
		return error;
	if (s->settings.require_sandbox)
		return reason_set(&s->why, -EINVAL,
		    "maildest.conf has RequireSandbox=yes, and %s", lacking);
	if (!s->request->lack_is_known && !s->lack_is_known)
		record_unconfined(&s->record, lacking);
	s->lack_is_known = true;
	return 0;
}

int session_confine_login(struct session *s)
{
	const struct confine_needs needs = {
	    .anchors = s->tls ? tls_context_anchors(s->tls) : NULL,
	    .addresses = s->addresses,
	};
	_cleanup_free_ char *lacking = NULL;
	int r;

	session_enter(s, "closing the walls");
	config_done(&s->config);
	token_keep_link(&s->tokens);
	s->walls = SESSION_WALLS_LOGIN;
	r = confine_login(&needs, &lacking);
	return accept_lack(s, r, lacking);
}

int session_confine_relay(struct session *s)
{
	_cleanup_free_ char *lacking = NULL;
	int r;

	if (s->walls == SESSION_WALLS_RELAY)
		return 0;
	s->walls = SESSION_WALLS_RELAY;
	r = confine_relay(&lacking);
	return accept_lack(s, r, lacking);
}

void session_confine_end(struct session *s)
{
	_cleanup_free_ char *lacking = NULL;

	if (s->walls == SESSION_WALLS_RELAY)
		return;
	s->walls = SESSION_WALLS_RELAY;
	if (confine_relay(&lacking) < 0)
		return; /* what is lacking has been said, or the session ends before it matters */
}
