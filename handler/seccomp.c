/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules become a program of classic BPF: a tree of comparisons, as the kernel tries all
 * numbers of calls when it takes the program, to know which need not be asked about again.
 * A chain of comparisons would take it ten times as long.
 */

#include "seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "dial-pin.h"
#include "seccomp-rules.h"

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE 0
#endif

/* Calls of x86's third table, x32, have this bit. */
#define FOREIGN_TABLE 0x40000000
#define CALLS (SECCOMP_NEWEST_CALL + 1)
/* What a conditional jump passes over at most; some from the beginning go to the end. */
#define DISTANCE_MAX UINT8_MAX
#define PROGRAM_MAX (DISTANCE_MAX + 1)

/* The bits in which pointers to pinned addresses differ. */
#define PLACES ((uint32_t)(DIAL_PIN_STRIDE * (DIAL_PIN_PLACES - 1)))

/* What is known of a call. */
enum {
	IS_HOSTILE = 1u << 0,
	IS_ALLOWED = 1u << 1,
	HAS_CONDITIONS = 1u << 2, /* under which it is allowed */
};

/* What becomes of a call. The program ends in a return for each, to which all others jump. */
enum verdict {
	GO_ON, /* has yet to be found out */
	ALLOW,
	REFUSE,
	UNKNOWN,
	KILL,
	VERDICTS,
};

static const uint32_t returns[VERDICTS] = {
    [ALLOW] = SECCOMP_RET_ALLOW,
    [REFUSE] = SECCOMP_RET_ERRNO | EPERM,
    [UNKNOWN] = SECCOMP_RET_ERRNO | ENOSYS,
    [KILL] = SECCOMP_RET_KILL_PROCESS,
};

/* Calls from this number on, up to the next range's. */
struct range {
	uint32_t first;
	unsigned char traits;
};

struct program {
	const struct seccomp_rules *lists[3];
	unsigned char traits[CALLS];
	struct range ranges[CALLS];
	unsigned n_ranges;
	struct sock_filter code[PROGRAM_MAX];
	/* Verdicts that a comparison jumps to if it holds and if not; GO_ON: as its code says. */
	unsigned char if_so[PROGRAM_MAX], if_not[PROGRAM_MAX];
	unsigned short n;
	bool too_long;
};

static unsigned emit(struct program *p, struct sock_filter instruction)
{
	if (p->n == PROGRAM_MAX) {
		p->too_long = true;
		return 0;
	}
	p->code[p->n] = instruction;
	return p->n++;
}

static unsigned emit_comparison(
    struct program *p, unsigned short kind, uint32_t value, enum verdict if_so)
{
	unsigned at = emit(p, (struct sock_filter)BPF_JUMP(
				  (unsigned short)(BPF_JMP | kind | BPF_K), value, 0, 0));

	p->if_so[at] = (unsigned char)if_so;
	return at;
}

static bool is_comparison(const struct sock_filter *s)
{
	return BPF_CLASS(s->code) == BPF_JMP;
}

