/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What ps(1) shows of a process: "maildest: <service> <phase>", in place of its arguments. */

/*
 * Takes the arguments' place in memory for titles; called once, first of all. Returns a
 * copy of `argv` that lives as long as the process (or `argv` itself where there is no
 * memory, and then no title).
 */
char **title_take_arguments(int argc, char **argv);

/* Sets the title, cut to the room there is. Without title_take_arguments() nothing happens. */
void title_set(const char *service, const char *phase);
