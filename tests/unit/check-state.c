/* SPDX-License-Identifier: Apache-2.0 */
/* The cache as bytes and back: what is carried over, and what is left out. */

#include "state.h"

#include <stdio.h>

#include "check-program.h"
#include "freed-memory.h"
#include "state-sample.h"

START_TEST(test_tokens_are_carried_over_in_order)
{
	_cleanup_cache_ struct cache *before = state_sample_make(), *after = NULL;
	struct cache_answer answer;
	struct cache_entry *e;

	state_sample_fill(before, "one", "token-1", START);
	state_sample_fill(before, "two", "token-2", START + SEC);
	(void)state_sample_ask(
	    before, "one", START + 2 * SEC, &e); /* used again: now it is the first */
	after = state_sample_carry_over(before, START + 3 * SEC, START + 10 * SEC);
	ck_assert_uint_eq(cache_entries(after), 2);
	ck_assert_str_eq(after->first->binding.destination, "one");
	ck_assert_str_eq(after->last->binding.destination, "two");
	answer = state_sample_ask(after, "one", START + 10 * SEC, &e);
	ck_assert_int_eq(answer.verdict, CACHE_TOKEN);
	ck_assert_str_eq(answer.token, "token-1");
	ck_assert_uint_eq(answer.left_usec, LIFE - 10 * SEC);
	ck_assert_ptr_null(e);
	ck_assert_uint_eq(cache_changes(after), 0);
}
END_TEST

START_TEST(test_every_member_is_carried_over)
{
	_cleanup_cache_ struct cache *before = state_sample_make(), *after = NULL;
	struct cache_entry *e = state_sample_fill(before, "d", "token-1", START), *f;

	e->binding.tenant = strdup("t");
	e->binding.fragment = strdup("f");
	e->binding.instance = strdup("i");
	e->binding.level = strdup("l");
	e->binding.fragment_optional = strdup(BINDING_OPTIONAL);
	e->binding.fragment_level = strdup("m");
	e->binding.chain = strdup("c");
	e->binding.chain_variables = strdup("a=1\nb=\n");
	ck_assert_int_eq(binding_owner(&e->binding, e->key.owner), 0);
	memset(e->key.realm, 'r', sizeof(e->key.realm));
	memset(e->key.identity, 'i', sizeof(e->key.identity));
	memset(e->rejected_sha256, 'a', DIGEST_SHA256_HEX_SIZE - 1);
	e->rejected_at = START - SEC;
	e->replaced_at = START - 2 * SEC;
	e->identity_refused_until = START + 50 * SEC;
	cache_entry_set_failure(
	    e, CACHE_REFUSED, "invalid_scope", "no \xc3\xa4", 60 * SEC, START);
	e->failures = 5;
	after = state_sample_carry_over(before, START, START + SEC);
	f = after->first;
	ck_assert_ptr_nonnull(f);
	ck_assert_mem_eq(&f->key, &e->key, sizeof(e->key));
	for (size_t i = 0; i < ELEMENTSOF(state_names); i++)
		ck_assert_str_eq(*(char **)(void *)((char *)&f->binding + state_names[i]),
		    *(char **)(void *)((char *)&e->binding + state_names[i]));
	for (size_t i = 0; i < ELEMENTSOF(state_moments); i++)
		if (state_moments[i] != offsetof(struct cache_entry, used_at))
			ck_assert_uint_eq(
			    *(uint64_t *)(void *)((char *)f + state_moments[i]),
			    *(uint64_t *)(void *)((char *)e + state_moments[i]));
	ck_assert_uint_eq(f->used_at, START + SEC);
	ck_assert_str_eq(f->token.data, "token-1");
	ck_assert_str_eq(f->sha256, e->sha256);
	ck_assert_str_eq(f->rejected_sha256, e->rejected_sha256);
	ck_assert_uint_eq(f->failures, 5);
	ck_assert_int_eq(f->failure, CACHE_REFUSED);
	ck_assert_str_eq(f->error, "invalid_scope");
	ck_assert_str_eq(f->reason, "no \xc3\xa4");
}
END_TEST

START_TEST(test_renewal_goes_on_as_for_a_token_in_use)
{
	_cleanup_cache_ struct cache *before = state_sample_make(), *after = NULL;

	state_sample_fill(before, "d", "token-1", START);
	after = state_sample_carry_over(before, START, START + LIFE / 2);
	ck_assert_uint_eq(cache_next_due(after), before->first->renew_at);
	ck_assert_ptr_null(cache_due(after, START + LIFE / 2));
	ck_assert_ptr_nonnull(cache_due(after, START + LIFE - 300 * SEC));
}
END_TEST

