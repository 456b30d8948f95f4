/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a helper for the way through the Connectivity proxy. */

#include "token.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "digest.h"
#include "freed-memory.h"
#include "helper-end.h"
#include "helper-visits.h"

static const struct service my_mail = {.destination = "my-mail"};

#define SOON deadline_in(20 * USEC_PER_SEC)

#define OPENED "{\"parameters\":{}}"
#define TOKEN "{\"parameters\":{\"access_token\":\"to.ken\"}}"
#define SESSION "{\"parameters\":{\"session\":\"c2Vzc2lvbg==\"}}" /* "session" */
#define PROXY_OF(host, port, jwt)                                                    \
	"{\"parameters\":{\"host\":" host ",\"port\":" port ",\"access_token\":" jwt \
	",\"expires_in\":3600}}"
#define PROXY PROXY_OF("\"proxy.example\"", "20004", "\"ey.J.w\"")
#define OTHER PROXY_OF("\"192.0.2.7\"", "1", "\"other.J\"")

#define CALL(method, parameters)                                                         \
	"{\"method\":\"io.maildest.Helper." method "\",\"parameters\":{" parameters "}}" \
	"\n"
#define ASKED                                                                      \
	CALL("OpenSession", "\"service\":\"my-mail\",\"destination\":\"my-mail\"") \
	CALL("GetConnectivityProxy", "")
#define ASKED_ALL \
	ASKED CALL("GetTlsSession", "\"context\":\"c0ffee\"") CALL("GetToken", "")

static const struct token_request proxy_alone = {
    .service = &my_mail, .wants_proxy = true};
static const struct token_request everything = {.service = &my_mail,
    .tls_context = "c0ffee",
    .wants_proxy = true,
    .wants_token = true};

START_TEST(test_everything_in_one_breath)
{
	_cleanup_helper_ struct helper h;
	_cleanup_free_ char *why = NULL;
	_cleanup_secret_ struct secret heard = {0}, token = {0};

	helper_begin(&h, SOCK_SEQPACKET, &everything, SOON);
	ck_assert_str_eq(helper_told(&h, &heard), ASKED_ALL);
	helper_answer(&h, OPENED, 1);
	helper_answer(&h, PROXY, 1);
	ck_assert_int_eq(token_wait_proxy(&h.t, SOON, &why), 0);
	ck_assert_str_eq(h.t.proxy.host, "proxy.example");
	ck_assert_uint_eq(h.t.proxy.port, 20004);
	ck_assert_str_eq(secret_str(&h.t.proxy.jwt), "ey.J.w");
	helper_answer(&h, SESSION, SCENE_PACKET_MAX);
	helper_answer(&h, TOKEN, SCENE_PACKET_MAX);
	ck_assert_int_eq(token_wait(&h.t, SOON, &token, &why), 0);
	ck_assert_str_eq(secret_str(&token), "to.ken");
	ck_assert_str_eq(secret_str(&h.t.tls_session), "session");
}
END_TEST

