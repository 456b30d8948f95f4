/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The steps of a test: what was done, how long it took, what it found. */

#include <stdint.h>

#include "cli.h"
#include "json-writer.h"

/* Something that a step found: "addresses", "192.0.2.1". */
struct step_detail {
	const char *name; /* constant */
	char *value;	  /* owned; escaped where it is foreign */
};

struct step {
	const char *name; /* constant: a session's phase */
	uint64_t usec;
	const char *outcome;	     /* constant; "ok" or how it is not */
	struct step_detail *details; /* owned */
	size_t n_details;
};

struct steps {
	const struct cli *cli;
	struct step *list; /* owned */
	size_t n;
	uint64_t began; /* of the last one; deadline_now() */
	bool running;
};

/* Begins a step; one that runs has ended well. */
void steps_begin(struct steps *s, const char *name);
/* Ends the one that runs, and prints it where people read. */
void steps_end(struct steps *s, const char *outcome, bool is_failure);
/* Adds to the one that runs; takes over `value`, and leaves out NULL. */
void steps_detail(struct steps *s, const char *name, char *value);

void steps_write(const struct steps *s, struct json_writer *w, const char *key);
void steps_done(struct steps *s);
#define _cleanup_steps_ _cleanup_(steps_done)
