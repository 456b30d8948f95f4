/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting over lists of addresses, and what a connection's other side is called. */

#include "dial.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "check-program.h"
#include "deadline.h"
#include "peer.h"

#define SOON deadline_in(20 * USEC_PER_SEC)
#define ADDRESSES 20

/* A list of addresses as the resolver would have made it. */
struct list {
	struct addrinfo infos[ADDRESSES];
	struct sockaddr_in addresses[ADDRESSES];
	size_t n;
};

static void add(struct list *l, uint16_t port)
{
	struct addrinfo *a = &l->infos[l->n];

	l->addresses[l->n] = (struct sockaddr_in){
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(port),
	};
	*a = (struct addrinfo){
	    .ai_family = AF_INET,
	    .ai_socktype = SOCK_STREAM,
	    .ai_addrlen = sizeof(struct sockaddr_in),
	    .ai_addr = (struct sockaddr *)&l->addresses[l->n],
	};
	if (l->n > 0)
		l->infos[l->n - 1].ai_next = a;
	l->n++;
}

/* A port of ours that nobody listens at; *ret_fd keeps it ours. */
static uint16_t refused_port(int *ret_fd)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);

	*ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(*ret_fd, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(getsockname(*ret_fd, (struct sockaddr *)&address, &len), 0);
	return ntohs(address.sin_port);
}

/*
 * A port that answers nothing: its listener has no room for one connection more. What
 * fills it stays open with the test's process.
 */
static uint16_t silent_port(void)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct pollfd p = {.events = POLLOUT};
	uint16_t port;
	int listener = peer_listen(&port);

	ck_assert_int_eq(listen(listener, 0), 0);
	address.sin_port = htons(port);
	for (int i = 0; i < 16; i++) {
		p.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (connect(p.fd, (struct sockaddr *)&address, sizeof(address)) < 0 &&
		    poll(&p, 1, 20) == 0)
			return port;
	}
	return 0;
}

static uint16_t peer_port(int fd)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);

	ck_assert_int_eq(getpeername(fd, (struct sockaddr *)&address, &len), 0);
	return ntohs(address.sin_port);
}

START_TEST(test_connects_to_the_first_that_accepts)
{
	struct list l = {0};
	_cleanup_free_ char *why = NULL;
	_cleanup_close_ int fd = -1, listener = -1, other = -1;
	uint16_t port, second;

	listener = peer_listen(&port);
	other = peer_listen(&second);
	add(&l, port);
	add(&l, second);
	fd = dial_connect(l.infos, -1, SOON, &why);
	ck_assert_msg(fd >= 0, "%d, %s", fd, why);
	ck_assert_uint_eq(peer_port(fd), port);
	ck_assert_ptr_null(why);
}
END_TEST

/* A refusal is an answer: nobody waits for more, unless this machine does, and not each time. */
START_TEST(test_a_refused_address_makes_way_for_the_next)
{
	struct list l = {0};
	_cleanup_close_ int listener = -1, refused = -1;
	uint64_t before, took;
	unsigned tries = 0;
	uint16_t port;

	add(&l, refused_port(&refused));
	add(&l, ntohs(l.addresses[0].sin_port));
	listener = peer_listen(&port);
	add(&l, port);
	do {
		_cleanup_free_ char *why = NULL;
		_cleanup_close_ int fd = -1;

		before = deadline_now();
		fd = dial_connect(l.infos, -1, SOON, &why);
		took = deadline_now() - before;
		ck_assert_msg(fd >= 0, "%d, %s", fd, why);
		ck_assert_uint_eq(peer_port(fd), port);
		ck_assert_ptr_null(why);
		tries++;
	} while (took >= 200 * USEC_PER_MSEC && tries < 20);
	ck_assert_msg(
	    tries < 20, "a refusal is waited for, %lu usec", (unsigned long)took);
}
END_TEST

