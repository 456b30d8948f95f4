/* SPDX-License-Identifier: Apache-2.0 */
/* How many destinations are kept, and who of those may go. Errands are the test's own. */

#include "remote.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "check-program.h"
#include "config-tree.h"
#include "remote-entry.h"

#define MORE (REMOTE_ENTRIES_MAX + 2)
/* More than there is memory for. */
#define LARGE ((size_t)200 * 1024)
#define LARGE_ONES (REMOTE_BYTES_MAX / LARGE + 8)
#define NAMED(name)                                                                     \
	{                                                                               \
		.service = (char *)"s", .destination = (name), .instance = (char *)"ds" \
	}

/* What has been asked for, and nobody has answered yet. */
static struct {
	struct errand_order order;
	struct token_request request;
} errands[MORE];
static unsigned n_errands;

void errand_start(
    struct errands *all, const struct errand_order *order, struct token_request *request)
{
	(void)all;
	ck_assert_uint_lt(n_errands, MORE);
	errands[n_errands].order = *order;
	errands[n_errands++].request = *request;
	*request = (struct token_request){0};
}

static struct remote *remote;
static struct config_tree tree;
static unsigned n_woken;

struct asker {
	struct remote_waiter waiter; /* first: on_ready() */
	char name[32];
};

static bool is_known(struct asker *a)
{
	const struct binding b = NAMED(a->name);
	const struct remote_entry *e = remote_find(remote, &b);

	return e && e->text.len > 0;
}

static void on_ready(struct remote_waiter *w)
{
	n_woken++;
	ck_assert_msg(is_known((struct asker *)w),
	    "number %u to be found is forgotten before whoever waits is told", n_woken);
}

static void setup(void)
{
	_cleanup_free_ char *folder = NULL;

	config_tree_make(&tree);
	folder = config_tree_path(&tree, "instances");
	ck_assert_int_eq(mkdir(folder, 0755), 0);
	config_tree_puts(&tree, "instances/ds.json",
	    "{\"clientid\":\"i\",\"clientsecret\":\"s\",\"url\":\"https://x.example\","
	    "\"uri\":\"https://ds.example\"}");
	ck_assert_int_eq(remote_new(tree.path, NULL, &remote), 0);
}

static void teardown(void)
{
	remote = remote_free(remote);
	while (n_errands > 0)
		token_request_done(&errands[--n_errands].request);
	config_tree_done(&tree);
}

static void ask(struct asker *a, unsigned number)
{
	const struct binding b = NAMED(a->name);
	struct cache_answer answer = {0};

	ck_assert_int_lt(
	    snprintf(a->name, sizeof(a->name), "d%u", number), (int)sizeof(a->name));
	a->waiter.ready = on_ready;
	ck_assert_msg(remote_ask(remote, &b, &a->waiter, &answer) == REMOTE_WAIT,
	    "%s: %s", a->name, answer.reason);
}

static void find(unsigned number, const char *text)
{
	const struct fetch_reply reply = {.request = &errands[number].request,
	    .http_status = 200,
	    .body = (char *)text,
	    .len = strlen(text)};
	const struct errand_order *order = &errands[number].order;

	order->done(order->userdata, order->context, &reply, CACHE_TOKEN);
}

START_TEST(test_whoever_waits_is_told_however_many_there_are)
{
	static struct asker askers[MORE];

	setup();
	for (unsigned i = 0; i < MORE; i++)
		ask(&askers[i], i);
	ck_assert_uint_eq(n_errands, MORE);
	ck_assert_uint_eq(remote->n, MORE);
	for (unsigned i = 0; i < MORE; i++)
		find(i, "{\"destinationConfiguration\":{\"a\":\"b\"}}");
	ck_assert_uint_eq(n_woken, MORE);
	ck_assert_uint_eq(remote->n, REMOTE_ENTRIES_MAX);
	ck_assert(!is_known(&askers[0]) && is_known(&askers[MORE - 1]));
	teardown();
}
END_TEST

START_TEST(test_large_ones_make_room_once_they_are_told_of)
{
	static struct asker askers[LARGE_ONES];
	static char text[LARGE + 64];
	size_t n;

	setup();
	n = (size_t)sprintf(text, "{\"destinationConfiguration\":{\"a\":\"");
	memset(text + n, 'x', LARGE);
	memcpy(text + n + LARGE, "\"}}", 4);
	for (unsigned i = 0; i < LARGE_ONES; i++)
		ask(&askers[i], i);
	for (unsigned i = 0; i < LARGE_ONES; i++)
		find(i, text);
	ck_assert_uint_eq(n_woken, LARGE_ONES);
	ck_assert_uint_le(remote->bytes, REMOTE_BYTES_MAX);
	ck_assert_uint_ge(remote->bytes, REMOTE_BYTES_MAX - 2 * LARGE);
	teardown();
}
END_TEST

/* A tenant's destinations may be forgotten while they are asked for. */
START_TEST(test_what_is_forgotten_meanwhile_is_told_of)
{
	static struct asker asker;

	setup();
	ask(&asker, 0);
	remote_forget(remote, asker.name, NULL);
	find(0, "{\"destinationConfiguration\":{\"a\":\"b\"}}");
	ck_assert_uint_eq(n_woken, 1);
	teardown();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {test_whoever_waits_is_told_however_many_there_are,
	    test_large_ones_make_room_once_they_are_told_of,
	    test_what_is_forgotten_meanwhile_is_told_of};

	return check_program("remote", tests, ELEMENTSOF(tests));
}
