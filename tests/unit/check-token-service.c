/* SPDX-License-Identifier: Apache-2.0 */
/* What the helper is told of a service, and what only services with more to them ask. */

#include "token.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "freed-memory.h"
#include "helper-end.h"
#include "helper-visits.h"

#define SOON deadline_in(20 * USEC_PER_SEC)

#define OPENED "{\"parameters\":{}}"
#define CALL(method, parameters)                                                         \
	"{\"method\":\"io.maildest.Helper." method "\",\"parameters\":{" parameters "}}" \
	"\n"
#define ASKED_OPEN CALL("OpenSession", "\"service\":\"s\",\"destination\":\"d\"")
#define ASKED_DESTINATION CALL("GetDestination", "")
#define ASKED_CLIENT CALL("CheckClient", "\"user\":\"u\\\"\",\"password\":\"hunter2\"")
#define SECRET "hunter2"

static const struct service some = {.name = "s", .destination = "d"};

START_TEST(test_says_all_that_the_arguments_say)
{
	static const struct service all = {
	    .name = "s",
	    .destination = "d",
	    .tenant = "t",
	    .fragment = "F",
	    .fragment_optional = true,
	    .fragment_level = "subaccount",
	    .instance = "i",
	    .level = "instance",
	    .chain = "c",
	    .variables = {{"a", "1"}, {"b", ""}},
	    .n_variables = 2,
	};
	static const struct token_request request = {
	    .service = &all, .client = "uid 1000"};
	_cleanup_secret_ struct secret heard = {0};
	_cleanup_helper_ struct helper h;

	helper_begin(&h, SOCK_SEQPACKET, &request, SOON);
	ck_assert_str_eq(helper_told(&h, &heard),
	    CALL("OpenSession",
		"\"service\":\"s\",\"destination\":\"d\",\"tenant\":\"t\","
		"\"fragment\":\"F\",\"fragment_level\":\"subaccount\","
		"\"instance\":\"i\",\"level\":\"instance\",\"chain\":\"c\","
		"\"client\":\"uid 1000\","
		"\"fragment_optional\":true,"
		"\"chain_variables\":{\"a\":\"1\",\"b\":\"\"}"));
}
END_TEST

START_TEST(test_a_destination_first_and_the_rest_later)
{
	static const struct token_request request = {
	    .service = &some, .wants_destination = true};
	static const struct token_request more = {.service = &some, .wants_token = true};
	_cleanup_secret_ struct secret heard = {0}, token = {0};
	_cleanup_free_ char *why = NULL;
	_cleanup_helper_ struct helper h;

	helper_begin(&h, SOCK_SEQPACKET, &request, SOON);
	ck_assert_str_eq(helper_told(&h, &heard), ASKED_OPEN ASKED_DESTINATION);
	helper_answer(&h, OPENED, SCENE_PACKET_MAX);
	helper_answer(
	    &h, "{\"parameters\":{\"destination\":\"{\\\"a\\\":1}\"}}", SCENE_PACKET_MAX);
	ck_assert_int_eq(token_wait_destination(&h.t, SOON, &why), 0);
	ck_assert_str_eq(secret_str(&h.t.destination), "{\"a\":1}");

	ck_assert_int_eq(token_go_on(&h.t, &more, SOON, &why), 0);
	ck_assert_str_eq(helper_told(&h, &heard), CALL("GetToken", ""));
	helper_answer(
	    &h, "{\"parameters\":{\"access_token\":\"to.ken\"}}", SCENE_PACKET_MAX);
	ck_assert_int_eq(token_wait(&h.t, SOON, &token, &why), 0);
	ck_assert_str_eq(secret_str(&token), "to.ken");
}
END_TEST

