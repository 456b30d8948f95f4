/* SPDX-License-Identifier: Apache-2.0 */
/* saslname: two characters are escaped, all others are none of its business. */

#include "saslname.h"

#include "check-program.h"

START_TEST(test_escapes_comma_and_equals_sign_alone)
{
	static const struct {
		const char *user, *want;
	} rows[] = {
	    {"", ""},
	    {"user", "user"},
	    {"user@example.com", "user@example.com"},
	    {",", "=2C"},
	    {"=", "=3D"},
	    {"a,b=c", "a=2Cb=3Dc"},
	    {",,==", "=2C=2C=3D=3D"},
	    {"=2C", "=3D2C"},
	    {"=3D", "=3D3D"},
	    {" \"'\\;", " \"'\\;"},
	    {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_secret_ struct secret out = {0};

		ck_assert_int_eq(saslname_append(&out, rows[i].user), 0);
		ck_assert_str_eq(secret_str(&out), rows[i].want);
	}
}
END_TEST

START_TEST(test_appends_to_what_is_there)
{
	_cleanup_secret_ struct secret out = {0};

	ck_assert_int_eq(secret_puts(&out, "n,a="), 0);
	ck_assert_int_eq(saslname_append(&out, "a,b"), 0);
	ck_assert_int_eq(saslname_append(&out, "c"), 0);
	ck_assert_str_eq(secret_str(&out), "n,a=a=2Cbc");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_escapes_comma_and_equals_sign_alone,
	    test_appends_to_what_is_there,
	};

	return check_program("saslname", tests, ELEMENTSOF(tests));
}
