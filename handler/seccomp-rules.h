/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which system calls a session makes in which phase; for seccomp.c alone. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECCOMP_CONDITIONS_MAX 3

/* Of an argument: one of its halves, masked, against a value. */
struct seccomp_condition {
	unsigned char argument;
	bool is_upper;	 /* of the two */
	bool is_minimum; /* what is more than the value does too */
	uint32_t mask;	 /* 0: ends the list */
	uint32_t value;
};

/* A system call that is allowed under all of its conditions. One may have several rules. */
struct seccomp_rule {
	int call;
	struct seccomp_condition conditions[SECCOMP_CONDITIONS_MAX];
};

struct seccomp_rules {
	const struct seccomp_rule *rules;
	size_t n;
};

/* Needed in both phases; then, beside these, in the login's. */
extern const struct seccomp_rules seccomp_rules_always, seccomp_rules_login;

/* What nothing in a session ever calls, unless it is somebody else's code. */
extern const int seccomp_hostile[];
extern const size_t seccomp_n_hostile;

/*
 * The newest call that was looked at. The C library tries newer ones too, and goes on if
 * the kernel does not know them.
 */
#define SECCOMP_NEWEST_CALL 462 /* mseal */
