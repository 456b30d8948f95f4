/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Clients that write addresses without angle brackets ("MAIL FROM:a@example.com", as
 * SAP's pages print it), which RFC 5321 4.1.2 does not allow and strict servers refuse:
 * the session goes line by line until that is settled.
 */

#include "exchange.h"

enum smtp_brackets_end {
	SMTP_BRACKETS_RELAY,	    /* from here on bytes may pass unread */
	SMTP_BRACKETS_CLIENT_ENDED, /* the client will send no more */
	SMTP_BRACKETS_QUIT,	    /* QUIT has been answered */
};

/*
 * Carries the session line by line, from the client's pending MAIL, until DATA or BDAT
 * has been sent: MAIL and RCPT get their brackets, every command waits for its reply.
 * With ACCESS_PASS_THROUGH it begins with whatever the client says first, a login's
 * lines (RFC 4954 4) go through too, and STARTTLS or a MAIL with brackets ends it.
 * Returns an enum smtp_brackets_end, or -errno as struct protocol's converse.
 */
_must_check_ int smtp_brackets_run(struct exchange *x);

/* Whether the address of a MAIL FROM: or RCPT TO: line stands in brackets. */
bool smtp_brackets_has(const struct line *line);

/*
 * Appends a command line. Around the address of a MAIL FROM: or RCPT TO: without brackets it
 * puts them, spaces before it dropped, parameters and line end kept; any other line goes as it
 * is. 0 or -ENOMEM.
 */
_must_check_ int smtp_brackets_add(const struct line *line, struct secret *out);
