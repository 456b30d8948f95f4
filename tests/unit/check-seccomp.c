/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter as a program: it is caught on its way to the kernel and run here, so that it is
 * checked for the architecture that this is compiled for, whatever the machine below allows.
 * What the kernel makes of it, check-confine.c and check-calls.c see.
 */

#include "seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check-program.h"
#include "dial-pin.h"
#include "macro.h"
#include "seccomp-rules.h"

#if defined(__x86_64__)
#define OURS AUDIT_ARCH_X86_64
#define FOREIGN AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define OURS AUDIT_ARCH_AARCH64
#define FOREIGN AUDIT_ARCH_ARM
#else /* nor has seccomp.c a table for it */
#define OURS 0
#define FOREIGN 0
#endif

#define PROGRAM_MAX 1024
#define FILTERS_MAX 2
/* As dial_pin() might have placed it. */
#define PLACE (((uint64_t)DIAL_PIN_UPPER << 32) + 0x12340040)
#define LAST_PLACE (PLACE + (uint64_t)DIAL_PIN_STRIDE * (DIAL_PIN_PLACES - 1))
/* Where everything else lies, and a page, and what an arm64 kernel takes for the latter. */
#define FAR (UINT64_C(0x7f) << 32)
#define PAGE (PLACE & ~UINT64_C(4095))
#define TAGGED (PAGE | UINT64_C(0x3f) << 56)
#define WRITABLE (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define REFUSED (SECCOMP_RET_ERRNO | EPERM)
#define UNKNOWN (SECCOMP_RET_ERRNO | ENOSYS)
#define OTHER_HALF (UINT64_C(1) << 32)

/* What the kernel would have by now, the oldest first. */
static struct filter {
	struct sock_filter code[PROGRAM_MAX];
	unsigned n;
} filters[FILTERS_MAX];
static unsigned n_filters;

/* In the C library's place: takes the program that is for the kernel. */
long syscall(long number, ...)
{
	const struct sock_fprog *program;
	va_list arguments;

	va_start(arguments, number);
	ck_assert_int_eq(number, SYS_seccomp);
	ck_assert_uint_eq(va_arg(arguments, unsigned), SECCOMP_SET_MODE_FILTER);
	(void)va_arg(arguments, unsigned);
	program = va_arg(arguments, const struct sock_fprog *);
	va_end(arguments);
	ck_assert_uint_le(program->len, PROGRAM_MAX);
	ck_assert_uint_lt(n_filters, FILTERS_MAX);
	filters[n_filters].n = program->len;
	memcpy(filters[n_filters++].code, program->filter,
	    program->len * sizeof(*program->filter));
	return 0;
}

static uint32_t load(const struct seccomp_data *data, uint32_t offset)
{
	uint32_t word;

	ck_assert_uint_le(offset, sizeof(*data) - sizeof(word));
	ck_assert_uint_eq(offset % sizeof(word), 0);
	memcpy(&word, (const char *)data + offset, sizeof(word));
	return word;
}

static bool holds(const struct sock_filter *s, uint32_t accumulator)
{
	if (BPF_OP(s->code) == BPF_JGE)
		return accumulator >= s->k;
	ck_assert_uint_eq(BPF_OP(s->code), BPF_JEQ);
	return accumulator == s->k;
}

/* One filter's verdict; whatever the kernel would not take fails the test. */
static uint32_t run(const struct filter *f, const struct seccomp_data *data)
{
	uint32_t accumulator = 0;

	for (unsigned at = 0; at < f->n; at++) {
		const struct sock_filter *s = &f->code[at];

		switch (s->code) {
		case BPF_RET | BPF_K:
			return s->k;
		case BPF_LD | BPF_W | BPF_ABS:
			accumulator = load(data, s->k);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			accumulator &= s->k;
			break;
		case BPF_JMP | BPF_JA:
			at += s->k;
			break;
		default:
			ck_assert_uint_eq(BPF_CLASS(s->code), BPF_JMP);
			at += holds(s, accumulator) ? s->jt : s->jf;
		}
	}
	ck_abort_msg("the program runs over its end");
}

