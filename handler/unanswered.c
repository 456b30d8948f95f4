/* SPDX-License-Identifier: Apache-2.0 */
/* A goodbye needs no answer: many servers close at once. */

#include "unanswered.h"

#include <string.h>
#include <strings.h>

#include "macro.h"

void unanswered_ask(struct unanswered *u, const char *bytes, size_t n)
{
	size_t taken = MIN_OF(n, sizeof(u->tail));
	size_t kept = MIN_OF(u->n, sizeof(u->tail) - taken);

	memmove(u->tail, u->tail + u->n - kept, kept);
	memcpy(u->tail + kept, bytes + n - taken, taken);
	u->n = kept + taken;
}

void unanswered_answer(struct unanswered *u)
{
	explicit_bzero(u, sizeof(*u));
}

static bool ends_with(const char *text, size_t n, const char *word)
{
	size_t len = strlen(word);

	return n >= len && strncasecmp(text + n - len, word, len) == 0;
}

bool unanswered_is(const struct unanswered *u)
{
	size_t n = u->n;

	while (n > 0 && strchr(" \t\r\n", u->tail[n - 1]) && u->tail[n - 1])
		n--;
	return n > 0 && !ends_with(u->tail, n, "QUIT") &&
	       !ends_with(u->tail, n, "LOGOUT");
}