START_TEST(test_says_of_each_address_why_it_failed)
{
	struct list l = {0};
	_cleanup_free_ char *why = NULL, *want = NULL;
	_cleanup_close_ int a = -1, b = -1;
	uint16_t first = refused_port(&a), second = refused_port(&b);

	add(&l, first);
	add(&l, second);
	ck_assert_int_eq(dial_connect(l.infos, -1, SOON, &why), -ECONNREFUSED);
	ck_assert_int_gt(asprintf(&want,
			     "127.0.0.1:%u: Connection refused, 127.0.0.1:%u: "
			     "Connection refused",
			     first, second),
	    0);
	ck_assert_str_eq(why, want);
}
END_TEST

START_TEST(test_tries_no_more_than_sixteen)
{
	struct list l = {0};
	_cleanup_free_ char *why = NULL;
	_cleanup_close_ int refused = -1, listener = -1;
	uint16_t port = refused_port(&refused), accepting;

	for (int i = 0; i < 16; i++)
		add(&l, port);
	listener = peer_listen(&accepting);
	add(&l, accepting);
	ck_assert_int_eq(dial_connect(l.infos, -1, SOON, &why), -ECONNREFUSED);
}
END_TEST

START_TEST(test_a_silent_address_is_overtaken)
{
	struct list l = {0};
	_cleanup_free_ char *why = NULL;
	_cleanup_close_ int fd = -1, listener = -1;
	uint16_t port, silent = silent_port();
	uint64_t before;

	if (silent == 0) {
		fputs("not tested, for want of a silent port\n", stderr);
		return;
	}
	listener = peer_listen(&port);
	add(&l, silent);
	add(&l, port);
	before = deadline_now();
	fd = dial_connect(l.infos, -1, SOON, &why);
	ck_assert_msg(fd >= 0, "%d, %s", fd, why);
	ck_assert_uint_eq(peer_port(fd), port);
	ck_assert_uint_ge(deadline_now() - before, 240 * USEC_PER_MSEC);
}
END_TEST

START_TEST(test_the_deadline_holds_for_all_together)
{
	struct list l = {0};
	_cleanup_free_ char *why = NULL;
	uint16_t silent = silent_port();
	uint64_t before;

	if (silent == 0) {
		fputs("not tested, for want of a silent port\n", stderr);
		return;
	}
	for (int i = 0; i < ADDRESSES; i++)
		add(&l, silent);
	before = deadline_now();
	ck_assert_int_eq(
	    dial_connect(l.infos, -1, deadline_in(20 * USEC_PER_MSEC), &why), -ETIMEDOUT);
	ck_assert_uint_ge(deadline_now() - before, 20 * USEC_PER_MSEC);
	ck_assert_ptr_nonnull(strstr(why, "no answer in time"));
}
END_TEST

START_TEST(test_a_late_deadline_names_what_failed_before)
{
	struct list l = {0};
	_cleanup_free_ char *why = NULL;
	_cleanup_close_ int refused = -1;
	uint16_t silent = silent_port();

	if (silent == 0) {
		fputs("not tested, for want of a silent port\n", stderr);
		return;
	}
	add(&l, refused_port(&refused));
	add(&l, silent);
	ck_assert_int_eq(
	    dial_connect(l.infos, -1, deadline_in(20 * USEC_PER_MSEC), &why), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(why, "Connection refused, "));
	ck_assert_ptr_nonnull(strstr(why, "no answer in time"));
}
END_TEST

START_TEST(test_a_client_that_leaves_ends_the_wait)
{
	struct list l = {0};
	uint16_t silent = silent_port();

	if (silent == 0) {
		fputs("not tested, for want of a silent port\n", stderr);
		return;
	}
	add(&l, silent);
	for (int tcp = 0; tcp < 2; tcp++) {
		_cleanup_free_ char *why = NULL;
		int fds[2];

		if (tcp)
			peer_tcp_pair(fds);
		else
			peer_unix_pair(fds);
		if (tcp)
			peer_reset(fds[1]);
		else
			close(fds[1]);
		ck_assert_int_eq(
		    dial_connect(l.infos, fds[0], SOON, &why), -ECONNABORTED);
		close(fds[0]);
	}
}
END_TEST

