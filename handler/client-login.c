/* SPDX-License-Identifier: Apache-2.0 */
/* A table of mechanisms by the challenges they need, and one loop over them. */

#include "client-login.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base64.h"

#define RESPONSES_MAX 2

/* The challenges are the encoded texts that clients expect. */
static const struct mechanism {
	const char *name;
	bool client_first; /* the first response may come with the command */
	unsigned responses;
	const char *challenges[RESPONSES_MAX];
} mechanisms[] = {
    {"PLAIN", true, 1, {""}},
    {"LOGIN", true, 2, {"VXNlcm5hbWU6", "UGFzc3dvcmQ6"}}, /* "Username:", "Password:" */
    {"XOAUTH2", true, 1, {""}}, {"OAUTHBEARER", true, 1, {""}},
    {"CRAM-MD5", false, 1, {"PG1haWxkZXN0Pg=="}}, /* "<maildest>": any answer will do */
};

static const struct mechanism *find(const char *name, size_t len)
{
	for (size_t i = 0; i < ELEMENTSOF(mechanisms); i++)
		if (strlen(mechanisms[i].name) == len &&
		    strncasecmp(mechanisms[i].name, name, len) == 0)
			return &mechanisms[i];
	return NULL;
}

static int check_response(const char *text, size_t len, bool initial)
{
	_cleanup_secret_ struct secret decoded = {0};
	int r;

	if (!initial && len == 1 && *text == '*')
		return CLIENT_LOGIN_CANCELLED;
	if (initial && len == 1 &&
	    *text == '=') /* an empty initial response, RFC 4954 4 */
		return CLIENT_LOGIN_ACCEPTED;
	r = base64_decode(text, len, &decoded);
	if (r == -EBADMSG)
		return CLIENT_LOGIN_MALFORMED;
	return r < 0 ? r : CLIENT_LOGIN_ACCEPTED;
}

static int ask(struct exchange *x, const char *prompt, const char *challenge)
{
	struct line line;
	int r;

	r = exchange_reply(x, "%s%s\r\n", prompt, challenge);
	if (r < 0)
		return r;
	r = exchange_line(x, CLIENT_SASL_MAX, &line);
	if (r == -EMSGSIZE) {
		r = exchange_skip_line(x, NULL);
		return r < 0 ? r : CLIENT_LOGIN_TOO_LONG;
	}
	if (r <= 0)
		return r < 0 ? r : CLIENT_LOGIN_INCOMPLETE;
	r = check_response(line.text, line.len, false);
	stream_drop_line(x->client, &line);
	return r;
}

int client_login_run(struct exchange *x, const char *mechanism, size_t len,
    const char *initial, size_t initial_len, const char *prompt)
{
	const struct mechanism *m = find(mechanism, len);
	unsigned step = 0;
	int r;

	if (!m)
		return CLIENT_LOGIN_UNKNOWN;
	if (initial && !m->client_first)
		return CLIENT_LOGIN_MALFORMED;
	if (initial) {
		r = check_response(initial, initial_len, true);
		if (r != CLIENT_LOGIN_ACCEPTED)
			return r;
		step++;
	}
	for (; step < m->responses; step++) {
		r = ask(x, prompt, m->challenges[step]);
		if (r != CLIENT_LOGIN_ACCEPTED)
			return r;
	}
	return CLIENT_LOGIN_ACCEPTED;
}