static void emit_load(struct program *p, size_t offset)
{
	(void)emit(
	    p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

/* How far an instruction must jump to where the program stands. */
static unsigned char distance_from(struct program *p, unsigned at)
{
	unsigned distance = p->n - at - 1;

	if (distance > DISTANCE_MAX)
		p->too_long = true;
	return (unsigned char)distance;
}

static void emit_condition(
    struct program *p, const struct seccomp_condition *c, enum verdict if_so)
{
	size_t lower = offsetof(struct seccomp_data, args[c->argument]);

	/* both architectures are little-endian */
	emit_load(p, c->is_upper ? lower + sizeof(uint32_t) : lower);
	if (c->mask != UINT32_MAX)
		(void)emit(
		    p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, c->mask));
	(void)emit_comparison(p, c->is_minimum ? BPF_JGE : BPF_JEQ, c->value, if_so);
}

static bool is_last(const struct seccomp_rule *rule, unsigned condition)
{
	return condition + 1 == SECCOMP_CONDITIONS_MAX ||
	       !rule->conditions[condition + 1].mask;
}

/* Allows the call where all that the rule asks for is so; else goes to what comes behind it. */
static void emit_rule(struct program *p, const struct seccomp_rule *rule)
{
	unsigned start = p->n;

	for (unsigned c = 0; c < SECCOMP_CONDITIONS_MAX && rule->conditions[c].mask; c++)
		emit_condition(p, &rule->conditions[c], is_last(rule, c) ? ALLOW : GO_ON);
	for (unsigned i = start; i < p->n; i++)
		if (is_comparison(&p->code[i]))
			p->code[i].jf = distance_from(p, i);
}

/* Allows the call where one of its rules does. */
static void emit_rules_of(struct program *p, uint32_t call, enum verdict otherwise)
{
	unsigned start = p->n;

	for (size_t k = 0; k < ELEMENTSOF(p->lists); k++)
		for (size_t i = 0; i < p->lists[k]->n; i++) {
			if ((uint32_t)p->lists[k]->rules[i].call != call)
				continue;
			start = p->n;
			emit_rule(p, &p->lists[k]->rules[i]);
		}
	for (unsigned i = start; i < p->n; i++) /* behind the last rule there is none */
		p->if_not[i] = (unsigned char)otherwise;
}

static enum verdict refusal_of(unsigned char traits)
{
	return traits & IS_HOSTILE ? KILL : REFUSE;
}

/* What becomes of `n` ranges, if that is one thing whatever the arguments are. */
static enum verdict verdict_of(const struct program *p, unsigned from, unsigned n)
{
	unsigned char traits = p->ranges[from].traits;

	if (n > 1)
		return GO_ON;
	if (traits & IS_ALLOWED)
		return ALLOW;
	return traits & HAS_CONDITIONS ? GO_ON : refusal_of(traits);
}

/* Finds the range of a call among `n` from `from` on, half by half. */
static void emit_tree(struct program *p, unsigned from, unsigned n)
{
	const struct range *r = &p->ranges[from];
	enum verdict left, right;
	unsigned half = n / 2, at;

	if (n == 1) {
		emit_rules_of(p, r->first, refusal_of(r->traits));
		return;
	}
	left = verdict_of(p, from, half);
	right = verdict_of(p, from + half, n - half);
	at = emit_comparison(p, BPF_JGE, r[half].first, right);
	p->if_not[at] = (unsigned char)left;
	if (left == GO_ON)
		emit_tree(p, from, half);
	p->code[at].jt = distance_from(p, at);
	if (right == GO_ON)
		emit_tree(p, from + half, n - half);
}

/* Ends the program, and has all that have found a verdict jump to it. */
static void emit_returns(struct program *p)
{
	const unsigned n = p->n;

	for (unsigned verdict = ALLOW; verdict < VERDICTS; verdict++) {
		for (unsigned i = 0; i < n; i++) {
			if (!is_comparison(&p->code[i]))
				continue;
			if (p->if_so[i] == verdict)
				p->code[i].jt = distance_from(p, i);
			if (p->if_not[i] == verdict)
				p->code[i].jf = distance_from(p, i);
		}
		(void)emit(
		    p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, returns[verdict]));
	}
}

static void note_rules(struct program *p, const struct seccomp_rules *list)
{
	for (size_t i = 0; i < list->n; i++)
		p->traits[list->rules[i].call] |=
		    list->rules[i].conditions[0].mask ? HAS_CONDITIONS : IS_ALLOWED;
}

/* Neighbours of one kind become one; calls with conditions stay alone. */
static void find_ranges(struct program *p)
{
	for (uint32_t call = 0; call < CALLS; call++) {
		unsigned char traits = p->traits[call];

		if (p->n_ranges > 0 && !(traits & HAS_CONDITIONS) &&
		    p->ranges[p->n_ranges - 1].traits == traits)
			continue;
		p->ranges[p->n_ranges++] = (struct range){call, traits};
	}
}

