/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a connection as the journal gets it. The journal here is a socket of ours
 * in a private mount namespace. */

#include "record.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "check-program.h"
#include "deadline.h"
#include "journal-socket.h"

/* Listens where the journal would, and lets records go there. -1 where mounts are not allowed. */
static int journal(void)
{
	int fd = journal_socket();

	if (fd < 0)
		return -1;
	ck_assert_int_eq(setenv("MAILDEST_LOG_TARGET", "journal", 1), 0);
	log_open("maildest-handler", -1);
	return fd;
}

/* The next record; "" if there is none. */
static void receive(int fd, struct secret *ret)
{
	char datagram[16 * 1024];
	ssize_t n = recv(fd, datagram, sizeof(datagram), MSG_DONTWAIT);

	secret_clear(ret);
	if (n > 0)
		ck_assert_int_eq(secret_append(ret, datagram, (size_t)n), 0);
}

/* A field's value: name, line feed, eight bytes of length, value, line feed. NULL if
 * there is no such field. */
static char *field(const struct secret *record, const char *name)
{
	const char *at = secret_str(record), *end = at + record->len;

	while (at < end) {
		const char *value = memchr(at, '\n', (size_t)(end - at));
		size_t n = 0;

		ck_assert_ptr_nonnull(value);
		for (unsigned i = 0; i < 8; i++)
			n |= (size_t)(unsigned char)value[1 + i] << (8 * i);
		if (strlen(name) == (size_t)(value - at) &&
		    memcmp(at, name, strlen(name)) == 0)
			return strndup(value + 9, n);
		at = value + 9 + n + 1;
	}
	return NULL;
}

static void check_field(const struct secret *record, const char *name, const char *want)
{
	_cleanup_free_ char *value = field(record, name);

	ck_assert_msg(want ? value && strcmp(value, want) == 0 : !value,
	    "%s is '%s', not '%s'", name, value ? value : "absent",
	    want ? want : "absent");
}

static void fill(struct record *r)
{
	record_begin(r);
	r->destination = "my-mail";
	r->protocol = "SMTP";
	r->client = strdup("unix(pid=7,uid=1000)");
	r->upstream = strdup("192.0.2.1:587");
	r->tls = strdup("TLSv1.3 TLS_AES_256_GCM_SHA384");
	r->mechanism = "XOAUTH2";
	r->bytes_in = 123;
	r->bytes_out = UINT64_MAX;
}

START_TEST(test_sessions_have_ids)
{
	_cleanup_record_ struct record a, b;

	record_begin(&a);
	record_begin(&b);
	ck_assert_uint_eq(strlen(a.session), SESSION_ID_SIZE - 1);
	ck_assert_uint_eq(strspn(a.session, "0123456789abcdef"), SESSION_ID_SIZE - 1);
	ck_assert_str_ne(a.session, b.session);
	ck_assert_uint_le(a.started, deadline_now());
	ck_assert_uint_eq(a.bytes_in + a.bytes_out, 0);
}
END_TEST

START_TEST(test_a_session_that_went_well)
{
	_cleanup_record_ struct record r = {0};
	_cleanup_secret_ struct secret got = {0};
	_cleanup_free_ char *message = NULL, *want = NULL, *duration = NULL;
	int fd = journal();

	if (fd < 0)
		return;
	fill(&r);
	record_success(&r, "the server ended the session");
	receive(fd, &got);
	check_field(&got, "PRIORITY", "5");
	check_field(&got, "SYSLOG_IDENTIFIER", "maildest-handler");
	check_field(&got, "MESSAGE_ID", MESSAGE_ID_SESSION);
	check_field(&got, "MAILDEST_DESTINATION", "my-mail");
	check_field(&got, "MAILDEST_PROTOCOL", "SMTP");
	check_field(&got, "MAILDEST_CLIENT", "unix(pid=7,uid=1000)");
	check_field(&got, "MAILDEST_UPSTREAM", "192.0.2.1:587");
	check_field(&got, "MAILDEST_TLS", "TLSv1.3 TLS_AES_256_GCM_SHA384");
	check_field(&got, "MAILDEST_MECHANISM", "XOAUTH2");
	check_field(&got, "MAILDEST_BYTES_IN", "123");
	check_field(&got, "MAILDEST_BYTES_OUT", "18446744073709551615");
	check_field(&got, "MAILDEST_RESULT", "ok");
	check_field(&got, "MAILDEST_SESSION", r.session);
	duration = field(&got, "MAILDEST_DURATION_USEC");
	ck_assert_uint_eq(strspn(duration, "0123456789"), strlen(duration));
	ck_assert_int_gt(
	    asprintf(&want,
		"session %s of unix(pid=7,uid=1000) to destination my-mail "
		"(192.0.2.1:587): the server ended the session; 123 bytes in, "
		"18446744073709551615 out",
		r.session),
	    0);
	message = field(&got, "MESSAGE");
	ck_assert_str_eq(message, want);
	receive(fd, &got);
	ck_assert_uint_eq(got.len, 0);
}
END_TEST

