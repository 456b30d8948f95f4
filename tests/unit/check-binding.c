/* SPDX-License-Identifier: Apache-2.0 */
/* What a session can be bound to, and when two are bound to the same. */

#include "binding.h"

#include <string.h>

#include "check-program.h"

#define BINDING(...)                                                            \
	{                                                                       \
		.service = (char *)"s", .destination = (char *)"d", __VA_ARGS__ \
	}
#define TEXT(text) ((char *)(text))

static const struct binding all[] = {
    BINDING(.tenant = NULL),
    BINDING(.tenant = TEXT("t")),
    BINDING(.instance = TEXT("t")),
    BINDING(.level = TEXT("t")),
    BINDING(.fragment = TEXT("t")),
    BINDING(.fragment = TEXT("t"), .fragment_optional = TEXT(BINDING_OPTIONAL)),
    BINDING(.fragment = TEXT("t"), .fragment_level = TEXT("t")),
    BINDING(.fragment = TEXT("t,t")),
    BINDING(.chain = TEXT("t")),
    BINDING(.chain = TEXT("t"), .chain_variables = TEXT("a=b\n")),
    BINDING(.chain = TEXT("t"), .chain_variables = TEXT("a=\nb=c=d\n")),
    {.service = (char *)"s", .destination = (char *)"t"},
};

START_TEST(test_owners_differ)
{
	unsigned char one[DIGEST_SHA256_SIZE], other[DIGEST_SHA256_SIZE];

	for (size_t i = 0; i < ELEMENTSOF(all); i++) {
		_cleanup_binding_ struct binding copy = {0};

		ck_assert_ptr_null(binding_find_bad_name(&all[i]));
		ck_assert(binding_is_well_formed(&all[i]));
		ck_assert_int_eq(binding_owner(&all[i], one), 0);
		ck_assert_int_eq(binding_copy(&all[i], &copy), 0);
		ck_assert_int_eq(binding_owner(&copy, other), 0);
		ck_assert_mem_eq(one, other, sizeof(one));
		for (size_t k = 0; k < i; k++) {
			ck_assert_int_eq(binding_owner(&all[k], other), 0);
			ck_assert_msg(
			    memcmp(one, other, sizeof(one)) != 0, "%zu and %zu", i, k);
		}
	}
}
END_TEST

START_TEST(test_bad_variables)
{
	static const char *const texts[] = {"", "a", "a=b", "a=b\n\n", "=b\n", "a=b c\n",
	    "b=1\na=1\n", "a=1\na=2\n", "a b=1\n", "a=\r\n", "a=1\nb"};
	struct binding b = BINDING(.chain = TEXT("c"));

	for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
		b.chain_variables = TEXT(texts[i]);
		ck_assert_msg(
		    binding_find_bad_name(&b) &&
			strcmp(binding_find_bad_name(&b), "chain_variables") == 0,
		    "%zu: %s", i, texts[i]);
		ck_assert(!binding_is_well_formed(&b));
	}
	b.chain_variables = NULL;
	b.fragment_optional = TEXT("true");
	ck_assert_str_eq(binding_find_bad_name(&b), "fragment_optional");
}
END_TEST

START_TEST(test_internal_ones)
{
	static const struct {
		const char *destination, *name;
		enum binding_kind kind;
	} rows[] = {
	    {"d", "d", BINDING_DESTINATION},
	    {BINDING_ASSERTION_PREFIX "d", "d", BINDING_ASSERTION},
	    {BINDING_INSTANCE_PREFIX "d", "d", BINDING_INSTANCE},
	    {BINDING_CONNECTIVITY_NAME, BINDING_CONNECTIVITY_NAME, BINDING_CONNECTIVITY},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct binding b = {
		    .service = TEXT("s"), .destination = TEXT(rows[i].destination)};
		const char *name;

		ck_assert_int_eq(binding_kind(&b, &name), rows[i].kind);
		ck_assert_str_eq(name, rows[i].name);
		ck_assert(binding_is_well_formed(&b));
		ck_assert(
		    !binding_find_bad_name(&b) == (rows[i].kind == BINDING_DESTINATION));
	}
}
END_TEST

START_TEST(test_whose_they_are)
{
	const struct binding none = BINDING(.tenant = NULL),
			     one = BINDING(.tenant = TEXT("t"));

	ck_assert(binding_is_of(&none, "d", NULL) && binding_is_of(&one, "d", NULL));
	ck_assert(!binding_is_of(&none, "d", "t") && binding_is_of(&one, "d", "t"));
	ck_assert(!binding_is_of(&one, "d", "u") && !binding_is_of(&one, "D", NULL));
}
END_TEST

/* Whatever a tenant changes in its destinations, its realms are known as its own. */
START_TEST(test_realms_begin_with_their_holder)
{
	static const unsigned char here[DIGEST_SHA256_SIZE] = {1},
				   there[DIGEST_SHA256_SIZE] = {2};
	const struct binding one = BINDING(.tenant = TEXT("t")),
			     level = BINDING(.tenant = TEXT("t"),
				 .level = TEXT("subaccount")),
			     other = BINDING(.tenant = TEXT("u")),
			     instance =
				 BINDING(.tenant = TEXT("t"), .instance = TEXT("i"));
	unsigned char realms[5][DIGEST_SHA256_SIZE];

	ck_assert_int_eq(binding_realm(&one, here, realms[0]), 0);
	ck_assert_int_eq(binding_realm(&one, there, realms[1]), 0);
	ck_assert_int_eq(binding_realm(&level, here, realms[2]), 0);
	ck_assert_int_eq(binding_realm(&other, here, realms[3]), 0);
	ck_assert_int_eq(binding_realm(&instance, here, realms[4]), 0);
	for (size_t i = 1; i < ELEMENTSOF(realms); i++) {
		ck_assert_mem_ne(realms[0], realms[i], DIGEST_SHA256_SIZE);
		ck_assert_int_eq(
		    memcmp(realms[0], realms[i], BINDING_HOLDER_SIZE) == 0, i < 3);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {test_owners_differ, test_bad_variables,
	    test_internal_ones, test_whose_they_are, test_realms_begin_with_their_holder};

	return check_program("binding", tests, ELEMENTSOF(tests));
}
