/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* POP3 (RFC 1939, RFC 2449, RFC 2595 4, RFC 5034): what its files share. */

#include "protocol.h"

/* A line of the server: RFC 2449 4 says 512, challenges and lists are known to be longer. */
#define POP3_LINE_MAX 8192
#define POP3_LINES_MAX 128

/* The verbs of struct protocol. */
int pop3_greeting(struct upstream *u);
int pop3_capabilities(struct upstream *u);
int pop3_starttls(struct upstream *u);
bool pop3_takes_initial(const struct upstream *u, const char *mechanism, size_t len);
int pop3_auth(struct upstream *u, const char *mechanism, const char *initial,
    struct secret *challenge);
int pop3_answer(struct upstream *u, const char *encoded, struct secret *challenge);
int pop3_login(struct upstream *u, const char *user, const char *password);
int pop3_goodbye(struct upstream *u);
int pop3_greet(struct exchange *x);
int pop3_converse(struct exchange *x);
int pop3_unasked(struct exchange *x);
int pop3_refuse(struct secret *out, const struct refusal *refusal, const char *session);
