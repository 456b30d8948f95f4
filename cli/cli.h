/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What all commands share: where things are, how to answer, and with which exit status. */

#include <stdbool.h>
#include <stddef.h>

#include "macro.h"

/* The exit status, a class of failure each; as maildest --help tells. */
enum cli_status {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_CONFIGURATION = 3,
	CLI_REFUSED = 4, /* login or token */
	CLI_NETWORK = 5,
	CLI_ACCESS = 6,
	CLI_NOTHING = 7, /* what was named is not there */
	CLI_WARNING = 8, /* works, but soon will not */
};

/* Strings borrowed. */
struct cli {
	const char *config_dir;	   /* NULL: the default */
	const char *helper_socket; /* NULL: the default */
	bool json;
	bool colour;   /* of standard output */
	bool progress; /* somebody looks at standard error */
};

/* One way to use the program. */
struct command {
	const char *name;
	const char *arguments; /* "[NAME]" */
	const char *summary;   /* one line, no full stop */
	const char *help;      /* options of its own, ready to print; "" for none */
	/* `argv` starts with the command's name. Returns an enum cli_status. */
	int (*run)(struct cli *c, int argc, char **argv);
};

int cmd_add(struct cli *c, int argc, char **argv);
int cmd_apply(struct cli *c, int argc, char **argv);
int cmd_check(struct cli *c, int argc, char **argv);
int cmd_forget(struct cli *c, int argc, char **argv);
int cmd_hosts(struct cli *c, int argc, char **argv);
int cmd_list(struct cli *c, int argc, char **argv);
int cmd_sessions(struct cli *c, int argc, char **argv);
int cmd_status(struct cli *c, int argc, char **argv);
int cmd_stop(struct cli *c, int argc, char **argv);
int cmd_sync(struct cli *c, int argc, char **argv);
int cmd_test(struct cli *c, int argc, char **argv);

/* The class of a -errno of a session (refusal.h) or of reading a file; 0 is CLI_OK. */
enum cli_status cli_status_of(int error);

/* Says on standard error what is wrong: "maildest: <text>". It is escaped. */
void cli_complain(const char *format, ...) _printf_(1, 2);

/*
 * The same of a reason (NULL: the errno's words), and returns the status of the error, of
 * which -EACCES is the kernel's: it denied us something.
 */
int cli_fail(int error, const char *why);
