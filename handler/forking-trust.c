/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parent knows of destinations: whom they believe, to have TLS ready, and the
 * protocol to refuse in. Passwords that stand beside are wiped as soon as the file has
 * been read; each session reads it anew.
 */

#include "aside.h"
#include "deadline.h"
#include "forking-parent.h"

/* A changed file counts at once for sessions, and is loaded ahead for them this soon. */
#define LOOK_USEC USEC_PER_SEC

/* Whose destination is to be read. */
struct look {
	struct parent *parent;
	struct listener *listener;
};

static int look(void *argument)
{
	struct parent *p = ((struct look *)argument)->parent;
	struct listener *s = ((struct look *)argument)->listener;
	struct session_request request = p->request;
	_cleanup_session_ struct session session;
	int r;

	request.service = *s->service;
	request.offline = true; /* the helper may keep others waiting, not us */
	session_begin(&session, &request);
	session.protocol = session_guess_protocol(s->fd, request.service.destination);
	r = session_configure(&session);
	s->protocol = session.protocol;
	if (r < 0)
		return r;
	if (session.destination.tls_mode == TLS_NEVER) {
		tls_cache_leave(&p->tls, &s->tls);
		return 0;
	}
	return tls_cache_use(&p->tls, &s->tls, &session.config, &session.settings,
	    &session.destination.trust, session.destination.host, &session.why);
}

void forking_look_at(struct parent *p, struct listener *s)
{
	uint64_t now = deadline_now();

	if (!s->service || (s->looked_at > 0 && now < s->looked_at + LOOK_USEC))
		return;
	s->looked_at = now;
	if (aside_run(look, &(struct look){p, s}) < 0)
		return; /* what is there may still serve; sessions say what is wrong */
}
