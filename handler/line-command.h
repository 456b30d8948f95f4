/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A client's commands where each is one line, a verb and its argument: SMTP (RFC 5321 2.4)
 * and POP3 (RFC 1939 3), whose AUTH is the same too (RFC 4954 4, RFC 5034 4).
 */

#include "exchange.h"

/* The line stays in the client's input until line_command_drop(). */
struct line_command {
	struct line line;
	size_t verb_len;
	const char *argument; /* behind the verb and its spaces; borrowed from the line */
	size_t argument_len;
	bool dropped;
};

/*
 * Waits for the client's next command. Only AUTH, which may carry a SASL response, may be
 * longer than CLIENT_LINE_MAX. As exchange_line().
 */
_must_check_ int line_command_read(struct exchange *x, struct line_command *ret);

/* Drops a line that line_command_read() found too long: 0 or as exchange_skip_line();
 * *ret_auth says whether it was a login. */
_must_check_ int line_command_skip(struct exchange *x, bool *ret_auth);

/* Whether the verb is this one, compared without case. */
bool line_command_is(const struct line_command *c, const char *verb);

/* Drops the line, once. */
void line_command_drop(struct exchange *x, struct line_command *c);

/*
 * Runs the login that AUTH's argument begins, dropping the line: as client_login_run(), or
 * -EBADMSG if the argument is not "mechanism [initial-response]".
 */
_must_check_ int line_command_log_in(
    struct exchange *x, struct line_command *c, const char *prompt);
