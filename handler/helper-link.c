/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to and from the helper, and what its errors mean to a session. */

#include "helper-link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "deadline.h"
#include "log.h"
#include "reason.h"
#include "varlink.h"

#define READ_SIZE 4096

void helper_link_done(struct helper_link *l)
{
	if (l->fd >= 0)
		(void)close(l->fd); /* the helper notices */
	secret_done(&l->input);
	*l = (struct helper_link)HELPER_LINK_INIT;
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

int helper_link_connect(struct helper_link *l, const char *path, char **ret_why)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -1;
	int r;

	helper_link_done(l);
	if (strlen(path) >= sizeof(address.sun_path))
		return reason_set(
		    ret_why, -ENOTCONN, "%s: is too long for a socket's path", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return reason_set(
		    ret_why, -ENOTCONN, "no socket for the helper: %s", strerror(errno));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return reason_set(ret_why, errno == EAGAIN ? -EAGAIN : -ENOTCONN,
		    "%s: %s", path,
		    errno == ENOENT || errno == ECONNREFUSED
			? "the helper is not running "
			  "(systemctl restart maildest-helper.socket)"
			: strerror(errno));
	r = check_listener(fd, ret_why);
	if (r == 0)
		l->fd = TAKE_FD(fd);
	return r;
}

static int send_some(struct helper_link *l, const struct secret *calls, size_t *at)
{
	ssize_t n;

	while (*at < calls->len) {
		n = send(l->fd, calls->data + *at, calls->len - *at, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			*at += (size_t)n;
	}
	return 0;
}

int helper_link_send(
    struct helper_link *l, const struct secret *calls, uint64_t deadline, char **ret_why)
{
	size_t at = 0;
	int r;

	do
		r = send_some(l, calls, &at);
	while (r == -EAGAIN && (r = fd_wait(l->fd, POLLOUT, deadline)) == 0);
	if (at == calls->len)
		return 0;
	l->broken = r == -EPIPE || r == -ECONNRESET;
	return reason_set(
	    ret_why, -ENOTCONN, "cannot speak to the helper: %s", strerror(-r));
}

void helper_link_send_now(struct helper_link *l, const struct secret *calls)
{
	size_t at = 0;

	if (l->fd >= 0 && send_some(l, calls, &at) < 0)
		helper_link_done(l); /* half a call is no call, and none may follow it */
}

static int receive(struct helper_link *l, uint64_t deadline)
{
	ssize_t n;
	int r;

	r = secret_reserve(&l->input, READ_SIZE);
	if (r == 0)
		r = fd_wait(l->fd, POLLIN, deadline);
	if (r < 0)
		return r;
	n = recv(l->fd, l->input.data + l->input.len, READ_SIZE, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	l->input.len += (size_t)n;
	l->input.data[l->input.len] = '\0';
	return 0;
}

int helper_link_receive(
    struct helper_link *l, uint64_t deadline, struct json **ret, char **ret_why)
{
	int r;

	for (;;) {
		r = varlink_take(&l->input, ret);
		if (r > 0)
			return 0;
		if (r == -ENOMEM) {
			l->broken = true; /* a reply is lost, and the next is not its */
			return r;
		}
		if (r < 0)
			return reason_set(
			    ret_why, -ENOTCONN, "the helper sent no varlink message");
		r = receive(l, deadline);
		if (r == -ETIMEDOUT)
			return reason_set(
			    ret_why, -EAGAIN, "the helper had no token in time");
		if (r == 0)
			continue;
		l->broken = r == -ECONNRESET || r == -EPIPE;
		return reason_set(ret_why, -ENOTCONN, "the helper broke the connection");
	}
}

const char *helper_link_string(const struct json *reply, const char *key)
{
	struct json_value parameters, v;

	if (varlink_parameters(reply, &parameters) && parameters.json &&
	    json_find(parameters, key, &v))
		return json_string(v);
	return NULL;
}

int64_t helper_link_integer(const struct json *reply, const char *key)
{
	struct json_value parameters, v;
	int64_t value;

	if (varlink_parameters(reply, &parameters) && parameters.json &&
	    json_find(parameters, key, &v) && json_integer(v, &value))
		return value;
	return -1;
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

int helper_link_explain(const struct json *reply, char **ret_why)
{
	_cleanup_secret_ struct secret reason = {0};
	const char *name = varlink_error(reply);
	const char *text = helper_link_string(reply, "reason");
	size_t n = strlen(HELPER_INTERFACE);

	if (text && log_escape(&reason, text, strlen(text)) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < ELEMENTSOF(errors); i++)
		if (strncmp(name, HELPER_INTERFACE, n) == 0 &&
		    strcmp(name + n, errors[i].name) == 0)
			return reason_set(ret_why, errors[i].error, "%s: %s",
			    errors[i].what,
			    text ? secret_str(&reason) : "no reason given");
	return reason_set(
	    ret_why, -ENOTCONN, "the helper answered with an error of its own");
}
