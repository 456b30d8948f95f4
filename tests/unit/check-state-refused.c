/* SPDX-License-Identifier: Apache-2.0 */
/* That no other bytes than those that were written are taken for a state. */

#include "state.h"

#include "check-program.h"
#include "repeated-text.h"
#include "rotation-seal.h"
#include "state-sample.h"

START_TEST(test_any_part_of_a_state_is_none)
{
	_cleanup_cache_ struct cache *c = state_sample_make();
	_cleanup_secret_ struct secret bytes = {0};

	state_sample_fill(c, "one", "token-1", START);
	state_sample_fill(c, "two", "token-2", START);
	(void)state_sample_write(c, START, &bytes);
	for (size_t n = 0; n < bytes.len; n++)
		state_sample_refuse(&bytes, n, START, "cut");
	ck_assert_int_eq(secret_append(&bytes, "x", 1), 0);
	state_sample_refuse(&bytes, bytes.len, START, "longer");
}
END_TEST

START_TEST(test_any_changed_bit_is_noticed)
{
	_cleanup_cache_ struct cache *c = state_sample_make();
	_cleanup_secret_ struct secret bytes = {0};

	state_sample_fill(c, "one", "token-1", START);
	(void)state_sample_write(c, START, &bytes);
	for (size_t i = 0; i < bytes.len * 8; i++) {
		bytes.data[i / 8] = (char)(bytes.data[i / 8] ^ (1 << i % 8));
		state_sample_refuse(&bytes, bytes.len, START, "a bit");
		bytes.data[i / 8] = (char)(bytes.data[i / 8] ^ (1 << i % 8));
	}
}
END_TEST

/* Cut anywhere or changed anywhere, with a digest that fits: refused or taken, no harm done. */
START_TEST(test_nonsense_with_a_good_digest_does_no_harm)
{
	_cleanup_cache_ struct cache *c = state_sample_make();
	_cleanup_secret_ struct secret good = {0}, bytes = {0};
	uint32_t random = 1;

	state_sample_fill(c, "one", "token-1", START)->identity_refused_until =
	    START + SEC;
	state_sample_fill(c, "two", "token-2", START);
	(void)state_sample_write(c, START, &good);
	for (unsigned i = 0; i < 20000; i++) {
		struct cache *read = NULL;
		uint64_t generation;
		const char *why;
		struct state_header h;
		size_t at, n;

		random = random * 1664525 + 1013904223;
		at = STATE_DIGESTED + (random >> 8) % (good.len - STATE_DIGESTED);
		n = random & 1 ? good.len : at + 1;
		secret_clear(&bytes);
		ck_assert_int_eq(
		    secret_append(&bytes, good.data, MAX_OF(n, sizeof(h))), 0);
		bytes.data[at] = (char)(random >> 20);
		if (random & 2) {
			memcpy(&h, bytes.data, sizeof(h));
			h.length = bytes.len;
			memcpy(bytes.data, &h, sizeof(h));
		}
		state_sample_sign(&bytes);
		if (state_parse(bytes.data, bytes.len, START, &read, &generation, &why) ==
		    0)
			cache_free(read);
	}
}
END_TEST

static void change_service(struct cache_entry *e)
{
	e->binding.service[0] = '\n';
}

static void change_destination(struct cache_entry *e)
{
	e->binding.destination[0] = '/';
}

static void drop_destination(struct cache_entry *e)
{
	e->binding.destination[0] = '\0';
}

static void add_tenant(struct cache_entry *e)
{
	e->binding.tenant = strdup("../t");
}

static void break_token(struct cache_entry *e)
{
	e->token.data[0] = ' ';
}

static void break_rejected(struct cache_entry *e)
{
	memset(e->rejected_sha256, 'A', DIGEST_SHA256_HEX_SIZE - 1);
	e->rejected_at = START;
}

static void shorten_rejected(struct cache_entry *e)
{
	e->rejected_sha256[0] = 'a';
	e->rejected_at = START;
}

static void drop_rejected_at(struct cache_entry *e)
{
	memset(e->rejected_sha256, 'a', DIGEST_SHA256_HEX_SIZE - 1);
}

static void break_failure(struct cache_entry *e)
{
	cache_entry_set_failure(e, CACHE_FULL, NULL, "why", 0, START);
}

static void break_reason(struct cache_entry *e)
{
	cache_entry_set_failure(e, CACHE_REFUSED, NULL, "two\nlines", 0, START);
}

static void break_error(struct cache_entry *e)
{
	cache_entry_set_failure(e, CACHE_REFUSED, "\xff", "why", 0, START);
}

static void pause_for_ever(struct cache_entry *e)
{
	cache_entry_set_failure(
	    e, CACHE_UNAVAILABLE, NULL, "why", CACHE_PAUSE_MAX_USEC + 1, START);
}

