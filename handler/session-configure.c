/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session is to do: maildest.conf and the destination, which lies in files or, for
 * a service with an instance, in a Destination service, of which the helper knows.
 */

#include "session.h"

#include <errno.h>
#include <string.h>

#include "paths.h"
#include "reason.h"
#include "text.h"

static const struct protocol *const protocols[] = {
    [MAIL_SMTP] = &protocol_smtp,
    [MAIL_SMTPS] = &protocol_smtp,
    [MAIL_IMAP4] = &protocol_imap,
    [MAIL_IMAP4S] = &protocol_imap,
    [MAIL_POP3] = &protocol_pop3,
    [MAIL_POP3S] = &protocol_pop3,
};
_Static_assert(ELEMENTSOF(protocols) == MAIL_PROTOCOL_MAX, "the syntax of each protocol");

/* A file with errors may still tell whose syntax the client understands. */
static void guess_protocol(struct session *s, const struct properties *p)
{
	const struct protocol *named;
	struct json_value v;
	const char *name;

	if (!properties_find(p, "mail.transport.protocol", &v, NULL))
		return;
	name = json_string(v);
	named = name ? session_protocol_named(name) : NULL;
	if (named)
		s->protocol = named;
}

static enum exchange_access access_of(const struct destination *d)
{
	if (!d->login)
		return ACCESS_PASS_THROUGH;
	return d->authentication == AUTH_REFRESH_TOKEN ||
		       d->authentication == AUTH_AUTHORIZATION_CODE
		   ? ACCESS_CLIENT_GRANT
		   : ACCESS_LOGGED_IN;
}

/* Whichever call failed, an operator must act. */
static int operator_must_act(int error)
{
	return error == -ENOMEM ? error : -EINVAL;
}

int session_load_settings(struct session *s)
{
	int r;

	if (s->config.fd >= 0)
		return 0; /* loaded before */
	session_enter(s, "reading the configuration");
	r = config_open(&s->config, s->request->config_dir, &s->why);
	if (r == 0)
		r = settings_load(&s->config, &s->settings, &s->why);
	if (r < 0)
		return operator_must_act(r);
	if (!s->service.instance)
		s->service.instance = s->settings.default_instance;
	return 0;
}

enum client_login session_client_login(const struct session *s)
{
	return s->service.has_client_login ? s->service.client_login
					   : s->settings.client_login;
}

bool session_checks_login(const struct session *s)
{
	return s->access == ACCESS_LOGGED_IN &&
	       session_client_login(s) == CLIENT_LOGIN_REQUIRED;
}

const char *session_name_caller(struct session *s)
{
	if (session_client_login(s) != CLIENT_LOGIN_REQUIRED)
		return NULL;
	access_caller(s->client.in_fd, s->caller);
	return s->caller;
}

int session_find_helper(struct session *s)
{
	int r;

	if (s->helper_path)
		return 0;
	r = path_helper_socket(s->request->helper_socket, &s->helper_path);
	return r < 0 && r != -ENOMEM
		   ? reason_set(&s->why, -EINVAL, "the helper's socket is no usable path")
		   : r;
}

/* A destination that lies in a Destination service; the connection to the helper stays. */
static int fetch_destination(struct session *s, struct properties *p)
{
	struct token_request request = {
	    .service = &s->service,
	    .client = session_name_caller(s),
	    .wants_destination = true,
	};
	_cleanup_free_ char *path = NULL;
	int r;

	session_enter(s, "asking the helper for the destination");
	if (s->request->offline)
		return -ENOTCONN;
	r = session_find_helper(s);
	if (r < 0)
		return r;
	request.path = s->helper_path;
	r = token_open(&s->tokens, &request, s->deadline, &s->why);
	if (r == 0)
		r = token_wait_destination(&s->tokens, s->deadline, &s->why);
	if (r < 0)
		return r;
	path = text_format("destination '%s' of instance '%s'", s->service.destination,
	    s->service.instance);
	if (!path)
		return -ENOMEM;
	r = properties_add(p, secret_str(&s->tokens.destination),
	    s->tokens.destination.len, path, &s->why);
	secret_done(&s->tokens.destination);
	return r < 0 ? operator_must_act(r) : 0;
}

/* The destination's keys, from files or, for one of a Destination service, from the helper. */
static int load_destination(struct session *s, struct properties *p)
{
	const struct destination_source source = {
	    .name = s->service.destination,
	    .tenant = s->service.tenant,
	    .fragment = s->service.fragment,
	    .fragment_optional = s->service.fragment_optional,
	};
	int r;

	if (s->service.instance)
		return fetch_destination(s, p);
	session_enter(s, "reading the configuration");
	r = destination_load(&s->config, &source, p, &s->why);
	return r < 0 ? operator_must_act(r) : 0;
}

/* Whoever required a login meant it; through to the server goes whatever comes. */
static int check_client_login(struct session *s)
{
	if (session_client_login(s) != CLIENT_LOGIN_REQUIRED ||
	    s->access != ACCESS_PASS_THROUGH)
		return 0;
	return reason_set(&s->why, -EINVAL,
	    "a login of clients is required (ClientLogin=, --client-login=), but with "
	    "mail.%s.auth false or NoAuthentication it is the server that sees it",
	    mail_protocol_name(s->destination.protocol));
}

int session_configure(struct session *s)
{
	_cleanup_properties_ struct properties p = {0};
	const char *name = s->service.destination;
	int r;

	r = session_load_settings(s);
	if (r == 0)
		r = load_destination(s, &p);
	guess_protocol(s, &p);
	if (r < 0)
		return r;
	r = destination_parse(name, &p, &s->destination, &s->why);
	if (r < 0)
		return operator_must_act(r);
	s->access = access_of(&s->destination);
	r = check_client_login(s);
	if (r < 0)
		return r;
	s->record.destination = s->destination.name;
	s->record.protocol = mail_protocol_name(s->destination.protocol);
	s->record.upstream =
	    text_format("%s:%u", s->destination.host, (unsigned)s->destination.port);
	if (!s->record.upstream)
		return -ENOMEM;
	s->protocol = protocols[s->destination.protocol];
	return 0;
}
