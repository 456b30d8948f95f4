/* SPDX-License-Identifier: Apache-2.0 */
/* The handler's half of io.maildest.Helper: three calls, pipelined, and what their errors mean. */

#include "token.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "deadline.h"
#include "digest.h"
#include "log.h"
#include "reason.h"
#include "varlink.h"

#define INTERFACE "io.maildest.Helper."
#define READ_SIZE 4096

void token_source_done(struct token_source *t)
{
	if (t->fd >= 0)
		(void)close(t->fd); /* the helper notices */
	secret_done(&t->input);
	*t = (struct token_source)TOKEN_SOURCE_INIT;
}

static int send_all(
    struct token_source *t, const struct secret *message, uint64_t deadline)
{
	size_t at = 0;
	ssize_t n;
	int r;

	while (at < message->len) {
		n = send(t->fd, message->data + at, message->len - at, MSG_NOSIGNAL);
		if (n >= 0) {
			at += (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		r = fd_wait(t->fd, POLLOUT, deadline);
		if (r < 0)
			return r;
	}
	return 0;
}

static int append_open(struct secret *out, const char *destination)
{
	struct varlink_writer v;

	varlink_begin_call(&v, out, INTERFACE "OpenSession");
	json_writer_string(&v.w, "service", destination);
	json_writer_string(&v.w, "destination", destination);
	return varlink_end(&v);
}

static int append_get(struct secret *out, uint64_t lifetime_sec)
{
	struct varlink_writer v;

	varlink_begin_call(&v, out, INTERFACE "GetToken");
	if (lifetime_sec > 0)
		json_writer_integer(&v.w, "minimum_lifetime", (int64_t)lifetime_sec);
	return varlink_end(&v);
}

static int append_reject(struct secret *out, const struct secret *token)
{
	char hash[DIGEST_SHA256_HEX_SIZE];
	struct varlink_writer v;
	int r;

	r = digest_sha256_hex(token->data, token->len, hash);
	if (r < 0)
		return r;
	varlink_begin_call(&v, out, INTERFACE "RejectToken");
	json_writer_string(&v.w, "token_sha256", hash);
	return varlink_end(&v);
}

/* Whoever listens there sees which destinations are used, and decides which token we send. */
static int check_listener(int fd, char **ret_why)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return reason_set(ret_why, -ENOTCONN,
		    "cannot tell whose the helper is: %s", strerror(errno));
	if (peer.uid != 0 && peer.uid != geteuid())
		return reason_set(ret_why, -ENOTCONN,
		    "the helper's socket belongs neither to root nor to the user this "
		    "runs as");
	return 0;
}

static int connect_helper(const char *path, char **ret_why)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -1;
	int r;

