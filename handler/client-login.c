/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of mechanisms by the challenges they need, and one loop over them. What the
 * responses mean depends on whose login it is: ours has been made already, or they carry
 * what makes it, or who the client is.
 */

#include "client-login.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base64.h"
#include "client-bearer.h"
#include "deadline.h"
#include "text.h"

#define RESPONSES_MAX 2
/* Passwords are not to be tried as fast as a host can. */
#define REFUSAL_PAUSE_USEC USEC_PER_SEC

/* Takes user and password from the responses: 0, -EBADMSG or -ENOMEM. */
static int split_plain(
    const struct secret *responses, struct secret *ret_user, struct secret *ret_password)
{
	const char *text = secret_str(&responses[0]), *end = text + responses[0].len;
	const char *user, *password;
	int r;

	/* [authzid] NUL authcid NUL passwd, RFC 4616 2 */
	user = responses[0].len ? memchr(text, '\0', responses[0].len) : NULL;
	password = user ? memchr(user + 1, '\0', (size_t)(end - user - 1)) : NULL;
	if (!password)
		return -EBADMSG;
	if (user > text && strcmp(text, user + 1) != 0)
		return -EBADMSG; /* nobody is somebody else here */
	r = secret_append(ret_user, user + 1, (size_t)(password - user - 1));
	return r < 0 ? r
		     : secret_append(
			   ret_password, password + 1, (size_t)(end - password - 1));
}

static int split_login(
    const struct secret *responses, struct secret *ret_user, struct secret *ret_password)
{
	int r;

	r = secret_append(ret_user, secret_str(&responses[0]), responses[0].len);
	return r < 0 ? r
		     : secret_append(
			   ret_password, secret_str(&responses[1]), responses[1].len);
}

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
	/* For mechanisms that carry a password. */
	int (*split)(const struct secret *responses, struct secret *ret_user,
	    struct secret *ret_password);
} mechanisms[] = {
    {"PLAIN", true, 1, {""}, NULL, NULL, split_plain},
    {"LOGIN", true, 2, {"VXNlcm5hbWU6", "UGFzc3dvcmQ6"}, NULL, NULL,
	split_login}, /* "Username:", "Password:" */
    {"XOAUTH2", true, 1, {""}, client_bearer_parse_xoauth2, NULL, NULL},
    /* {"status":"invalid_token"}, RFC 7628 3.2.2 */
    {"OAUTHBEARER", true, 1, {""}, client_bearer_parse_oauthbearer,
	"eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=", NULL},
    {"CRAM-MD5", false, 1, {"PG1haWxkZXN0Pg=="}, NULL, NULL,
	NULL}, /* "<maildest>": any answer will do */
};

/* Whether a mechanism brings what the session needs of the client. */
static bool serves(const struct exchange *x, const struct mechanism *m)
{
	if (x->access == ACCESS_CLIENT_GRANT)
		return m->parse != NULL;
	return !exchange_checks_login(x) || m->split;
}

static const struct mechanism *find(
    const struct exchange *x, const char *name, size_t len)
{
	for (size_t i = 0; i < ELEMENTSOF(mechanisms); i++)
		if (strlen(mechanisms[i].name) == len &&
		    strncasecmp(mechanisms[i].name, name, len) == 0 &&
		    serves(x, &mechanisms[i]))
			return &mechanisms[i];
	return NULL;
}

const char *client_login_mechanisms(const struct exchange *x)
{
	if (x->access == ACCESS_CLIENT_GRANT)
		return "XOAUTH2 OAUTHBEARER";
	return x->client_login == CLIENT_LOGIN_ANY ||
		       x->client_login == CLIENT_LOGIN_REQUIRED
		   ? "PLAIN LOGIN"
		   : "";
}

