/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* SMTP submission (RFC 5321, RFC 6409, RFC 4954, RFC 3207): what its files share. */

#include "protocol.h"

/* Reply and command lines: RFC 5321 4.5.3.1.5 says 512, servers are known to send more. */
#define SMTP_REPLY_LINE_MAX 4096
#define SMTP_REPLY_LINES_MAX 128
/* A command with an initial response, CRLF included (RFC 4954 4, RFC 5321 4.5.3.1.4). */
#define SMTP_COMMAND_MAX 512

/* A reply of the server. */
struct smtp_reply {
	int code;
	struct secret text; /* the lines' texts, one a line */
	struct secret raw;  /* as it came, for passing it on */
};
void smtp_reply_done(struct smtp_reply *r);
#define _cleanup_smtp_reply_ _cleanup_(smtp_reply_done)

/*
 * Reads a whole reply (RFC 5321 4.2.1): 0; -EPROTO if it is malformed or endless; others
 * as upstream_line().
 */
_must_check_ int smtp_read_reply(struct upstream *u, struct smtp_reply *ret);

/* The verbs of struct protocol. */
int smtp_greeting(struct upstream *u);
int smtp_capabilities(struct upstream *u);
int smtp_starttls(struct upstream *u);
bool smtp_takes_initial(const struct upstream *u, const char *mechanism, size_t len);
int smtp_auth(struct upstream *u, const char *mechanism, const char *initial,
    struct secret *challenge);
int smtp_answer(struct upstream *u, const char *encoded, struct secret *challenge);
int smtp_goodbye(struct upstream *u);
int smtp_greet(struct exchange *x);
int smtp_converse(struct exchange *x);
int smtp_unasked(struct exchange *x);
void smtp_dismiss(struct stream *client, uint64_t deadline);
int smtp_refuse(struct secret *out, const struct refusal *refusal, const char *session);
