/* SPDX-License-Identifier: Apache-2.0 */
/* XOAUTH2 and OAUTHBEARER as clients send them, well-formed and not. */

#include "client-bearer.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "freed-memory.h"
#include "repeated-text.h"

/* A response that may hold NUL. */
#define TEXT(text) (text), sizeof(text) - 1

struct row {
	const char *label, *response;
	size_t len;
	const char *user, *credential; /* NULL: refused */
	const char *why;	       /* then, a part of it */
};

static const struct row xoauth2[] = {
    {"as Google has it", TEXT("user=a@b\1auth=Bearer t.o-k_e~n+/=\1\1"), "a@b",
	"t.o-k_e~n+/=", NULL},
    {"in another case", TEXT("USER=a@b\1Auth=bearer t\1\1"), "a@b", "t", NULL},
    {"another order", TEXT("auth=Bearer t\1user=a@b\1\1"), "a@b", "t", NULL},
    {"a field of another kind", TEXT("user=a\1host=h\1auth=Bearer t\1\1"), "a", "t",
	NULL},
    {"not ASCII", TEXT("user=\xc3\xbc@b\1auth=Bearer t\1\1"), "\xc3\xbc@b", "t", NULL},
    {"an equals sign in the user", TEXT("user=a=2C\1auth=Bearer t\1\1"), "a=2C", "t",
	NULL},
    {"nothing", TEXT(""), NULL, NULL, "two octets 01"},
    {"nothing but the end", TEXT("\1\1"), NULL, NULL, "goes on behind"},
    {"no fields", TEXT("\1"), NULL, NULL, "names no user"},
    {"no user", TEXT("auth=Bearer t\1\1"), NULL, NULL, "names no user"},
    {"an empty user", TEXT("user=\1auth=Bearer t\1\1"), NULL, NULL, "names no user"},
    {"two users", TEXT("user=a\1user=b\1auth=Bearer t\1\1"), NULL, NULL, "or two"},
    {"no bearer", TEXT("user=a\1\1"), NULL, NULL, "no 'auth=Bearer'"},
    {"an empty bearer", TEXT("user=a\1auth=Bearer \1\1"), NULL, NULL, "no 'auth=Bearer'"},
    {"another scheme", TEXT("user=a\1auth=Basic dTpw\1\1"), NULL, NULL,
	"no 'auth=Bearer'"},
    {"no scheme", TEXT("user=a\1auth=t\1\1"), NULL, NULL, "no 'auth=Bearer'"},
    {"two bearers", TEXT("user=a\1auth=Bearer t\1auth=Bearer u\1\1"), NULL, NULL,
	"no 'auth=Bearer'"},
    {"a blank in the bearer", TEXT("user=a\1auth=Bearer t u\1\1"), NULL, NULL,
	"no token has"},
    {"two blanks", TEXT("user=a\1auth=Bearer  t\1\1"), NULL, NULL, "no token has"},
    {"a letter of another script", TEXT("user=a\1auth=Bearer \xc3\xbc\1\1"), NULL, NULL,
	"no token has"},
    {"a line end", TEXT("user=a\1auth=Bearer t\r\n\1\1"), NULL, NULL, "control"},
    {"a line end in the user", TEXT("user=a\r\nQUIT\1auth=Bearer t\1\1"), NULL, NULL,
	"control"},
    {"NUL in the user", TEXT("user=a\0b\1auth=Bearer t\1\1"), NULL, NULL, "control"},
    {"NUL in the bearer", TEXT("user=a\1auth=Bearer t\0u\1\1"), NULL, NULL, "control"},
    {"DEL", TEXT("user=a\1auth=Bearer t\x7f\1\1"), NULL, NULL, "control"},
    {"a control character elsewhere", TEXT("user=a\1x=\2\1auth=Bearer t\1\1"), NULL, NULL,
	"control"},
    {"one octet at the end", TEXT("user=a\1auth=Bearer t\1"), NULL, NULL,
	"two octets 01"},
    {"none at the end", TEXT("user=a\1auth=Bearer t"), NULL, NULL, "two octets 01"},
    {"more behind the end", TEXT("user=a\1auth=Bearer t\1\1x"), NULL, NULL,
	"goes on behind"},
    {"three octets", TEXT("user=a\1auth=Bearer t\1\1\1"), NULL, NULL, "goes on behind"},
    {"as SAP prints it", TEXT("user=a\\x01auth=Bearer t\\x01\\x01"), NULL, NULL,
	"text \\x01 where the octet"},
    {"printed within", TEXT("user=a\\x01auth=Bearer t\1\1"), NULL, NULL,
	"text \\x01 where the octet"},
    {"PLAIN", TEXT("\0user\0password"), NULL, NULL, "two octets 01"},
};

