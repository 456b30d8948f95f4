/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The rows that the tests of all protocols are made of, and what is checked of each. */

#include "protocol.h"
#include "refusal.h"
#include "repeated-text.h"
#include "scene.h"

/* A server that has said all this, in pieces, and will say no more. */
static inline void scene_server_said(struct scene *s, const struct protocol *protocol,
    const char *said, size_t n, size_t piece)
{
	scene_begin(s, protocol);
	scene_say(s->server_fd, said, n, piece);
	scene_server_ends(s);
}

/* Looks at what becomes of a row; `at` says in which pieces the server spoke. */
typedef void (*row_check_fn)(size_t row, size_t at, struct scene *s);

/* The server says it in two reads, split at each byte. */
static inline void check_split_at_each_byte(
    const struct protocol *protocol, const char *said, row_check_fn check, size_t row)
{
	for (size_t at = 0; at <= strlen(said); at++) {
		_cleanup_scene_ struct scene s;

		scene_begin(&s, protocol);
		scene_server_says_in_two(&s, said, at);
		check(row, at, &s);
	}
}

/* Each byte is a read of its own. */
static inline void check_byte_by_byte(
    const struct protocol *protocol, const char *said, row_check_fn check, size_t row)
{
	_cleanup_scene_ struct scene s;

	scene_server_said(&s, protocol, said, strlen(said), 1);
	check(row, 1, &s);
}

/*
 * Asks for capabilities and compares the result and their words; whether there are any,
 * for what else is to be said of them.
 */
static inline bool check_capabilities(struct scene *s, const struct protocol *protocol,
    const char *label, size_t at, int want, const char *words)
{
	const struct capabilities *c = &s->upstream.capabilities;
	int r;

	r = protocol->capabilities(&s->upstream);
	if (r != want || (r < 0) != (s->upstream.why != NULL))
		ck_abort_msg("%s, %zu: %d (%s)", label, at, r, s->upstream.why);
	if (r < 0)
		return false;
	if (!c->known || strcmp(secret_str(&c->words), words) != 0)
		ck_abort_msg("%s, %zu: '%s'", label, at, secret_str(&c->words));
	return true;
}

/* What a verb's reply means; `sent` is what the verb says. */
struct verb_row {
	const char *verb, *said;
	int want;
	bool credentials; /* it is to blame them */
	const char *sent;
};

/* Runs a verb by its name, with what it takes. */
typedef int (*run_verb_fn)(
    struct upstream *u, const char *verb, struct secret *challenge);

/* In a scene that begins here; a reply with "VXNl" in it is that challenge. Its result. */
static inline int check_verb(struct scene *s, const struct protocol *protocol,
    const struct verb_row *row, run_verb_fn run)
{
	_cleanup_secret_ struct secret challenge = {0}, heard = {0};
	int r;

	scene_server_said(s, protocol, row->said, strlen(row->said), SCENE_PACKET_MAX);
	r = run(&s->upstream, row->verb, &challenge);
	ck_assert_msg(r == row->want, "%s, '%s': %d (%s)", row->verb, row->said, r,
	    s->upstream.why);
	ck_assert_msg(s->upstream.credentials_refused == row->credentials,
	    "%s, '%s': blames the credentials wrongly", row->verb, row->said);
	ck_assert_str_eq(scene_heard(s->server_fd, &heard), row->sent);
	ck_assert_str_eq(
	    secret_str(&challenge), strstr(row->said, "VXNl") ? "VXNlcm5hbWU6" : "");
	return r;
}

/* A list of capabilities that is as long as may be, or longer. */
struct bound_row {
	const char *label, *start, *repeat;
	size_t n; /* how often */
	const char *end;
	int want;
};

static inline void check_bounds(
    const struct protocol *protocol, const struct bound_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_secret_ struct secret said = {0};
		_cleanup_scene_ struct scene s;
		int r;

		ck_assert_int_eq(secret_puts(&said, rows[i].start), 0);
		repeated_text(&said, rows[i].repeat, rows[i].n);
		ck_assert_int_eq(secret_puts(&said, rows[i].end), 0);
		scene_server_said(&s, protocol, said.data, said.len, SCENE_PACKET_MAX);
		r = protocol->capabilities(&s.upstream);
		ck_assert_msg(
		    r == rows[i].want, "%s: %d (%s)", rows[i].label, r, s.upstream.why);
	}
}

/*
 * A client that has said all this and says no more, greeted and answered; a server with
 * these words, which answers nothing. What struct protocol's converse() says.
 */
static inline int scene_converse(struct scene *s, const struct protocol *protocol,
    enum client_login login, const char *words, const char *said)
{
	scene_begin(s, protocol);
	s->x.client_login = login;
	ck_assert_int_eq(secret_puts(&s->upstream.capabilities.words, words), 0);
	scene_client_says(s, said);
	scene_client_ends(s);
	s->upstream.reply_timeout_usec = 1000; /* for the answer to our goodbye */
	ck_assert_int_eq(protocol->greet(&s->x), 0);
	return protocol->converse(&s->x);
}

/* What a client says behind the greeting, and what it is told. */
struct dialogue_row {
	const char *label, *said;
	int want;
	const char *heard, *left; /* `left` for the relay; NULL: whatever */
};

/* Of a dialogue that ended with `r`; only a client that says goodbye makes us say `goodbye`. */
static inline void check_dialogue(struct scene *s, int r, const struct dialogue_row *row,
    const char *greeting, const char *goodbye)
{
	_cleanup_secret_ struct secret heard = {0};
	const char *behind;

	ck_assert_msg(r == row->want, "%s: %d (%s)", row->label, r, s->x.why);
	behind = scene_heard(s->client_fd, &heard);
	ck_assert_int_eq(strncmp(behind, greeting, strlen(greeting)), 0);
	ck_assert_msg(strcmp(behind + strlen(greeting), row->heard) == 0,
	    "%s: the client was told '%s'", row->label, behind);
	if (row->left)
		ck_assert_msg(strcmp(secret_str(&s->client.input), row->left) == 0,
		    "%s: '%s' is left", row->label, secret_str(&s->client.input));
	scene_heard(s->server_fd, &heard);
	ck_assert_str_eq(secret_str(&heard), r == 1 ? goodbye : "");
}

/* How a refusal begins that says why a session failed. */
struct refusal_row {
	int error;
	const char *want;
};

/* Each is one line that no client finds too long (RFC 2449 4, RFC 5321 4.5.3.1.5). */
static inline void check_refusals(
    const struct protocol *protocol, const struct refusal_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_secret_ struct secret out = {0};

		ck_assert_int_eq(
		    protocol->refuse(&out, refusal_find(rows[i].error), "0123456789ab"),
		    0);
		ck_assert_msg(
		    strncmp(secret_str(&out), rows[i].want, strlen(rows[i].want)) == 0,
		    "'%s'", secret_str(&out));
		ck_assert_ptr_nonnull(
		    strstr(secret_str(&out), " (session 0123456789ab)\r\n"));
		ck_assert_uint_le(out.len, 512);
	}
}
