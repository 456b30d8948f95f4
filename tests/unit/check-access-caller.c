/* SPDX-License-Identifier: Apache-2.0 */
/* Which connections have the same name, and that no user and no host can take another's. */

#include "access-caller.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "check-program.h"
#include "peer.h"

/* nobody, and a subordinate user of somebody: in no database */
#define SOMEBODY 65534
#define UNKNOWN 123456

/* A connection that another user has made, whose other end stays open in *ret_theirs. */
static int connection_of(uid_t uid, int family, int *ret_theirs)
{
	const struct sockaddr_in6 any6 = {
	    .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	const struct sockaddr_in any4 = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	bool six = family == AF_INET6;
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), fd, status;
	pid_t pid;

	ck_assert_int_eq(bind(listener, six ? (const void *)&any6 : (const void *)&any4,
			     six ? sizeof(any6) : sizeof(any4)),
	    0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	/* a socket belongs to the user who made it, whoever holds it then */
	*ret_theirs = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(*ret_theirs, 0);
	if (uid != geteuid())
		ck_assert_int_eq(fchown(*ret_theirs, uid, (gid_t)-1), 0);
	pid = fork();
	if (pid == 0)
		_exit(connect(*ret_theirs, (struct sockaddr *)&address, len) < 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	(void)close(listener);
	return fd;
}

static void expect(int fd, const char *want)
{
	char name[ACCESS_CALLER_SIZE] = "unwritten";

	access_caller(fd, name);
	ck_assert_str_eq(name, want);
}

static void expect_user(int fd, uid_t uid)
{
	char want[ACCESS_CALLER_SIZE];

	(void)snprintf(want, sizeof(want), "uid %u", (unsigned)uid);
	expect(fd, want);
}

START_TEST(test_a_program_of_this_host_is_its_user)
{
	static const int families[] = {AF_INET, AF_INET6};
	int fds[2], fd, theirs;

	peer_unix_pair(fds);
	expect_user(fds[0], geteuid());
	for (size_t i = 0; i < ELEMENTSOF(families); i++) {
		fd = connection_of(geteuid(), families[i], &theirs);
		expect_user(fd, geteuid());
		(void)close(fd);
		(void)close(theirs);
		if (geteuid() != 0)
			continue; /* only root may make others' */
		fd = connection_of(SOMEBODY, families[i], &theirs);
		expect_user(fd, SOMEBODY);
		(void)close(fd);
		(void)close(theirs);
		fd = connection_of(UNKNOWN, families[i], &theirs);
		expect(fd, "uid unknown");
		(void)close(fd);
		(void)close(theirs);
	}
	(void)close(fds[0]);
	(void)close(fds[1]);
}
END_TEST

/* Whoever chose a new address for each guess would be a new client each time. */
START_TEST(test_a_program_that_binds_to_a_device_is_its_user)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	_cleanup_close_ int listener = -1, client = -1, fd = -1;
	socklen_t len = sizeof(address);

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	ck_assert_int_eq(
	    setsockopt(client, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof("lo")), 0);
	ck_assert_int_eq(connect(client, (struct sockaddr *)&address, len), 0);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	expect_user(fd, geteuid());
}
END_TEST

/* Seen from another network namespace, these are another host's. */
START_TEST(test_another_host_is_its_address)
{
	int four, six, theirs[2];

	if (geteuid() != 0)
		return;
	four = connection_of(0, AF_INET, &theirs[0]);
	six = connection_of(0, AF_INET6, &theirs[1]);
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	expect(four, "127.0.0.1");
	expect(six, "::"); /* of ::1 its network */
	(void)close(four);
	(void)close(six);
	(void)close(theirs[0]);
	(void)close(theirs[1]);
}
END_TEST

START_TEST(test_who_cannot_be_told_has_no_name)
{
	int fds[2], fd, theirs;
	char byte;

	expect(-1, "");
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	expect(fds[0], "");
	(void)close(fds[0]);
	(void)close(fds[1]);
	fd = connection_of(geteuid(), AF_INET, &theirs);
	(void)close(theirs);
	ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
	expect(fd, "");
	(void)close(fd);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_a_program_of_this_host_is_its_user,
	    test_a_program_that_binds_to_a_device_is_its_user,
	    test_another_host_is_its_address,
	    test_who_cannot_be_told_has_no_name,
	};

	return check_program("access-caller", tests, ELEMENTSOF(tests));
}
