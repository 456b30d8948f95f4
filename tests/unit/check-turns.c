/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is to present a credential; the broker is this file. */

#include "turns.h"

#include "check-program.h"
#include "freed-memory.h"
#include "state-sample.h"

#define PATIENCE (30 * SEC)

/* What the broker has seen, each entry by its place. */
struct scene {
	sd_event *event;
	struct turns *turns;
	struct cache *cache;
	struct cache_entry *entries[4];
	unsigned begun[8], n; /* in order */
	int errors[8];
	char bodies[8][8];
	bool ends_at_once;
};

static unsigned place_of(const struct scene *s, const struct cache_entry *e)
{
	unsigned i = 0;

	while (s->entries[i] != e)
		i++;
	return i;
}

static void on_turn(
    struct broker *b, struct cache_entry *e, struct token_request *request, int error)
{
	struct scene *s = (void *)b;

	s->begun[s->n] = place_of(s, e);
	s->errors[s->n] = error;
	strcpy(s->bodies[s->n++], secret_str(&request->body));
	if (s->ends_at_once)
		turns_end(s->turns, e);
}

static const char *const destinations[] = {"smtp", "imap", "pop", "else"};

/* Three destinations of one client, and one of another. */
static void set(struct scene *s)
{
	*s = (struct scene){.cache = state_sample_make()};
	for (unsigned i = 0; i < ELEMENTSOF(destinations); i++) {
		s->entries[i] = state_sample_fetch(s->cache, destinations[i], START);
		s->entries[i]->key.credential[0] = i < 3 ? 1 : 2;
	}
	ck_assert_int_ge(sd_event_new(&s->event), 0);
	ck_assert_int_eq(turns_new(s->event, (void *)s, on_turn, &s->turns), 0);
}

static void clear(struct scene *s)
{
	turns_free(s->turns);
	cache_free(s->cache);
	sd_event_unref(s->event);
}
#define _cleanup_scene_ _cleanup_(clear)

static void take(struct scene *s, unsigned place, uint64_t patience)
{
	_cleanup_token_request_ struct token_request request = {.timeout_usec = patience};

	ck_assert_int_eq(secret_printf(&request.body, "%u", place), 0);
	turns_take(s->turns, s->entries[place], &request);
}

/* All that is to be done now. */
static void run(struct scene *s)
{
	while (sd_event_run(s->event, 0) > 0)
		;
}

static void assert_begun(const struct scene *s, const char *want)
{
	char got[8] = "";

	for (unsigned i = 0; i < s->n; i++)
		got[i] = (char)('0' + s->begun[i]);
	ck_assert_str_eq(got, want);
}

START_TEST(test_one_client_goes_one_after_the_other)
{
	_cleanup_scene_ struct scene s;

	set(&s);
	take(&s, 0, PATIENCE);
	take(&s, 1, PATIENCE);
	take(&s, 2, PATIENCE);
	run(&s);
	assert_begun(&s, "0");
	turns_end(s.turns, s.entries[0]);
	ck_assert_msg(s.n == 1, "it begins in the middle of somebody else's work");
	run(&s);
	assert_begun(&s, "01");
	turns_end(s.turns, s.entries[1]);
	take(&s, 0, PATIENCE); /* it came later than who waits already */
	run(&s);
	assert_begun(&s, "012");
	turns_end(s.turns, s.entries[2]);
	run(&s);
	assert_begun(&s, "0120");
	for (unsigned i = 0; i < s.n; i++) {
		ck_assert_int_eq(s.errors[i], 0);
		ck_assert_int_eq(s.bodies[i][0], '0' + (int)s.begun[i]);
	}
}
END_TEST

START_TEST(test_other_clients_do_not_wait)
{
	_cleanup_scene_ struct scene s;

	set(&s);
	take(&s, 0, PATIENCE);
	take(&s, 3, PATIENCE);
	assert_begun(&s, "03");
	s.entries[1]->key.realm[31] ^= 1;
	take(&s, 1, PATIENCE);
	assert_begun(&s, "031");
}
END_TEST

START_TEST(test_patience_ends)
{
	_cleanup_scene_ struct scene s;

	set(&s);
	take(&s, 0, PATIENCE);
	take(&s, 1, USEC_PER_SEC / 1000);
	take(&s, 2, PATIENCE);
	ck_assert_int_gt(sd_event_run(s.event, UINT64_MAX), 0);
	assert_begun(&s, "01");
	ck_assert_int_eq(s.errors[1], -EBUSY);
	turns_end(s.turns, s.entries[1]); /* it has none, and ends nobody else's */
	run(&s);
	assert_begun(&s, "01");
	turns_end(s.turns, s.entries[0]);
	run(&s);
	assert_begun(&s, "012");
	ck_assert_int_eq(s.errors[2], 0);
}
END_TEST

START_TEST(test_turn_that_ends_at_once_holds_nobody_up)
{
	_cleanup_scene_ struct scene s;

	set(&s);
	take(&s, 0, PATIENCE);
	take(&s, 1, PATIENCE);
	take(&s, 2, PATIENCE);
	s.ends_at_once = true;
	turns_end(s.turns, s.entries[0]);
	run(&s);
	assert_begun(&s, "012");
	take(&s, 0, PATIENCE);
	take(&s, 1, PATIENCE);
	assert_begun(&s, "01201");
}
END_TEST

START_TEST(test_whoever_waits_leaves_nothing_in_freed_memory)
{
	struct token_request request = {.timeout_usec = PATIENCE};
	struct scene s;

	set(&s);
	take(&s, 0, PATIENCE);
	freed_memory_watch("canary-client-secret");
	ck_assert_int_eq(secret_puts(&request.body, "canary-client-secret"), 0);
	turns_take(s.turns, s.entries[1], &request);
	ck_assert_ptr_null(request.body.data);
	clear(&s);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_one_client_goes_one_after_the_other,
	    test_other_clients_do_not_wait,
	    test_patience_ends,
	    test_turn_that_ends_at_once_holds_nobody_up,
	    test_whoever_waits_leaves_nothing_in_freed_memory,
	};

	return check_program("turns", tests, ELEMENTSOF(tests));
}
