/* SPDX-License-Identifier: Apache-2.0 */
/* What the service manager is told, and what it has said about us. */

#include "notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "check-program.h"
#include "config-tree.h"

/* Binds a datagram socket to a path or, with '@' in front, to an abstract name. */
static int manager_at(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	size_t n = strlen(name);

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_lt(n, sizeof(address.sun_path));
	memcpy(address.sun_path, name, n);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
	    0);
	return fd;
}

/* The next datagram, "" if there is none. */
static const char *heard(int fd)
{
	static char text[256];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static unsigned count_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void check_manager_is_told(const char *name)
{
	_cleanup_close_ int fd = manager_at(name);
	unsigned before = count_descriptors();

	ck_assert_int_eq(setenv("NOTIFY_SOCKET", name, 1), 0);
	ck_assert_int_eq(notify_send("READY=1\nSTATUS=2 sessions", -1), 0);
	notify_tell("STOPPING=1");
	ck_assert_str_eq(heard(fd), "READY=1\nSTATUS=2 sessions");
	ck_assert_str_eq(heard(fd), "STOPPING=1");
	ck_assert_str_eq(heard(fd), "");
	ck_assert_uint_eq(count_descriptors(), before);
	ck_assert_str_eq(getenv("NOTIFY_SOCKET"), name);
}

START_TEST(test_tells_a_manager_at_a_path)
{
	_cleanup_config_tree_ struct config_tree tree = {0};
	_cleanup_free_ char *path = NULL;

	config_tree_make(&tree);
	path = config_tree_path(&tree, "notify");
	check_manager_is_told(path);
}
END_TEST

START_TEST(test_tells_a_manager_with_an_abstract_name)
{
	char name[64], longer[sizeof(name) + 1];
	_cleanup_close_ int impostor = -1;

	(void)snprintf(name, sizeof(name), "@maildest-check-notify/%d", (int)getpid());
	(void)snprintf(longer, sizeof(longer), "%sx", name);
	impostor = manager_at(longer); /* names of abstract sockets have lengths */
	check_manager_is_told(name);
	ck_assert_str_eq(heard(impostor), "");
}
END_TEST

/* As long as an address can be with a NUL behind it. */
START_TEST(test_tells_a_manager_with_a_long_name)
{
	char name[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	(void)snprintf(name, 40, "@maildest-check-notify/%08d", (int)getpid());
	name[strlen(name)] = 'x';
	ck_assert_uint_eq(strlen(name), sizeof(name) - 1);
	check_manager_is_told(name);
}
END_TEST

/* Whatever $NOTIFY_SOCKET says, a socket called "notify" in the working folder hears nothing. */
static void check_nobody_is_told(const char *address, int want)
{
	int r;

	ck_assert_int_eq(
	    address ? setenv("NOTIFY_SOCKET", address, 1) : unsetenv("NOTIFY_SOCKET"), 0);
	notify_tell("READY=1");
	r = notify_send("READY=1", -1);
	ck_assert_msg(r == want, "'%s': %d", address ? address : "none", r);
}

START_TEST(test_talks_to_nobody_without_an_address)
{
	static const struct {
		const char *address;
		int want;
	} rows[] = {
	    {NULL, -ENOTCONN},
	    {"", -ENOTCONN},
	    {"/", -ENOTCONN},
	    {"@", -ENOTCONN},
	    {"x", -ENOTCONN},
	    {"notify", -ENOTCONN},
	    {"./notify", -ENOTCONN},
	    {"unix:/notify", -ENOTCONN},
	    {"vsock:2:1", -ENOTCONN},
	    {"\xff\xff", -ENOTCONN},
	    {"/long/long/long/long/long/long/long/long/long/long/long/long/long/long/"
	     "long/"
	     "long/long/long/long/long/long/long/long",
		-ENOTCONN},
	    {"@long/long/long/long/long/long/long/long/long/long/long/long/long/long/"
	     "long/"
	     "long/long/long/long/long/long/long/long",
		-ENOTCONN},
	    {"/nonexistent/notify", -ENOENT},
	    {"@maildest-check-nobody", -ECONNREFUSED},
	};
	_cleanup_config_tree_ struct config_tree tree = {0};
	_cleanup_close_ int fd = -1;
	unsigned before;

	config_tree_make(&tree);
	ck_assert_int_eq(chdir(tree.path), 0);
	fd = manager_at("notify");
	before = count_descriptors();
	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		check_nobody_is_told(rows[i].address, rows[i].want);
	ck_assert_str_eq(heard(fd), "");
	ck_assert_uint_eq(count_descriptors(), before);
	ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

/* Tells until the queue is full; how many messages it took. */
static unsigned fill(void)
{
	const unsigned more_than_any_queue_holds = 20000;
	unsigned n = 0;
	int r;

	while ((r = notify_send("WATCHDOG=1", -1)) == 0 && n < more_than_any_queue_holds)
		n++;
	ck_assert_int_eq(r, -EAGAIN);
	ck_assert_uint_gt(n, 0);
	return n;
}

START_TEST(test_waits_for_no_manager_that_is_busy)
{
	_cleanup_config_tree_ struct config_tree tree = {0};
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	unsigned n, before;

	config_tree_make(&tree);
	path = config_tree_path(&tree, "notify");
	fd = manager_at(path);
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", path, 1), 0);
	n = fill();
	before = count_descriptors();
	notify_tell("STATUS=lost");
	ck_assert_int_eq(notify_send("FDSTORE=1", fd), -EAGAIN);
	ck_assert_uint_eq(count_descriptors(), before);
	for (unsigned i = 0; i < n; i++)
		ck_assert_str_eq(heard(fd), "WATCHDOG=1");
	ck_assert_str_eq(heard(fd), "");
	ck_assert_int_eq(notify_send("STATUS=there is room", -1), 0);
	ck_assert_str_eq(heard(fd), "STATUS=there is room");
}
END_TEST

/* The next datagram and the one descriptor that must have come with it. */
static int heard_with_descriptor(int fd, const char *want)
{
	char text[64] = "";
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec vector = {.iov_base = text, .iov_len = sizeof(text) - 1};
	struct msghdr message = {.msg_iov = &vector,
	    .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes)};
	int passed;

	ck_assert_int_ge(recvmsg(fd, &message, MSG_CMSG_CLOEXEC), 0);
	ck_assert_str_eq(text, want);
	ck_assert_ptr_nonnull(CMSG_FIRSTHDR(&message));
	ck_assert_int_eq(control.header.cmsg_level, SOL_SOCKET);
	ck_assert_int_eq(control.header.cmsg_type, SCM_RIGHTS);
	ck_assert_uint_eq(control.header.cmsg_len, CMSG_LEN(sizeof(int)));
	memcpy(&passed, CMSG_DATA(&control.header), sizeof(passed));
	return passed;
}

START_TEST(test_passes_a_descriptor)
{
	static const char text[] = "FDSTORE=1\nFDNAME=kept\nFDPOLL=0";
	_cleanup_config_tree_ struct config_tree tree = {0};
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1, given = -1, taken = -1;
	struct stat a, b;

	config_tree_make(&tree);
	path = config_tree_path(&tree, "notify");
	fd = manager_at(path);
	given = open(tree.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(given, 0);
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", path, 1), 0);
	ck_assert_int_eq(notify_send(text, given), 0);
	taken = heard_with_descriptor(fd, text);
	ck_assert_int_eq(fstat(given, &a), 0); /* it is still ours */
	ck_assert_int_eq(fstat(taken, &b), 0);
	ck_assert_int_ne(taken, given);
	ck_assert_uint_eq(a.st_ino, b.st_ino);
	ck_assert_int_eq(notify_send(text, 1000), -EBADF);
	ck_assert_str_eq(heard(fd), "");
}
END_TEST

/* Sets a variable; "own" is this process's id, "parent" that of another. */
static void set(const char *variable, const char *value)
{
	char text[16];

	if (!value) {
		ck_assert_int_eq(unsetenv(variable), 0);
		return;
	}
	(void)snprintf(text, sizeof(text), "%d",
	    (int)(strcmp(value, "parent") == 0 ? getppid() : getpid()));
	if (strcmp(value, "own") != 0 && strcmp(value, "parent") != 0)
		ck_assert_int_eq(setenv(variable, value, 1), 0);
	else
		ck_assert_int_eq(setenv(variable, text, 1), 0);
}

START_TEST(test_watchdog)
{
	static const struct {
		const char *usec, *pid;
		uint64_t want;
	} rows[] = {
	    {NULL, NULL, 0},
	    {NULL, "own", 0},
	    {"30000000", "own", 15000000},
	    {"30000000", NULL, 15000000},
	    {"30000000", "parent", 0},
	    {"30000000", "1", 0},
	    {"30000001", "own", 15000000},
	    {"2", "own", 1},
	    {"0", "own", 0},
	    {"", "own", 0},
	    {"x", "own", 0},
	    {"-1", "own", 0},
	    {" 30000000", "own", 0},
	    {"+30000000", "own", 0},
	    {"30000000x", "own", 0},
	    {"30s", "own", 0},
	    {"4294967296000", "own", 2147483648000},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		set("WATCHDOG_USEC", rows[i].usec);
		set("WATCHDOG_PID", rows[i].pid);
		ck_assert_msg(notify_watchdog_usec() == rows[i].want,
		    "%s of process %s: %ju", rows[i].usec, rows[i].pid,
		    (uintmax_t)notify_watchdog_usec());
	}
}
END_TEST

START_TEST(test_a_watchdogs_number_beyond_all_bounds)
{
	set("WATCHDOG_PID", "own");
	set("WATCHDOG_USEC", "99999999999999999999999999");
	ck_assert_uint_ge(notify_watchdog_usec(), UINT64_MAX / 2);
}
END_TEST

START_TEST(test_who_is_a_service)
{
	static const struct {
		const char *pid;
		bool want;
	} rows[] = {
	    {"own", true},
	    {NULL, false},
	    {"parent", false},
	    {"", false},
	    {"0", false},
	    {"1", false},
	    {"-1", false},
	    {"x", false},
	    {"18446744073709551616", false},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		set("SYSTEMD_EXEC_PID", rows[i].pid);
		ck_assert_msg(notify_is_service() == rows[i].want, "%s", rows[i].pid);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_tells_a_manager_at_a_path,
	    test_tells_a_manager_with_an_abstract_name,
	    test_tells_a_manager_with_a_long_name,
	    test_talks_to_nobody_without_an_address,
	    test_waits_for_no_manager_that_is_busy,
	    test_passes_a_descriptor,
	    test_watchdog,
	    test_a_watchdogs_number_beyond_all_bounds,
	    test_who_is_a_service,
	};

	return check_program("notify", tests, ELEMENTSOF(tests));
}