/* What becomes of a call: all filters are asked, and the sternest word counts (seccomp(2)). */
static uint32_t verdict(const struct seccomp_data *data)
{
	uint32_t sternest = SECCOMP_RET_ALLOW, one;

	for (unsigned i = 0; i < n_filters; i++) {
		one = run(&filters[i], data);
		if ((int32_t)(one & SECCOMP_RET_ACTION_FULL) <
		    (int32_t)(sternest & SECCOMP_RET_ACTION_FULL))
			sternest = one;
	}
	return sternest;
}

static void close_login(void)
{
	const struct addrinfo pinned = {.ai_addr = (struct sockaddr *)(uintptr_t)PLACE};

	ck_assert_int_eq(seccomp_restrict(SECCOMP_LOGIN, &pinned), 0);
}

static void close_relay(void)
{
	ck_assert_int_eq(seccomp_restrict(SECCOMP_RELAY, NULL), 0);
}

static const struct row {
	const char *label;
	int call;
	uint64_t arguments[6];
	uint32_t login, relay;
} rows[] = {
    {"to read", SYS_read, {0}, SECCOMP_RET_ALLOW, SECCOMP_RET_ALLOW},
    {"to wait", SYS_ppoll, {0}, SECCOMP_RET_ALLOW, SECCOMP_RET_ALLOW},
    {"to read a file", SYS_openat, {0, 0, O_RDONLY | O_CLOEXEC}, SECCOMP_RET_ALLOW,
	REFUSED},
    {"to write a file", SYS_openat, {0, 0, O_WRONLY}, REFUSED, REFUSED},
    {"to create a file", SYS_openat, {0, 0, O_CREAT}, REFUSED, REFUSED},
    {"to create a file without a name", SYS_openat, {0, 0, O_TMPFILE}, REFUSED, REFUSED},
    {"to look at a file", SYS_newfstatat, {0}, SECCOMP_RET_ALLOW, REFUSED},
    {"to take memory", SYS_mmap, {0, 1, WRITABLE, PRIVATE}, SECCOMP_RET_ALLOW,
	SECCOMP_RET_ALLOW},
    {"to take it where it wants", SYS_mmap, {PAGE, 1, WRITABLE, PRIVATE | MAP_FIXED},
	SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_PROCESS},
    {"to take more", SYS_mremap, {FAR, 1, 2, MREMAP_MAYMOVE}, SECCOMP_RET_ALLOW,
	SECCOMP_RET_ALLOW},
    {"to move it over other", SYS_mremap,
	{FAR, 1, 1, MREMAP_MAYMOVE | MREMAP_FIXED, PAGE}, SECCOMP_RET_KILL_PROCESS,
	SECCOMP_RET_KILL_PROCESS},
    {"to move it with a wish", SYS_mremap, {FAR, 1, 1, MREMAP_MAYMOVE | 4, PAGE},
	SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_PROCESS},
    {"to protect memory", SYS_mprotect, {FAR, 1, PROT_READ}, SECCOMP_RET_ALLOW,
	SECCOMP_RET_ALLOW},
    {"to make pinned memory writable", SYS_mprotect, {PAGE, 1, WRITABLE},
	SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_PROCESS},
    {"to make it writable by a tag", SYS_mprotect, {TAGGED, 1, WRITABLE},
	SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_PROCESS},
    {"to give memory back", SYS_munmap, {FAR, 1}, SECCOMP_RET_ALLOW, SECCOMP_RET_ALLOW},
    {"to give pinned memory back", SYS_munmap, {PAGE, 1}, SECCOMP_RET_KILL_PROCESS,
	SECCOMP_RET_KILL_PROCESS},
    {"to give it back by a tag", SYS_munmap, {TAGGED, 1}, SECCOMP_RET_KILL_PROCESS,
	SECCOMP_RET_KILL_PROCESS},
    {"to give it back from below", SYS_munmap, {4096, PAGE}, SECCOMP_RET_KILL_PROCESS,
	SECCOMP_RET_KILL_PROCESS},
    {"to move pinned memory", SYS_mremap, {PAGE, 1, 2, MREMAP_MAYMOVE},
	SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_PROCESS},
    {"to empty memory", SYS_madvise, {FAR, 1, MADV_DONTNEED}, SECCOMP_RET_ALLOW,
	SECCOMP_RET_ALLOW},
    {"to empty pinned memory", SYS_madvise, {PAGE, 1, MADV_DONTNEED}, REFUSED, REFUSED},
    {"to make it writable from below", SYS_mprotect, {4096, PAGE, WRITABLE},
	SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_PROCESS},
    {"to run memory", SYS_mmap, {0, 1, PROT_EXEC}, SECCOMP_RET_KILL_PROCESS,
	SECCOMP_RET_KILL_PROCESS},
    {"to make memory run", SYS_mprotect, {FAR, 1, PROT_READ | PROT_EXEC},
	SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_PROCESS},
    {"to get a TCP socket", SYS_socket,
	{AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP}, SECCOMP_RET_ALLOW, REFUSED},
    {"to get another protocol's", SYS_socket, {AF_INET6, SOCK_STREAM, IPPROTO_SCTP},
	REFUSED, REFUSED},
    {"to get a datagram socket", SYS_socket, {AF_INET, SOCK_DGRAM}, REFUSED, REFUSED},
    {"to get a Unix socket", SYS_socket, {AF_UNIX, SOCK_STREAM}, REFUSED, REFUSED},
    {"to connect", SYS_connect, {3, PLACE}, SECCOMP_RET_ALLOW, REFUSED},
    {"to connect to the last", SYS_connect, {3, LAST_PLACE}, SECCOMP_RET_ALLOW, REFUSED},
    {"to connect to one more", SYS_connect, {3, LAST_PLACE + DIAL_PIN_STRIDE}, REFUSED,
	REFUSED},
    {"to connect to one before", SYS_connect, {3, PLACE - DIAL_PIN_STRIDE}, REFUSED,
	REFUSED},
    {"to connect to a part", SYS_connect, {3, PLACE + 4}, REFUSED, REFUSED},
    {"to connect to what lies lower", SYS_connect, {3, (uint32_t)PLACE}, REFUSED,
	REFUSED},
    {"to connect to what lies higher", SYS_connect, {3, PLACE + OTHER_HALF}, REFUSED,
	REFUSED},
    {"to connect to nothing", SYS_connect, {3, 0}, REFUSED, REFUSED},
    {"to send", SYS_sendto, {3}, SECCOMP_RET_ALLOW, SECCOMP_RET_ALLOW},
    {"to send elsewhere", SYS_sendto, {3, 0, 0, 0, 1}, REFUSED, REFUSED},
    {"to send to a high address", SYS_sendto, {3, 0, 0, 0, OTHER_HALF}, REFUSED, REFUSED},
    {"to send at once", SYS_setsockopt, {3, IPPROTO_TCP, TCP_NODELAY}, SECCOMP_RET_ALLOW,
	REFUSED},
    {"to put a protocol on top", SYS_setsockopt, {3, IPPROTO_TCP, TCP_ULP}, REFUSED,
	REFUSED},
    {"to signal another process", SYS_tgkill, {1}, REFUSED, REFUSED},
    {"to close narrower walls", SYS_seccomp, {0}, SECCOMP_RET_ALLOW, REFUSED},
    {"to start a program", SYS_execve, {0}, SECCOMP_RET_KILL_PROCESS,
	SECCOMP_RET_KILL_PROCESS},
    {"to start a process", SYS_clone, {0}, SECCOMP_RET_KILL_PROCESS,
	SECCOMP_RET_KILL_PROCESS},
    {"to listen", SYS_listen, {0}, SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_PROCESS},
    {"to change a file's mode", SYS_fchmodat, {0}, REFUSED, REFUSED},
    {"to call what is newest", SECCOMP_NEWEST_CALL, {0}, REFUSED, REFUSED},
    {"to call what is newer", SECCOMP_NEWEST_CALL + 1, {0}, UNKNOWN, UNKNOWN},
};

