/* SPDX-License-Identifier: Apache-2.0 */
/* What failures look like from outside: a table, row by row, and what must hold for all. */

#include "refusal.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "record.h"

static const struct {
	int error;
	const char *result;
	enum log_priority priority;
	bool silent, permanent;
	const char *enhanced;
} rows[] = {
    {EINVAL, "configuration", LOG_PRIORITY_ERROR, false, false, "3.5"},
    {ENOTCONN, "helper", LOG_PRIORITY_ERROR, false, false, "3.0"},
    {ENOKEY, "token", LOG_PRIORITY_ERROR, false, false, "7.0"},
    {EAGAIN, "token", LOG_PRIORITY_WARNING, false, false, "7.0"},
    {EADDRNOTAVAIL, "resolve", LOG_PRIORITY_WARNING, false, false, "4.3"},
    {EKEYREJECTED, "certificate", LOG_PRIORITY_ERROR, false, false, "7.5"},
    {EACCES, "login", LOG_PRIORITY_ERROR, false, false, "7.0"},
    {EKEYREVOKED, "grant", LOG_PRIORITY_WARNING, false, false, "7.0"},
    {EBADMSG, "client-login", LOG_PRIORITY_WARNING, false, false, "7.0"},
    {EKEYEXPIRED, "proxy", LOG_PRIORITY_ERROR, false, false, "7.0"},
    {EREMOTEIO, "proxy", LOG_PRIORITY_WARNING, false, false, "4.0"},
    {EBUSY, "server", LOG_PRIORITY_WARNING, false, false, "3.2"},
    {EOPNOTSUPP, "capability", LOG_PRIORITY_ERROR, false, false, "3.3"},
    {EPROTO, "protocol", LOG_PRIORITY_WARNING, false, false, "5.0"},
    {ECONNREFUSED, "connect", LOG_PRIORITY_WARNING, false, false, "4.1"},
    {EHOSTUNREACH, "connect", LOG_PRIORITY_WARNING, false, false, "4.1"},
    {ENETUNREACH, "connect", LOG_PRIORITY_WARNING, false, false, "4.1"},
    {ECONNRESET, "disconnected", LOG_PRIORITY_WARNING, false, false, "4.2"},
    {EPIPE, "disconnected", LOG_PRIORITY_WARNING, false, false, "4.2"},
    {ETIMEDOUT, "timeout", LOG_PRIORITY_WARNING, false, false, "4.2"},
    {ECONNABORTED, "client-gone", LOG_PRIORITY_NOTICE, true, false, "4.2"},
    {EPERM, "client-refused", LOG_PRIORITY_WARNING, false, true, "7.1"},
    {EREMOTE, "access", LOG_PRIORITY_WARNING, false, true, "7.1"},
    {EOVERFLOW, "client-errors", LOG_PRIORITY_WARNING, false, false, "7.0"},
    {ETIME, "client-idle", LOG_PRIORITY_NOTICE, false, false, "4.2"},
    {ESHUTDOWN, "server", LOG_PRIORITY_WARNING, true, false, "3.2"},
    /* ours to mend */
    {0, "internal", LOG_PRIORITY_ERROR, false, false, "3.0"},
    {ENOMEM, "internal", LOG_PRIORITY_ERROR, false, false, "3.0"},
    {EIO, "internal", LOG_PRIORITY_ERROR, false, false, "3.0"},
    {EBADF, "internal", LOG_PRIORITY_ERROR, false, false, "3.0"},
    {4095, "internal", LOG_PRIORITY_ERROR, false, false, "3.0"},
    {-EINVAL, "internal", LOG_PRIORITY_ERROR, false, false, "3.0"},
};

START_TEST(test_each_failure_has_its_row)
{
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const struct refusal *r = refusal_find(-rows[i].error);

		ck_assert_msg(strcmp(r->result, rows[i].result) == 0, "%s: %s",
		    strerror(rows[i].error), r->result);
		ck_assert_msg(r->priority == rows[i].priority, "%s: priority %d",
		    r->result, r->priority);
		ck_assert_msg(
		    r->silent == rows[i].silent && r->permanent == rows[i].permanent,
		    "%s: %d, %d", r->result, r->silent, r->permanent);
		ck_assert_str_eq(r->enhanced, rows[i].enhanced);
	}
}
END_TEST

/* What is written to a client must fit its protocols whatever the failure is. */
START_TEST(test_every_row_can_be_told)
{
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const struct refusal *r = refusal_find(-rows[i].error);

		ck_assert_msg(
		    r->silent == (*r->text == '\0'), "%s: '%s'", r->result, r->text);
		for (const char *c = r->text; *c; c++)
			ck_assert(*c >= 0x20 && *c < 0x7f);
		ck_assert_uint_lt(strlen(r->text), 200);
		ck_assert(
		    isdigit((unsigned char)r->enhanced[0]) && r->enhanced[1] == '.' &&
		    strspn(r->enhanced + 2, "0123456789") == strlen(r->enhanced + 2));
		ck_assert(!r->imap_code || strcmp(r->imap_code, "UNAVAILABLE") == 0);
	}
}
END_TEST

START_TEST(test_records_are_found_by_an_id)
{
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const char *id = refusal_find(-rows[i].error)->message_id;

		ck_assert_uint_eq(strlen(id), 32);
		ck_assert_uint_eq(strspn(id, "0123456789abcdef"), 32);
		ck_assert_str_ne(id, MESSAGE_ID_SESSION);
	}
}
END_TEST

/* A queueing client would bounce mail that a corrected configuration could deliver. */
START_TEST(test_only_who_may_not_come_at_all_is_refused_for_good)
{
	for (int error = 0; error < 200; error++) {
		const struct refusal *r = refusal_find(-error);

		ck_assert_msg(!r->permanent || error == EPERM || error == EREMOTE,
		    "%s: is permanent", strerror(error));
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_each_failure_has_its_row,
	    test_every_row_can_be_told,
	    test_records_are_found_by_an_id,
	    test_only_who_may_not_come_at_all_is_refused_for_good,
	};

	return check_program("refusal", tests, ELEMENTSOF(tests));
}
