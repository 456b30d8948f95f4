/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The texts of a dialogue, as written and as they cross the wire.
 *
 * Escapes: \r \n \t \0 \xNN \\ \$ \. and, at the end, \c: no CRLF follows.
 *
 * Values: ${user} ${password} ${token} are the destination's, and the token that the
 * helper gave last; ${each} the word this round is for; ${repeat:N:text}; ${base64:text};
 * ready-made SASL responses, with the destination's values unless others are given:
 * ${plain:user:password},
 * ${xoauth2:user:token}, ${oauthbearer:user:token}; ${tag}; and of SCRAM-SHA-256
 * ${scram-server-first:iterations}, ${scram-server-final} and ${scram-nonce}.
 *
 * Only in expectations: "..." stands for anything; ${tag} for one word, which is then
 * what ${tag} means; ${scram-client-first} and ${scram-client-final} for what a client
 * must send there, the proof included.
 */

#include <stdbool.h>
#include <stdint.h>

#include "scram-server.h"
#include "secret.h"

/* What ${...} stands for; strings borrowed. */
struct values {
	const char *user, *password, *host;
	const char *port;
	const char *token; /* "" while none was given */
	const char *each;  /* "" if the dialogue is played once */
	struct secret tag;
	struct scram_server scram;
};
void values_done(struct values *v);

#define TEXT_SEGMENTS_MAX 32

struct text {
	struct secret bytes; /* of all segments */
	struct segment {
		enum segment_kind {
			SEGMENT_BYTES,
			SEGMENT_ANYTHING,
			SEGMENT_TAG,
			SEGMENT_SCRAM_FIRST,
			SEGMENT_SCRAM_FINAL,
		} kind;
		size_t at, len; /* in `bytes` */
	} segments[TEXT_SEGMENTS_MAX];
	size_t n;
	bool has_line_end;
};
void text_done(struct text *t);
#define _cleanup_text_ _cleanup_(text_done)

/* What a text is for. */
enum text_use {
	TEXT_TO_SEND,
	TEXT_TO_EXPECT,
	TEXT_TO_COMPARE, /* like the one before, without a line end */
};

/* Turns a text as written into bytes and segments: 0, -EINVAL with *ret_why (constant), -ENOMEM. */
_must_check_ int text_expand(const char *source, enum text_use use, struct values *v,
    struct text *ret, const char **ret_why);

/* Whether the text is nothing but bytes. */
bool text_is_literal(const struct text *t);

/* Whether `bytes` are what the text asks for; notes tags and SCRAM messages in `v`. */
bool text_matches(const struct text *t, struct values *v, const char *bytes, size_t len);