static void assert_verdicts(bool relays)
{
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct seccomp_data data = {.nr = rows[i].call, .arch = OURS};
		uint32_t got;

		memcpy(data.args, rows[i].arguments, sizeof(data.args));
		got = verdict(&data);
		ck_assert_msg(got == (relays ? rows[i].relay : rows[i].login),
		    "%s: the verdict is %#x", rows[i].label, got);
	}
}

START_TEST(test_each_call_has_its_verdict_at_the_login)
{
	close_login();
	assert_verdicts(false);
}
END_TEST

START_TEST(test_each_call_has_its_verdict_in_the_relay)
{
	close_login();
	close_relay();
	assert_verdicts(true);
}
END_TEST

/* Of a session that fails before its login. */
START_TEST(test_the_relays_filter_stands_alone_too)
{
	close_relay();
	assert_verdicts(true);
}
END_TEST

START_TEST(test_it_may_signal_itself)
{
	struct seccomp_data data = {.nr = SYS_tgkill, .arch = OURS};

	data.args[0] = (uint64_t)getpid();
	close_login();
	close_relay();
	ck_assert_uint_eq(verdict(&data), SECCOMP_RET_ALLOW);
}
END_TEST

/* A number means something else there. */
START_TEST(test_other_tables_of_calls_are_closed)
{
	struct seccomp_data foreign = {.nr = SYS_read, .arch = FOREIGN};
	struct seccomp_data x32 = {.nr = SYS_read | 0x40000000, .arch = OURS};

	close_login();
	ck_assert_uint_eq(verdict(&foreign), SECCOMP_RET_KILL_PROCESS);
	ck_assert_uint_eq(verdict(&x32), SECCOMP_RET_KILL_PROCESS);
}
END_TEST

