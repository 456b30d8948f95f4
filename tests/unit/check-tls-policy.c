/* SPDX-License-Identifier: Apache-2.0 */
/* The digest of what is believed: everything that decides changes it, nothing else does.
 * What files do to it is check-tls-policy-files's. */

#include "tls-policy.h"

#include <string.h>

#include "belief.h"
#include "certificates.h"
#include "check-program.h"
#include "repeated-text.h"

/* The members of what the rows of a table have in common. */
#define STORE .trust_store = (char *)"store.p12"
#define WORD .trust_store_password = (char *)"word"
#define HOSTS .trusted_hosts = (char *)"other.example"
#define EXTRA                                         \
	{                                             \
		.additional_cas = (char *)"extra.pem" \
	}

/* Keys of the destination and of maildest.conf; each row changes one. */
START_TEST(test_changed_keys)
{
	const struct {
		const char *label;
		struct tls_trust trust;
		struct settings settings;
	} rows[] = {
	    {"the base", {STORE, WORD, HOSTS}, EXTRA},
	    {"TrustAll", {STORE, WORD, HOSTS, .insecure_trust_all = true}, EXTRA},
	    {"checkserveridentity",
		{STORE, WORD, HOSTS, .verification = HOST_VERIFY_NONE}, EXTRA},
	    {"HostnameVerifier",
		{STORE, WORD, HOSTS, .verification = HOST_VERIFY_BROWSER_COMPATIBLE},
		EXTRA},
	    {"no store", {WORD, HOSTS}, EXTRA},
	    {"another store", {.trust_store = (char *)"copy.p12", WORD, HOSTS}, EXTRA},
	    {"a missing store", {.trust_store = (char *)"none.p12", WORD, HOSTS}, EXTRA},
	    {"another missing one", {.trust_store = (char *)"no.p12", WORD, HOSTS},
		EXTRA},
	    {"no password", {STORE, HOSTS}, EXTRA},
	    {"another password", {STORE, .trust_store_password = (char *)"Word", HOSTS},
		EXTRA},
	    {"a longer password", {STORE, .trust_store_password = (char *)"words", HOSTS},
		EXTRA},
	    {"none added", {STORE, WORD, HOSTS}, {0}},
	    {"others added", {STORE, WORD, HOSTS},
		{.additional_cas = (char *)"copy.p12"}},
	    {"the two the other way round",
		{.trust_store = (char *)"extra.pem", WORD, HOSTS},
		{.additional_cas = (char *)"store.p12"}},
	    {"missing ones added", {STORE, WORD, HOSTS},
		{.additional_cas = (char *)"no.pem"}},
	    {"missing ones added by path", {STORE, WORD, HOSTS},
		{.additional_cas = (char *)"/nonexistent.pem"}},
	    {"the store added instead", {WORD, HOSTS},
		{.additional_cas = (char *)"store.p12"}},
	    {"the password in the name", {.trust_store = (char *)"none.p12word", HOSTS},
		EXTRA},
	};
	unsigned char digests[ELEMENTSOF(rows)][DIGEST_SHA256_SIZE];
	_cleanup_belief_ struct belief b;

	belief_begin(&b);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		b.trust = rows[i].trust;
		b.settings = rows[i].settings;
		belief_digest(&b, digests[i]);
		for (size_t k = 0; k < i; k++)
			ck_assert_msg(
			    memcmp(digests[i], digests[k], DIGEST_SHA256_SIZE) != 0,
			    "%s: is the same as %s", rows[i].label, rows[k].label);
	}
}
END_TEST

/* mail.<p>.ssl.trust counts by whether it covers the host. */
START_TEST(test_hosts_that_are_trusted)
{
	static const struct {
		const char *list;
		bool covers;
	} rows[] = {
	    {"mail.example", true},
	    {"MAIL.Example", true},
	    {"other.example mail.example", true},
	    {"*", true},
	    {NULL, false},
	    {"", false},
	    {"other.example third.example", false},
	    {"mail.example.com", false},
	    {"example", false},
	    {"*.example", false},
	};
	_cleanup_belief_ struct belief b;
	unsigned char checked[DIGEST_SHA256_SIZE], unchecked[DIGEST_SHA256_SIZE];

	belief_begin(&b);
	belief_digest(&b, checked);
	b.trust.insecure_trust_all = true;
	belief_digest(&b, unchecked);
	b.trust.insecure_trust_all = false;
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		b.trust.trusted_hosts = (char *)rows[i].list;
		ck_assert_msg(belief_is(&b, rows[i].covers ? unchecked : checked),
		    "'%s': is not as it should be", rows[i].list);
	}
}
END_TEST

