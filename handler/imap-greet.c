/* SPDX-License-Identifier: Apache-2.0 */
/* What an IMAP client sees before it has said anything: greeting and capabilities. */

#include <string.h>
#include <strings.h>

#include "client-login.h"
#include "exchange.h"
#include "imap.h"

/* What a client sees whose login is still to come, and its server with it (RFC 9051 6.2). */
#define GRANT_CAPABILITIES "IMAP4rev1 ID LOGINDISABLED"

static bool is_visible(const char *atom, size_t n)
{
	static const char *const hidden[] = {"LOGIN-REFERRALS", "LOGINDISABLED",
	    "MAILBOX-REFERRALS", "SASL-IR", "STARTTLS", "UNAUTHENTICATE"};

	if (n >= 5 && strncasecmp(atom, "AUTH=", 5) == 0)
		return false;
	for (size_t i = 0; i < ELEMENTSOF(hidden); i++)
		if (n == strlen(hidden[i]) && strncasecmp(atom, hidden[i], n) == 0)
			return false;
	return n > 0;
}

int imap_visible_capabilities(const struct capabilities *c, struct secret *out)
{
	const char *rest = secret_str(&c->words);
	size_t from = out->len;
	int r = 0;

	while (*rest && r == 0) {
		size_t n = strcspn(rest, "\n");

		if (is_visible(rest, n))
			r = secret_printf(
			    out, "%s%.*s", out->len > from ? " " : "", (int)n, rest);
		rest += n + (rest[n] == '\n');
	}
	return r;
}

int imap_own_capabilities(const struct exchange *x, struct secret *out)
{
	const char *mechanism = client_login_mechanisms(x);
	int r;

	if (!exchange_needs_grant(x))
		r = imap_visible_capabilities(&x->upstream->capabilities, out);
	else
		r = secret_puts(out, GRANT_CAPABILITIES);
	if (r == 0 && *mechanism)
		r = secret_puts(out, " SASL-IR");
	while (r == 0 && *mechanism) {
		size_t n = strcspn(mechanism, " ");

		r = secret_printf(out, " AUTH=%.*s", (int)n, mechanism);
		mechanism += n + (mechanism[n] == ' ');
	}
	return r;
}

/*
 * The server's own words. Capabilities that it told before TLS are not those of the
 * connection now; whoever needs them asks (RFC 9051 6.2.1).
 */
static int pass_greeting(struct exchange *x)
{
	static const char code[] = "* OK [CAPABILITY ";
	const struct secret *greeting = &x->upstream->greeting;
	const char *rest = NULL;

	if (x->upstream->upgraded &&
	    strncasecmp(secret_str(greeting), code, strlen(code)) == 0)
		rest = strchr(secret_str(greeting), ']');
	if (!rest)
		return exchange_send(x, greeting);
	rest++;
	return exchange_reply(x, "* OK%s%s", *rest == ' ' ? "" : " ", rest);
}

int imap_greet(struct exchange *x)
{
	_cleanup_secret_ struct secret list = {0};
	bool preauth = x->access == ACCESS_LOGGED_IN &&
		       x->client_login == CLIENT_LOGIN_PREAUTH;
	int r;

	if (x->access == ACCESS_PASS_THROUGH)
		return pass_greeting(x);
	r = imap_own_capabilities(x, &list);
	if (r < 0)
		return r;
	return exchange_reply(x, "* %s [CAPABILITY %s] %s ready\r\n",
	    preauth ? "PREAUTH" : "OK", secret_str(&list), x->our_name);
}
