/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All system calls by their numbers, and arguments that only look like those of a session:
 * whatever is not named here is refused behind the walls of either phase.
 */

#include "confine.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "check-program.h"
#include "walled.h"

/* Beyond every number that there is, with room for those to come. */
#define CALLS 640
/* linux/in.h; of Landlock's walls it knows nothing before Linux 6.16 */
#define MULTIPATH_TCP 262

#ifdef __x86_64__
#define MACHINE_IS_X86_64 true
#else
#define MACHINE_IS_X86_64 false
#endif

/* What gets through to the kernel, which finds fault with the arguments or does nothing. */
static const int always[] = {
#ifdef SYS_poll
    SYS_poll,
    SYS_time,
#endif
    SYS_brk,
    SYS_clock_getres,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_close,
    SYS_exit,
    SYS_exit_group,
    SYS_futex,
    SYS_getpid,
    SYS_getrandom,
    SYS_gettid,
    SYS_gettimeofday,
    SYS_madvise,
    SYS_mprotect,
    SYS_munmap,
    SYS_nanosleep,
    SYS_ppoll,
    SYS_read,
    SYS_recvfrom,
    SYS_restart_syscall,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sched_yield,
    SYS_setitimer,
    SYS_shutdown,
    SYS_write,
    SYS_writev,
};
static const int login[] = {
#ifdef SYS_open
    SYS_open,
    SYS_stat,
#endif
    SYS_fstat,
    SYS_getpeername,
    SYS_getsockname,
    SYS_getsockopt,
    SYS_landlock_create_ruleset,
    SYS_landlock_restrict_self,
    SYS_lseek,
    SYS_newfstatat,
    SYS_openat,
    SYS_seccomp,
    SYS_statx,
    SYS_sysinfo,
};

static int close_login(struct walled *w)
{
	const struct confine_needs needs = {.addresses = w->pinned};
	_cleanup_free_ char *lacking = NULL;

	confine_process();
	return confine_login(&needs, &lacking);
}

static int close_relay(struct walled *w)
{
	_cleanup_free_ char *lacking = NULL;

	return close_login(w) < 0 ? -EPERM : confine_relay(&lacking);
}

/* A session that ends before its login has the relay's wall alone. */
static int close_at_once(_unused_ struct walled *w)
{
	_cleanup_free_ char *lacking = NULL;

	confine_process();
	return confine_relay(&lacking);
}

static int outcome(long r)
{
	return r < 0 ? -errno : 0;
}

static long number;

/* With arguments that do no harm: no descriptor, no address, no length, no wait. */
static int call_it(_unused_ struct walled *w)
{
	return outcome(syscall(number, -1L, 0L, 0L, -1L, -1L, -1L));
}

static bool is_among(const int *calls, size_t n, long call)
{
	for (size_t i = 0; i < n; i++)
		if (calls[i] == call)
			return true;
	return false;
}

static bool is_refused(int got)
{
	return got == -EPERM || got == -ENOSYS || got == WALLED_DEAD;
}

/*
 * uretprobe(2) and uprobe(2) of x86-64 no filter sees (Linux 6.14): they are the kernel's own,
 * and refuse whoever calls them by hand.
 */
static bool is_past_filters(long call)
{
	return MACHINE_IS_X86_64 && (call == 335 || call == 336);
}

static void try_each(int (*close_walls)(struct walled *w), bool relay)
{
	struct walled w;
	bool wanted;
	int got;

	walled_make(&w);
	for (number = 0; number < CALLS; number++) {
		if (is_past_filters(number))
			continue;
		wanted = is_among(always, ELEMENTSOF(always), number) ||
			 (!relay && is_among(login, ELEMENTSOF(login), number));
		got = walled_try(&w, close_walls, call_it);
		ck_assert_msg(is_refused(got) == !wanted,
		    "system call %ld is %s: the outcome is %d", number,
		    wanted ? "refused" : "allowed", got);
	}
	walled_done(&w);
}

START_TEST(test_no_other_call_in_the_login)
{
	try_each(close_login, false);
}
END_TEST

START_TEST(test_no_other_call_in_the_relay)
{
	try_each(close_relay, true);
}
END_TEST

