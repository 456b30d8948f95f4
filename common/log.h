/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Records for the journal: journald's native protocol, one datagram a record, each field
 * prefixed with its length so that no foreign line break can forge another one. Where no
 * journal listens, and whenever standard error is a terminal, a readable line goes to
 * standard error. $MAILDEST_LOG_TARGET (journal, stderr) chooses one. Never
 * waits unless told to; never fails loudly.
 */

#include <stddef.h>
#include <stdint.h>

#include "macro.h"
#include "secret.h"

/* The priorities of syslog(3), as we use them: promises to the reader. */
enum log_priority {
	LOG_PRIORITY_ERROR = 3,	  /* an operator must act */
	LOG_PRIORITY_WARNING = 4, /* a session or a fetch failed */
	LOG_PRIORITY_NOTICE = 5,  /* what happened */
	LOG_PRIORITY_INFO = 6,
};

/* The most of a foreign text that enters a record, in bytes after escaping. */
#define LOG_FOREIGN_MAX 1024

struct log_field {
	const char *name;  /* [A-Z_]+ */
	const char *value; /* NULL: the field is left out */
};

/*
 * Opens the journal's socket and decides where records go; `identifier` is what syslog
 * calls the program (borrowed for good). Must come before anything else here, and before
 * walls close. `forbidden_fd` is a descriptor that records must never reach even if
 * standard error is the same file (the client's socket), or -1. Called again, as after
 * fork(2), it opens all anew.
 */
void log_open(const char *identifier, int forbidden_fd);

/*
 * How long a record may wait for a journal whose queue is full; 0 at first. For processes
 * that keep nobody waiting by it. What log_prepare() makes never waits.
 */
void log_set_patience(uint64_t usec);

/* One record: `message_id` (32 hexadecimal digits) may be NULL, `fields` may be NULL if n is 0. */
void log_record(enum log_priority priority, const char *message_id, const char *message,
    const struct log_field *fields, size_t n);

/* The same without fields. */
void log_message(enum log_priority priority, const char *format, ...) _printf_(2, 3);

/*
 * Renders what log_record() would send, to be sent later by log_send_prepared(), which is
 * safe in a signal handler. Returns 0 or -ENOMEM.
 */
_must_check_ int log_prepare(struct secret *ret, enum log_priority priority,
    const char *message_id, const char *message, const struct log_field *fields,
    size_t n);
void log_send_prepared(const void *datagram, size_t len);

/*
 * Appends `text` with everything but printable ASCII and well-formed UTF-8 letters
 * escaped as \xNN, cut with "..." after LOG_FOREIGN_MAX bytes: 0 or -ENOMEM. What is
 * escaped already stays as it is.
 */
_must_check_ int log_escape(struct secret *out, const char *text, size_t len);

/*
 * The same for words from outside, where they come in: a backslash of theirs is escaped
 * too, so that nothing they say looks like what was escaped.
 */
_must_check_ int log_quote(struct secret *out, const char *text, size_t len);
