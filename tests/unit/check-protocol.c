/* SPDX-License-Identifier: Apache-2.0 */
/* What the protocols promise beyond syntax: their patience, which other tests shorten. */

#include "protocol.h"

#include <check.h>

#include "check-program.h"
#include "deadline.h"
#include "session.h"

#define MINUTES (60 * USEC_PER_SEC)

START_TEST(test_smtp_waits_as_long_as_mail_takes)
{
	ck_assert_uint_eq(protocol_smtp.idle_usec, 11 * MINUTES);
	ck_assert_uint_eq(protocol_smtp.drain_usec, 10 * MINUTES);
}
END_TEST

START_TEST(test_imap_outlives_idle_by_some_minutes)
{
	ck_assert_uint_eq(protocol_imap.idle_usec, 35 * MINUTES);
	ck_assert_uint_eq(protocol_imap.drain_usec, 30 * USEC_PER_SEC);
}
END_TEST

START_TEST(test_pop3_outlives_a_server_s_own_limit)
{
	ck_assert_uint_eq(protocol_pop3.idle_usec, 11 * MINUTES);
	ck_assert_uint_eq(protocol_pop3.drain_usec, 30 * USEC_PER_SEC);
}
END_TEST

START_TEST(test_imap_asks_for_a_token_with_much_life_left)
{
	ck_assert_uint_eq(protocol_imap.token_lifetime_sec, 24 * 60 * 60);
	ck_assert_uint_eq(protocol_smtp.token_lifetime_sec, 0);
	ck_assert_uint_eq(protocol_pop3.token_lifetime_sec, 0);
}
END_TEST

START_TEST(test_the_login_ends_before_a_client_gives_up)
{
	ck_assert_uint_eq(SESSION_LOGIN_USEC, 25 * USEC_PER_SEC);
}
END_TEST

START_TEST(test_a_name_may_tell_the_protocol)
{
	static const struct {
		const char *name;
		const struct protocol *named, *guessed;
	} rows[] = {
	    {"smtp", &protocol_smtp, &protocol_smtp},
	    {"smtps", &protocol_smtp, &protocol_smtp},
	    {"imap4s", &protocol_imap, &protocol_imap},
	    {"company-IMAP", &protocol_imap, &protocol_imap},
	    {"pop3", &protocol_pop3, &protocol_pop3},
	    {"POP-of-sales", &protocol_pop3, &protocol_pop3},
	    {"mailbox", NULL, &protocol_smtp},
	    {"", NULL, &protocol_smtp},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		ck_assert_msg(session_protocol_named(rows[i].name) == rows[i].named,
		    "'%s' is misread", rows[i].name);
		ck_assert_msg(session_guess_protocol(-1, rows[i].name) == rows[i].guessed,
		    "'%s' leads to a wrong guess", rows[i].name);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_smtp_waits_as_long_as_mail_takes,
	    test_imap_outlives_idle_by_some_minutes,
	    test_pop3_outlives_a_server_s_own_limit,
	    test_imap_asks_for_a_token_with_much_life_left,
	    test_the_login_ends_before_a_client_gives_up,
	    test_a_name_may_tell_the_protocol,
	};

	return check_program("protocol", tests, ELEMENTSOF(tests));
}
