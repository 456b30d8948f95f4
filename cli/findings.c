/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table from phase to what is worth telling after it. Tokens are told of by their
 * claims, never by themselves.
 */

#include "findings.h"

#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "claims.h"
#include "log.h"
#include "session.h"
#include "terminal.h"
#include "text.h"
#include "tls-chain.h"
#include "tls.h"

static char *format(const char *text, ...) _printf_(1, 2);
static char *format(const char *text, ...)
{
	va_list arguments;
	char *ret;

	va_start(arguments, text);
	ret = text_vformat(text, arguments);
	va_end(arguments);
	return ret;
}

/* Foreign words on one line. */
static char *quote(const struct secret *words)
{
	_cleanup_secret_ struct secret line = {0}, escaped = {0};

	if (words->len == 0 || secret_append(&line, words->data, words->len) < 0)
		return NULL;
	for (size_t i = 0; i < line.len; i++)
		if (line.data[i] == '\r' || line.data[i] == '\n' || line.data[i] == '\0')
			line.data[i] = ' ';
	while (line.len > 0 && line.data[line.len - 1] == ' ')
		line.data[--line.len] = '\0';
	return log_quote(&escaped, line.data, line.len) < 0
		   ? NULL
		   : strdup(secret_str(&escaped));
}

static void add_destination(struct steps *steps, const struct session *s)
{
	const struct destination *d = &s->destination;

	if (!d->host)
		return; /* it could not be read */
	steps_detail(steps, "server",
	    format("%s:%u, %s", d->host, (unsigned)d->port,
		mail_protocol_name(d->protocol)));
	steps_detail(steps, "login",
	    format("%s%s%s", d->login ? authentication_name(d->authentication) : "none",
		d->user ? " as " : "", d->user ? d->user : ""));
	if (d->proxy_type == PROXY_ON_PREMISE)
		steps_detail(steps, "way",
		    format("OnPremise%s%s", d->location_id ? ", location id " : "",
			d->location_id ? d->location_id : ""));
}

static void add_addresses(struct steps *steps, const struct session *s)
{
	for (const struct addrinfo *a = s->addresses; a; a = a->ai_next) {
		char host[NI_MAXHOST];

		if (getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof(host), NULL, 0,
			NI_NUMERICHOST) == 0)
			steps_detail(steps, "address", strdup(host));
	}
}

static void add_peer(struct steps *steps, const struct session *s)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (s->upstream.stream.in_fd < 0 ||
	    getpeername(s->upstream.stream.in_fd, (struct sockaddr *)&address, &len) <
		0 ||
	    getnameinfo((const struct sockaddr *)&address, len, host, sizeof(host), port,
		sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	steps_detail(steps, "connected", format("%s port %s", host, port));
}

static char *describe_end(int64_t not_after)
{
	int64_t left = not_after - (int64_t)time(NULL);
	_cleanup_free_ char *when = terminal_time(not_after);
	_cleanup_free_ char *how_long = terminal_duration(left < 0 ? -left : left);

	if (!when || !how_long)
		return NULL;
	return left < 0 ? format("ended %s, %s ago", when, how_long)
			: format("until %s, %s left", when, how_long);
}

static void add_tls(struct steps *steps, const struct session *s)
{
	_cleanup_tls_descriptions_ struct tls_descriptions chain = {0};
	const struct tls *tls = s->upstream.stream.tls;

	if (!tls || !tls_is_established(tls))
		return;
	steps_detail(steps, "cipher",
	    format("%s %s%s", tls_version(tls), tls_cipher(tls),
		tls_is_verified(tls) ? "" : ", certificate NOT checked"));
	if (tls_chain_read(tls, &chain) < 0)
		return; /* what could not be read is not told */
	for (size_t i = 0; i < chain.n; i++) {
		_cleanup_free_ char *end = describe_end(chain.list[i].not_after);

		steps_detail(steps, i == 0 ? "certificate" : "signed by",
		    format("%s, %s",
			*chain.list[i].subject ? chain.list[i].subject : "(no subject)",
			end ? end : "?"));
	}
	if (chain.n > 0 && *chain.list[chain.n - 1].issuer)
		steps_detail(steps, "anchor", strdup(chain.list[chain.n - 1].issuer));
}

static void add_greeting(struct steps *steps, const struct session *s)
{
	steps_detail(steps, "server says", quote(&s->upstream.greeting));
}

static void add_capabilities(struct steps *steps, const struct session *s)
{
	steps_detail(steps, "offered", quote(&s->upstream.capabilities.words));
}

static void add_mechanism(struct steps *steps, const struct session *s)
{
	if (s->login.mechanism)
		steps_detail(steps, "mechanism", strdup(s->login.mechanism));
}

static void add_times(struct steps *steps, const struct json *claims)
{
	struct json_value v;
	int64_t end;

	if (json_find(json_root(claims), "exp", &v) && json_integer(v, &end))
		steps_detail(steps, "exp", describe_end(end));
}

static void add_claims(struct steps *steps, const struct secret *token)
{
	_cleanup_json_ struct json *claims = NULL;

	if (token->len == 0)
		return;
	if (claims_parse(secret_str(token), &claims) < 0) {
		steps_detail(
		    steps, "token", format("%zu bytes, opaque (no JWT)", token->len));
		return;
	}
	for (size_t i = 0; claims_shown[i]; i++)
		steps_detail(
		    steps, claims_shown[i], claims_text(claims, claims_shown[i]));
	add_times(steps, claims);
}

static void add_token(struct steps *steps, const struct session *s)
{
	add_claims(steps, &s->token);
}

static void add_proxy(struct steps *steps, const struct session *s)
{
	if (s->tokens.proxy.host)
		steps_detail(steps, "proxy",
		    format(
			"%s:%u", s->tokens.proxy.host, (unsigned)s->tokens.proxy.port));
	add_claims(steps, &s->tokens.proxy.jwt);
}

static const struct {
	const char *phase;
	void (*add)(struct steps *steps, const struct session *s);
} findings[] = {
    {"asking for capabilities", add_capabilities},
    {"choosing how to log in", add_mechanism},
    {"connecting to the proxy", add_peer},
    {"connecting to the server", add_peer},
    {"reading the configuration", add_destination},
    {"resolving names", add_addresses},
    {"starting TLS", add_tls},
    {"waiting for the greeting", add_greeting},
    {"waiting for the helper's token", add_token},
    {"waiting for the helper's token for the proxy", add_proxy},
};

void findings_add(struct steps *steps, const struct session *s, const char *phase)
{
	for (size_t i = 0; i < ELEMENTSOF(findings); i++)
		if (strcmp(findings[i].phase, phase) == 0)
			findings[i].add(steps, s);
}
