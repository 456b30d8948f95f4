/* SPDX-License-Identifier: Apache-2.0 */
/* One row for each way that a session can go. */

#include "session-destinations.h"

#include <string.h>

#include "fuzz.h"
#include "session-helper.h"

#define COMMON                                                                  \
	"\"Type\":\"MAIL\",\"mail.transport.protocol\":\"<p>\","                \
	"\"mail.<p>.host\":\"127.0.0.1\",\"mail.<p>.localhost\":\"c.example\"," \
	"\"mail.user\":\"user@example.com\""
#define CLEAR                                 \
	",\"mail.<p>.starttls.enable\":false" \
	",\"mail.<p>.starttls.required\":false"
#define IF_OFFERED                           \
	",\"mail.<p>.starttls.enable\":true" \
	",\"mail.<p>.starttls.required\":false"
#define INTERNET ",\"ProxyType\":\"Internet\""
#define ON_PREMISE ",\"ProxyType\":\"OnPremise\""
#define PASSWORD                                      \
	",\"Authentication\":\"BasicAuthentication\"" \
	",\"mail.password\":\"" SESSION_NEEDLE "\""
#define OAUTH(grant)                                                 \
	",\"Authentication\":\"OAuth2" grant "\",\"clientId\":\"c\"" \
	",\"tokenServiceURL\":\"https://tokens.example/token\""
#define NONE ",\"Authentication\":\"NoAuthentication\""
#define SOCKS                                    \
	",\"mail.<p>.socks.host\":\"127.0.0.1\"" \
	",\"mail.<p>.socks.user\":\"proxy\""     \
	",\"mail.<p>.socks.password\":\"" SESSION_NEEDLE "\""

const struct session_kind session_kinds[SESSION_KINDS] = {
    {.name = "password", .keys = INTERNET PASSWORD CLEAR},
    {.name = "password, STARTTLS", .keys = INTERNET PASSWORD, .needs_tls = true},
    {.name = "token", .keys = INTERNET OAUTH("ClientCredentials") CLEAR},
    {.name = "client's grant", .keys = INTERNET OAUTH("RefreshToken") CLEAR},
    {.name = "token, STARTTLS",
	.keys = INTERNET OAUTH("ClientCredentials"),
	.needs_tls = true},
    {.name = "pass-through", .keys = INTERNET NONE CLEAR, .passes_through = true},
    {.name = "pass-through, STARTTLS",
	.keys = INTERNET NONE,
	.needs_tls = true,
	.passes_through = true},
    {.name = "Connectivity proxy", .keys = ON_PREMISE PASSWORD, .has_proxy = true},
    {.name = "SOCKS5 proxy", .keys = INTERNET PASSWORD SOCKS CLEAR, .has_proxy = true},
    {.name = "STARTTLS if offered",
	.keys = ON_PREMISE PASSWORD IF_OFFERED,
	.has_proxy = true},
};

const char *session_protocol_name(unsigned protocol)
{
	static const char *const names[SESSION_PROTOCOLS] = {"smtp", "imap4", "pop3"};

	return names[protocol];
}

static void append(struct secret *ret, const char *text, const char *protocol)
{
	const char *mark;

	while ((mark = strstr(text, "<p>"))) {
		fuzz_check(secret_append(ret, text, (size_t)(mark - text)) == 0 &&
			       secret_puts(ret, protocol) == 0,
		    "no memory");
		text = mark + strlen("<p>");
	}
	fuzz_check(secret_puts(ret, text) == 0, "no memory");
}

void session_destination(
    unsigned protocol, const struct session_kind *kind, struct secret *ret)
{
	const char *name = session_protocol_name(protocol);

	append(ret, "{" COMMON, name);
	append(ret, kind->keys, name);
	append(ret, "}", name);
}