START_TEST(test_a_session_that_failed)
{
	_cleanup_record_ struct record r = {0};
	_cleanup_secret_ struct secret got = {0};
	_cleanup_free_ char *message = NULL, *want = NULL;
	const struct refusal *refusal = refusal_find(-EACCES);
	int fd = journal();

	if (fd < 0)
		return;
	fill(&r);
	record_failure(
	    &r, refusal, "logging in", "the server refused the login: '535 %s'");
	receive(fd, &got);
	check_field(&got, "PRIORITY", "3");
	check_field(&got, "MESSAGE_ID", refusal->message_id);
	check_field(&got, "MAILDEST_RESULT", "login");
	check_field(&got, "MAILDEST_BYTES_IN", "123");
	ck_assert_int_gt(
	    asprintf(&want,
		"session %s of unix(pid=7,uid=1000) to destination my-mail "
		"(192.0.2.1:587) failed while logging in: the server refused "
		"the login: '535 %%s'",
		r.session),
	    0);
	message = field(&got, "MESSAGE");
	ck_assert_str_eq(message, want);
}
END_TEST

START_TEST(test_what_is_unknown_is_left_out)
{
	_cleanup_record_ struct record r = {0};
	_cleanup_secret_ struct secret got = {0};
	_cleanup_free_ char *message = NULL, *want = NULL;
	int fd = journal();

	if (fd < 0)
		return;
	record_begin(&r);
	record_failure(&r, refusal_find(-EINVAL), "starting", "no such file");
	receive(fd, &got);
	check_field(&got, "MAILDEST_DESTINATION", NULL);
	check_field(&got, "MAILDEST_PROTOCOL", NULL);
	check_field(&got, "MAILDEST_CLIENT", NULL);
	check_field(&got, "MAILDEST_UPSTREAM", NULL);
	check_field(&got, "MAILDEST_TLS", NULL);
	check_field(&got, "MAILDEST_MECHANISM", NULL);
	check_field(&got, "MAILDEST_BYTES_IN", "0");
	check_field(&got, "MAILDEST_RESULT", "configuration");
	ck_assert_int_gt(
	    asprintf(&want,
		"session %s of a client to destination ? failed while starting: no such "
		"file",
		r.session),
	    0);
	message = field(&got, "MESSAGE");
	ck_assert_str_eq(message, want);
}
END_TEST

/* Cuts the one value that differs from call to call. */
static void drop_duration(struct secret *record)
{
	char *at = memmem(record->data, record->len, "MAILDEST_DURATION_USEC\n",
	    strlen("MAILDEST_DURATION_USEC\n"));
	char *end;

	ck_assert_ptr_nonnull(at);
	at += strlen("MAILDEST_DURATION_USEC\n");
	end = memmem(at, (size_t)(record->data + record->len - at), "MAILDEST_RESULT",
	    strlen("MAILDEST_RESULT"));
	ck_assert_ptr_nonnull(end);
	memmove(at, end, (size_t)(record->data + record->len - end));
	record->len -= (size_t)(end - at);
}

START_TEST(test_a_prepared_record_is_the_one_that_would_be_sent)
{
	_cleanup_record_ struct record r = {0};
	_cleanup_secret_ struct secret prepared = {0}, sent = {0}, late = {0};
	const struct refusal *refusal = refusal_find(-ETIMEDOUT);
	int fd = journal();

	if (fd < 0)
		return;
	fill(&r);
	ck_assert_int_eq(record_prepare_failure(&r, refusal, "resolving", "late",
			     r.started + 25000001, &prepared),
	    0);
	receive(fd, &sent);
	ck_assert_uint_eq(sent.len, 0);
	record_failure(&r, refusal, "resolving", "late");
	receive(fd, &sent);
	log_send_prepared(prepared.data, prepared.len);
	receive(fd, &late);
	ck_assert_ptr_nonnull(memmem(late.data, late.len, "25000001", 8));
	drop_duration(&prepared);
	drop_duration(&sent);
	drop_duration(&late);
	ck_assert_uint_eq(prepared.len, sent.len);
	ck_assert_mem_eq(prepared.data, sent.data, sent.len);
	ck_assert_mem_eq(prepared.data, late.data, late.len);
}
END_TEST

START_TEST(test_what_is_insecure_has_a_record_of_its_own)
{
	_cleanup_record_ struct record r = {0};
	_cleanup_secret_ struct secret got = {0};
	_cleanup_free_ char *message = NULL;
	int fd = journal();

	if (fd < 0)
		return;
	fill(&r);
	record_insecure(&r, "TrustAll is on");
	receive(fd, &got);
	check_field(&got, "PRIORITY", "4");
	check_field(&got, "MAILDEST_DESTINATION", "my-mail");
	check_field(&got, "MAILDEST_SESSION", r.session);
	check_field(&got, "MAILDEST_RESULT", NULL);
	message = field(&got, "MESSAGE");
	ck_assert_ptr_nonnull(strstr(message, ": INSECURE: TrustAll is on"));
}
END_TEST

START_TEST(test_foreign_text_forges_no_field)
{
	_cleanup_record_ struct record r = {0};
	_cleanup_secret_ struct secret got = {0};
	int fd = journal();

	if (fd < 0)
		return;
	fill(&r);
	record_failure(&r, refusal_find(-EPROTO), "logging in",
	    "x\nMAILDEST_RESULT=ok\nMAILDEST_FORGED\n\1\0\0\0\0\0\0\0y");
	receive(fd, &got);
	check_field(&got, "MAILDEST_RESULT", "protocol");
	check_field(&got, "MAILDEST_FORGED", NULL);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_sessions_have_ids,
	    test_a_session_that_went_well,
	    test_a_session_that_failed,
	    test_what_is_unknown_is_left_out,
	    test_a_prepared_record_is_the_one_that_would_be_sent,
	    test_what_is_insecure_has_a_record_of_its_own,
	    test_foreign_text_forges_no_field,
	};

	return check_program("record", tests, ELEMENTSOF(tests));
}