/* Those that have no conditions. */
static void assert_allowed(const struct seccomp_rules *rules)
{
	for (size_t i = 0; i < rules->n; i++) {
		struct seccomp_data data = {.nr = rules->rules[i].call, .arch = OURS};

		ck_assert_int_le(data.nr, SECCOMP_NEWEST_CALL);
		ck_assert_msg(rules->rules[i].conditions[0].mask != 0 ||
				  verdict(&data) == SECCOMP_RET_ALLOW,
		    "call %d is in the list and not allowed", data.nr);
	}
}

START_TEST(test_whatever_is_listed_is_allowed)
{
	close_login();
	assert_allowed(&seccomp_rules_login);
	assert_allowed(&seccomp_rules_always);
	close_relay();
	assert_allowed(&seccomp_rules_always);
}
END_TEST

/* With arguments that no rule wants. */
START_TEST(test_what_is_hostile_is_allowed_by_no_rule)
{
	close_login();
	for (size_t i = 0; i < seccomp_n_hostile; i++) {
		struct seccomp_data data = {.nr = seccomp_hostile[i], .arch = OURS};

		memset(data.args, 0xff, sizeof(data.args));
		data.args[0] = PAGE;
		ck_assert_msg(verdict(&data) == SECCOMP_RET_KILL_PROCESS,
		    "call %d is hostile and survived", data.nr);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_each_call_has_its_verdict_at_the_login,
	    test_each_call_has_its_verdict_in_the_relay,
	    test_the_relays_filter_stands_alone_too,
	    test_it_may_signal_itself,
	    test_other_tables_of_calls_are_closed,
	    test_whatever_is_listed_is_allowed,
	    test_what_is_hostile_is_allowed_by_no_rule,
	};

	return OURS == 0 ? 77 : check_program("seccomp", tests, ELEMENTSOF(tests));
}
