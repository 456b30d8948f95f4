/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A client's dialogue where each command is one line, a verb and its argument: SMTP (RFC
 * 5321 2.4) and POP3 (RFC 1939 3), whose AUTH is the same too (RFC 4954 4, RFC 5034 4).
 */

#include "exchange.h"

/* The line stays in the client's input until line_command_drop(). */
struct line_command {
	struct line line;
	size_t verb_len;
	const char *argument; /* behind the verb and its spaces; borrowed from the line */
	size_t argument_len;
	bool dropped;
	bool noted;	    /* the protocol's own, kept from one command to the next */
	struct secret user; /* likewise; owned */
};

/* What a protocol makes of commands; each function returns an enum exchange_next or -errno. */
struct line_dialogue {
	const struct line_verb {
		const char *name;
		int (*run)(struct exchange *x, struct line_command *c);
	} * verbs; /* constant */
	size_t n;
	int (*on_unknown)(struct exchange *x);
	/* The line, which was dropped, was longer than a command, or a login, may be. */
	int (*on_long)(struct exchange *x, bool login);
};

/* Answers the client until one of its commands ends that: as struct protocol's converse. */
_must_check_ int line_command_converse(
    struct exchange *x, const struct line_dialogue *dialogue);

/* Drops the line, once; a command that starts the relay leaves it there. */
void line_command_drop(struct exchange *x, struct line_command *c);

/*
 * Runs the login that AUTH's argument begins, dropping the line: as client_login_run(), or
 * -EBADMSG if the argument is not "mechanism [initial-response]".
 */
_must_check_ int line_command_log_in(
    struct exchange *x, struct line_command *c, const char *prompt);

/* Answers a login that was not accepted, with the session's id, and counts it as an error. */
_must_check_ int line_command_refuse_login(struct exchange *x, const char *text);