START_TEST(test_a_client_that_has_said_all_is_served)
{
	struct list l = {0};
	_cleanup_free_ char *why = NULL;
	uint16_t silent = silent_port();
	int fds[2];

	if (silent == 0) {
		fputs("not tested, for want of a silent port\n", stderr);
		return;
	}
	add(&l, silent);
	peer_unix_pair(fds);
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	close(fds[1]);
	ck_assert_int_eq(
	    dial_connect(l.infos, fds[0], deadline_in(20 * USEC_PER_MSEC), &why),
	    -ETIMEDOUT);
	close(fds[0]);
}
END_TEST

START_TEST(test_an_address_of_another_world)
{
	struct list l = {0};
	_cleanup_free_ char *why = NULL;

	/* TCP has no broadcasts: the kernel refuses before anything is sent */
	add(&l, 25);
	l.addresses[0].sin_addr.s_addr = htonl(INADDR_BROADCAST);
	ck_assert_int_lt(dial_connect(l.infos, -1, SOON, &why), 0);
	ck_assert_ptr_nonnull(strstr(why, "255.255.255.255:25: "));
}
END_TEST

START_TEST(test_connections_are_kept_alive_and_prompt)
{
	struct list l = {0};
	_cleanup_free_ char *why = NULL;
	_cleanup_close_ int fd = -1, listener = -1;
	int on = 0;
	socklen_t len = sizeof(on);
	uint16_t port;

	listener = peer_listen(&port);
	add(&l, port);
	fd = dial_connect(l.infos, -1, SOON, &why);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len), 0);
	ck_assert_int_ne(on, 0);
	ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	ck_assert_int_ne(on, 0);
	ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &on, &len), 0);
	ck_assert_int_le(on, 300);
}
END_TEST

START_TEST(test_keeping_alive_takes_any_descriptor)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	dial_keep_alive(fds[0]);
	dial_keep_alive(-1);
}
END_TEST

START_TEST(test_resolves_addresses_as_they_are)
{
	static const struct {
		const char *host;
		int family;
	} rows[] = {{"127.0.0.1", AF_INET}, {"::1", AF_INET6}, {"192.0.2.7", AF_INET}};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_addresses_ struct addrinfo *list = NULL;
		_cleanup_free_ char *why = NULL;

		ck_assert_int_eq(dial_resolve(rows[i].host, 587, &list, &why), 0);
		ck_assert_int_eq(list->ai_family, rows[i].family);
		ck_assert_int_eq(list->ai_socktype, SOCK_STREAM);
		ck_assert_ptr_null(list->ai_next);
		ck_assert_uint_eq(
		    ntohs(((const struct sockaddr_in *)(const void *)list->ai_addr)
			      ->sin_port),
		    587);
	}
}
END_TEST

START_TEST(test_names_without_an_address)
{
	/* names that no resolver is asked about: no label may be so long */
	static const char name[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
				   "xxxxxxxxxxxxxxxxxxx.invalid";
	_cleanup_addresses_ struct addrinfo *list = NULL;
	_cleanup_free_ char *why = NULL;

	ck_assert_int_eq(dial_resolve(name, 25, &list, &why), -EADDRNOTAVAIL);
	ck_assert_ptr_nonnull(strstr(why, name));
	ck_assert_ptr_null(list);
}
END_TEST

/* Both ends of a connection to an address of the loopback network, or of IPv6. */
static bool connect_to(const char *host, int fds[2])
{
	_cleanup_addresses_ struct addrinfo *list = NULL;
	_cleanup_free_ char *why = NULL;
	_cleanup_close_ int listener = -1;
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	ck_assert_int_eq(dial_resolve(host, 0, &list, &why), 0);
	listener = socket(list->ai_family, SOCK_STREAM, 0);
	if (listener < 0 || bind(listener, list->ai_addr, list->ai_addrlen) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &len) < 0)
		return false;
	fds[0] = socket(list->ai_family, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(fds[0], (struct sockaddr *)&address, len), 0);
	fds[1] = accept(listener, NULL, NULL);
	return true;
}

