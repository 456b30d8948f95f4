/* SPDX-License-Identifier: Apache-2.0 */
/* A literal is compared byte by byte as it comes, a text with "..." line by line. */

#include "expect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "play-wait.h"

#define SHOWN_MAX ((size_t)300)

/* How a failure is told. */
static int tell(const struct peer *peer, const struct step *step, const char *instead)
{
	_cleanup_secret_ struct secret wanted = {0}, got = {0};
	const char *end = peer->in.len ? memchr(peer->in.data, '\n', peer->in.len) : NULL;
	size_t n = end ? (size_t)(end + 1 - peer->in.data) : peer->in.len;

	if (log_escape(&wanted, step->text, MIN_OF(strlen(step->text), SHOWN_MAX)) < 0 ||
	    log_escape(&got, secret_str(&peer->in), MIN_OF(n, SHOWN_MAX)) < 0)
		return -ENOMEM;
	return script_complain(step, "expected that %s receives '%s', but %s%s%s%s",
	    peer->name, secret_str(&wanted), n > 0 ? "'" : "", secret_str(&got),
	    n > 0 ? "' came" : "", instead);
}

static int tell_end(const struct peer *peer, const struct step *step)
{
	const char *rest =
	    peer->reset ? "the connection was reset" : "the connection ended";

	if (peer->in.len == 0)
		return tell(peer, step, rest);
	return tell(peer, step, peer->reset ? " and then a reset" : " and then the end");
}

static int tell_wait(const struct peer *peer, const struct step *step, int error)
{
	if (error != -ETIMEDOUT)
		return error;
	return tell(
	    peer, step, peer->in.len ? " and no more in time" : "nothing came in time");
}

/* A text without "...": the bytes themselves. */
static int expect_bytes(struct play *p, struct peer *peer, const struct step *step,
    const struct secret *wanted, uint64_t deadline)
{
	size_t compared = 0;
	int r = 0;

	while (compared < wanted->len) {
		size_t n = MIN_OF(peer->in.len, wanted->len);

		if (memcmp(secret_str(&peer->in) + compared, wanted->data + compared,
			n - compared) != 0)
			return tell(peer, step, "");
		compared = n;
		if (compared == wanted->len)
			break;
		if (peer->ended)
			return tell_end(peer, step);
		r = play_fill(p, peer, deadline);
		if (r < 0)
			return tell_wait(peer, step, r);
	}
	secret_consume(&peer->in, wanted->len);
	return 0;
}

/* A text with "...": one line. */
static int expect_line(struct play *p, struct peer *peer, const struct step *step,
    const struct text *wanted, uint64_t deadline)
{
	const char *end;
	int r;

	while (!(end = memchr(secret_str(&peer->in), '\n', peer->in.len))) {
		if (peer->ended)
			return tell_end(peer, step);
		r = play_fill(p, peer, deadline);
		if (r < 0)
			return tell_wait(peer, step, r);
	}
	if (!text_matches(
		wanted, &p->values, peer->in.data, (size_t)(end + 1 - peer->in.data)))
		return tell(peer, step, "");
	secret_consume(&peer->in, (size_t)(end + 1 - peer->in.data));
	return 0;
}

/* What a text stands for may come of what led to the answer: a token that the helper gives. */
static int await_something(struct play *p, struct peer *peer, uint64_t deadline)
{
	int r = 0;

	while (r == 0 && peer->in.len == 0 && !peer->ended)
		r = play_fill(p, peer, deadline);
	return r;
}

static int expect_text(
    struct play *p, struct peer *peer, const struct step *step, uint64_t deadline)
{
	_cleanup_text_ struct text wanted = {0};
	const char *why;
	int r;

	r = await_something(p, peer, deadline);
	if (r < 0)
		return tell_wait(peer, step, r);
	r = text_expand(step->text, TEXT_TO_EXPECT, &p->values, &wanted, &why);
	if (r < 0)
		return script_complain(step, "%s", why);
	if (text_is_literal(&wanted))
		return expect_bytes(p, peer, step, &wanted.bytes, deadline);
	if (!wanted.has_line_end)
		return script_complain(
		    step, "what is expected with '...' is a whole line");
	return expect_line(p, peer, step, &wanted, deadline);
}

static int expect_nothing(struct peer *peer, const struct step *step)
{
	while (!peer->ended && peer->in.len == 0 && peer_fill(peer))
		continue;
	if (peer->in.len > 0 || peer->ended)
		return peer->ended ? tell_end(peer, step) : tell(peer, step, "");
	return 0;
}

static int drain(
    struct play *p, struct peer *peer, const struct step *step, uint64_t deadline)
{
	int r;

	while (!peer->ended) {
		secret_clear(&peer->in);
		r = play_fill(p, peer, deadline);
		if (r < 0)
			return tell_wait(peer, step, r);
	}
	secret_clear(&peer->in);
	return 0;
}

int expect_end(
    struct play *p, struct peer *peer, const struct step *step, uint64_t deadline)
{
	int r;

	while (!peer->ended && peer->in.len == 0) {
		r = play_fill(p, peer, deadline);
		if (r < 0)
			return tell_wait(peer, step, r);
	}
	if (peer->in.len > 0)
		return tell(peer, step, "");
	/* a server's unread words may break the connection; a client would lose ours */
	if (peer->reset && peer == &p->client)
		return tell_end(peer, step);
	return 0;
}

static int expect_close_notify(
    struct play *p, struct peer *peer, const struct step *step, uint64_t deadline)
{
	int r = expect_end(p, peer, step, deadline);

	return r == 0 && !peer->notified ? tell(peer, step, "the connection was cut") : r;
}

int expect(struct play *p, struct peer *peer, const struct step *step, uint64_t deadline)
{
	int r;

	if (strcmp(step->text, "<nothing>") == 0)
		return expect_nothing(peer, step);
	if (strcmp(step->text, "<close-notify>") == 0)
		return expect_close_notify(p, peer, step, deadline);
	if (strcmp(step->text, "<rest>") == 0)
		return drain(p, peer, step, deadline);
	if (strcmp(step->text, "<end>") != 0)
		return expect_text(p, peer, step, deadline);
	r = expect_end(p, peer, step, deadline);
	/* a program whose server has ended closes too, whatever it still had to say */
	if (r == 0 && peer == &p->client) {
		peer->broken = true;
		peer_end(peer, PEER_CLOSES);
	}
	return r;
}