	if (strlen(path) >= sizeof(address.sun_path))
		return reason_set(
		    ret_why, -ENOTCONN, "%s: is too long for a socket's path", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return reason_set(
		    ret_why, -ENOTCONN, "no socket for the helper: %s", strerror(errno));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return reason_set(ret_why, -ENOTCONN, "%s: %s", path,
		    errno == ENOENT || errno == ECONNREFUSED
			? "the helper is not running (start maildest-helper.socket)"
			: strerror(errno));
	r = check_listener(fd, ret_why);
	return r < 0 ? r : TAKE_FD(fd);
}

int token_open_fd(struct token_source *t, int fd, const char *destination,
    uint64_t lifetime_sec, uint64_t deadline, char **ret_why)
{
	_cleanup_secret_ struct secret calls = {0};
	int r;

	*t = (struct token_source){.fd = fd, .unanswered = 2};
	r = append_open(&calls, destination);
	if (r == 0)
		r = append_get(&calls, lifetime_sec);
	if (r < 0)
		return r;
	r = send_all(t, &calls, deadline);
	return r < 0 ? reason_set(ret_why, -ENOTCONN, "cannot speak to the helper: %s",
			   strerror(-r))
		     : 0;
}

int token_open(struct token_source *t, const char *path, const char *destination,
    uint64_t lifetime_sec, uint64_t deadline, char **ret_why)
{
	int fd;

	fd = connect_helper(path, ret_why);
	return fd < 0
		   ? fd
		   : token_open_fd(t, fd, destination, lifetime_sec, deadline, ret_why);
}

static int receive(struct token_source *t, uint64_t deadline)
{
	ssize_t n;
	int r;

	r = secret_reserve(&t->input, READ_SIZE);
	if (r == 0)
		r = fd_wait(t->fd, POLLIN, deadline);
	if (r < 0)
		return r;
	n = recv(t->fd, t->input.data + t->input.len, READ_SIZE, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	t->input.len += (size_t)n;
	t->input.data[t->input.len] = '\0';
	return 0;
}

static int next_reply(
    struct token_source *t, uint64_t deadline, struct json **ret, char **ret_why)
{
	int r;

	for (;;) {
		r = varlink_take(&t->input, ret);
		if (r > 0)
			return 0;
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			return reason_set(
			    ret_why, -ENOTCONN, "the helper sent no varlink message");
		r = receive(t, deadline);
		if (r == -ETIMEDOUT)
			return reason_set(
			    ret_why, -EAGAIN, "the helper had no token in time");
		if (r < 0)
			return reason_set(
			    ret_why, -ENOTCONN, "the helper broke the connection");
	}
}

/* What the helper's errors mean to a session. */
static const struct {
	const char *name;
	int error;
	const char *what;
} errors[] = {
    {"IdentityRefused", -EACCES, "the mail server refuses this identity"},
    {"InvalidDestination", -EINVAL, "the helper cannot use the destination"},
    {"LimitExceeded", -EAGAIN, "the helper allows no more requests"},
    {"TokenRefused", -ENOKEY, "the token service refused the request"},
    {"TokenServiceUnavailable", -EAGAIN, "no access token"},
};

static int explain_error(const struct json *reply, char **ret_why)
{
	_cleanup_secret_ struct secret reason = {0};
	const char *name = varlink_error(reply), *text = NULL;
	struct json_value parameters, v;
	size_t n = strlen(INTERFACE);

	if (varlink_parameters(reply, &parameters) && parameters.json &&
	    json_find(parameters, "reason", &v))
		text = json_string(v);
	if (text && log_escape(&reason, text, strlen(text)) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < ELEMENTSOF(errors); i++)
		if (strncmp(name, INTERFACE, n) == 0 &&
		    strcmp(name + n, errors[i].name) == 0)
			return reason_set(ret_why, errors[i].error, "%s: %s",
			    errors[i].what,
			    text ? secret_str(&reason) : "no reason given");
	return reason_set(
	    ret_why, -ENOTCONN, "the helper answered with an error of its own");
}

static int take_token(const struct json *reply, struct secret *ret, char **ret_why)
{
	struct json_value parameters, v;
	const char *token = NULL;

	if (varlink_parameters(reply, &parameters) && parameters.json &&
	    json_find(parameters, "access_token", &v))
		token = json_string(v);
	if (!token || !*token)
		return reason_set(
		    ret_why, -ENOTCONN, "the helper answered without a token");
	for (const char *c = token; *c; c++)
		if (*c <= 0x20 || *c >= 0x7f)
			return reason_set(
			    ret_why, -ENOTCONN, "the helper's token is malformed");
	return secret_puts(ret, token);
}

int token_wait(
    struct token_source *t, uint64_t deadline, struct secret *ret, char **ret_why)
{
	int r = -ENOTCONN;

	for (; t->unanswered > 0; t->unanswered--) {
		_cleanup_json_ struct json *reply = NULL;

		r = next_reply(t, deadline, &reply, ret_why);
		if (r < 0)
			return r;
		if (varlink_error(reply))
			return explain_error(reply, ret_why);
		if (t->unanswered == 1)
			r = take_token(reply, ret, ret_why);
	}
	return r;
}

int token_reject(
    struct token_source *t, const struct secret *token, uint64_t deadline, char **ret_why)
{
	_cleanup_secret_ struct secret call = {0};
	int r;

	r = append_reject(&call, token);
	if (r < 0)
		return r;
	t->unanswered = 1;
	r = send_all(t, &call, deadline);
	return r < 0 ? reason_set(ret_why, -ENOTCONN, "cannot speak to the helper: %s",
			   strerror(-r))
		     : 0;
}
