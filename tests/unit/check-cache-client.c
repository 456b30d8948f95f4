/* SPDX-License-Identifier: Apache-2.0 */
/* The cache's rules for clients that bring a credential, with time as a number. */

#include "cache.h"

#include <string.h>

#include "check-program.h"
#include "freed-memory.h"
#include "state-sample.h"

#define CREDENTIAL "canary-credential"

static const struct binding binding = {
    .service = (char *)"s", .destination = (char *)"d"};

/* The key of a client; 0 is none. */
static struct cache_key key_of(unsigned client)
{
	struct cache_key key = state_sample_key("d");

	key.realm[0] = 9;
	memcpy(key.credential, &client, sizeof(client));
	return key;
}

static struct cache_answer ask(
    struct cache *c, unsigned client, uint64_t now, struct cache_entry **ret_fetch)
{
	const struct cache_key key = key_of(client);
	struct cache_waiter waiter = {0};
	struct cache_answer answer;

	ck_assert_int_eq(
	    cache_get(c, &key, &binding, 0, now, &waiter, &answer, ret_fetch), 0);
	cache_forget_waiter(&waiter);
	if (client > 0)
		cache_keep_credential(c, &key, CREDENTIAL);
	return answer;
}

static struct cache_entry *fetch(struct cache *c, unsigned client, uint64_t now)
{
	struct cache_entry *e = NULL;

	ck_assert_int_eq(ask(c, client, now, &e).verdict, CACHE_WAIT);
	ck_assert_ptr_nonnull(e);
	return e;
}

static struct cache_entry *fill(struct cache *c, unsigned client, uint64_t now)
{
	struct cache_entry *e = fetch(c, client, now);
	_cleanup_secret_ struct secret token = {0};

	ck_assert_int_eq(secret_printf(&token, "token-%u", client), 0);
	ck_assert_int_ge(cache_settle_token(c, e, &token, LIFE, now), 0);
	return e;
}

static bool is_stranger(const struct cache *c, unsigned client, uint64_t now)
{
	const struct cache_key key = key_of(client);

	return cache_is_stranger(c, &key, now);
}

static bool has(const struct cache *c, unsigned client)
{
	const struct cache_key key = key_of(client);

	return cache_find(c, &key);
}

START_TEST(test_each_credential_has_its_token)
{
	_cleanup_cache_ struct cache *c = state_sample_make();
	struct cache_entry *e;

	fill(c, 1, START);
	fill(c, 2, START);
	ck_assert_uint_eq(cache_tokens(c), 2);
	ck_assert_str_eq(ask(c, 1, START, &e).token, "token-1");
	ck_assert_str_eq(ask(c, 2, START, &e).token, "token-2");
}
END_TEST

START_TEST(test_stranger_is_who_never_brought_anything)
{
	_cleanup_cache_ struct cache *c = state_sample_make();
	struct cache_entry *e;

	ck_assert(is_stranger(c, 1, START));
	e = fetch(c, 1, START);
	ck_assert_msg(!is_stranger(c, 1, START), "whoever waits costs nothing more");
	cache_settle_failure(c, e, CACHE_REFUSED, "invalid_grant", "why", 0, START);
	ck_assert(!is_stranger(c, 1, START + 59 * SEC));
	ck_assert_msg(is_stranger(c, 1, START + 60 * SEC), "it would be tried again");
	e = fill(c, 2, START);
	ck_assert(!is_stranger(c, 2, START));
	ck_assert_msg(is_stranger(c, 2, START + LIFE), "its token has expired");
	cache_accept(c, e, START);
	ck_assert(!is_stranger(c, 2, START + LIFE));
}
END_TEST

START_TEST(test_accepted_credential_is_known_for_long)
{
	_cleanup_cache_ struct cache *c = state_sample_make(), *after = NULL;

	cache_accept(c, fill(c, 1, START), START);
	ck_assert_ptr_null(cache_due(c, START + 2 * LIFE));
	ck_assert_uint_eq(cache_tokens(c), 0);
	ck_assert(!is_stranger(c, 1, START + 2 * LIFE));
	after = state_sample_carry_over(c, START + 2 * LIFE, START + 2 * LIFE);
	ck_assert(!is_stranger(after, 1, START + 3 * LIFE));
	ck_assert_ptr_null(cache_due(c, START + CACHE_KNOWN_USEC));
	ck_assert(!has(c, 1));
}
END_TEST

