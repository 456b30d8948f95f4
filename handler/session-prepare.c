/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session needs of the host: files, the helper, names. All of it happens before a
 * byte from outside is read, so that nothing of it need be in reach afterwards. The
 * helper works on the token while names are resolved.
 */

#include "session.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "deadline.h"
#include "dial.h"
#include "hostname.h"
#include "paths.h"
#include "reason.h"
#include "tls-policy.h"

/* For a helper whose answer is welcome and not needed. */
#define PATIENCE_USEC (100 * USEC_PER_MSEC)

static const struct protocol *const protocols[MAIL_PROTOCOL_MAX] = {
    [MAIL_SMTP] = &protocol_smtp,
    [MAIL_SMTPS] = &protocol_smtp,
    [MAIL_IMAP4] = &protocol_imap,
    [MAIL_IMAP4S] = &protocol_imap,
};

/* The destinations of SAP's pages that this program serves. */
static int check_supported(struct session *s, const struct properties *p)
{
	const struct destination *d = &s->destination;

	if (!protocols[d->protocol])
		return properties_complain(p, "mail.transport.protocol", &s->why,
		    "is %s, which this version does not serve: use smtp, smtps, imap4 or "
		    "imap4s",
		    mail_protocol_name(d->protocol));
	s->protocol = protocols[d->protocol];
	if (d->proxy_type != PROXY_INTERNET)
		return properties_complain(p, "ProxyType", &s->why,
		    "is OnPremise, which this version does not serve: use Internet");
	if (d->authentication != AUTH_BASIC &&
	    d->authentication != AUTH_CLIENT_CREDENTIALS)
		return properties_complain(p, "Authentication", &s->why,
		    "is %s, which this version does not serve: use BasicAuthentication "
		    "or "
		    "OAuth2ClientCredentials",
		    authentication_name(d->authentication));
	if (!d->login)
		return properties_complain(p, "mail.<protocol>.auth", &s->why,
		    "is false, which this version does not serve: use true");
	return 0;
}

/* A file with errors may still tell whose syntax the client understands. */
static void guess_protocol(struct session *s, const struct properties *p)
{
	struct json_value v;
	const char *name;

	if (!properties_find(p, "mail.transport.protocol", &v, NULL))
		return;
	name = json_string(v);
	if (name && strncasecmp(name, "imap", 4) == 0)
		s->protocol = &protocol_imap;
}

int session_configure(struct session *s)
{
	_cleanup_properties_ struct properties p = {0};
	const char *name = s->request->destination;
	int r;

	session_enter(s, "reading the configuration");
	r = config_open(&s->config, s->request->config_dir, &s->why);
	if (r == 0)
		r = settings_load(&s->config, &s->settings, &s->why);
	if (r == 0)
		r = destination_load(&s->config, name, &p, &s->why);
	guess_protocol(s, &p);
	if (r == 0)
		r = destination_parse(name, &p, &s->destination, &s->why);
	if (r < 0)
		return r == -ENOMEM
			   ? r
			   : -EINVAL; /* whichever call failed, an operator must act */
	s->record.destination = s->destination.name;
	s->record.protocol = mail_protocol_name(s->destination.protocol);
	if (asprintf(&s->record.upstream, "%s:%u", s->destination.host,
		(unsigned)s->destination.port) < 0) {
		s->record.upstream = NULL;
		return -ENOMEM;
	}
	return check_supported(s, &p);
}

/* Which policy judges the server; TLS sessions made under another one are not for us. */
static int name_tls(struct session *s)
{
	const struct destination *d = &s->destination;
	int r;

	if (d->tls_mode == TLS_NEVER)
		return 0;
	r = tls_policy_digest(
	    &s->config, &s->settings, &d->trust, d->host, s->tls_policy);
	return r < 0 ? r
		     : tls_policy_context(s->tls_policy, d->host, d->port, s->tls_name);
}

/* Without a token to get, a helper that is not there costs no more than a full handshake. */
static int ask_helper(struct session *s)
{
	_cleanup_free_ char *why = NULL;
	bool resumes = *s->tls_name && !s->request->full_handshake;
	struct token_request request = {
	    .destination = s->destination.name,
	    .tls_context = resumes ? s->tls_name : NULL,
	    .wants_token = authentication_is_oauth(s->destination.authentication),
	    .lifetime_sec = s->protocol->token_lifetime_sec,
	};
	int r;

	if (!resumes && !request.wants_token)
		return 0;
	session_enter(s, "asking the helper");
	r = path_helper_socket(s->request->helper_socket, &s->helper_path);
	if (r < 0)
		return r == -ENOMEM ? r
				    : reason_set(&s->why, -EINVAL,
					  "the helper's socket is no usable path");
	request.path = s->helper_path;
	if (request.wants_token)
		return token_open(&s->tokens, &request, s->deadline, &s->why);
	r = token_open(&s->tokens, &request, deadline_in(PATIENCE_USEC), &why);
	return r == -ENOMEM ? r : 0;
}

static int await_helper(struct session *s)
{
	if (!authentication_is_oauth(s->destination.authentication)) {
		token_wait_tls_session(&s->tokens, deadline_in(PATIENCE_USEC));
		return 0;
	}
	session_enter(s, "waiting for the helper's token");
	return token_wait(&s->tokens, s->deadline, &s->token, &s->why);
}

static int find_names(struct session *s)
{
	int r;

	session_enter(s, "resolving names");
	r = hostname_get(&s->host_name, &s->host_is_qualified);
	if (r < 0)
		return r;
	if (asprintf(&s->client_side_name, "maildest.%s", s->host_name) < 0) {
		s->client_side_name = NULL;
		return -ENOMEM;
	}
	return dial_resolve(
	    s->destination.host, s->destination.port, &s->addresses, &s->why);
}

static int load_trust(struct session *s)
{
	int r;

	session_enter(s, "loading trust anchors");
	tzset(); /* certificates have times; the zone's file is the host's too */
	if (s->destination.tls_mode == TLS_NEVER)
		return 0;
	if (s->request->tls_cache)
		s->tls = tls_cache_find(s->request->tls_cache, s->tls_policy);
	if (s->tls)
		return 0;
	r = tls_context_new(&s->config, &s->settings, &s->destination.trust,
	    s->destination.host, &s->own_tls, &s->why);
	s->tls = s->own_tls;
	return r < 0 && r != -ENOMEM ? -EINVAL : r;
}

int session_prepare(struct session *s)
{
	int r;

	r = name_tls(s);
	if (r == 0)
		r = ask_helper(s);
	if (r == 0)
		r = find_names(s);
	if (r == 0)
		r = load_trust(s);
	return r < 0 ? r : await_helper(s);
}
