/* SPDX-License-Identifier: Apache-2.0 */
/* What tokens, certificates and processes say of themselves. */

#include "claims.h"

#include <errno.h>
#include <string.h>

#include "base64.h"
#include "check-program.h"
#include "expiry.h"
#include "sessions.h"

#define DAY (INT64_C(24) * 60 * 60)

/* A JWT with this payload, as RFC 7515 has it. */
static void make(struct secret *out, const char *payload)
{
	ck_assert_int_eq(secret_puts(out, "eyJhbGciOiJub25lIn0."), 0);
	ck_assert_int_eq(base64_encode(payload, strlen(payload), out), 0);
	for (size_t i = 0; i < out->len; i++)
		out->data[i] = (char)(out->data[i] == '+'   ? '-'
				      : out->data[i] == '/' ? '_'
							    : out->data[i]);
	while (out->data[out->len - 1] == '=')
		out->data[--out->len] = '\0';
	ck_assert_int_eq(secret_puts(out, ".signature"), 0);
}

START_TEST(test_claims_are_one_line_each)
{
	static const struct {
		const char *payload, *claim, *want;
	} rows[] = {
	    {"{\"iss\":\"https://x\"}", "iss", "https://x"},
	    {"{\"aud\":[\"a\",\"b\"]}", "aud", "a b"},
	    {"{\"exp\":1700000000}", "exp", "1700000000"},
	    {"{\"iss\":\"a\\nb\"}", "iss", "a\\x0ab"},
	    {"{\"iss\":\"?>?>\xc3\xbf~~\"}", "iss", "?>?>\xc3\xbf~~"},
	    {"{\"iss\":{}}", "iss", NULL},
	    {"{}", "iss", NULL},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_secret_ struct secret token = {0};
		_cleanup_json_ struct json *claims = NULL;
		_cleanup_free_ char *text = NULL;

		make(&token, rows[i].payload);
		ck_assert_int_eq(claims_parse(secret_str(&token), &claims), 0);
		text = claims_text(claims, rows[i].claim);
		ck_assert_pstr_eq(text, rows[i].want);
	}
}
END_TEST

START_TEST(test_other_tokens_are_opaque)
{
	static const char *const tokens[] = {"", "opaque", "a.b", "a.b.c.d", "a..c",
	    "a.!!!!.c", "a.bm8.c", "a.WzFd.c", "a.eyJ.c"};

	for (size_t i = 0; i < ELEMENTSOF(tokens); i++) {
		struct json *claims = NULL;

		ck_assert_msg(claims_parse(tokens[i], &claims) == -EBADMSG,
		    "'%s' passes for a JWT", tokens[i]);
	}
}
END_TEST

START_TEST(test_what_is_left_of_a_certificate)
{
	static const struct {
		int64_t left;
		enum expiry_level want;
	} rows[] = {
	    {400 * DAY, EXPIRY_FINE},
	    {30 * DAY + 1, EXPIRY_FINE},
	    {30 * DAY, EXPIRY_MONTH},
	    {7 * DAY + 1, EXPIRY_MONTH},
	    {7 * DAY, EXPIRY_WEEK},
	    {DAY + 1, EXPIRY_WEEK},
	    {DAY, EXPIRY_DAY},
	    {1, EXPIRY_DAY},
	    {0, EXPIRY_OVER},
	    {-DAY, EXPIRY_OVER},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		ck_assert_int_eq(expiry_level(rows[i].left), rows[i].want);
}
END_TEST

START_TEST(test_names_of_processes)
{
	static const struct {
		const char *command, *service, *phase;
	} rows[] = {
	    {"maildest: mail relaying", "mail", "relaying"},
	    {"maildest: mail_acme waiting for the greeting", "mail_acme",
		"waiting for the greeting"},
	    {"maildest: mail", "mail", NULL},
	    {"maildest: mail ", "mail", NULL},
	    {"/usr/libexec/maildest/maildest-handler smtp", "smtp", NULL},
	    {"/x/maildest-handler --service=mail --tenant=t -- Dest", "mail", NULL},
	    {"/x/maildest-handler", "", NULL},
	    {"/x/maildest-handler --help", "", NULL},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *service = NULL, *phase = NULL;

		ck_assert_int_eq(
		    sessions_parse_title(rows[i].command, &service, &phase), 0);
		ck_assert_pstr_eq(service, rows[i].service);
		ck_assert_pstr_eq(phase, rows[i].phase);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_claims_are_one_line_each,
	    test_other_tokens_are_opaque,
	    test_what_is_left_of_a_certificate,
	    test_names_of_processes,
	};

	return check_program("cli-claims", tests, ELEMENTSOF(tests));
}