static void refuse_for_ever(struct cache_entry *e)
{
	e->identity_refused_until = START + CACHE_REFUSAL_USEC + 1;
}

static void reject_in_future(struct cache_entry *e)
{
	memset(e->rejected_sha256, 'a', DIGEST_SHA256_HEX_SIZE - 1);
	e->rejected_at = START + 1;
}

static void replace_in_future(struct cache_entry *e)
{
	e->replaced_at = START + 1;
}

static void use_in_future(struct cache_entry *e)
{
	e->used_at = START + 1;
}

static void fetch_in_future(struct cache_entry *e)
{
	e->fetched_at = START + 1;
}

static void fetch_never(struct cache_entry *e)
{
	e->fetched_at = 0;
}

static void live_for_ever(struct cache_entry *e)
{
	e->expires_at = START + 24 * LIFE + 1;
}

static void renew_before(struct cache_entry *e)
{
	e->renew_at = START - 1;
}

static void renew_after(struct cache_entry *e)
{
	e->renew_at = e->expires_at + 1;
}

static void accept_in_future(struct cache_entry *e)
{
	e->accepted_at = START + 1;
}

static void lengthen_record(struct cache_entry *e)
{
	repeated_text(&e->unsaved, "r", ROTATION_SIZE_MAX + 1);
}

START_TEST(test_entries_that_make_no_sense)
{
	static const struct {
		const char *label;
		void (*change)(struct cache_entry *e);
	} rows[] = {
	    {"service with a line break", change_service},
	    {"destination that is no name", change_destination},
	    {"no destination", drop_destination},
	    {"tenant that is no name", add_tenant},
	    {"token with a space", break_token},
	    {"hash of a refused token in capitals", break_rejected},
	    {"hash of a refused token too short", shorten_rejected},
	    {"refused never", drop_rejected_at},
	    {"failure that is none", break_failure},
	    {"reason with a line break", break_reason},
	    {"error that is no UTF-8", break_error},
	    {"pause of more than ten minutes", pause_for_ever},
	    {"identity refused for more than a minute", refuse_for_ever},
	    {"refused in the future", reject_in_future},
	    {"replaced in the future", replace_in_future},
	    {"used in the future", use_in_future},
	    {"fetched in the future", fetch_in_future},
	    {"fetched never", fetch_never},
	    {"token for more than a day", live_for_ever},
	    {"renewed before it was fetched", renew_before},
	    {"renewed after its end", renew_after},
	    {"accepted in the future", accept_in_future},
	    {"record that is too long", lengthen_record},
	};
	_cleanup_secret_ struct secret bytes = {0};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_cache_ struct cache *c = state_sample_make();

		state_sample_fill(c, "d", "token-1", START);
		cache_free(state_sample_carry_over(c, START, START));
		rows[i].change(c->first);
		ck_assert_msg(
		    state_sample_write(c, START, &bytes) == 1, "%s", rows[i].label);
		state_sample_refuse(&bytes, bytes.len, START, rows[i].label);
	}
}
END_TEST

START_TEST(test_headers_that_make_no_sense)
{
	_cleanup_cache_ struct cache *c = state_sample_make();
	_cleanup_secret_ struct secret bytes = {0};
	struct state_header good, bad[6];

	state_sample_fill(c, "d", "token-1", START);
	(void)state_sample_write(c, START, &bytes);
	memcpy(&good, bytes.data, sizeof(good));
	for (size_t i = 0; i < ELEMENTSOF(bad); i++)
		bad[i] = good;
	bad[0].version++;
	bad[1].entries = 2;
	bad[2].entries = 0;
	bad[3].entries = CACHE_ENTRIES_MAX + 1;
	bad[4].generation = 0;
	bad[5].generation = UINT64_MAX;
	for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
		memcpy(bytes.data, &bad[i], sizeof(bad[i]));
		state_sample_sign(&bytes);
		state_sample_refuse(&bytes, bytes.len, START, "header");
	}
}
END_TEST

START_TEST(test_one_key_twice_is_refused)
{
	_cleanup_cache_ struct cache *c = state_sample_make();
	_cleanup_secret_ struct secret bytes = {0};
	struct cache_entry *e;

	state_sample_fill(c, "one", "token-1", START);
	e = state_sample_fill(c, "two", "token-2", START);
	free(e->binding.destination);
	e->binding.destination = strdup("one");
	(void)state_sample_write(c, START, &bytes);
	state_sample_refuse(&bytes, bytes.len, START, "one key twice");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_any_part_of_a_state_is_none,
	    test_any_changed_bit_is_noticed,
	    test_nonsense_with_a_good_digest_does_no_harm,
	    test_entries_that_make_no_sense,
	    test_headers_that_make_no_sense,
	    test_one_key_twice_is_refused,
	};

	return check_program("state-refused", tests, ELEMENTSOF(tests));
}