static const struct row oauthbearer[] = {
    {"as RFC 7628 has it",
	TEXT("n,a=user@example.com,\1host=server.example.com\1port=143\1auth=Bearer "
	     "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\1\1"),
	"user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", NULL},
    {"no user", TEXT("n,,\1auth=Bearer t\1\1"), "", "t", NULL},
    {"binding was possible", TEXT("y,,\1auth=Bearer t\1\1"), "", "t", NULL},
    {"a comma in the user", TEXT("n,a=a=2Cb=3dc,\1auth=Bearer t\1\1"), "a,b=c", "t",
	NULL},
    {"a user in a field is one too", TEXT("n,,\1user=a\1auth=Bearer t\1\1"), "a", "t",
	NULL},
    {"two users", TEXT("n,a=a,\1user=b\1auth=Bearer t\1\1"), NULL, NULL, "or two"},
    {"nothing", TEXT(""), NULL, NULL, "GS2"},
    {"the header alone", TEXT("n,,"), NULL, NULL, "no fields"},
    {"no header", TEXT("\1auth=Bearer t\1\1"), NULL, NULL, "GS2"},
    {"XOAUTH2", TEXT("user=a\1auth=Bearer t\1\1"), NULL, NULL, "GS2"},
    {"a channel binding", TEXT("p=tls-unique,,\1auth=Bearer t\1\1"), NULL, NULL, "GS2"},
    {"one comma", TEXT("n,\1auth=Bearer t\1\1"), NULL, NULL, "GS2"},
    {"no last comma", TEXT("n,a=b\1auth=Bearer t\1\1"), NULL, NULL, "GS2"},
    {"no name of the user", TEXT("n,b,\1auth=Bearer t\1\1"), NULL, NULL, "GS2"},
    {"an empty user", TEXT("n,a=,\1auth=Bearer t\1\1"), NULL, NULL, "empty user"},
    {"an escape of another letter", TEXT("n,a=a=41,\1auth=Bearer t\1\1"), NULL, NULL,
	"malformed user"},
    {"half an escape", TEXT("n,a=a=2,\1auth=Bearer t\1\1"), NULL, NULL, "malformed user"},
    {"an escape's beginning", TEXT("n,a=a=,\1auth=Bearer t\1\1"), NULL, NULL,
	"malformed user"},
    {"a control character in the user", TEXT("n,a=a\nb,\1auth=Bearer t\1\1"), NULL, NULL,
	"malformed user"},
    {"NUL in the user", TEXT("n,a=a\0b,\1auth=Bearer t\1\1"), NULL, NULL,
	"malformed user"},
    {"no bearer", TEXT("n,,\1host=h\1\1"), NULL, NULL, "no 'auth=Bearer'"},
    {"no end", TEXT("n,,\1auth=Bearer t\1"), NULL, NULL, "two octets 01"},
    {"the answer to a failure", TEXT("\1"), NULL, NULL, "GS2"},
    {"as SAP prints it", TEXT("n,,\\x01auth=Bearer t\\x01\\x01"), NULL, NULL,
	"text \\x01 where the octet"},
};

typedef int parse_function(
    const struct secret *response, struct client_bearer *ret, const char **ret_why);

static void check_row(const struct row *row, parse_function *parse)
{
	_cleanup_client_bearer_ struct client_bearer bearer = {0};
	_cleanup_secret_ struct secret response = {0};
	const char *why = NULL;
	int r;

	ck_assert_int_eq(secret_append(&response, row->response, row->len), 0);
	r = parse(&response, &bearer, &why);
	if (!row->credential) {
		ck_assert_msg(r == -EBADMSG && why && strstr(why, row->why),
		    "%s: %d, the reason is '%s'", row->label, r, why);
		ck_assert_msg(bearer.user.len == 0 && bearer.credential.len == 0,
		    "%s: something is returned", row->label);
		return;
	}
	ck_assert_msg(r == 0, "%s: %d (%s)", row->label, r, why);
	ck_assert_msg(strcmp(secret_str(&bearer.user), row->user) == 0 &&
			  strcmp(secret_str(&bearer.credential), row->credential) == 0,
	    "%s: '%s' with '%s'", row->label, secret_str(&bearer.user),
	    secret_str(&bearer.credential));
}

START_TEST(test_xoauth2)
{
	for (size_t i = 0; i < ELEMENTSOF(xoauth2); i++)
		check_row(&xoauth2[i], client_bearer_parse_xoauth2);
}
END_TEST

START_TEST(test_oauthbearer)
{
	for (size_t i = 0; i < ELEMENTSOF(oauthbearer); i++)
		check_row(&oauthbearer[i], client_bearer_parse_oauthbearer);
}
END_TEST

/* No beginning of a good response is a good one, and none is read beyond its end. */
START_TEST(test_cut_anywhere)
{
	for (size_t len = 0; len < xoauth2[0].len; len++) {
		struct row row = {"cut", xoauth2[0].response, len, NULL, NULL, ""};

		check_row(&row, client_bearer_parse_xoauth2);
	}
	for (size_t len = 0; len < oauthbearer[0].len; len++) {
		struct row row = {"cut", oauthbearer[0].response, len, NULL, NULL, ""};

		check_row(&row, client_bearer_parse_oauthbearer);
	}
}
END_TEST

START_TEST(test_long_credentials)
{
	_cleanup_client_bearer_ struct client_bearer bearer = {0};
	_cleanup_secret_ struct secret response = {0};
	const char *why;

	ck_assert_int_eq(secret_puts(&response, "user=a\1auth=Bearer "), 0);
	repeated_text(&response, "x", 24 * 1024);
	ck_assert_int_eq(secret_puts(&response, "\1\1"), 0);
	ck_assert_int_eq(client_bearer_parse_xoauth2(&response, &bearer, &why), 0);
	ck_assert_uint_eq(bearer.credential.len, 24 * 1024);
}
END_TEST

START_TEST(test_credentials_do_not_stay_in_freed_memory)
{
	static const struct row rows[] = {
	    {"good", TEXT("user=a\1auth=Bearer hunter2\1\1"), "a", "hunter2", NULL},
	    {"bad", TEXT("auth=Bearer hunter2\1\1"), NULL, NULL, "user"},
	    {"bad at the end", TEXT("user=a\1auth=Bearer hunter2\1\1x"), NULL, NULL,
		"behind"},
	};

	freed_memory_watch("hunter2");
	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		check_row(&rows[i], client_bearer_parse_xoauth2);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_xoauth2,
	    test_oauthbearer,
	    test_cut_anywhere,
	    test_long_credentials,
	    test_credentials_do_not_stay_in_freed_memory,
	};

	return check_program("client-bearer", tests, ELEMENTSOF(tests));
}
