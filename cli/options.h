/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Options of commands, each beside those that every command has. */

#include "cli.h"

/* One of a command's own; exactly one of the targets is set. */
struct cli_option {
	const char *name;
	bool *flag;	   /* --name */
	const char **text; /* --name=TEXT, borrowed from argv */
};

/*
 * Reads options out of `argv` (whose first word is the command's name), wherever they
 * stand. Afterwards *ret_words are the other words, at least `min` and at most `max` of
 * them. True; false if the command was not used as it is meant, which has been said.
 */
bool cli_options(struct cli *c, const struct cli_option *own, size_t n, int argc,
    char **argv, int min, int max, char ***ret_words);
