/* SPDX-License-Identifier: Apache-2.0 */
/* TLS contexts that services share: who has which, when it is loaded, when it goes. */

#include "tls-cache.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "certificates.h"
#include "check-program.h"
#include "config-tree.h"
#include "tls-policy.h"
#include "tls-private.h"

/* A configuration with authorities 0.pem, 1.pem, ..., which are one and the same. */
struct host {
	struct config_tree tree;
	struct config config;
	struct secret pem;
	struct tls_cache cache;
};

#define AUTHORITIES 20

static void put(struct host *h, unsigned number, const struct secret *text)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "certificates/%u.pem", number);
	config_tree_write(&h->tree, name, text->data, text->len);
}

static void begin(struct host *h)
{
	EVP_PKEY *key = certificate_key();
	X509 *ca = certificate_of_ca(NULL, key, key);
	_cleanup_free_ char *folder = NULL, *why = NULL;

	*h = (struct host){.config = CONFIG_INIT};
	certificate_to_pem(ca, &h->pem);
	X509_free(ca);
	EVP_PKEY_free(key);
	config_tree_make(&h->tree);
	ck_assert_int_eq(config_open(&h->config, h->tree.path, &why), 0);
	for (unsigned i = 0; i < AUTHORITIES; i++)
		put(h, i, &h->pem);
	config_tree_puts(&h->tree, "destinations/00000000.0", "");
	folder = config_tree_path(&h->tree, "destinations");
	ck_assert_int_eq(setenv("SSL_CERT_DIR", folder, 1), 0);
	ck_assert_int_eq(unsetenv("SSL_CERT_FILE"), 0);
}

static void host_done(struct host *h)
{
	tls_cache_done(&h->cache);
	config_done(&h->config);
	config_tree_done(&h->tree);
	secret_done(&h->pem);
}
#define _cleanup_host_ _cleanup_(host_done)

static const struct settings none_added;

/* Has a user refer to the policy of an authority. */
static int use_for(
    struct host *h, struct tls_cached **user, unsigned number, char **ret_why)
{
	char name[32];
	const struct tls_trust trust = {.trust_store = name};

	(void)snprintf(name, sizeof(name), "%u.pem", number);
	return tls_cache_use(
	    &h->cache, user, &h->config, &none_added, &trust, "mail.example", ret_why);
}

static void use(struct host *h, struct tls_cached **user, unsigned number)
{
	_cleanup_free_ char *why = NULL;

	ck_assert_int_eq(use_for(h, user, number, &why), 0);
	ck_assert_ptr_nonnull(*user);
	ck_assert_ptr_nonnull((*user)->context);
	ck_assert_ptr_null(why);
}

static struct tls_context *find(struct host *h, unsigned number)
{
	char name[32];
	const struct tls_trust trust = {.trust_store = name};
	unsigned char policy[DIGEST_SHA256_SIZE];

	(void)snprintf(name, sizeof(name), "%u.pem", number);
	ck_assert_int_eq(
	    tls_policy_digest(&h->config, &none_added, &trust, "mail.example", policy),
	    0);
	return tls_cache_find(&h->cache, policy);
}

static unsigned count(const struct host *h)
{
	unsigned n = 0;

	for (const struct tls_cached *e = h->cache.first; e; e = e->next)
		n++;
	return n;
}

/* A new file of the same contents takes the authority's name. */
static void replace(struct host *h, unsigned number)
{
	_cleanup_free_ char *from = config_tree_path(&h->tree, "certificates/99.pem");
	_cleanup_free_ char *to = NULL;

	put(h, 99, &h->pem);
	ck_assert_int_gt(
	    asprintf(&to, "%s/certificates/%u.pem", h->tree.path, number), 0);
	ck_assert_int_eq(rename(from, to), 0);
}

START_TEST(test_nothing_is_there_at_first)
{
	_cleanup_host_ struct host h;
	struct tls_cached *user = NULL;

	begin(&h);
	ck_assert_ptr_null(find(&h, 0));
	tls_cache_leave(&h.cache, &user);
	ck_assert_ptr_null(user);
	tls_cache_done(&h.cache);
	ck_assert_ptr_null(h.cache.first);
}
END_TEST