/* Notes why the client's login failed; a later one may succeed. */
static int note(struct exchange *x, int error, const char *what, const char *why)
{
	if (x->access != ACCESS_CLIENT_GRANT && !exchange_checks_login(x))
		return error; /* the session is none the worse for it */
	free(x->login_why);
	x->login_error = error;
	x->login_why = text_format("the client's %s %s", what, why);
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

/* Sends a challenge and waits for the line that answers it: an outcome, or -errno. */
static int ask_line(
    struct exchange *x, const char *prompt, const char *challenge, struct line *ret)
{
	int r;

	r = exchange_reply(x, "%s%s\r\n", prompt, challenge);
	if (r < 0)
		return r;
	r = exchange_line(x, CLIENT_SASL_MAX, ret);
	if (r == -EMSGSIZE) {
		r = exchange_skip_line(x, NULL);
		return r < 0 ? r : CLIENT_LOGIN_TOO_LONG;
	}
	if (r < 0)
		return r;
	return r > 0 ? CLIENT_LOGIN_ACCEPTED : CLIENT_LOGIN_INCOMPLETE;
}

static int ask(struct exchange *x, const struct mechanism *m, const char *prompt,
    const char *challenge, struct secret *decoded)
{
	struct line line;
	int r;

	r = ask_line(x, prompt, challenge, &line);
	if (r == CLIENT_LOGIN_TOO_LONG)
		(void)note(x, -EBADMSG, m->name, "is longer than 64 KiB");
	if (r != CLIENT_LOGIN_ACCEPTED)
		return r;
	r = take_response(x, m, line.text, line.len, false, decoded);
	stream_drop_line(x->client, &line);
	return r;
}

/*
 * The same user, or none: it is the destination's mailbox that this port leads to. A
 * domain has no case (RFC 5321 2.4).
 */
static bool is_our_user(const struct exchange *x, const struct secret *user)
{
	const char *at = strrchr(x->user, '@');
	size_t n = strlen(x->user), local = at ? (size_t)(at - x->user) : n;

	if (user->len == 0)
		return true;
	return user->len == n && memcmp(user->data, x->user, local) == 0 &&
	       strncasecmp(user->data + local, x->user + local, n - local) == 0;
}

/* A refusal of OAUTHBEARER is said in a challenge first, which wants an answer, whatever that is. */
static int refuse(struct exchange *x, const struct mechanism *m, const char *prompt)
{
	struct line line;
	int r;

	if (!m->failure)
		return CLIENT_LOGIN_REFUSED;
	r = ask_line(x, prompt, m->failure, &line);
	if (r == CLIENT_LOGIN_ACCEPTED)
		stream_drop_line(x->client, &line);
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

/* What the client answered, in the order of the challenges. */
struct responses {
	struct secret list[RESPONSES_MAX];
};

static void responses_done(struct responses *r)
{
	for (size_t i = 0; i < RESPONSES_MAX; i++)
		secret_done(&r->list[i]);
}
#define _cleanup_responses_ _cleanup_(responses_done)

/* Lets time pass, unless the client goes away meanwhile. */
static void pause_after_refusal(struct exchange *x)
{
	struct pollfd client = {.fd = x->client->in_fd};

	if (deadline_poll(&client, 1, deadline_in(REFUSAL_PAUSE_USEC)) < 0)
		return; /* as most often */
}

int client_login_check(
    struct exchange *x, const struct secret *user, const struct secret *password)
{
	int r;

	x->login_error = 0;
	r = x->check_login(x, user, password);
	if (r == 0)
		return CLIENT_LOGIN_ACCEPTED;
	if (r == -ENOMEM)
		return r;
	if (r != -EKEYREVOKED) {
		x->login_error = r;
		return CLIENT_LOGIN_UNAVAILABLE;
	}
	(void)note(x, -EBADMSG, "user and password", "are none of the service's");
	pause_after_refusal(x);
	return CLIENT_LOGIN_REFUSED;
}

static int check(
    struct exchange *x, const struct mechanism *m, const struct secret *responses)
{
	_cleanup_secret_ struct secret user = {0}, password = {0};
	int r;

	r = m->split(responses, &user, &password);
	if (r == -EBADMSG) {
		(void)note(x, r, m->name, "is malformed");
		return CLIENT_LOGIN_MALFORMED;
	}
	return r < 0 ? r : client_login_check(x, &user, &password);
}

int client_login_run(struct exchange *x, const char *mechanism, size_t len,
    const char *initial, size_t initial_len, const char *prompt)
{
	const struct mechanism *m = find(x, mechanism, len);
	_cleanup_responses_ struct responses responses = {0};
	unsigned step = 0;
	int r;

	if (!m)
		return CLIENT_LOGIN_UNKNOWN;
	if (initial && !m->client_first)
		return CLIENT_LOGIN_MALFORMED;
	if (initial) {
		r = take_response(
		    x, m, initial, initial_len, true, &responses.list[step]);
		if (r != CLIENT_LOGIN_ACCEPTED)
			return r;
		step++;
	}
	for (; step < m->responses; step++) {
		r = ask(x, m, prompt, m->challenges[step], &responses.list[step]);
		if (r != CLIENT_LOGIN_ACCEPTED)
			return r;
	}
	if (x->access == ACCESS_CLIENT_GRANT)
		return log_in(x, m, &responses.list[m->responses - 1], prompt);
	return exchange_checks_login(x) ? check(x, m, responses.list)
					: CLIENT_LOGIN_ACCEPTED;
}
