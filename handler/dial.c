/* SPDX-License-Identifier: Apache-2.0 */
/* Resolving and connecting over all addresses under one deadline, a late one overtaken by
 * the next. */

#include "dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "deadline.h"
#include "reason.h"
#include "secret.h"
#include "stream.h"
#include "text.h"

/* "Connection Attempt Delay", RFC 8305 section 5 */
#define ATTEMPT_DELAY_USEC (250 * USEC_PER_MSEC)
#define KEEP_ALIVE_IDLE_SEC 120
#define KEEP_ALIVE_INTERVAL_SEC 30

int dial_resolve(const char *host, uint16_t port, struct addrinfo **ret, char **ret_why)
{
	const struct addrinfo hints = {
	    .ai_family = AF_UNSPEC,
	    .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_NUMERICSERV,
	};
	char service[sizeof("65535")];
	int r;

	/* fits by its type */
	(void)snprintf(service, sizeof(service), "%u", (unsigned)port);
	r = getaddrinfo(host, service, &hints, ret);
	if (r == 0)
		return 0;
	return reason_set(ret_why, -EADDRNOTAVAIL, "the name '%s' has no address: %s",
	    host, r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
}

/* One address being tried. */
struct attempt {
	int fd; /* -1 when it has failed or not begun */
	const struct addrinfo *address;
};

struct dialling {
	struct attempt attempts[DIAL_ADDRESSES_MAX];
	unsigned begun, running;
	int watch_fd;		/* -1 once its hang-up is known to be no reset */
	struct secret failures; /* for the journal */
	int error;		/* the last attempt's */
};

static void dialling_done(struct dialling *d)
{
	for (unsigned i = 0; i < d->begun; i++)
		if (d->attempts[i].fd >= 0)
			/* never connected, or not chosen */
			(void)close(d->attempts[i].fd);
	secret_done(&d->failures);
}

static int address_name(const struct sockaddr *address, char **ret)
{
	char text[INET6_ADDRSTRLEN] = "?";

	if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)address;
		bool mapped = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);

		if (mapped)
			inet_ntop(
			    AF_INET, &in6->sin6_addr.s6_addr[12], text, sizeof(text));
		else
			inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
		*ret = text_format(
		    mapped ? "%s:%u" : "[%s]:%u", text, ntohs(in6->sin6_port));
	} else if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)address;

		inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
		*ret = text_format("%s:%u", text, ntohs(in->sin_port));
	} else {
		*ret = strdup("local");
	}
	return *ret ? 0 : -ENOMEM;
}

static void note_failure(struct dialling *d, struct attempt *a, int error)
{
	_cleanup_free_ char *name = NULL;

	d->error = -error;
	if (a->fd >= 0) {
		(void)close(a->fd); /* never connected */
		a->fd = -1;
		d->running--;
	}
	if (address_name(a->address->ai_addr, &name) == 0 &&
	    secret_printf(&d->failures, "%s%s: %s", d->failures.len ? ", " : "", name,
		strerror(error)) < 0)
		return; /* the reason is lost, the error is not */
}

static void begin(struct dialling *d, const struct addrinfo *address)
{
	struct attempt *a = &d->attempts[d->begun++];

	*a = (struct attempt){.fd = -1, .address = address};
	a->fd = socket(address->ai_family,
	    address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->ai_protocol);
	if (a->fd < 0) {
		note_failure(d, a, errno);
		return;
	}
	d->running++;
	if (connect(a->fd, address->ai_addr, address->ai_addrlen) < 0 &&
	    errno != EINPROGRESS)
		note_failure(d, a, errno);
}

/* The first attempt that has connected, or -1. */
static int collect(struct dialling *d, const struct pollfd *fds)
{
	for (unsigned i = 0; i < d->begun; i++) {
		struct attempt *a = &d->attempts[i];
		socklen_t len = sizeof(int);
		int error = 0;

		if (a->fd < 0 || !fds[i].revents)
			continue;
		if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
			error = errno;
		if (error == 0)
			return TAKE_FD(a->fd);
		note_failure(d, a, error == ECONNABORTED ? ECONNRESET : error);
	}
	return -1;
}