START_TEST(test_what_is_over_is_left_out)
{
	_cleanup_cache_ struct cache *before = state_sample_make(), *after = NULL;
	_cleanup_secret_ struct secret bytes = {0};
	struct cache_entry *e;

	state_sample_fill(before, "token", "CANARY", START);
	e = state_sample_fetch(before, "refused", START);
	cache_settle_failure(before, e, CACHE_REFUSED, "e", "why", 0, START);
	state_sample_fetch(before, "fetching", START);
	ck_assert_uint_eq(state_sample_write(before, START + SEC, &bytes), 2);
	/* A minute, and five more for the count of failures. */
	ck_assert_uint_eq(state_sample_write(before, START + 360 * SEC, &bytes), 1);
	ck_assert_ptr_nonnull(memmem(bytes.data, bytes.len, "CANARY", 6));
	ck_assert_uint_eq(state_sample_write(before, START + LIFE, &bytes), 0);
	ck_assert_ptr_null(memmem(bytes.data, bytes.len, "CANARY", 6));
	/* What came to its end between writing and reading goes, too. */
	after = state_sample_carry_over(before, START + SEC, START + LIFE);
	ck_assert_uint_eq(cache_entries(after), 0);
	ck_assert_uint_gt(cache_changes(after), 0);
}
END_TEST

START_TEST(test_expired_token_leaves_what_is_remembered)
{
	_cleanup_cache_ struct cache *before = state_sample_make(), *after = NULL;
	struct cache_entry *e = state_sample_fill(before, "d", "CANARY", START), *f;
	_cleanup_secret_ struct secret bytes = {0};
	const uint64_t now = START + LIFE;

	e->identity_refused_until = now + 30 * SEC;
	ck_assert_uint_eq(state_sample_write(before, now, &bytes), 1);
	ck_assert_ptr_null(memmem(bytes.data, bytes.len, "CANARY", 6));
	after = state_sample_carry_over(before, now, now);
	ck_assert_int_eq(
	    state_sample_ask(after, "d", now, &f).verdict, CACHE_IDENTITY_REFUSED);
	ck_assert_ptr_null(f);
	/* The same if it expires while nobody runs. */
	after = cache_free(after);
	after = state_sample_carry_over(before, now - SEC, now);
	ck_assert_int_eq(
	    state_sample_ask(after, "d", now, &f).verdict, CACHE_IDENTITY_REFUSED);
	ck_assert_uint_eq(cache_tokens(after), 0);
}
END_TEST

START_TEST(test_as_many_as_there_may_be_of_the_longest)
{
	_cleanup_cache_ struct cache *c = state_sample_make(), *again = NULL;
	_cleanup_secret_ struct secret bytes = {0};
	_cleanup_free_ char *token = calloc(1, 16 * 1024 + 1);
	char name[201] = "";

	memset(name, 'n', sizeof(name) - 1);
	memset(token, 't', 16 * 1024);
	for (unsigned i = 0; i < CACHE_ENTRIES_MAX; i++) {
		name[(unsigned)snprintf(name, sizeof(name), "%u", i)] = 'n';
		state_sample_fill(c, name, token, START);
	}
	ck_assert_uint_eq(state_sample_write(c, START, &bytes), CACHE_ENTRIES_MAX);
	ck_assert_uint_lt(bytes.len, STATE_SIZE_MAX);
	again = state_sample_carry_over(c, START, START);
	ck_assert_uint_eq(cache_tokens(again), CACHE_ENTRIES_MAX);
}
END_TEST

START_TEST(test_leaves_no_token_in_freed_memory)
{
	struct cache *before = state_sample_make();

	freed_memory_watch("CANARY-TOKEN");
	state_sample_fill(before, "one", "CANARY-TOKEN-1", START);
	state_sample_fill(before, "two", "CANARY-TOKEN-2", START);
	cache_free(state_sample_carry_over(before, START, START));
	cache_free(state_sample_carry_over(before, START, START + LIFE));
	before->first->renew_at = 0; /* refused after the other one has been read */
	before->last->renew_at = 0;
	{
		_cleanup_secret_ struct secret bytes = {0};

		(void)state_sample_write(before, START, &bytes);
		state_sample_refuse(&bytes, bytes.len, START, "renewed never");
	}
	cache_free(before);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_tokens_are_carried_over_in_order,
	    test_every_member_is_carried_over,
	    test_renewal_goes_on_as_for_a_token_in_use,
	    test_what_is_over_is_left_out,
	    test_expired_token_leaves_what_is_remembered,
	    test_as_many_as_there_may_be_of_the_longest,
	    test_leaves_no_token_in_freed_memory,
	};

	return check_program("state", tests, ELEMENTSOF(tests));
}
