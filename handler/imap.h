/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* IMAP4rev1 and rev2 (RFC 3501, RFC 9051): what its files share. */

#include "protocol.h"

/* A response line of the server before the relay: capability lists grow long. */
#define IMAP_LINE_MAX 8192
#define IMAP_LINES_MAX 128
/* What a literal in an untagged response may be, which is skipped. */
#define IMAP_LITERAL_MAX 65536

/*
 * Whether a line ends by announcing a literal (RFC 9051 4.3): {n}, {n+} or {n-}; *ret_len
 * is n, *ret_plus whether it comes without being asked for.
 */
bool imap_announces_literal(
    const char *text, size_t len, uint64_t *ret_len, bool *ret_plus);

/* Whether an untagged line is a status response, whose text is for people (RFC 9051 7.1). */
bool imap_is_status(const struct line *line);

/*
 * Appends the atoms of a server's list that a client of ours may see: without STARTTLS,
 * LOGINDISABLED, AUTH=*, SASL-IR, UNAUTHENTICATE and the referrals. 0 or -ENOMEM.
 */
_must_check_ int imap_visible_capabilities(
    const struct capabilities *c, struct secret *out);

/* The list a client sees before it has logged in, with what it may log in with. 0 or -ENOMEM. */
_must_check_ int imap_own_capabilities(const struct exchange *x, struct secret *out);

/* The verbs of struct protocol. */
int imap_greeting(struct upstream *u);
int imap_capabilities(struct upstream *u);
int imap_starttls(struct upstream *u);
bool imap_takes_initial(const struct upstream *u, const char *mechanism, size_t len);
int imap_auth(struct upstream *u, const char *mechanism, const char *initial,
    struct secret *challenge);
int imap_answer(struct upstream *u, const char *encoded, struct secret *challenge);
int imap_login(struct upstream *u, const char *user, const char *password);
int imap_goodbye(struct upstream *u);
int imap_greet(struct exchange *x);
int imap_converse(struct exchange *x);
int imap_unasked(struct exchange *x);
int imap_refuse(struct secret *out, const struct refusal *refusal, const char *session);