START_TEST(test_services_of_one_policy_share)
{
	_cleanup_host_ struct host h;
	struct tls_cached *users[5] = {NULL};
	struct tls_context *context;

	begin(&h);
	for (size_t i = 0; i < ELEMENTSOF(users); i++) {
		use(&h, &users[i], 0);
		ck_assert_ptr_eq(users[i], users[0]);
		ck_assert_uint_eq(users[0]->users, i + 1);
		ck_assert_uint_eq(count(&h), 1);
	}
	context = users[0]->context;
	ck_assert_ptr_eq(find(&h, 0), context);
	ck_assert_ptr_null(find(&h, 1));
	for (size_t i = 0; i < ELEMENTSOF(users); i++) {
		ck_assert_ptr_eq(find(&h, 0), context);
		tls_cache_leave(&h.cache, &users[i]);
		ck_assert_ptr_null(users[i]);
	}
	ck_assert_ptr_null(find(&h, 0));
	ck_assert_uint_eq(count(&h), 0);
}
END_TEST

START_TEST(test_asking_again_changes_nothing)
{
	_cleanup_host_ struct host h;
	struct tls_cached *user = NULL;
	const struct tls_cached *first;
	const struct tls_context *context;

	begin(&h);
	use(&h, &user, 0);
	first = user;
	context = user->context;
	for (unsigned i = 0; i < 3; i++) {
		use(&h, &user, 0);
		ck_assert_ptr_eq(user, first);
		ck_assert_ptr_eq(user->context, context);
		ck_assert_uint_eq(user->users, 1);
	}
	tls_cache_leave(&h.cache, &user);
}
END_TEST

START_TEST(test_a_changed_file_is_loaded_anew)
{
	_cleanup_host_ struct host h;
	struct tls_cached *user = NULL, *idle = NULL;
	const struct tls_context *old;

	begin(&h);
	use(&h, &user, 0);
	use(&h, &idle, 0);
	old = user->context;
	replace(&h, 0);
	ck_assert_ptr_null(find(&h, 0));
	use(&h, &user, 0);
	ck_assert_ptr_ne(user->context, old);
	ck_assert_ptr_eq(idle->context, old); /* whose service has not looked yet */
	ck_assert_uint_eq(idle->users, 1);
	ck_assert_uint_eq(count(&h), 2);
	use(&h, &idle, 0);
	ck_assert_ptr_eq(idle, user);
	ck_assert_uint_eq(user->users, 2);
	ck_assert_uint_eq(count(&h), 1);
	ck_assert_ptr_eq(find(&h, 0), user->context);
}
END_TEST

START_TEST(test_a_service_joins_another_policy)
{
	_cleanup_host_ struct host h;
	struct tls_cached *a = NULL, *b = NULL;
	const struct tls_cached *of_b;

	begin(&h);
	use(&h, &a, 0);
	use(&h, &b, 1);
	of_b = b;
	ck_assert_ptr_ne(a, b);
	use(&h, &a, 1);
	ck_assert_ptr_eq(a, of_b);
	ck_assert_ptr_eq(b, of_b);
	ck_assert_uint_eq(b->users, 2);
	ck_assert_ptr_null(find(&h, 0));
	ck_assert_uint_eq(count(&h), 1);
}
END_TEST

START_TEST(test_many_policies_leave_in_any_order)
{
	static const unsigned steps[] = {1, 3, 7, AUTHORITIES - 1};

	for (size_t k = 0; k < ELEMENTSOF(steps); k++) {
		_cleanup_host_ struct host h;
		struct tls_cached *users[AUTHORITIES] = {NULL};

		begin(&h);
		for (unsigned i = 0; i < AUTHORITIES; i++)
			use(&h, &users[i], i);
		for (unsigned i = 0; i < AUTHORITIES; i++) {
			unsigned who = i * steps[k] % AUTHORITIES;

			ck_assert_uint_eq(count(&h), AUTHORITIES - i);
			ck_assert_ptr_eq(find(&h, who), users[who]->context);
			tls_cache_leave(&h.cache, &users[who]);
			ck_assert_ptr_null(find(&h, who));
		}
		ck_assert_uint_eq(count(&h), 0);
	}
}
END_TEST

