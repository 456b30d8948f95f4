/* SPDX-License-Identifier: Apache-2.0 */
/* Which socket is taken for the helper's. */

#include "token.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "check-program.h"
#include "config-tree.h"
#include "deadline.h"
#include "peer.h"
#include "repeated-text.h"

static const struct service some = {.destination = "x"};

#define SOON deadline_in(20 * USEC_PER_SEC)
#define NOBODY 65534

/* A listener at a path, or -1. */
static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, strlen(path) + 1);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 1) < 0)
		return -1;
	return fd;
}

START_TEST(test_connects_to_a_helper_of_ours)
{
	_cleanup_config_tree_ struct config_tree tree = {0};
	_cleanup_token_source_ struct token_source t = TOKEN_SOURCE_INIT;
	_cleanup_free_ char *path = NULL, *why = NULL;
	_cleanup_close_ int listener = -1;

	config_tree_make(&tree);
	path = config_tree_path(&tree, "helper.sock");
	listener = listen_at(path);
	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(
	    token_open(&t, &(struct token_request){path, &some, .wants_token = true},
		SOON, &why),
	    0);
}
END_TEST

START_TEST(test_says_that_there_is_no_helper)
{
	_cleanup_config_tree_ struct config_tree tree = {0};
	_cleanup_free_ char *path = NULL;

	config_tree_make(&tree);
	path = config_tree_path(&tree, "helper.sock");
	for (int i = 0; i < 3; i++) {
		_cleanup_token_source_ struct token_source t = TOKEN_SOURCE_INIT;
		_cleanup_free_ char *why = NULL;

		if (i == 1) /* a socket that nobody listens at any more */
			close(listen_at(path));
		if (i == 2) {
			ck_assert_int_eq(unlink(path), 0);
			config_tree_puts(&tree, "helper.sock", "");
		}
		ck_assert_int_eq(
		    token_open(&t,
			&(struct token_request){path, &some, .wants_token = true}, SOON,
			&why),
		    -ENOTCONN);
		ck_assert_msg(strstr(why, path) && strstr(why, "is not running"),
		    "the reason is '%s'", why);
	}
}
END_TEST

START_TEST(test_refuses_paths_that_are_too_long)
{
	_cleanup_token_source_ struct token_source t = TOKEN_SOURCE_INIT;
	_cleanup_secret_ struct secret path = {0};
	_cleanup_free_ char *why = NULL;

	repeated_text(&path, "/long", 40);
	ck_assert_int_eq(
	    token_open(&t, &(struct token_request){path.data, &some, .wants_token = true},
		SOON, &why),
	    -ENOTCONN);
	ck_assert_ptr_nonnull(strstr(why, "too long"));
}
END_TEST

/* Listens as somebody who is neither root nor us, until the other side has looked. */
static int listen_as_nobody(int fd, void *path)
{
	char byte = 'x';

	if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0 ||
	    listen_at(path) < 0 || write(fd, &byte, 1) != 1)
		return 1;
	return read(fd, &byte, 1) == 0 ? 0 : 2;
}

START_TEST(test_trusts_no_listener_of_somebody_else)
{
	_cleanup_config_tree_ struct config_tree tree = {0};
	_cleanup_token_source_ struct token_source t = TOKEN_SOURCE_INIT;
	_cleanup_free_ char *path = NULL, *why = NULL;
	int fds[2];
	char byte;
	pid_t peer;

	if (geteuid() != 0) {
		fputs("not tested, for want of another identity\n", stderr);
		return;
	}
	config_tree_make(&tree);
	path = config_tree_path(&tree, "helper.sock");
	ck_assert_int_eq(chmod(tree.path, 0777), 0);
	peer_unix_pair(fds);
	peer = peer_start(listen_as_nobody, fds[1], -1, path);
	ck_assert_int_eq(read(fds[0], &byte, 1), 1);
	ck_assert_int_eq(
	    token_open(&t, &(struct token_request){path, &some, .wants_token = true},
		SOON, &why),
	    -ENOTCONN);
	ck_assert_ptr_nonnull(strstr(why, "neither to root"));
	close(fds[0]);
	ck_assert_int_eq(peer_verdict(peer), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_connects_to_a_helper_of_ours,
	    test_says_that_there_is_no_helper,
	    test_refuses_paths_that_are_too_long,
	    test_trusts_no_listener_of_somebody_else,
	};

	return check_program("token-listener", tests, ELEMENTSOF(tests));
}
