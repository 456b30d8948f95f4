/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock alone, as where no filter of system calls is to be had. */

#include "landlock.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "check-program.h"
#include "walled.h"

static int outcome(long r)
{
	return r < 0 ? -errno : 0;
}

static int close_all(struct walled *w)
{
	const char *const readable[] = {"/nowhere", w->anchor, NULL};
	const struct landlock_walls walls = {
	    .files = true,
	    .readable = readable,
	    .network = true,
	    .port = ntohs(w->server.sin_port),
	    .others = true,
	};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno
							  : landlock_restrict(&walls);
}

/* No rule at all, on top of others. */
static int close_again(struct walled *w)
{
	static const struct landlock_walls walls = {
	    .files = true, .network = true, .others = true};
	int r = close_all(w);

	return r < 0 ? r : landlock_restrict(&walls);
}

static int read_file(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char byte;

	return fd < 0 ? -errno : outcome(read(fd, &byte, 1));
}

static int read_readable(struct walled *w)
{
	return read_file(w->anchor);
}

static int read_other(struct walled *w)
{
	return read_file(w->private);
}

static int list_folder(struct walled *w)
{
	return outcome(open(w->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int write_readable(struct walled *w)
{
	return outcome(open(w->anchor, O_WRONLY | O_CLOEXEC));
}

static int empty_readable(struct walled *w)
{
	return outcome(truncate(w->anchor, 0));
}

static int move_readable(struct walled *w)
{
	return outcome(rename(w->anchor, w->private));
}

static int execute(_unused_ struct walled *w)
{
	char *const words[] = {NULL};

	return outcome(execve("/bin/true", words, words));
}

static int dial(int family, const void *address, socklen_t len)
{
	_cleanup_close_ int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : outcome(connect(fd, address, len));
}

static int dial_server(struct walled *w)
{
	return dial(AF_INET, &w->server, sizeof(w->server));
}

static int dial_stranger(struct walled *w)
{
	return dial(AF_INET, &w->stranger, sizeof(w->stranger));
}

static int bind_port(struct walled *w)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	w->server.sin_port = 0;
	return outcome(bind(fd, (struct sockaddr *)&w->server, sizeof(w->server)));
}

static int dial_abstract(struct walled *w)
{
	size_t n = strlen(w->abstract.sun_path + 1);

	return dial(AF_UNIX, &w->abstract,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n));
}

static int signal_parent(struct walled *w)
{
	return outcome(kill(w->parent, 0));
}

static int signal_itself(_unused_ struct walled *w)
{
	return outcome(kill(getpid(), 0));
}

/* What comes of an attempt on kernels whose Landlock has at least this version. */
static const struct {
	const char *label;
	int (*attempt)(struct walled *w);
	int version, once, twice;
} attempts[] = {
    {"read what is readable", read_readable, 1, 0, -EACCES},
    {"read another file", read_other, 1, -EACCES, -EACCES},
    {"list a folder", list_folder, 1, -EACCES, -EACCES},
    {"write", write_readable, 1, -EACCES, -EACCES},
    {"empty a file", empty_readable, 3, -EACCES, -EACCES},
    {"move a file", move_readable, 1, -EACCES, -EACCES},
    {"execute a program", execute, 1, -EACCES, -EACCES},
    {"dial the server", dial_server, 1, 0, -EACCES},
    {"dial another port", dial_stranger, 4, -EACCES, -EACCES},
    {"bind a port", bind_port, 4, -EACCES, -EACCES},
    {"dial an abstract socket", dial_abstract, 6, -EPERM, -EPERM},
    {"signal the parent", signal_parent, 6, -EPERM, -EPERM},
    {"signal itself", signal_itself, 1, 0, 0},
};

static int wanted(size_t i, bool twice, long version)
{
	int outcome_there = twice ? attempts[i].twice : attempts[i].once;

	/* a connection can only be refused by those that know of connections */
	if (attempts[i].version > version ||
	    (attempts[i].attempt == dial_server && version < 4))
		return 0;
	return outcome_there;
}

static void try_all(int (*close_walls)(struct walled *w), bool twice)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, 1);
	struct walled w;

	walled_make(&w);
	for (size_t i = 0; i < ELEMENTSOF(attempts); i++) {
		int got = walled_try(&w, close_walls, attempts[i].attempt);

		ck_assert_msg(got == wanted(i, twice, version),
		    "to %s: the outcome is %d instead of %d", attempts[i].label, got,
		    wanted(i, twice, version));
	}
	walled_done(&w);
}

START_TEST(test_gives_up_all_but_a_folder_and_a_port)
{
	try_all(close_all, false);
}
END_TEST

START_TEST(test_gives_up_the_rest)
{
	try_all(close_again, true);
}
END_TEST

static int close_seventeen_times(struct walled *w)
{
	int r = 0;

	for (unsigned i = 0; i < 17 && r == 0; i++)
		r = close_all(w);
	return r == -E2BIG ? 0 : -ENOTRECOVERABLE;
}

START_TEST(test_says_that_there_are_too_many)
{
	struct walled w;

	walled_make(&w);
	ck_assert_int_eq(walled_try(&w, close_seventeen_times, signal_itself), 0);
	walled_done(&w);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_gives_up_all_but_a_folder_and_a_port,
	    test_gives_up_the_rest,
	    test_says_that_there_are_too_many,
	};

	if (landlock_probe() < 0)
		return 77; /* to meson: skipped, as this kernel has none */
	return check_program("landlock", tests, ELEMENTSOF(tests));
}