START_TEST(test_a_failure_leaves_nothing)
{
	static const struct secret garbage = {(char *)"garbage", 7, 8};
	_cleanup_host_ struct host h;
	struct tls_cached *user = NULL, *other = NULL, *third = NULL;
	const struct tls_cached *of_other;

	begin(&h);
	use(&h, &user, 0);
	use(&h, &other, 1);
	use(&h, &third, 0);
	of_other = other;
	replace(&h, 0); /* the change must be seen, whatever clocks say */
	put(&h, 0, &garbage);
	for (unsigned i = 0; i < 3; i++) {
		_cleanup_free_ char *why = NULL;

		ck_assert_int_eq(use_for(&h, &user, 0, &why), -EINVAL);
		ck_assert_ptr_nonnull(strstr(why, "0.pem"));
		ck_assert_ptr_null(user);
		ck_assert_ptr_null(find(&h, 0));
	}
	ck_assert_uint_eq(third->users, 1);
	ck_assert_uint_eq(count(&h), 2);
	tls_cache_leave(&h.cache, &third);
	ck_assert_uint_eq(count(&h), 1);
	use(&h, &other, 1);
	ck_assert_ptr_eq(other, of_other);
	replace(&h, 0);
	use(&h, &user, 0);
	ck_assert_ptr_eq(find(&h, 0), user->context);
}
END_TEST

START_TEST(test_a_missing_file_is_a_failure)
{
	_cleanup_host_ struct host h;
	_cleanup_free_ char *why = NULL;
	struct tls_cached *user = NULL;

	begin(&h);
	ck_assert_int_eq(use_for(&h, &user, 77, &why), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why, "77.pem"));
	ck_assert_ptr_null(user);
	ck_assert_uint_eq(count(&h), 0);
}
END_TEST

/* It is made for the policy it is found under. */
START_TEST(test_the_context_is_that_of_the_policy)
{
	static const struct tls_trust checked = {.verification = HOST_VERIFY_STRICT},
				      unchecked = {.insecure_trust_all = true},
				      nameless = {.verification = HOST_VERIFY_NONE};
	const struct tls_trust *const trusts[] = {&checked, &unchecked, &nameless};
	_cleanup_host_ struct host h;
	struct tls_cached *users[ELEMENTSOF(trusts)] = {NULL};

	begin(&h);
	for (size_t i = 0; i < ELEMENTSOF(trusts); i++) {
		_cleanup_free_ char *why = NULL;
		const struct tls_policy *policy;

		ck_assert_int_eq(tls_cache_use(&h.cache, &users[i], &h.config,
				     &none_added, trusts[i], "mail.example", &why),
		    0);
		policy = &users[i]->context->policy;
		ck_assert(policy->insecure == (trusts[i] == &unchecked));
		ck_assert(policy->check_host == (trusts[i] != &nameless));
	}
	ck_assert_uint_eq(count(&h), ELEMENTSOF(trusts));
}
END_TEST

/* As when a server stops: some still refer to theirs. */
START_TEST(test_the_cache_frees_what_is_in_use)
{
	struct host h;
	struct tls_cached *users[3] = {NULL};

	begin(&h);
	for (unsigned i = 0; i < ELEMENTSOF(users); i++)
		use(&h, &users[i], i % 2);
	host_done(&h);
	ck_assert_ptr_null(h.cache.first);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_nothing_is_there_at_first,
	    test_services_of_one_policy_share,
	    test_asking_again_changes_nothing,
	    test_a_changed_file_is_loaded_anew,
	    test_a_service_joins_another_policy,
	    test_many_policies_leave_in_any_order,
	    test_a_failure_leaves_nothing,
	    test_a_missing_file_is_a_failure,
	    test_the_context_is_that_of_the_policy,
	    test_the_cache_frees_what_is_in_use,
	};

	return check_program("tls-cache", tests, ELEMENTSOF(tests));
}