/* A credential that was good and is revoked: its program may have another one by now. */
START_TEST(test_refusal_of_a_known_credential_is_told_for_minutes)
{
	_cleanup_cache_ struct cache *c = state_sample_make();
	const uint64_t later = START + 2 * LIFE;
	const struct cache_entry *position = NULL;
	struct cache_entry *e;
	struct cache_view view;

	cache_accept(c, fill(c, 1, START), START);
	ck_assert_ptr_null(cache_due(c, later));
	e = fetch(c, 1, later);
	cache_settle_failure(c, e, CACHE_REFUSED, "invalid_grant", "why", 0, later);
	ck_assert(cache_next_view(c, &position, later + 300 * SEC, &view));
	ck_assert_str_eq(view.state, "refused");
	ck_assert_str_eq(view.reason, "why");
	position = NULL;
	ck_assert_ptr_null(cache_due(c, later + 400 * SEC));
	ck_assert(cache_next_view(c, &position, later + 400 * SEC, &view));
	ck_assert_str_eq(view.state, "expired");
	ck_assert_ptr_null(view.reason);
}
END_TEST

START_TEST(test_credential_is_kept_as_long_as_it_renews)
{
	_cleanup_cache_ struct cache *c = state_sample_make(), *after = NULL;
	struct cache_entry *e = fill(c, 1, START), *due;

	ck_assert_str_eq(cache_entry_credential(e)->data, CREDENTIAL);
	(void)ask(c, 1, START + SEC, &due);
	due = cache_due(c, START + LIFE * 9 / 10);
	ck_assert_ptr_eq(due, e);
	cache_drop_fetch(e);
	ck_assert_uint_eq(cache_entry_credential(e)->len, 0);

	/* not asked for since it came */
	e = fill(c, 2, START);
	ck_assert_ptr_null(cache_due(c, START + LIFE * 9 / 10));
	ck_assert_uint_eq(cache_entry_credential(e)->len, 0);

	/* it does not outlive us, so nothing is renewed until it is brought again */
	e = fill(c, 3, START);
	(void)ask(c, 3, START + SEC, &due);
	after = state_sample_carry_over(c, START + SEC, START + SEC);
	ck_assert_uint_eq(cache_next_due(after), START + LIFE);
	ck_assert_ptr_null(cache_due(after, START + LIFE * 9 / 10));
	ck_assert_int_eq(ask(after, 3, START + 2 * SEC, &due).verdict, CACHE_TOKEN);
	ck_assert_uint_lt(cache_next_due(after), START + LIFE);
	ck_assert_ptr_nonnull(cache_due(after, START + LIFE * 9 / 10));
}
END_TEST

