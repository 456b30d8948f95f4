/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that a library has started: bound where it can be, and said to be there. */

#include "confine.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "check-program.h"
#include "walled.h"

/* Closes the login's walls: whether they say that there is a thread. */
static int close_login(struct walled *w, bool *ret_said)
{
	const struct confine_needs needs = {.addresses = w->pinned};
	_cleanup_free_ char *lacking = NULL;
	int r;

	confine_process();
	r = confine_login(&needs, &lacking);
	*ret_said = lacking && strstr(lacking, "started a thread");
	return r;
}

/* What comes of its attempt is its result. */
static void *try_later(void *userdata)
{
	struct walled *w = userdata;
	char byte = 'x';

	if (write(w->other, &byte, 1) != 1 || read(w->other, &byte, 1) != 1)
		return NULL;
	return (void *)(intptr_t)(dup(w->journal) < 0 ? -errno : 0);
}

static pthread_t thread;

static int close_around_thread(struct walled *w)
{
	bool said;
	char byte;

	if (pthread_create(&thread, NULL, try_later, w) != 0)
		return -EAGAIN;
	if (read(w->peer, &byte, 1) != 1)
		return -EIO;
	return close_login(w, &said) == -EOPNOTSUPP && said ? 0 : -EPERM;
}

static int close_alone(struct walled *w)
{
	bool said;

	(void)close_login(w, &said); /* what else is lacking is not the point */
	return said ? -EPERM : 0;
}

/* As a container's filter might, which does not look at arguments. */
static int forbid_unshare(void)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {ELEMENTSOF(code), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return -errno;
	return 0;
}

static int close_around_thread_in_container(struct walled *w)
{
	return forbid_unshare() < 0 ? -EPERM : close_around_thread(w);
}

static int close_alone_in_container(struct walled *w)
{
	return forbid_unshare() < 0 ? -EPERM : close_alone(w);
}

static int let_thread_try(struct walled *w)
{
	void *result;

	if (write(w->peer, "x", 1) != 1 || pthread_join(thread, &result) != 0)
		return -EIO;
	return (int)(intptr_t)result;
}

static int try_nothing(_unused_ struct walled *w)
{
	return 0;
}

static void try_walls(
    int (*close_walls)(struct walled *w), int (*attempt)(struct walled *w), int wanted)
{
	struct walled w;
	int got;

	walled_make(&w);
	got = walled_try(&w, close_walls, attempt);
	ck_assert_msg(got == wanted, "the outcome is %d instead of %d", got, wanted);
	walled_done(&w);
}

START_TEST(test_every_thread_is_bound_and_said)
{
	try_walls(close_around_thread, let_thread_try, -EPERM);
}
END_TEST

START_TEST(test_it_is_said_in_a_container_too)
{
	try_walls(close_around_thread_in_container, let_thread_try, -EPERM);
}
END_TEST

START_TEST(test_no_thread_is_said_where_there_is_none)
{
	try_walls(close_alone, try_nothing, 0);
	try_walls(close_alone_in_container, try_nothing, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_every_thread_is_bound_and_said,
	    test_it_is_said_in_a_container_too,
	    test_no_thread_is_said_where_there_is_none,
	};
	_cleanup_free_ char *lacking = NULL;

	if (!CONFINE_IS_BUILT || confine_probe(&lacking) < 0)
		return 77; /* to meson: skipped, as there are no walls */
	return check_program("confine-threads", tests, ELEMENTSOF(tests));
}
