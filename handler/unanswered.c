/* SPDX-License-Identifier: Apache-2.0 */
/* A goodbye needs no answer: many servers close at once. */

#include "unanswered.h"

#include <string.h>
#include <strings.h>

#include "macro.h"

/* More bytes than this are not one goodbye. */
#define GOODBYE_MAX ((size_t)64)

static bool ends_with(const char *text, size_t n, const char *word)
{
	size_t len = strlen(word);

	return n >= len && strncasecmp(text + n - len, word, len) == 0;
}

/* The length of the tail without the blanks at its end. */
static size_t trimmed(const struct unanswered *u)
{
	size_t n = u->n;

	while (n > 0 && strchr(" \t\r\n", u->tail[n - 1]) && u->tail[n - 1])
		n--;
	return n;
}

static void count(struct unanswered *u, const char *bytes, size_t n)
{
	u->asked = MIN_OF(u->asked + n, GOODBYE_MAX + 1);
	for (size_t i = 0; u->asked <= GOODBYE_MAX && i < n; i++)
		u->lines += bytes[i] == '\n';
}

void unanswered_ask(struct unanswered *u, const char *bytes, size_t n)
{
	size_t taken = MIN_OF(n, sizeof(u->tail));
	size_t kept = MIN_OF(u->n, sizeof(u->tail) - taken);

	memmove(u->tail, u->tail + u->n - kept, kept);
	memcpy(u->tail + kept, bytes + n - taken, taken);
	u->n = kept + taken;
	count(u, bytes, n);
	u->goodbye = ends_with(u->tail, trimmed(u), "QUIT") ||
		     ends_with(u->tail, trimmed(u), "LOGOUT");
	u->alone = u->goodbye && u->asked <= GOODBYE_MAX && u->lines <= 1;
	u->answered = false;
}

void unanswered_answer(struct unanswered *u)
{
	const struct unanswered kept = {.goodbye = u->goodbye,
	    .alone = u->alone,
	    .answered = u->answered || unanswered_is(u)};

	explicit_bzero(u, sizeof(*u));
	*u = kept;
}

bool unanswered_is(const struct unanswered *u)
{
	return trimmed(u) > 0 && !u->goodbye;
}

bool unanswered_is_goodbye(const struct unanswered *u)
{
	return u->alone;
}

bool unanswered_is_none(const struct unanswered *u)
{
	return u->answered;
}
