/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Questions to who sits at the terminal, and secrets from there or from files. */

#include <stdbool.h>

#include "secret.h"

/* Whether somebody can be asked: standard input and standard error are terminals. */
bool prompt_is_possible(void);

/*
 * Asks; an empty answer is `preset` (NULL: none, so it is asked again). 0 with the answer
 * (malloc'd); -ECANCELED at the end of the input; -ENOMEM.
 */
_must_check_ int prompt_ask(const char *question, const char *preset, char **ret);

/* Asks without echo: 0, with an answer that is not empty appended; -ECANCELED; -errno. */
_must_check_ int prompt_ask_secret(const char *question, struct secret *ret);

/*
 * Appends a file's text, or standard input's ("-"), without the line break at its end. 0;
 * -EINVAL with *ret_why (malloc'd) if it is empty or has more than one line; another
 * -errno of reading with *ret_why.
 */
_must_check_ int prompt_read_secret(const char *path, struct secret *ret, char **ret_why);
