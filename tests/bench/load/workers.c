/* SPDX-License-Identifier: Apache-2.0 */
/* Each thread takes the next piece until there is none. */

#include "workers.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "deadline.h"

#define STACK_SIZE ((size_t)256 * 1024)

struct gang {
	pthread_mutex_t gate; /* closed until all threads stand before it */
	atomic_size_t next;
	size_t n;
	void (*do_one)(size_t i, void *data);
	void *data;
};

static void *work(void *data)
{
	struct gang *g = data;
	size_t i;

	(void)pthread_mutex_lock(&g->gate); /* an ordinary mutex: cannot fail */
	(void)pthread_mutex_unlock(&g->gate);
	while ((i = g->next++) < g->n)
		g->do_one(i, g->data);
	return NULL;
}

/* Starts `wanted` threads; *ret_started are there even if that fails: 0 or -errno. */
static int start(struct gang *g, pthread_t *threads, size_t wanted, size_t *ret_started)
{
	pthread_attr_t attributes;
	size_t n = 0;
	int r;

	r = pthread_attr_init(&attributes);
	if (r == 0)
		r = pthread_attr_setstacksize(&attributes, STACK_SIZE);
	while (r == 0 && n < wanted) {
		r = pthread_create(&threads[n], &attributes, work, g);
		n += r == 0;
	}
	*ret_started = n;
	(void)pthread_attr_destroy(&attributes); /* never fails */
	return -r;
}

int workers_run(size_t concurrency, size_t n, void (*do_one)(size_t i, void *data),
    void *data, uint64_t *ret_usec)
{
	struct gang g = {
	    .gate = PTHREAD_MUTEX_INITIALIZER,
	    .n = n,
	    .do_one = do_one,
	    .data = data,
	};
	_cleanup_free_ pthread_t *threads = calloc(concurrency, sizeof(*threads));
	size_t started = 0;
	uint64_t begun;
	int r;

	if (!threads)
		return -ENOMEM;
	(void)pthread_mutex_lock(&g.gate); /* an ordinary mutex: cannot fail */
	r = start(&g, threads, concurrency, &started);
	if (r < 0)
		g.n = 0;
	begun = deadline_now();
	(void)pthread_mutex_unlock(&g.gate);
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL); /* ours, joined once */
	*ret_usec = deadline_now() - begun;
	return r;
}
