/* SPDX-License-Identifier: Apache-2.0 */
/* In the place of libcurl. */

#include "fetch-double.h"

#include <errno.h>
#include <string.h>

#define REQUESTS_MAX 64

struct fetcher {
	fetch_done_fn done;
	void *userdata;
	struct {
		const struct token_request *request;
		void *context;
	} waiting[REQUESTS_MAX];
	size_t n;
};

static struct fetcher fetcher;

/* The linker's names for what stands here. */
int __wrap_fetcher_new(
    sd_event *event, fetch_done_fn done, void *userdata, struct fetcher **ret);
struct fetcher *__wrap_fetcher_free(struct fetcher *f);
int __wrap_fetch_start(struct fetcher *f, const struct token_request *request,
    const struct fetch_means *means, void *context);

int __wrap_fetcher_new(
    sd_event *event, fetch_done_fn done, void *userdata, struct fetcher **ret)
{
	(void)event; /* the script is the loop */
	fetcher = (struct fetcher){.done = done, .userdata = userdata};
	*ret = &fetcher;
	return 0;
}

struct fetcher *__wrap_fetcher_free(struct fetcher *f)
{
	if (f)
		f->n = 0;
	return NULL;
}

/* No header or URL of a request breaks a line, whatever callers say. */
static void check_request(const struct token_request *q)
{
	fuzz_check(q->url.len > 0 && fuzz_is_word(secret_str(&q->url)), "a URL is none");
	fuzz_check(fuzz_is_word(secret_str(&q->body)), "a body is no form");
	for (size_t i = 0; i < q->headers.len; i += strlen(q->headers.data + i) + 1)
		fuzz_check(fuzz_is_line(q->headers.data + i), "a header is no line");
}

int __wrap_fetch_start(struct fetcher *f, const struct token_request *request,
    const struct fetch_means *means, void *context)
{
	(void)means; /* nothing goes out */
	check_request(request);
	if (f->n == REQUESTS_MAX)
		return -ENOMEM;
	f->waiting[f->n].request = request;
	f->waiting[f->n++].context = context;
	return 0;
}

void fetch_double_answer(const struct fetch_reply *reply)
{
	struct fetch_reply answer = *reply;
	void *context;

	if (fetcher.n == 0)
		return;
	answer.request = fetcher.waiting[0].request;
	context = fetcher.waiting[0].context;
	fetcher.n--;
	memmove(
	    fetcher.waiting, fetcher.waiting + 1, fetcher.n * sizeof(*fetcher.waiting));
	fetcher.done(fetcher.userdata, context, &answer);
}