START_TEST(test_the_environment)
{
	static const struct {
		const char *variable, *value;
	} rows[] = {
	    {"SSL_CERT_DIR", NULL},
	    {"SSL_CERT_DIR", ""},
	    {"SSL_CERT_DIR", "/"},
	    {"SSL_CERT_DIR", "/nonexistent"},
	    {"SSL_CERT_FILE", NULL},
	    {"SSL_CERT_FILE", ""},
	    {"SSL_CERT_FILE", "/dev/null"},
	    {"SSL_CERT_FILE", "/nonexistent"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_belief_ struct belief b;
		unsigned char was[DIGEST_SHA256_SIZE];

		belief_begin(&b);
		belief_digest(&b, was);
		ck_assert_int_eq(rows[i].value
				     ? setenv(rows[i].variable, rows[i].value, 1)
				     : unsetenv(rows[i].variable),
		    0);
		ck_assert_msg(!belief_is(&b, was), "%s=%s: is not noticed",
		    rows[i].variable, rows[i].value);
	}
	ck_assert_int_eq(unsetenv("SSL_CERT_DIR"), 0);
	ck_assert_str_eq(tls_policy_system_directory(), "/etc/ssl/certs");
	ck_assert_int_eq(setenv("SSL_CERT_DIR", "", 1), 0);
	ck_assert_str_eq(tls_policy_system_directory(), "/etc/ssl/certs");
	ck_assert_int_eq(setenv("SSL_CERT_DIR", "/x", 1), 0);
	ck_assert_str_eq(tls_policy_system_directory(), "/x");
}
END_TEST

/* Two texts of a policy must not run into each other, however long its words are. */
START_TEST(test_long_names)
{
	_cleanup_belief_ struct belief b;
	_cleanup_secret_ struct secret name = {0};
	unsigned char was[DIGEST_SHA256_SIZE];

	belief_begin(&b);
	repeated_text(&name, "x", 100000);
	b.trust.trust_store = name.data;
	b.trust.trust_store_password = name.data;
	b.settings.additional_cas = name.data;
	belief_digest(&b, was);
	name.data[99999] = 'y';
	ck_assert(!belief_is(&b, was));
}
END_TEST

START_TEST(test_what_does_not_count)
{
	_cleanup_belief_ struct belief b;
	_cleanup_config_ struct config again = CONFIG_INIT;
	_cleanup_config_file_ struct config_file file = {0};
	_cleanup_free_ char *why = NULL;
	unsigned char was[DIGEST_SHA256_SIZE];

	belief_begin(&b);
	belief_digest(&b, was);
	ck_assert_msg(belief_is(&b, was), "asked twice");
	b.host = "third.example";
	ck_assert_msg(belief_is(&b, was), "another host");
	b.settings.client_login = CLIENT_LOGIN_NONE;
	b.settings.tenant_mode = TENANT_SHARED;
	b.settings.token_service_tenant = (char *)"x";
	ck_assert_msg(belief_is(&b, was), "other settings");
	config_tree_puts(&b.tree, "certificates/another.pem", "x");
	config_tree_puts(&b.tree, "certificates/copy.p12", "x");
	ck_assert_msg(belief_is(&b, was), "files that are not named");
	ck_assert_int_eq(
	    config_read(&b.config, "certificates", "store", ".p12", 100, &file, &why), 0);
	ck_assert_msg(belief_is(&b, was), "a file that is read");
	ck_assert_int_eq(config_open(&again, b.tree.path, &why), 0);
	config_done(&b.config);
	b.config = again;
	again = (struct config)CONFIG_INIT;
	ck_assert_msg(belief_is(&b, was), "the same folder opened again");
}
END_TEST

static void name_context(const unsigned char policy[DIGEST_SHA256_SIZE], const char *host,
    uint16_t port, char ret[DIGEST_SHA256_HEX_SIZE])
{
	const struct destination d = {.host = (char *)host, .port = port};

	ck_assert_int_eq(tls_policy_context(policy, &d, NULL, ret), 0);
}

START_TEST(test_contexts)
{
	static const struct {
		unsigned char policy;
		const char *host;
		uint16_t port;
	} rows[] = {{0, "mail.example", 587}, {1, "mail.example", 587},
	    {0, "mail.example", 58}, {0, "mail.example", 5870}, {0, "mail.example", 0},
	    {0, "mail.example", 65535}, {0, "mail.exampl", 587}, {0, "mail.example5", 87},
	    {0, "mail.example:5", 87}, {0, "mail.example:587", 587}, {0, "", 587},
	    {0, "127.0.0.1", 587}, {0, "::1", 587}, {0, "::1:58", 7}};
	char names[ELEMENTSOF(rows)][DIGEST_SHA256_HEX_SIZE];

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		unsigned char policy[DIGEST_SHA256_SIZE] = {0};
		char again[DIGEST_SHA256_HEX_SIZE];

		policy[DIGEST_SHA256_SIZE - 1] = rows[i].policy;
		name_context(policy, rows[i].host, rows[i].port, names[i]);
		name_context(policy, rows[i].host, rows[i].port, again);
		ck_assert_str_eq(names[i], again);
		ck_assert_uint_eq(strlen(names[i]), 64);
		ck_assert_uint_eq(strspn(names[i], "0123456789abcdef"), 64);
		for (size_t k = 0; k < i; k++)
			ck_assert_msg(strcmp(names[i], names[k]) != 0,
			    "%s:%u is the same as %s:%u", rows[i].host, rows[i].port,
			    rows[k].host, rows[k].port);
	}
}
END_TEST

