/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of mechanisms by the challenges they need, and one loop over them. What the
 * last response means depends on whose login it is: ours has been made already, or the
 * response carries what makes it.
 */

#include "client-login.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base64.h"
#include "client-bearer.h"

#define RESPONSES_MAX 2

/* The challenges are the encoded texts that clients expect. */
static const struct mechanism {
	const char *name;
	bool client_first; /* the first response may come with the command */
	unsigned responses;
	const char *challenges[RESPONSES_MAX];
	/* For mechanisms that can carry a grant. */
	int (*parse)(const struct secret *response, struct client_bearer *ret,
	    const char **ret_why);
	const char *failure; /* an encoded challenge before a refusal, or NULL */
} mechanisms[] = {
    {"PLAIN", true, 1, {""}, NULL, NULL},
    {"LOGIN", true, 2, {"VXNlcm5hbWU6", "UGFzc3dvcmQ6"}, NULL,
	NULL}, /* "Username:", "Password:" */
    {"XOAUTH2", true, 1, {""}, client_bearer_parse_xoauth2, NULL},
    /* {"status":"invalid_token"}, RFC 7628 3.2.2 */
    {"OAUTHBEARER", true, 1, {""}, client_bearer_parse_oauthbearer,
	"eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0="},
    {"CRAM-MD5", false, 1, {"PG1haWxkZXN0Pg=="}, NULL,
	NULL}, /* "<maildest>": any answer will do */
};

static const struct mechanism *find(const struct exchange *x, const char *name, size_t len)
{
	for (size_t i = 0; i < ELEMENTSOF(mechanisms); i++)
		if (strlen(mechanisms[i].name) == len &&
		    strncasecmp(mechanisms[i].name, name, len) == 0 &&
		    (x->access != ACCESS_CLIENT_GRANT || mechanisms[i].parse))
			return &mechanisms[i];
	return NULL;
}

const char *client_login_mechanisms(const struct exchange *x)
{
	if (x->access == ACCESS_CLIENT_GRANT)
		return "XOAUTH2 OAUTHBEARER";
	return x->client_login == CLIENT_LOGIN_ANY ? "PLAIN LOGIN" : "";
}

/* Notes why the client's login failed; a later one may succeed. */
static int note(struct exchange *x, int error, const char *what, const char *why)
{
	if (x->access != ACCESS_CLIENT_GRANT)
		return error; /* the session is none the worse for it */
	free(x->login_why);
	x->login_error = error;
	if (asprintf(&x->login_why, "the client's %s %s", what, why) < 0)
		x->login_why = NULL;
	return error;
}

/* Decodes a response: an outcome, or -errno. */
static int take_response(struct exchange *x, const struct mechanism *m, const char *text,
    size_t len, bool initial, struct secret *decoded)
{
	int r;

	secret_clear(decoded);
	if (!initial && len == 1 && *text == '*')
		return CLIENT_LOGIN_CANCELLED;
	if (initial && len == 1 &&
	    *text == '=') /* an empty initial response, RFC 4954 4 */
		return CLIENT_LOGIN_ACCEPTED;
	r = base64_decode(text, len, decoded);
	if (r == -EBADMSG) {
		(void)note(x, r, m->name, "is not base64");
		return CLIENT_LOGIN_MALFORMED;
	}
	return r < 0 ? r : CLIENT_LOGIN_ACCEPTED;
}

static int ask(struct exchange *x, const struct mechanism *m, const char *prompt,
    const char *challenge, struct secret *decoded)
{
	struct line line;
	int r;

	r = exchange_reply(x, "%s%s\r\n", prompt, challenge);
	if (r < 0)
		return r;
	r = exchange_line(x, CLIENT_SASL_MAX, &line);
	if (r == -EMSGSIZE) {
		r = exchange_skip_line(x, NULL);
		(void)note(x, -EBADMSG, m->name, "is longer than 64 KiB");
		return r < 0 ? r : CLIENT_LOGIN_TOO_LONG;
	}
	if (r <= 0)
		return r < 0 ? r : CLIENT_LOGIN_INCOMPLETE;
	r = take_response(x, m, line.text, line.len, false, decoded);
	stream_drop_line(x->client, &line);
	return r;
}

/* The same user, or none: it is the destination's mailbox that this port leads to. */
static bool is_our_user(const struct exchange *x, const struct secret *user)
{
	return user->len == 0 ||
	       (user->len == strlen(x->user) && memcmp(user->data, x->user, user->len) == 0);
}

/* A refusal of OAUTHBEARER is said in a challenge first, which wants an answer. */
static int refuse(struct exchange *x, const struct mechanism *m, const char *prompt)
{
	_cleanup_secret_ struct secret ignored = {0};
	int r;

	if (!m->failure)
		return CLIENT_LOGIN_REFUSED;
	r = ask(x, m, prompt, m->failure, &ignored);
	return r < 0 || r == CLIENT_LOGIN_INCOMPLETE ? r : CLIENT_LOGIN_REFUSED;
}

/* Whether it is the client's own grant, or whom it is for, that was not taken. */
static bool is_refusal(int error)
{
	return error == -EKEYREVOKED || error == -EACCES;
}

/* Logs in upstream with what the client sent. */
static int log_in(struct exchange *x, const struct mechanism *m,
    const struct secret *response, const char *prompt)
{
	_cleanup_client_bearer_ struct client_bearer bearer = {0};
	const char *why = NULL;
	int r;

	r = m->parse(response, &bearer, &why);
	if (r == -EBADMSG) {
		(void)note(x, r, m->name, why);
		return CLIENT_LOGIN_MALFORMED;
	}
	if (r < 0)
		return r;
	if (!is_our_user(x, &bearer.user)) {
		(void)note(x, -EBADMSG, m->name, "names a user other than mail.user");
		return refuse(x, m, prompt);
	}
	x->login_error = 0;
	r = x->log_in(x, &bearer.credential);
	if (r == 0 || r == -ECONNABORTED || r == -ENOMEM)
		return r == 0 ? CLIENT_LOGIN_ACCEPTED : r;
	x->login_error = r;
	return is_refusal(r) ? refuse(x, m, prompt) : CLIENT_LOGIN_UNAVAILABLE;
}

int client_login_run(struct exchange *x, const char *mechanism, size_t len,
    const char *initial, size_t initial_len, const char *prompt)
{
	const struct mechanism *m = find(x, mechanism, len);
	_cleanup_secret_ struct secret response = {0};
	unsigned step = 0;
	int r;

	if (!m)
		return CLIENT_LOGIN_UNKNOWN;
	if (initial && !m->client_first)
		return CLIENT_LOGIN_MALFORMED;
	if (initial) {
		r = take_response(x, m, initial, initial_len, true, &response);
		if (r != CLIENT_LOGIN_ACCEPTED)
			return r;
		step++;
	}
	for (; step < m->responses; step++) {
		r = ask(x, m, prompt, m->challenges[step], &response);
		if (r != CLIENT_LOGIN_ACCEPTED)
			return r;
	}
	if (x->access == ACCESS_CLIENT_GRANT)
		return log_in(x, m, &response, prompt);
	return CLIENT_LOGIN_ACCEPTED;
}
