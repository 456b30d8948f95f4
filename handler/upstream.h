/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The connection to the mail server while we log in: its stream, what it can do, what
 * went wrong. */

#include <stdbool.h>
#include <stdint.h>

#include "stream.h"

/* SASL mechanisms that we speak, as bits of what a server offers. */
enum sasl_bit {
	SASL_XOAUTH2 = 1u << 0,
	SASL_OAUTHBEARER = 1u << 1,
	SASL_PLAIN = 1u << 2,
	SASL_LOGIN = 1u << 3,
	SASL_SCRAM_SHA_256 = 1u << 4,
};

/* What a server advertises. */
struct capabilities {
	unsigned mechanisms; /* enum sasl_bit */
	bool starttls;
	bool initial_response; /* IMAP's SASL-IR (RFC 4959) */
	bool login_disabled;   /* IMAP's LOGINDISABLED */
	bool known; /* the server has said so since TLS began, or since the login */
	/*
	 * As the server wrote them, for the client to see a selection: SMTP's keyword
	 * lines (RFC 5321 4.1.1.1) or IMAP's atoms, one a line.
	 */
	struct secret words;
};

struct upstream {
	struct stream stream;
	struct capabilities capabilities;
	const char *phase; /* what we are doing: "waiting for the greeting"; constant */
	const char *our_name;	/* for EHLO: a domain or an address literal; borrowed */
	struct secret greeting; /* the server's, its lines as they came */
	/* we do not log in: a server that needs no login is as good */
	bool passes_through;
	/* TLS began after the greeting: what that said of the server is void */
	bool upgraded;
	struct secret hidden; /* what was sent as a secret, each text with its NUL */
	char *why; /* what happened, foreign text escaped; owned; NULL if nothing did */
	uint64_t login_deadline;
	uint64_t reply_timeout_usec;
	uint64_t write_timeout_usec;
	bool starttls_ahead; /* nothing but capabilities may be said before TLS */
	/* the server answered the login itself with a refusal */
	bool credentials_refused;
	unsigned tag; /* IMAP: number of the last command */
};
#define UPSTREAM_INIT                                      \
	{                                                  \
		.stream = STREAM_INIT, .phase = "starting" \
	}

void upstream_done(struct upstream *u);
#define _cleanup_upstream_ _cleanup_(upstream_done)

/*
 * Notes why the session fails, once (the first reason stays), and returns `error` as it
 * came. Foreign text must go through upstream_fail_quoting().
 */
int upstream_fail(struct upstream *u, int error, const char *format, ...) _printf_(3, 4);

/* The same: "<what>: '<quoted>'" with the quoted text escaped and cut. */
int upstream_fail_quoting(
    struct upstream *u, int error, const char *what, const char *quoted, size_t len);

/* Remembers a text without NUL that the server must not be quoted with: 0 or -ENOMEM. */
_must_check_ int upstream_hide(struct upstream *u, const char *text);

/* Appends a server's words with secrets masked, escaped and cut: 0 or -ENOMEM. */
_must_check_ int upstream_quote(
    const struct upstream *u, const char *quoted, size_t len, struct secret *out);

/* Turns a -errno of stream_*() into a reason: "<phase>: no answer in time" and so on. */
int upstream_fail_stream(struct upstream *u, int error);

/* When the reply that is now awaited is late: the reply's own time-out within the login's. */
uint64_t upstream_reply_deadline(const struct upstream *u);

/*
 * Waits for one line of at most `max` bytes, without NUL: 0, or -errno with the reason
 * noted; the end of the stream is -ECONNRESET. The line stays valid until
 * upstream_drop_line().
 */
_must_check_ int upstream_line(struct upstream *u, size_t max, struct line *ret);
void upstream_drop_line(struct upstream *u, const struct line *line);

/* Sends a command, which may be secret and is never traced: 0, or -errno with the reason noted. */
_must_check_ int upstream_send(struct upstream *u, const struct secret *command);
_must_check_ int upstream_send_text(struct upstream *u, const char *command);

/*
 * Adds to capabilities.words, unless it is no word of such a list: a control character in
 * it would break the line in which a client is told. 0 or -ENOMEM.
 */
_must_check_ int upstream_note_word(struct upstream *u, const char *word, size_t n);

/* Forgets what the server advertised (RFC 3207 4.2, RFC 9051 6.2.1). */
void upstream_forget_capabilities(struct upstream *u);