START_TEST(test_answers)
{
	static const struct {
		const char *label, *says;
		int want;
		const char *why;
	} rows[] = {
	    {"good", PROXY, 0, NULL},
	    {"the last port", PROXY_OF("\"h\"", "65535", "\"j\""), 0, NULL},
	    {"no port", PROXY_OF("\"h\"", "0", "\"j\""), -ENOTCONN, "address"},
	    {"a port too many", PROXY_OF("\"h\"", "65536", "\"j\""), -ENOTCONN,
		"address"},
	    {"a port of 2^32 and more", PROXY_OF("\"h\"", "4294987300", "\"j\""),
		-ENOTCONN, "address"},
	    {"a negative port", PROXY_OF("\"h\"", "-1", "\"j\""), -ENOTCONN, "address"},
	    {"a port in words", PROXY_OF("\"h\"", "\"20004\"", "\"j\""), -ENOTCONN,
		"address"},
	    {"half a port", PROXY_OF("\"h\"", "20004.5", "\"j\""), -ENOTCONN, "address"},
	    {"no host", PROXY_OF("null", "20004", "\"j\""), -ENOTCONN, "address"},
	    {"an empty host", PROXY_OF("\"\"", "20004", "\"j\""), -ENOTCONN, "address"},
	    {"a host that is none", PROXY_OF("[\"h\"]", "20004", "\"j\""), -ENOTCONN,
		"address"},
	    {"no token", PROXY_OF("\"h\"", "20004", "null"), -ENOTCONN,
		"without a token"},
	    {"an empty token", PROXY_OF("\"h\"", "20004", "\"\""), -ENOTCONN,
		"without a token"},
	    {"a malformed token", PROXY_OF("\"h\"", "20004", "\"a\\r\\nb\""), -ENOTCONN,
		"malformed"},
	    {"nothing", OPENED, -ENOTCONN, "address"},
	    {"no configuration",
		"{\"error\":\"io.maildest.Helper.InvalidDestination\",\"parameters\":{"
		"\"reason\":\"connectivity.json: no\"}}",
		-EINVAL, "connectivity.json: no"},
	    {"refused",
		"{\"error\":\"io.maildest.Helper.TokenRefused\",\"parameters\":{"
		"\"error\":"
		"\"invalid_grant\",\"reason\":\"no\"}}",
		-ENOKEY, "no"},
	    {"not now", "{\"error\":\"io.maildest.Helper.TokenServiceUnavailable\"}",
		-EAGAIN, "no access token"},
	    {"too many", "{\"error\":\"io.maildest.Helper.LimitExceeded\"}", -EAGAIN,
		"no more"},
	    {"an older helper", "{\"error\":\"org.varlink.service.MethodNotFound\"}",
		-ENOTCONN, "an error of its own"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_helper_ struct helper h;
		_cleanup_free_ char *why = NULL;
		int r;

		helper_begin(&h, SOCK_SEQPACKET, &proxy_alone, SOON);
		helper_answer(&h, OPENED, SCENE_PACKET_MAX);
		helper_answer(&h, rows[i].says, SCENE_PACKET_MAX);
		r = token_wait_proxy(&h.t, SOON, &why);
		ck_assert_msg(r == rows[i].want, "%s: %d (%s)", rows[i].label, r, why);
		ck_assert_msg(rows[i].why ? why && strstr(why, rows[i].why) : !why,
		    "%s: the reason is '%s'", rows[i].label, why);
	}
}
END_TEST

START_TEST(test_a_helper_that_says_nothing)
{
	_cleanup_helper_ struct helper h;
	_cleanup_free_ char *why = NULL;

	helper_begin(&h, SOCK_SEQPACKET, &proxy_alone, SOON);
	helper_answer(&h, OPENED, SCENE_PACKET_MAX);
	ck_assert_int_eq(token_wait_proxy(&h.t, deadline_in(5000), &why), -EAGAIN);
	ck_assert_ptr_nonnull(strstr(why, "in time"));
}
END_TEST

/* The proxy is waited for first; what dies before the rest is there begins anew. */
static void check_visits(const char *label, const char *const says[HELPER_VISITS_MAX])
{
	_cleanup_helper_visits_ struct helper_visits v = {.asked = ASKED_ALL};
	struct token_request q = everything;
	struct token_source t;
	_cleanup_secret_ struct secret token = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	memcpy(v.says, says, sizeof(v.says));
	helper_visits_begin(&v, 8);
	helper_visits_start(&v);
	q.path = v.path;
	r = token_open(&t, &q, SOON, &why);
	if (r == 0)
		r = token_wait_proxy(&t, SOON, &why);
	if (r == 0)
		r = token_wait(&t, SOON, &token, &why);
	ck_assert_msg(r == 0 && !why, "the helper dies %s: %d (%s)", label, r, why);
	ck_assert_str_eq(secret_str(&token), "to.ken");
	ck_assert_msg(strcmp(t.proxy.host, "proxy.example") == 0 &&
			  strcmp(secret_str(&t.proxy.jwt), "ey.J.w") == 0,
	    "the helper dies %s: the proxy is %s", label, t.proxy.host);
	token_source_done(&t);
	helper_visits_finish(&v);
}

#define LAST OPENED "\n" PROXY "\n" SESSION "\n" TOKEN "\n"

START_TEST(test_a_helper_that_dies_is_asked_again)
{
	static const struct {
		const char *label, *says[HELPER_VISITS_MAX];
	} rows[] = {
	    {"not at all", {LAST}},
	    {"at once", {"", LAST}},
	    {"deaf", {"!", LAST}},
	    {"before the proxy", {OPENED "\n", LAST}},
	    {"within the proxy", {OPENED "\n{\"par", LAST}},
	    {"after the proxy", {OPENED "\n" OTHER "\n", LAST}},
	    {"within the session", {OPENED "\n" OTHER "\n{\"p", LAST}},
	    {"within the token", {OPENED "\n" OTHER "\n" SESSION "\n{\"p", LAST}},
	    {"again and again", {OPENED "\n" OTHER "\n", "", OPENED "\n", LAST}},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		check_visits(rows[i].label, rows[i].says);
}
END_TEST

START_TEST(test_a_rejected_token_is_named_by_its_hash)
{
	char hash[DIGEST_SHA256_HEX_SIZE];
	_cleanup_helper_ struct helper h;
	_cleanup_free_ char *why = NULL, *want = NULL;
	_cleanup_secret_ struct secret heard = {0};

	helper_begin(&h, SOCK_SEQPACKET, &proxy_alone, SOON);
	helper_answer(&h, OPENED, SCENE_PACKET_MAX);
	helper_answer(&h, PROXY, SCENE_PACKET_MAX);
	ck_assert_int_eq(token_wait_proxy(&h.t, SOON, &why), 0);
	(void)helper_told(&h, &heard);
	helper_answer(&h, OTHER, SCENE_PACKET_MAX);
	ck_assert_int_eq(token_reject_proxy(&h.t, SOON, &why), 0);
	ck_assert_int_eq(digest_sha256_hex("ey.J.w", 6, hash), 0);
	ck_assert_int_gt(
	    asprintf(
		&want, CALL("GetConnectivityProxy", "\"rejected_sha256\":\"%s\""), hash),
	    0);
	ck_assert_str_eq(helper_told(&h, &heard), want);
	ck_assert_str_eq(secret_str(&h.t.proxy.jwt), "other.J");
	ck_assert_str_eq(h.t.proxy.host, "192.0.2.7");
}
END_TEST

/* A helper that dies over a rejection is not asked that again, but what comes after it. */
START_TEST(test_after_a_rejection_that_failed)
{
	_cleanup_helper_visits_ struct helper_visits v = {
	    .says = {OPENED "\n" PROXY "\n", OPENED "\n" TOKEN "\n"}};
	struct token_request q = proxy_alone;
	struct token_source t;
	_cleanup_secret_ struct secret token = {0};
	_cleanup_free_ char *why = NULL, *rejected = NULL;

	helper_visits_begin(&v, 8);
	helper_visits_start(&v);
	q.path = v.path;
	ck_assert_int_eq(token_open(&t, &q, SOON, &why), 0);
	ck_assert_int_eq(token_wait_proxy(&t, SOON, &why), 0);
	ck_assert_int_eq(token_reject_proxy(&t, SOON, &rejected), -ENOTCONN);
	ck_assert_ptr_nonnull(rejected);
	ck_assert_int_eq(token_ask(&t, "gr.ant", SOON, &why), 0);
	ck_assert_int_eq(token_wait(&t, SOON, &token, &why), 0);
	ck_assert_str_eq(secret_str(&token), "to.ken");
	token_source_done(&t);
	helper_visits_finish(&v);
}
END_TEST

START_TEST(test_tokens_do_not_stay_in_freed_memory)
{
	static const char *const says[HELPER_VISITS_MAX] = {OPENED "\n" OTHER "\n", LAST};
	static const char *const secrets[] = {"ey.J.w", "other.J"};

	for (size_t i = 0; i < ELEMENTSOF(secrets); i++) {
		freed_memory_watch(secrets[i]);
		check_visits("after the proxy", says);
		ck_assert_msg(freed_memory_hits() == 0, "'%s' is found", secrets[i]);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_everything_in_one_breath,
	    test_answers,
	    test_a_helper_that_says_nothing,
	    test_a_helper_that_dies_is_asked_again,
	    test_a_rejected_token_is_named_by_its_hash,
	    test_after_a_rejection_that_failed,
	    test_tokens_do_not_stay_in_freed_memory,
	};

	return check_program("token-proxy", tests, ELEMENTSOF(tests));
}
