/* SPDX-License-Identifier: Apache-2.0 */
/* Pinned addresses: the same in the order of dialling, at a place of their own, unwritable. */

#include "dial-pin.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check-program.h"
#include "confine.h"
#include "dial.h"

#define ADDRESSES 20

/* What a resolver would have found: IPv6 first, then the last two. */
struct found {
	struct addrinfo infos[ADDRESSES];
	struct sockaddr_in6 addresses[ADDRESSES];
};

static void find(struct found *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool is_old = i + 2 >= n;

		/* sin_port and sin6_port lie at the same place */
		f->addresses[i] = (struct sockaddr_in6){
		    .sin6_family = is_old ? AF_INET : AF_INET6,
		    .sin6_port = htons((uint16_t)(i + 1)),
		};
		f->infos[i] = (struct addrinfo){
		    .ai_family = f->addresses[i].sin6_family,
		    .ai_socktype = SOCK_STREAM,
		    .ai_protocol = IPPROTO_TCP,
		    .ai_addrlen =
			is_old ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6),
		    .ai_addr = (struct sockaddr *)&f->addresses[i],
		    .ai_next = i + 1 < n ? &f->infos[i + 1] : NULL,
		};
	}
}

static unsigned port_of(const struct sockaddr *address)
{
	return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
}

START_TEST(test_they_are_the_same_in_the_order_of_dialling)
{
	/* the families take turns; sixteen of twenty */
	static const unsigned ports[] = {
	    1, 19, 2, 20, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
	const struct addrinfo *pinned = NULL, *a;
	struct found f;
	size_t n = 0;

	find(&f, ADDRESSES);
	ck_assert_int_eq(dial_pin(f.infos, &pinned), 0);
	for (a = pinned; a; a = a->ai_next, n++) {
		const struct addrinfo *from = &f.infos[port_of(a->ai_addr) - 1];

		ck_assert_uint_lt(n, ELEMENTSOF(ports));
		ck_assert_uint_eq(port_of(a->ai_addr), ports[n]);
		ck_assert_int_eq(a->ai_family, from->ai_family);
		ck_assert_int_eq(a->ai_socktype, from->ai_socktype);
		ck_assert_int_eq(a->ai_protocol, from->ai_protocol);
		ck_assert_uint_eq(a->ai_addrlen, from->ai_addrlen);
		ck_assert_mem_eq(a->ai_addr, from->ai_addr, from->ai_addrlen);
	}
	ck_assert_uint_eq(n, ELEMENTSOF(ports));
	dial_unpin(&pinned);
	ck_assert_ptr_null(pinned);
}
END_TEST

START_TEST(test_no_place_is_left_for_another)
{
	const struct addrinfo *pinned = NULL;
	struct found f;

	find(&f, 3);
	ck_assert_int_eq(dial_pin(f.infos, &pinned), 0);
	for (size_t i = 0; i < DIAL_PIN_PLACES; i++) {
		const char *place = (const char *)pinned->ai_addr + i * DIAL_PIN_STRIDE;
		unsigned port = port_of((const void *)place);

		ck_assert_msg(port >= 1 && port <= 3, "place %zu is to port %u", i, port);
	}
	dial_unpin(&pinned);
}
END_TEST

/* What seccomp.c and seccomp-rules.c count on. */
START_TEST(test_they_lie_where_nothing_else_does)
{
	const uint64_t others[] = {(uintptr_t)&errno, (uintptr_t)dial_pin,
	    (uintptr_t)port_of, (uintptr_t)&environ};
	const struct addrinfo *pinned = NULL;
	struct found f;
	uint64_t place;

	if (!CONFINE_IS_BUILT)
		return; /* where a sanitizer has its own memory */
	find(&f, 1);
	ck_assert_int_eq(dial_pin(f.infos, &pinned), 0);
	place = (uintptr_t)pinned->ai_addr;
	ck_assert_uint_eq(place >> 32, DIAL_PIN_UPPER);
	ck_assert_uint_eq(place & DIAL_PIN_STRIDE * (uint64_t)(DIAL_PIN_PLACES - 1), 0);
	for (size_t i = 0; i < ELEMENTSOF(others); i++)
		ck_assert_uint_gt(others[i] >> 32, DIAL_PIN_UPPER);
	dial_unpin(&pinned);
}
END_TEST

START_TEST(test_the_kernel_writes_nothing_there_either)
{
	const struct addrinfo *pinned = NULL;
	struct found f;
	int fds[2];

	find(&f, 1);
	ck_assert_int_eq(dial_pin(f.infos, &pinned), 0);
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	ck_assert_int_eq(read(fds[0], pinned->ai_addr, 1), -1);
	ck_assert_int_eq(errno, EFAULT);
	dial_unpin(&pinned);
	ck_assert_int_eq(close(fds[0]) | close(fds[1]), 0);
}
END_TEST

START_TEST(test_none_is_an_error)
{
	const struct addrinfo *pinned = NULL;

	ck_assert_int_eq(dial_pin(NULL, &pinned), -EADDRNOTAVAIL);
	ck_assert_ptr_null(pinned);
	dial_unpin(&pinned);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_they_are_the_same_in_the_order_of_dialling,
	    test_no_place_is_left_for_another,
	    test_they_lie_where_nothing_else_does,
	    test_the_kernel_writes_nothing_there_either,
	    test_none_is_an_error,
	};

	return check_program("dial-pin", tests, ELEMENTSOF(tests));
}