START_TEST(test_what_a_peer_is_called_and_whether_it_is_here)
{
	static const struct {
		const char *host, *start;
	} rows[] = {{"127.0.0.1", "127.0.0.1:"}, {"127.9.8.7", "127.9.8.7:"},
	    {"::1", "[::1]:"}, {"::ffff:127.0.0.2", "127.0.0.2:"}};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *name = NULL;
		int fds[2];

		if (!connect_to(rows[i].host, fds)) {
			fprintf(stderr, "%s: not tested, for want of it\n", rows[i].host);
			continue;
		}
		ck_assert_int_eq(dial_peer_name(fds[0], &name), 0);
		ck_assert_msg(strncmp(name, rows[i].start, strlen(rows[i].start)) == 0,
		    "%s: '%s'", rows[i].host, name);
		ck_assert_int_gt(atoi(name + strlen(rows[i].start)), 0);
		ck_assert_int_eq(dial_peer_is_local(fds[0]), 1);
		close(fds[0]);
		close(fds[1]);
	}
}
END_TEST

START_TEST(test_peers_without_an_address)
{
	_cleanup_free_ char *ux_name = NULL, *pipe_name = NULL, *want = NULL;
	int ux[2], pipes[2];

	peer_unix_pair(ux);
	ck_assert_int_eq(pipe(pipes), 0);
	ck_assert_int_eq(dial_peer_name(ux[0], &ux_name), 0);
	ck_assert_int_gt(
	    asprintf(&want, "unix(pid=%d,uid=%u)", (int)getpid(), (unsigned)getuid()), 0);
	ck_assert_str_eq(ux_name, want);
	ck_assert_int_eq(dial_peer_name(pipes[0], &pipe_name), 0);
	ck_assert_str_eq(pipe_name, "local");
	ck_assert_int_eq(dial_peer_is_local(ux[0]), 1);
	ck_assert_int_eq(dial_peer_is_local(pipes[0]), 1);
}
END_TEST

START_TEST(test_a_peer_that_is_gone_is_not_taken_for_a_local_one)
{
	char byte;
	int fds[2];

	peer_tcp_pair(fds);
	peer_reset(fds[1]);
	ck_assert_int_lt(read(fds[0], &byte, 1), 0);
	ck_assert_int_eq(dial_peer_is_local(fds[0]), -ECONNABORTED);
	ck_assert_int_ne(dial_peer_is_local(-1), 1);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_connects_to_the_first_that_accepts,
	    test_a_refused_address_makes_way_for_the_next,
	    test_says_of_each_address_why_it_failed,
	    test_tries_no_more_than_sixteen,
	    test_a_silent_address_is_overtaken,
	    test_the_deadline_holds_for_all_together,
	    test_a_late_deadline_names_what_failed_before,
	    test_a_client_that_leaves_ends_the_wait,
	    test_a_client_that_has_said_all_is_served,
	    test_an_address_of_another_world,
	    test_connections_are_kept_alive_and_prompt,
	    test_keeping_alive_takes_any_descriptor,
	    test_resolves_addresses_as_they_are,
	    test_names_without_an_address,
	    test_what_a_peer_is_called_and_whether_it_is_here,
	    test_peers_without_an_address,
	    test_a_peer_that_is_gone_is_not_taken_for_a_local_one,
	};

	return check_program("dial", tests, ELEMENTSOF(tests));
}