START_TEST(test_no_other_call_at_the_end)
{
	try_each(close_at_once, true);
}
END_TEST

static int own_signals(struct walled *w)
{
	return outcome(fcntl(w->peer, F_SETOWN, w->parent));
}

static int duplicate(struct walled *w)
{
	return outcome(fcntl(w->journal, F_DUPFD, 0));
}

static int open_multipath(_unused_ struct walled *w)
{
	return outcome(socket(AF_INET, SOCK_STREAM, MULTIPATH_TCP));
}

static int refer_to_file(struct walled *w)
{
	return outcome(open(w->private, O_PATH | O_CLOEXEC));
}

/* open(2) itself, which the C library calls no more. */
static int open_to_write(struct walled *w)
{
#ifdef SYS_open
	return outcome(syscall(SYS_open, w->private, O_WRONLY));
#else
	return outcome(open(w->private, O_WRONLY | O_CLOEXEC));
#endif
}

/* A socket that there is already and is no TCP socket. */
static int connect_what_is_open(struct walled *w)
{
	return outcome(connect(w->peer, w->pinned->ai_addr, w->pinned->ai_addrlen));
}

/* An address whose lower half is 0, as that of no address is. */
#define AFAR ((struct sockaddr_un *)(UINT64_C(2) << 32))

static int send_from_afar(struct walled *w)
{
	*AFAR = w->elsewhere;
	return outcome(
	    sendto(w->journal, "x", 1, 0, (struct sockaddr *)AFAR, sizeof(*AFAR)));
}

static const struct {
	const char *label;
	int (*attempt)(struct walled *w);
	int login, relay;
} attempts[] = {
    {"have signals sent to the parent", own_signals, -EPERM, -EPERM},
    {"duplicate by fcntl", duplicate, -EPERM, -EPERM},
    {"open a socket of many paths", open_multipath, -EPERM, -EPERM},
    {"refer to a file without reading", refer_to_file, -EPERM, -EPERM},
    {"open a file to write by the old call", open_to_write, -EPERM, -EPERM},
    {"connect what is connected", connect_what_is_open, -EINVAL, -EPERM},
    {"send to an address from afar", send_from_afar, -EPERM, -EPERM},
};

START_TEST(test_arguments_count)
{
	struct walled w;

	ck_assert_ptr_eq(mmap(AFAR, sizeof(*AFAR), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
	    AFAR);
	walled_make(&w);
	for (size_t i = 0; i < ELEMENTSOF(attempts); i++) {
		int got[] = {walled_try(&w, close_login, attempts[i].attempt),
		    walled_try(&w, close_relay, attempts[i].attempt)};

		ck_assert_msg(got[0] == attempts[i].login && got[1] == attempts[i].relay,
		    "to %s: the outcome is %d in the login, %d in the relay",
		    attempts[i].label, got[0], got[1]);
	}
	walled_done(&w);
}
END_TEST

#ifdef __x86_64__
/* getpid(2) of the 32-bit table, which has other numbers. */
static int call_by_32_bits(_unused_ struct walled *w)
{
	long r = 20;

	__asm__ volatile("int $0x80" : "+a"(r) : : "r8", "r9", "r10", "r11", "memory");
	return r < 0 ? (int)r : 0;
}

/* A kernel without that table ends it by another signal. */
START_TEST(test_no_other_table)
{
	struct walled w;
	int got;

	walled_make(&w);
	got = walled_try(&w, close_relay, call_by_32_bits);
	ck_assert_msg(got == WALLED_DEAD || got == WALLED_KILLED(SIGSEGV),
	    "a call by the 32-bit table ends in %d", got);
	walled_done(&w);
}
END_TEST
#endif

int main(void)
{
	const TTest *const tests[] = {
	    test_no_other_call_in_the_login,
	    test_no_other_call_in_the_relay,
	    test_no_other_call_at_the_end,
	    test_arguments_count,
#ifdef __x86_64__
	    test_no_other_table,
#endif
	};

	if (!CONFINE_IS_BUILT)
		return 77; /* to meson: skipped, see confine.h */
	return check_program("calls", tests, ELEMENTSOF(tests));
}
