/* SPDX-License-Identifier: Apache-2.0 */
#include "signals.h"

#include "cli.h"
#include "macro.h"

static const int held[] = {SIGHUP, SIGINT, SIGTERM};

void signals_hold(struct signals_held *s)
{
	sigset_t set;

	(void)sigemptyset(&set); /* cannot fail, as those below */
	for (size_t i = 0; i < ELEMENTSOF(held); i++)
		(void)sigaddset(&set, held[i]);
	(void)sigprocmask(SIG_BLOCK, &set, &s->before);
	s->is_held = true;
}

static bool has_come(const sigset_t *before)
{
	sigset_t pending;

	(void)sigpending(&pending); /* cannot fail, as those below */
	for (size_t i = 0; i < ELEMENTSOF(held); i++)
		if (sigismember(&pending, held[i]) && !sigismember(before, held[i]))
			return true;
	return false;
}

void signals_release(struct signals_held *s)
{
	if (!s->is_held)
		return;
	if (has_come(&s->before))
		cli_complain("interrupted; what had begun was brought to its end first");
	(void)sigprocmask(SIG_SETMASK, &s->before, NULL);
	s->is_held = false;
}
