/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A client's IMAP command that is ours to answer, read whole with its literals, and its
 * arguments in every form of the grammar (RFC 9051 9).
 */

#include "exchange.h"

struct imap_command {
	struct secret
	    text; /* the command, line ends of literals included, without the last one */
	size_t tag_len;
	size_t name_at, name_len;
	size_t
	    at; /* where the arguments that have not been taken begin, at their space */
};
void imap_command_done(struct imap_command *c);
#define _cleanup_imap_command_ _cleanup_(imap_command_done)

/*
 * Finds tag and name in a command's first line: true if both are there and well-formed;
 * only the positions of `c` are set. tag_len is 0 unless there is a tag, also if the name
 * is none.
 */
bool imap_command_parse(const char *text, size_t len, struct imap_command *c);

enum imap_command_outcome {
	IMAP_COMMAND_READ,
	IMAP_COMMAND_TOO_LONG, /* a line or literal is beyond what we take; it has been skipped */
	IMAP_COMMAND_ENDED, /* the client ended first */
};

/*
 * Takes the command whose first line is pending off the client's input, asking for
 * literals where they want to be asked for ({n}, not {n+}). Returns an outcome or -errno
 * of the exchange.
 */
_must_check_ int imap_command_read(struct exchange *x, struct imap_command *c);

/*
 * Skips an overlong line. One that announces a literal which comes unasked ends the exchange with
 * -EOVERFLOW, or the literal's bytes would be taken for commands. 0, or -errno.
 */
_must_check_ int imap_command_skip_line(struct exchange *x);

/* Takes a space and an astring, appending its value to `ret`: 0, -EBADMSG, -ENOMEM. */
_must_check_ int imap_command_take_astring(struct imap_command *c, struct secret *ret);

/* Whether all arguments have been taken. */
bool imap_command_is_at_end(const struct imap_command *c);