START_TEST(test_no_destination)
{
	static const struct {
		const char *label, *says;
		int want;
		const char *said;
	} rows[] = {
	    {"none", "{\"parameters\":{}}", -ENOTCONN, "without a destination"},
	    {"empty", "{\"parameters\":{\"destination\":\"\"}}", -ENOTCONN, "without"},
	    {"no text", "{\"parameters\":{\"destination\":{}}}", -ENOTCONN, "without"},
	    {"wrong",
		"{\"error\":\"io.maildest.Helper.InvalidDestination\",\"parameters\":{"
		"\"reason\":\"no 'd' in 'i'\"}}",
		-EINVAL, "no 'd' in 'i'"},
	    {"not now",
		"{\"error\":\"io.maildest.Helper.TokenServiceUnavailable\","
		"\"parameters\":{\"reason\":\"503\"}}",
		-EAGAIN, "503"},
	    {"an older helper", "{\"error\":\"org.varlink.service.MethodNotFound\"}",
		-ENOTCONN, "error of its own"},
	};
	static const struct token_request request = {
	    .service = &some, .wants_destination = true};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *why = NULL;
		_cleanup_helper_ struct helper h;
		int r;

		helper_begin(&h, SOCK_SEQPACKET, &request, SOON);
		helper_answer(&h, OPENED, SCENE_PACKET_MAX);
		helper_answer(&h, rows[i].says, SCENE_PACKET_MAX);
		r = token_wait_destination(&h.t, SOON, &why);
		ck_assert_msg(r == rows[i].want && why && strstr(why, rows[i].said),
		    "%s: %d, '%s'", rows[i].label, r, why);
	}
}
END_TEST

START_TEST(test_what_it_says_of_a_login)
{
	static const struct {
		const char *label, *says;
		int want;
	} rows[] = {
	    {"accepted", "{\"parameters\":{\"accepted\":true}}", 1},
	    {"refused", "{\"parameters\":{\"accepted\":false}}", 0},
	    {"nothing", "{\"parameters\":{}}", -ENOTCONN},
	    {"a text", "{\"parameters\":{\"accepted\":\"true\"}}", -ENOTCONN},
	    {"null", "{\"parameters\":{\"accepted\":null}}", -ENOTCONN},
	    {"no file",
		"{\"error\":\"io.maildest.Helper.InvalidDestination\",\"parameters\":{"
		"\"reason\":\"clients/s: there is no such file\"}}",
		-EINVAL},
	};
	static const struct token_request request = {.service = &some};
	static const struct token_login login = {"u\"", SECRET};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_secret_ struct secret heard = {0};
		_cleanup_free_ char *why = NULL;
		_cleanup_helper_ struct helper h;
		int r;

		helper_begin(&h, SOCK_SEQPACKET, &request, SOON);
		helper_answer(&h, OPENED, SCENE_PACKET_MAX);
		helper_answer(&h, rows[i].says, SCENE_PACKET_MAX);
		r = token_check_client(&h.t, &login, SOON, &why);
		ck_assert_msg(r == rows[i].want, "%s: %d", rows[i].label, r);
		ck_assert(!why || !strstr(why, SECRET));
		ck_assert_str_eq(helper_told(&h, &heard), ASKED_OPEN ASKED_CLIENT);
		ck_assert_ptr_null(h.t.request.login);
	}
}
END_TEST

/* Each try is asked for itself; an answer of the last one is none to the next. */
START_TEST(test_one_login_after_another)
{
	static const struct token_request request = {.service = &some};
	static const struct token_login wrong = {"u", "x"}, right = {"u", "y"};
	_cleanup_free_ char *why = NULL;
	_cleanup_helper_ struct helper h;

	helper_begin(&h, SOCK_SEQPACKET, &request, SOON);
	helper_answer(&h, OPENED, SCENE_PACKET_MAX);
	helper_answer(&h, "{\"parameters\":{\"accepted\":false}}", SCENE_PACKET_MAX);
	ck_assert_int_eq(token_check_client(&h.t, &wrong, SOON, &why), 0);
	helper_answer(&h, "{\"parameters\":{\"accepted\":true}}", SCENE_PACKET_MAX);
	ck_assert_int_eq(token_check_client(&h.t, &right, SOON, &why), 1);
	ck_assert_int_eq(token_check_client(&h.t, &right, deadline_in(0), &why), -EAGAIN);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_says_all_that_the_arguments_say,
	    test_a_destination_first_and_the_rest_later,
	    test_no_destination,
	    test_what_it_says_of_a_login,
	    test_one_login_after_another,
	};

	return check_program("token-service", tests, ELEMENTSOF(tests));
}
