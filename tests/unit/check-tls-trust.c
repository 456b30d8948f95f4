/* SPDX-License-Identifier: Apache-2.0 */
/* Whom to trust: the keys of SAP's "Server Certificate Authentication". */

#include "tls-trust.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "freed-memory.h"

static int parse(const char *json, struct tls_trust *t, char **ret_why)
{
	_cleanup_properties_ struct properties p = {0};

	ck_assert_int_eq(properties_add(&p, json, strlen(json), "file", ret_why), 0);
	return tls_trust_parse(&p, t, ret_why);
}

START_TEST(test_reads_the_keys)
{
	static const struct {
		const char *json, *store, *password;
		bool trust_all;
		enum host_verification verification;
	} rows[] = {
	    {"{}", NULL, NULL, false, HOST_VERIFY_STRICT},
	    {"{\"TrustAll\":\"FALSE\"}", NULL, NULL, false, HOST_VERIFY_STRICT},
	    {"{\"TrustAll\":\"TRUE\"}", NULL, NULL, true, HOST_VERIFY_STRICT},
	    {"{\"TrustAll\":true}", NULL, NULL, true, HOST_VERIFY_STRICT},
	    {"{\"HostnameVerifier\":\"Strict\"}", NULL, NULL, false, HOST_VERIFY_STRICT},
	    {"{\"HostnameVerifier\":\"BrowserCompatible\"}", NULL, NULL, false,
		HOST_VERIFY_BROWSER_COMPATIBLE},
	    {"{\"TrustStoreLocation\":\"my-ca_1.pem\"}", "my-ca_1.pem", NULL, false,
		HOST_VERIFY_STRICT},
	    {"{\"TrustStoreLocation\":\"ca.p12\",\"TrustStorePassword\":\"a b\"}",
		"ca.p12", "a b", false, HOST_VERIFY_STRICT},
	    {"{\"TrustStorePassword\":\"\"}", NULL, "", false, HOST_VERIFY_STRICT},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_tls_trust_ struct tls_trust t = {0};
		_cleanup_free_ char *why = NULL;
		int r = parse(rows[i].json, &t, &why);

		ck_assert_msg(r == 0, "%s: %s", rows[i].json, why);
		ck_assert_pstr_eq(t.trust_store, rows[i].store);
		ck_assert_pstr_eq(t.trust_store_password, rows[i].password);
		ck_assert_msg(t.insecure_trust_all == rows[i].trust_all &&
				  t.verification == rows[i].verification,
		    "%s: means something else", rows[i].json);
	}
}
END_TEST

START_TEST(test_refuses_what_would_weaken_by_accident)
{
	static const struct {
		const char *json, *key;
	} rows[] = {
	    {"{\"TrustAll\":\"yes\"}", "TrustAll"},
	    {"{\"TrustAll\":1}", "TrustAll"},
	    {"{\"TrustAll\":\"\"}", "TrustAll"},
	    {"{\"HostnameVerifier\":\"strict\"}", "HostnameVerifier"},
	    {"{\"HostnameVerifier\":\"None\"}", "HostnameVerifier"},
	    {"{\"HostnameVerifier\":[]}", "HostnameVerifier"},
	    {"{\"TrustStoreLocation\":\"\"}", "TrustStoreLocation"},
	    {"{\"TrustStoreLocation\":\"../hunter2\"}", "TrustStoreLocation"},
	    {"{\"TrustStoreLocation\":\"/etc/hunter2\"}", "TrustStoreLocation"},
	    {"{\"TrustStoreLocation\":\".hunter2\"}", "TrustStoreLocation"},
	    {"{\"TrustStoreLocation\":\"a/hunter2\"}", "TrustStoreLocation"},
	    {"{\"TrustStoreLocation\":\"<hunter2>\"}", "TrustStoreLocation"},
	    {"{\"TrustStoreLocation\":\"ca.p12\",\"TrustStorePassword\":\"<hunter2>\"}",
		"TrustStorePassword"},
	    {"{\"TrustStoreLocation\":\"ca.p12\",\"TrustStorePassword\":{\"hunter2\":1}}",
		"TrustStorePassword"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *why = NULL;
		struct tls_trust t;
		int r = parse(rows[i].json, &t, &why);

		ck_assert_msg(r == -EINVAL, "%s: is accepted", rows[i].json);
		ck_assert_msg(why && strstr(why, "file: ") == why &&
				  strstr(why, rows[i].key) && !strstr(why, "hunter2"),
		    "%s: the reason is '%s'", rows[i].json, why);
	}
}
END_TEST

START_TEST(test_the_password_is_wiped)
{
	struct tls_trust t = {0};
	_cleanup_free_ char *why = NULL;

	freed_memory_watch("hunter2");
	ck_assert_int_eq(parse("{\"TrustStorePassword\":\"hunter2\"}", &t, &why), 0);
	tls_trust_done(&t);
	ck_assert_uint_eq(freed_memory_hits(), 0);
	/* also if a later key is wrong */
	ck_assert_int_eq(
	    parse("{\"TrustStorePassword\":\"hunter2\",\"TrustAll\":\"?\"}", &t, &why),
	    -EINVAL);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_reads_the_keys,
	    test_refuses_what_would_weaken_by_accident,
	    test_the_password_is_wiped,
	};

	return check_program("tls-trust", tests, ELEMENTSOF(tests));
}