/* Waits for an outcome: a descriptor, -EAGAIN to start or await another, or -errno for good. */
static int await(struct dialling *d, uint64_t deadline)
{
	struct pollfd fds[DIAL_ADDRESSES_MAX + 1];
	int r;

	for (unsigned i = 0; i < d->begun; i++)
		fds[i] = (struct pollfd){.fd = d->attempts[i].fd, .events = POLLOUT};
	fds[d->begun] = (struct pollfd){.fd = d->watch_fd};
	r = deadline_poll(fds, d->begun + 1, deadline);
	if (r < 0)
		return r;
	if (fds[d->begun].revents) {
		if (stream_is_reset(d->watch_fd))
			return -ECONNABORTED;
		d->watch_fd = -1; /* hung up, but what it sent is still to be relayed */
	}
	r = collect(d, fds);
	return r >= 0 ? r : -EAGAIN;
}

/* The first of the list that is of the family, or of another one; or NULL. */
static const struct addrinfo *find_family(
    const struct addrinfo *list, int family, bool is_other)
{
	while (list && (list->ai_family != family) != is_other)
		list = list->ai_next;
	return list;
}

unsigned dial_order(
    const struct addrinfo *list, const struct addrinfo *order[DIAL_ADDRESSES_MAX])
{
	const struct addrinfo *next[] = {list, list};
	unsigned n = 0;

	for (bool turn = false; n < DIAL_ADDRESSES_MAX && (next[0] || next[1]);
	     turn = !turn) {
		const struct addrinfo *found =
		    find_family(next[turn], list->ai_family, turn);

		if (found)
			order[n++] = found;
		next[turn] = found ? found->ai_next : NULL;
	}
	return n;
}

static int connect_any(struct dialling *d, const struct addrinfo *list, uint64_t deadline)
{
	const struct addrinfo *order[DIAL_ADDRESSES_MAX];
	unsigned n = dial_order(list, order);
	bool more = n > 0;
	int r;

	while (more || d->running > 0) {
		uint64_t until = deadline;

		if (more)
			begin(d, order[d->begun]);
		more = d->begun < n;
		if (d->running == 0)
			continue;
		if (more)
			until = MIN_OF(deadline, deadline_in(ATTEMPT_DELAY_USEC));
		do
			r = await(d, until);
		while (r == -EAGAIN && d->running > 0 && !more);
		if (r != -EAGAIN && (r != -ETIMEDOUT || until == deadline))
			return r;
	}
	return d->error;
}

void dial_keep_alive(int fd)
{
	static const int on = 1, idle = KEEP_ALIVE_IDLE_SEC,
			 interval = KEEP_ALIVE_INTERVAL_SEC;

	/* None of these can make a session fail: pipes and Unix sockets have no such options. */
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* One of the errors that a session knows as the network's; a firewall's EPERM is no
 * refused login. */
static int network_error(int error)
{
	switch (-error) {
	case ETIMEDOUT:
	case ECONNABORTED:
	case ECONNREFUSED:
	case ECONNRESET:
	case ENETUNREACH:
	case ENOMEM:
		return error;
	}
	return -EHOSTUNREACH;
}

int dial_connect(
    const struct addrinfo *addresses, int watch_fd, uint64_t deadline, char **ret_why)
{
	_cleanup_(dialling_done) struct dialling d = {
	    .error = -EADDRNOTAVAIL, .watch_fd = watch_fd};
	int fd;

	fd = connect_any(&d, addresses, deadline);
	if (fd >= 0) {
		dial_keep_alive(fd);
		return fd;
	}
	if (fd != -ETIMEDOUT)
		return reason_set(ret_why, network_error(fd), "%s",
		    d.failures.len ? secret_str(&d.failures) : strerror(-fd));
	return reason_set(ret_why, fd, "%s%sno answer in time", secret_str(&d.failures),
	    d.failures.len ? ", " : "");
}

int dial_peer_name(int fd, char **ret)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address), ucred_len = sizeof(struct ucred);
	struct ucred peer;

	if (getpeername(fd, (struct sockaddr *)&address, &len) < 0 ||
	    address.ss_family != AF_UNIX)
		return address_name((struct sockaddr *)&address, ret);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &ucred_len) < 0)
		peer = (struct ucred){.uid = (uid_t)-1};
	return reason_set(
	    ret, 0, "unix(pid=%d,uid=%u)", (int)peer.pid, (unsigned)peer.uid);
}

int dial_peer_is_local(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);
	const struct sockaddr_in6 *in6 = (const void *)&address;
	const struct sockaddr_in *in = (const void *)&address;

	if (getpeername(fd, (struct sockaddr *)&address, &len) < 0)
		return errno == ENOTSOCK ? 1 : -ECONNABORTED;
	if (address.ss_family == AF_INET)
		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	if (address.ss_family != AF_INET6)
		return address.ss_family == AF_UNIX;
	return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) ||
	       (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) &&
		   in6->sin6_addr.s6_addr[12] == 127);
}