/* Another way to a host may lead to another host, and another certificate makes another of us. */
START_TEST(test_contexts_of_all_ways)
{
	EVP_PKEY *key = certificate_key();
	struct destination ways[] = {
	    {.proxy_type = PROXY_INTERNET},
	    {.proxy_type = PROXY_ON_PREMISE},
	    {.proxy_type = PROXY_ON_PREMISE, .location_id = (char *)"a"},
	    {.proxy_type = PROXY_ON_PREMISE, .location_id = (char *)"b"},
	    {.socks_host = (char *)"a", .socks_port = 1080},
	    {.socks_host = (char *)"a", .socks_port = 1081},
	    {.socks_host = (char *)"b", .socks_port = 1080},
	};
	unsigned char policy[DIGEST_SHA256_SIZE] = {0};
	char names[ELEMENTSOF(ways) + 1][DIGEST_SHA256_HEX_SIZE];
	struct tls_keys keys = {0};

	keys = (struct tls_keys){
	    .certificate = certificate_of_ca("DNS:us.example", key, key), .key = key};
	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		bool shows = i == ELEMENTSOF(ways);
		struct destination *d = &ways[shows ? 0 : i];

		d->host = (char *)"mail.example";
		d->port = 587;
		ck_assert_int_eq(
		    tls_policy_context(policy, d, shows ? &keys : NULL, names[i]), 0);
		for (size_t k = 0; k < i; k++)
			ck_assert_msg(strcmp(names[i], names[k]) != 0,
			    "way %zu has the name of way %zu", i, k);
	}
	tls_keys_done(&keys);
}
END_TEST

/* Each byte of a policy counts. */
START_TEST(test_contexts_of_all_policies)
{
	unsigned char policy[DIGEST_SHA256_SIZE] = {0};
	char base[DIGEST_SHA256_HEX_SIZE], name[DIGEST_SHA256_HEX_SIZE];

	name_context(policy, "h", 1, base);
	for (size_t i = 0; i < sizeof(policy); i++) {
		policy[i] = 1;
		name_context(policy, "h", 1, name);
		ck_assert_str_ne(name, base);
		policy[i] = 0;
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_changed_keys,
	    test_hosts_that_are_trusted,
	    test_the_environment,
	    test_long_names,
	    test_what_does_not_count,
	    test_contexts,
	    test_contexts_of_all_ways,
	    test_contexts_of_all_policies,
	};

	return check_program("tls-policy", tests, ELEMENTSOF(tests));
}