static void emit_beginning(struct program *p)
{
	unsigned at;

	emit_load(p, offsetof(struct seccomp_data, arch));
	at = emit_comparison(p, BPF_JEQ, ARCHITECTURE, GO_ON);
	p->if_not[at] = KILL;
	emit_load(p, offsetof(struct seccomp_data, nr));
	(void)emit_comparison(p, BPF_JGE, FOREIGN_TABLE, KILL);
	(void)emit_comparison(p, BPF_JGE, CALLS, UNKNOWN);
}

/*
 * Once the login's filter stands, the relay's has to say no more than what it takes from
 * it: the kernel asks both, and the sterner word counts. The program is a third as long.
 */
static bool login_stands, relay_stands;

/* Calls that are none of the login's are left to its filter. */
static void pass_over(struct program *p)
{
	bool is_of_login[CALLS] = {[SYS_connect] = true};

	for (size_t i = 0; i < seccomp_rules_login.n; i++)
		is_of_login[seccomp_rules_login.rules[i].call] = true;
	for (uint32_t call = 0; call < CALLS; call++)
		if (!is_of_login[call])
			p->traits[call] = IS_ALLOWED;
}

/* 0 or -E2BIG. */
static int write_program(struct program *p, bool narrows)
{
	for (size_t i = 0; i < seccomp_n_hostile; i++)
		p->traits[seccomp_hostile[i]] |= IS_HOSTILE;
	for (size_t i = 0; i < ELEMENTSOF(p->lists); i++)
		note_rules(p, p->lists[i]);
	if (narrows)
		pass_over(p);
	find_ranges(p);
	emit_beginning(p);
	emit_tree(p, 0, p->n_ranges);
	emit_returns(p);
	return p->too_long ? -E2BIG : 0;
}

int seccomp_restrict(enum seccomp_phase phase, const struct addrinfo *pinned)
{
	static const struct seccomp_rules none = {0};
	const uint64_t place = pinned ? (uintptr_t)pinned->ai_addr : 0;
	/* abort(3) signals the process itself */
	const struct seccomp_rule own[] = {
	    {SYS_tgkill, {{.mask = UINT32_MAX, .value = (uint32_t)getpid()}}},
	    {SYS_connect,
		{{.argument = 1,
		     .is_upper = true,
		     .mask = UINT32_MAX,
		     .value = (uint32_t)(place >> 32)},
		    {.argument = 1, .mask = ~PLACES, .value = (uint32_t)place}}},
	};
	const struct seccomp_rules own_rules = {
	    own, phase == SECCOMP_LOGIN ? ELEMENTSOF(own) : 1};
	struct program p = {
	    .lists = {&seccomp_rules_always,
		phase == SECCOMP_LOGIN ? &seccomp_rules_login : &none, &own_rules}};
	struct sock_fprog program = {.filter = p.code};
	long thread;
	int r;

	if (ARCHITECTURE == 0)
		return -EOPNOTSUPP;
	r = write_program(&p, login_stands && phase == SECCOMP_RELAY);
	if (r < 0)
		return r;
	program.len = p.n;
	/* there should be one thread; a library that has started another gets the walls too */
	thread = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	    SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_TSYNC, &program);
	if (thread < 0)
		return -errno;
	if (thread > 0)
		return -EBUSY;
	if (phase == SECCOMP_LOGIN)
		login_stands = true;
	else
		relay_stands = true;
	return 0;
}

bool seccomp_stands(void)
{
	return login_stands || relay_stands;
}

int seccomp_probe(void)
{
	const uint32_t action = SECCOMP_RET_KILL_PROCESS;

	if (ARCHITECTURE == 0)
		return -EOPNOTSUPP;
	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0 ? -errno
									      : 0;
}
