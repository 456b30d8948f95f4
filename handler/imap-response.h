/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the mail server says before the relay (RFC 9051 7): responses are read to the line
 * that ends them, the capabilities in them noted, and what is of no interest skipped.
 */

#include "imap.h"

/* Our tags; a server that answers another one has lost the thread, or is not answering us. */
#define IMAP_TAG_FORMAT "m%u"

/* The tagged response to a command, or a continuation request. */
struct imap_response {
	enum imap_status { IMAP_OK, IMAP_NO, IMAP_BAD, IMAP_CONTINUE } status;
	struct secret text; /* behind the status, with its [CODE] */
};

void imap_response_done(struct imap_response *r);
#define _cleanup_imap_response_ _cleanup_(imap_response_done)

/* Whether a line is "* <word>", alone or with more behind it. */
bool imap_is_untagged(const struct line *line, const char *word);

/* Notes what "[CAPABILITY ...]" lists, if a response's text begins so: 0 or -ENOMEM. */
_must_check_ int imap_note_code(struct upstream *u, const char *text, size_t len);

/*
 * Waits for what ends the last command, whose number is u->tag, into an empty response: 0,
 * or -errno with the reason noted, -EBUSY if the server says BYE.
 */
_must_check_ int imap_read_response(struct upstream *u, struct imap_response *ret);