START_TEST(test_credential_goes_with_the_token)
{
	_cleanup_cache_ struct cache *c = state_sample_make();
	struct cache_entry *e = fill(c, 1, START);

	cache_accept(c, e, START);
	ck_assert_ptr_null(cache_due(c, START + LIFE));
	ck_assert(has(c, 1));
	ck_assert_uint_eq(cache_entry_credential(e)->len, 0);
	e = fetch(c, 2, START);
	cache_settle_failure(c, e, CACHE_REFUSED, "invalid_grant", "why", 0, START);
	ck_assert_uint_eq(cache_entry_credential(e)->len, 0);
	freed_memory_watch(CREDENTIAL);
	fill(c, 3, START);
	c = cache_free(c);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

START_TEST(test_record_waits_whatever_becomes_of_its_token)
{
	_cleanup_cache_ struct cache *c = state_sample_make(), *after = NULL;
	_cleanup_secret_ struct secret record = {0};
	struct cache_key key = key_of(1), edited = key_of(1);
	struct cache_entry *e = fill(c, 1, START);

	ck_assert_int_eq(secret_append(&record, "sealed\0bytes", 12), 0);
	ck_assert_int_eq(cache_set_unsaved(c, e, &record), 0);
	ck_assert_ptr_null(cache_due(c, START + 2 * LIFE));
	after = state_sample_carry_over(c, START + 2 * LIFE, START + 2 * LIFE);
	ck_assert_ptr_nonnull(cache_find_unsaved(after, &key));
	ck_assert_mem_eq(cache_find_unsaved(after, &key)->data, "sealed\0bytes", 12);
	/* other destinations are of the same client too, in its realm */
	edited.request[0] ^= 1;
	edited.owner[0] ^= 1;
	ck_assert_ptr_nonnull(cache_find_unsaved(after, &edited));
	edited.realm[0] ^= 1;
	ck_assert_ptr_null(cache_find_unsaved(after, &edited));
	edited.realm[0] ^= 1;
	edited.credential[0] ^= 1;
	ck_assert_ptr_null(cache_find_unsaved(after, &edited));
	cache_drop_unsaved(after, &key);
	ck_assert_ptr_null(cache_next_unsaved(after, NULL));
	ck_assert_ptr_null(cache_due(after, START + 2 * LIFE));
	ck_assert_uint_eq(cache_entries(after), 0);
}
END_TEST

START_TEST(test_client_has_one_record)
{
	_cleanup_cache_ struct cache *c = state_sample_make();
	_cleanup_secret_ struct secret first = {0}, second = {0};
	struct cache_entry *e = fill(c, 1, START), *f;

	ck_assert_int_eq(secret_puts(&first, "first"), 0);
	ck_assert_int_eq(secret_puts(&second, "second"), 0);
	ck_assert_int_eq(cache_set_unsaved(c, e, &first), 0);
	f = fill(c, 2, START);
	f->key = e->key;
	f->key.owner[0] ^= 1;
	ck_assert_int_eq(cache_set_unsaved(c, f, &second), 0);
	ck_assert_ptr_eq(cache_next_unsaved(c, NULL), f);
	ck_assert_ptr_null(cache_next_unsaved(c, f));
	ck_assert_str_eq(cache_entry_unsaved(f)->data, "second");
}
END_TEST

START_TEST(test_edited_destination_takes_the_place_for_each_client_alone)
{
	_cleanup_cache_ struct cache *c = state_sample_make();
	struct cache_key edited = key_of(1);
	struct cache_waiter waiter = {0};
	_cleanup_secret_ struct secret token = {0};
	struct cache_answer answer;
	struct cache_entry *e;

	fill(c, 1, START);
	fill(c, 2, START);
	edited.request[0] ^= 1;
	ck_assert_int_eq(
	    cache_get(c, &edited, &binding, 0, START, &waiter, &answer, &e), 0);
	cache_forget_waiter(&waiter);
	ck_assert_int_eq(secret_puts(&token, "new"), 0);
	ck_assert_int_ge(cache_settle_token(c, e, &token, LIFE, START), 0);
	ck_assert(!has(c, 1) && has(c, 2));
}
END_TEST

START_TEST(test_other_destination_keeps_its_place)
{
	_cleanup_cache_ struct cache *c = state_sample_make();
	struct cache_entry *e = fill(c, 1, START), *f = fetch(c, 2, START);
	_cleanup_secret_ struct secret token = {0};

	f->key = e->key;
	f->key.owner[0] ^= 1;
	ck_assert_int_eq(secret_puts(&token, "new"), 0);
	ck_assert_int_ge(cache_settle_token(c, f, &token, LIFE, START), 0);
	ck_assert_msg(has(c, 1), "one destination's token drives out another's");
}
END_TEST

/* A fetch under way of another destination: what it can share with the first client's. */
static int share_with(struct cache *c, void change(struct cache_entry *), uint64_t now)
{
	struct cache_entry *e = fetch(c, 2, now);

	e->key = key_of(1);
	e->key.owner[0] ^= 1;
	e->key.identity[0] ^= 1;
	if (change)
		change(e);
	return cache_settle_shared(c, e, now);
}

static void change_request(struct cache_entry *e)
{
	e->key.request[0] ^= 1;
}

static void change_realm(struct cache_entry *e)
{
	e->key.realm[0] ^= 1;
}

static void change_credential(struct cache_entry *e)
{
	e->key.credential[0] ^= 1;
}

static void change_rejected(struct cache_entry *e)
{
	ck_assert_int_eq(digest_sha256_hex("token-1", 7, e->rejected_sha256), 0);
}

START_TEST(test_token_of_the_same_request_is_shared)
{
	_cleanup_cache_ struct cache *c = state_sample_make();
	struct cache_answer answer;
	struct cache_entry *e;

	fill(c, 1, START);
	ck_assert_int_eq(share_with(c, NULL, START + SEC), 0);
	e = c->first;
	cache_entry_answer(e, START + SEC, &answer);
	ck_assert_int_eq(answer.verdict, CACHE_TOKEN);
	ck_assert_str_eq(answer.token, "token-1");
	ck_assert_uint_eq(answer.left_usec, LIFE - SEC);
	ck_assert(!e->fetching);
	ck_assert(has(c, 1));
}
END_TEST

START_TEST(test_no_other_token_is_shared)
{
	static const struct {
		const char *label;
		void (*change)(struct cache_entry *e);
		uint64_t after_usec;
	} rows[] = {
	    {"of another request", change_request, SEC},
	    {"of another realm", change_realm, SEC},
	    {"of another credential", change_credential, SEC},
	    {"the one that was refused here", change_rejected, SEC},
	    {"an expired one", NULL, LIFE},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_cache_ struct cache *c = state_sample_make();

		fill(c, 1, START);
		ck_assert_msg(
		    share_with(c, rows[i].change, START + rows[i].after_usec) == -ENOENT,
		    "%s", rows[i].label);
		ck_assert(c->first->fetching);
	}
}
END_TEST

/* Those that never brought anything make room first, then known ones, tokens never. */
START_TEST(test_strangers_drive_out_no_token)
{
	_cleanup_cache_ struct cache *c = state_sample_make();
	struct cache_entry *e;

	for (unsigned i = 1; i <= CACHE_ENTRIES_MAX - 2; i++)
		fill(c, i, START);
	cache_accept(c, e = fetch(c, 2000, START), START);
	cache_settle_failure(c, e, CACHE_REFUSED, "invalid_grant", "why", 0, START);
	e = fetch(c, 2001, START);
	cache_settle_failure(c, e, CACHE_REFUSED, "invalid_grant", "why", 0, START);

	e = fetch(c, 3000, START + SEC);
	ck_assert(!has(c, 2001) && has(c, 2000) && has(c, 1));
	cache_settle_failure(c, e, CACHE_REFUSED, "invalid_grant", "why", 0, START + SEC);
	cache_accept(c, e, START + SEC);
	e = fetch(c, 3001, START + 2 * SEC);
	ck_assert(!has(c, 2000) && has(c, 3000) && has(c, 1));
	cache_settle_failure(c, e, CACHE_REFUSED, "invalid_grant", "why", 0, START);
	e = fill(c, 3001, START + 62 * SEC);
	e = fill(c, 3002, START + 62 * SEC);
	ck_assert_uint_eq(cache_tokens(c), CACHE_ENTRIES_MAX);
	ck_assert_int_eq(ask(c, 3003, START + 62 * SEC, &e).verdict, CACHE_FULL);
	ck_assert(has(c, 1) && has(c, 3002));
	/* a destination that needs no credential does */
	ck_assert_int_eq(ask(c, 0, START + 62 * SEC, &e).verdict, CACHE_WAIT);
	ck_assert(!has(c, 1));
}
END_TEST

START_TEST(test_used_code_is_refused_for_ten_minutes)
{
	_cleanup_cache_ struct cache *c = state_sample_make(), *after = NULL;
	struct cache_entry *e = fetch(c, 1, START);

	cache_settle_failure(
	    c, e, CACHE_REFUSED, "invalid_grant", "why", CACHE_CODE_REFUSAL_USEC, START);
	ck_assert_int_eq(ask(c, 1, START + 599 * SEC, &e).verdict, CACHE_REFUSED);
	after = state_sample_carry_over(c, START + 599 * SEC, START + 599 * SEC);
	ck_assert_int_eq(ask(after, 1, START + 599 * SEC, &e).verdict, CACHE_REFUSED);
	ck_assert_int_eq(ask(after, 1, START + 600 * SEC, &e).verdict, CACHE_WAIT);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_each_credential_has_its_token,
	    test_stranger_is_who_never_brought_anything,
	    test_accepted_credential_is_known_for_long,
	    test_refusal_of_a_known_credential_is_told_for_minutes,
	    test_credential_is_kept_as_long_as_it_renews,
	    test_credential_goes_with_the_token,
	    test_record_waits_whatever_becomes_of_its_token,
	    test_client_has_one_record,
	    test_edited_destination_takes_the_place_for_each_client_alone,
	    test_other_destination_keeps_its_place,
	    test_token_of_the_same_request_is_shared,
	    test_no_other_token_is_shared,
	    test_strangers_drive_out_no_token,
	    test_used_code_is_refused_for_ten_minutes,
	};

	return check_program("cache-client", tests, ELEMENTSOF(tests));
}
