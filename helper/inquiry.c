/* SPDX-License-Identifier: Apache-2.0 */
/* A deferred source, off but for the turn of the loop that follows an answer. */

#include "inquiry.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static int on_answered(sd_event_source *source, void *userdata)
{
	struct inquiry *q = userdata;

	(void)source;
	q->act(q->userdata, &q->answer);
	return 0;
}

/* Without memory for the copy it is as if there were no token. */
static void on_answer(struct cache_waiter *w, const struct cache_answer *answer)
{
	struct inquiry *q = (void *)((char *)w - offsetof(struct inquiry, waiter));

	secret_clear(&q->token);
	free(q->reason);
	q->reason = answer->reason ? strdup(answer->reason) : NULL;
	q->answer =
	    (struct cache_answer){.verdict = answer->verdict, .reason = q->reason};
	if (answer->verdict == CACHE_TOKEN && secret_puts(&q->token, answer->token) < 0)
		q->answer.verdict = CACHE_UNAVAILABLE;
	q->answer.token = secret_str(&q->token);
	(void)sd_event_source_set_enabled(q->answered, SD_EVENT_ONESHOT);
}

int inquiry_begin(struct inquiry *q, sd_event *event, inquiry_fn act, void *userdata)
{
	int r;

	q->act = act;
	q->userdata = userdata;
	q->waiter.answer = on_answer;
	r = sd_event_add_defer(event, &q->answered, on_answered, q);
	if (r >= 0)
		r = sd_event_source_set_enabled(q->answered, SD_EVENT_OFF);
	return r < 0 ? r : 0;
}

void inquiry_end(struct inquiry *q)
{
	cache_forget_waiter(&q->waiter);
	sd_event_source_disable_unref(q->answered);
	secret_done(&q->token);
	free(q->reason);
}

int inquiry_ask(
    struct inquiry *q, struct broker *b, const struct broker_question *question)
{
	struct cache_answer answer;
	int r;

	r = broker_ask(b, question, &q->waiter, &answer);
	if (r < 0)
		return r;
	if (answer.verdict != CACHE_WAIT)
		q->act(q->userdata, &answer);
	return 0;
}
