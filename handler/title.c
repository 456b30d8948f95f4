/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel shows the memory in which it once put the arguments (proc(5), cmdline), which
 * a process may write to; prctl(PR_SET_MM) would need a privilege. Where the arguments are
 * shorter than a title, the environment behind them gives way.
 */

#include "title.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "macro.h"

/* Of "maildest: ", a name of a service as they come, and a phase. */
#define TITLE_MAX 192

static char *room; /* the process's own for ever, as what was moved out of it is */
static size_t room_size;
static char **arguments, **environment;

/* Copies strings and the list of them, in one piece. NULL: no memory. */
static char **copy_strings(char **strings, size_t n)
{
	size_t size = (n + 1) * sizeof(*strings);
	char **copy, *at;

	for (size_t i = 0; i < n; i++)
		size += strlen(strings[i]) + 1;
	copy = malloc(size);
	if (!copy)
		return NULL;
	at = (char *)(copy + n + 1);
	for (size_t i = 0; i < n; i++) {
		copy[i] = at;
		at = stpcpy(at, strings[i]) + 1;
	}
	copy[n] = NULL;
	return copy;
}

/* How far strings go that lie one behind the other from `end` on; *ret_n: how many. */
static char *skip_strings(char *end, char **strings, size_t *ret_n)
{
	size_t n = 0;

	for (; strings[n] == end; n++)
		end += strlen(end) + 1;
	while (strings[n])
		n++;
	*ret_n = n;
	return end;
}

char **title_take_arguments(int argc, char **argv)
{
	char *end;
	size_t n;

	if (argc < 1)
		return argv;
	end = skip_strings(argv[0], argv, &n);
	arguments = copy_strings(argv, n);
	if (!arguments)
		return argv;
	if (end - argv[0] < TITLE_MAX) {
		char *further = skip_strings(end, environ, &n);

		environment = copy_strings(environ, n);
		if (environment) {
			environ = environment;
			end = further;
		}
	}
	room = argv[0];
	room_size = (size_t)(end - room);
	return arguments;
}

void title_set(const char *service, const char *phase)
{
	int n;

	if (!room)
		return;
	n = snprintf(room, room_size, "maildest: %s %s", service, phase);
	if (n >= 0 && (size_t)n < room_size)
		memset(room + n, 0, room_size - (size_t)n);
}
