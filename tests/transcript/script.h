/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A dialogue file as a list of steps. Lines:
 *
 *   # comment
 *   key: value        a setting (before the session begins) or a demand on its records
 *   include NAME      the steps of common/NAME.txt, relative to the including file
 *   within 300ms      how long the next expectation may take (s, ms)
 *   C> text           the client sends        S> text   the server sends
 *   C< text           ... must receive        S< text   ... must receive
 *   C! directive      ... does                S! directive
 *
 * What the texts may hold is told in text.h, the directives in play.h, the settings in
 * stage.h and helper-double.h, the demands in journal.h.
 */

#include <stddef.h>

#include "macro.h"

enum step_kind {
	STEP_SETTING,
	STEP_SEND,
	STEP_EXPECT,
	STEP_DO,
	STEP_WITHIN,
};

struct step {
	enum step_kind kind;
	char *file; /* owned */
	unsigned line;
	char side;  /* 'C' or 'S'; 0 for settings and "within" */
	char *key;  /* of a setting; owned */
	char *text; /* owned; "" if there is none */
};

struct script {
	struct step *steps; /* owned */
	size_t n;
};

/* Reads a file and what it includes: 0 or -errno after saying what is wrong. */
_must_check_ int script_load(const char *path, struct script *ret);
void script_done(struct script *s);
#define _cleanup_script_ _cleanup_(script_done)

/* The last value of a setting, or `missing`. Borrowed. */
const char *script_setting(const struct script *s, const char *key, const char *missing);

/* Says, as one sentence behind "file:line: ", what is wrong with a step: -EPROTO. */
int script_complain(const struct step *step, const char *format, ...) _printf_(2, 3);
