/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session needs of the host: files, the helper, names. All of it happens before a
 * byte of client or server is read, so that nothing of it need be in reach afterwards. The
 * helper works on the token while names are resolved.
 */

#include "session.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "deadline.h"
#include "dial-pin.h"
#include "dial.h"
#include "hostname.h"
#include "text.h"
#include "tls-policy.h"

/* For a helper whose answer is welcome and not needed. */
#define PATIENCE_USEC (100 * USEC_PER_MSEC)

/*
 * More about a file of certificates/ that is not there, for a destination whose service may
 * have one of that name: it is not taken from it, as whoever writes there would decide whom
 * this host trusts. Another file's reason stays as it is.
 */
static int explain_store(struct session *s, const char *name, int error)
{
	_cleanup_free_ char *file = NULL;
	char *text;

	if (error != -ENOENT || !s->service.instance || !name || !s->why)
		return error;
	file = text_format("certificates/%s:", name);
	if (!file)
		return -ENOMEM;
	if (!strstr(s->why, file))
		return error;
	text = text_format(
	    "%s (certificates of the Destination service are not taken; put it into "
	    "certificates/ here)",
	    s->why);
	if (!text)
		return -ENOMEM;
	free(s->why);
	s->why = text;
	return error;
}

/* Our certificate for the server, where the destination names one. */
static int load_keys(struct session *s)
{
	const struct destination *d = &s->destination;
	int r;

	if (!d->key_store || d->tls_mode == TLS_NEVER)
		return 0;
	session_enter(s, "loading our certificate");
	r = tls_keys_read(
	    &s->config, d->key_store, d->key_store_password, &s->keys, &s->why);
	r = explain_store(s, d->key_store, r);
	return r < 0 && r != -ENOMEM ? -EINVAL : r;
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
		     : tls_policy_context(s->tls_policy, d,
			   s->keys.certificate ? &s->keys : NULL, s->tls_name);
}

/* What the session cannot do without the helper. */
static bool needs_helper(const struct session *s)
{
	return session_checks_login(s) || s->access == ACCESS_CLIENT_GRANT ||
	       (s->access == ACCESS_LOGGED_IN &&
		   s->destination.authentication == AUTH_CLIENT_CREDENTIALS) ||
	       s->destination.proxy_type == PROXY_ON_PREMISE;
}

/* By now, or as soon as it is known where to. */
static int send_request(struct session *s, const struct token_request *request,
    uint64_t deadline, char **ret_why)
{
	return s->tokens.link.fd >= 0
		   ? token_go_on(&s->tokens, request, deadline, ret_why)
		   : token_open(&s->tokens, request, deadline, ret_why);
}

/* Without a token to get, a helper that is not there costs no more than a full handshake. */
static int ask_helper(struct session *s)
{
	_cleanup_free_ char *why = NULL;
	bool resumes = *s->tls_name && !s->request->full_handshake;
	struct token_request request = {
	    .service = &s->service,
	    .client = session_name_caller(s),
	    .tls_context = resumes ? s->tls_name : NULL,
	    .wants_proxy = s->destination.proxy_type == PROXY_ON_PREMISE,
	    .wants_token = s->access == ACCESS_LOGGED_IN &&
			   authentication_is_oauth(s->destination.authentication),
	    .lifetime_sec = s->protocol->token_lifetime_sec,
	};
	int r;

	if (!resumes && !needs_helper(s))
		return 0;
	session_enter(s, "asking the helper");
	r = session_find_helper(s);
	if (r < 0)
		return r;
	request.path = s->helper_path;
	if (needs_helper(s))
		return send_request(s, &request, s->deadline, &s->why);
	r = send_request(s, &request, deadline_in(PATIENCE_USEC), &why);
	return r == -ENOMEM ? r : 0;
}

static int await_helper(struct session *s)
{
	if (!s->tokens.request.wants_token) {
		token_wait_tls_session(&s->tokens, deadline_in(PATIENCE_USEC));
		return 0;
	}
	session_enter(s, "waiting for the helper's token");
	return token_wait(&s->tokens, s->deadline, &s->token, &s->why);
}

/* How the proxy is called in the journal. */
static int name_proxy(struct session *s, const char *host, uint16_t port)
{
	bool on_premise = s->destination.proxy_type == PROXY_ON_PREMISE;

	s->proxy_name = text_format("the %s %s:%u",
	    on_premise ? "Connectivity proxy" : "SOCKS5 proxy", host, (unsigned)port);
	return s->proxy_name ? 0 : -ENOMEM;
}

/* Whom to connect to: the server, or the proxy in front of it. */
static int find_next_hop(struct session *s, const char **ret_host, uint16_t *ret_port)
{
	const struct destination *d = &s->destination;
	int r;

	*ret_host = d->host;
	*ret_port = d->port;
	if (d->proxy_type == PROXY_ON_PREMISE) {
		session_enter(s, "waiting for the helper's token for the proxy");
		r = token_wait_proxy(&s->tokens, s->deadline, &s->why);
		if (r < 0)
			return r;
		*ret_host = s->tokens.proxy.host;
		*ret_port = s->tokens.proxy.port;
	} else if (d->socks_host) {
		*ret_host = d->socks_host;
		*ret_port = d->socks_port;
	} else {
		return 0;
	}
	return name_proxy(s, *ret_host, *ret_port);
}

/* For EHLO; who needs none does not wait for a name server. */
static bool needs_full_name(const struct session *s)
{
	return s->protocol == &protocol_smtp && !s->destination.local_host;
}

static int find_names(struct session *s)
{
	_cleanup_addresses_ struct addrinfo *addresses = NULL;
	const char *host;
	uint16_t port;
	int r;

	r = find_next_hop(s, &host, &port);
	if (r < 0)
		return r;
	session_enter(s, "resolving names");
	r = hostname_get(needs_full_name(s), &s->host_name, &s->host_is_qualified);
	if (r < 0)
		return r;
	s->client_side_name = text_format("maildest.%s", s->host_name);
	if (!s->client_side_name)
		return -ENOMEM;
	r = dial_resolve(host, port, &addresses, &s->why);
	return r < 0 ? r : dial_pin(addresses, &s->addresses);
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
	r = tls_context_prepare(&s->config, &s->settings, &s->destination.trust,
	    s->destination.host, &s->own_tls, &s->why);
	r = explain_store(s, s->destination.trust.trust_store, r);
	s->tls = s->own_tls;
	return r < 0 && r != -ENOMEM ? -EINVAL : r;
}

/*
 * A session that is offered was believed under the same policy, by the same files: what
 * is in them counts only if the server wants a full handshake.
 */
static int parse_trust(struct session *s)
{
	int r;

	if (!s->own_tls || s->tokens.tls_session.len > 0)
		return 0;
	session_enter(s, "loading trust anchors");
	r = tls_context_load(s->own_tls, &s->why);
	return r < 0 && r != -ENOMEM ? -EINVAL : r;
}

int session_prepare(struct session *s)
{
	int r;

	r = load_keys(s);
	if (r == 0)
		r = name_tls(s);
	if (r == 0)
		r = ask_helper(s);
	if (r == 0)
		r = find_names(s);
	if (r == 0)
		r = load_trust(s);
	if (r == 0)
		r = await_helper(s);
	return r < 0 ? r : parse_trust(s);
}
