/* SPDX-License-Identifier: Apache-2.0 */
/* Log records as the journal gets them and as people read them, and that nothing foreign
 * can forge a field or a line. The journal here is a socket of ours in a private mount
 * namespace. */

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "check-program.h"
#include "journal-socket.h"
#include "private-mounts.h"
#include "repeated-text.h"

#define MESSAGE_ID "0123456789abcdef0123456789abcdef"

/* The next record; empty if there is none. */
static void receive(int fd, struct secret *ret)
{
	ssize_t n;

	secret_clear(ret);
	ck_assert_int_eq(secret_reserve(ret, 65536), 0);
	n = recv(fd, ret->data, 65536, 0);
	ck_assert(n >= 0 || errno == EAGAIN);
	ret->len = n < 0 ? 0 : (size_t)n;
	ret->data[ret->len] = '\0';
}

/* Takes one field off the front, by the rules of journald: false at the end. */
static bool next_field(const struct secret *record, size_t *at, const char **ret_name,
    struct secret *ret_value)
{
	const char *name = record->data + *at,
		   *end = memchr(name, '\n', record->len - *at);
	uint64_t len = 0;

	if (*at == record->len)
		return false;
	ck_assert_ptr_nonnull(end);
	ck_assert_ptr_null(memchr(name, '=', (size_t)(end - name)));
	*at += (size_t)(end - name) + 1;
	ck_assert_uint_le(*at + 8, record->len);
	for (unsigned i = 0; i < 8; i++)
		len |= (uint64_t)(unsigned char)record->data[*at + i] << (8 * i);
	*at += 8;
	ck_assert_uint_lt(len, record->len - *at);
	secret_clear(ret_value);
	ck_assert_int_eq(secret_append(ret_value, record->data + *at, len), 0);
	*at += len;
	ck_assert_int_eq(record->data[(*at)++], '\n');
	*ret_name = name;
	return true;
}

static void expect_fields(
    const struct secret *record, const struct log_field *want, size_t n)
{
	_cleanup_secret_ struct secret value = {0};
	const char *name;
	size_t at = 0, i = 0;

	for (; next_field(record, &at, &name, &value); i++) {
		ck_assert_uint_lt(i, n);
		ck_assert_msg(strncmp(name, want[i].name, strlen(want[i].name)) == 0 &&
				  name[strlen(want[i].name)] == '\n' &&
				  strcmp(secret_str(&value), want[i].value) == 0,
		    "field %zu: '%s' instead of %s='%s'", i, secret_str(&value),
		    want[i].name, want[i].value);
	}
	ck_assert_uint_eq(i, n);
}

/* Calls log_open() with standard error going to a pipe; returns the pipe's other end. */
static int open_with_pipe(const char *log_target)
{
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_NONBLOCK), 0);
	ck_assert_int_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	close(fds[1]);
	if (log_target)
		ck_assert_int_eq(setenv("MAILDEST_LOG_TARGET", log_target, 1), 0);
	else
		unsetenv("MAILDEST_LOG_TARGET");
	log_open("check-log", -1);
	return fds[0];
}

static void read_all(int fd, struct secret *ret)
{
	ssize_t n;

	secret_clear(ret);
	ck_assert_int_eq(secret_reserve(ret, 65536), 0);
	n = read(fd, ret->data, 65536);
	ck_assert(n >= 0 || errno == EAGAIN);
	ret->len = n < 0 ? 0 : (size_t)n;
	ret->data[ret->len] = '\0';
}

static const struct log_field hostile[] = {
    {"MAILDEST_DESTINATION", "smtp"},
    {"MAILDEST_CLIENT", NULL},
    {"MAILDEST_UPSTREAM", "a\nMAILDEST_RESULT=ok\nPRIORITY\n\1\0\0\0\0\0\0\0007\n"},
    {"MAILDEST_RESULT", ""},
    {"MAILDEST_MECHANISM", "\" MAILDEST_TLS=\"1.3"},
};

START_TEST(test_native_records_have_their_fields_and_no_more)
{
	static const struct log_field want[] = {
	    {"PRIORITY", "4"},
	    {"SYSLOG_IDENTIFIER", "check-log"},
	    {"MESSAGE_ID", MESSAGE_ID},
	    {"MESSAGE", "two\nlines=1"},
	    {"MAILDEST_DESTINATION", "smtp"},
	    {"MAILDEST_UPSTREAM", "a\nMAILDEST_RESULT=ok\nPRIORITY\n\1"},
	    {"MAILDEST_RESULT", ""},
	    {"MAILDEST_MECHANISM", "\" MAILDEST_TLS=\"1.3"},
	};
	_cleanup_secret_ struct secret record = {0}, prepared = {0};
	_cleanup_close_ int fd = journal_socket(), err = -1;

	if (fd < 0)
		return;
	err = open_with_pipe(NULL);
	log_record(LOG_PRIORITY_WARNING, MESSAGE_ID, "two\nlines=1", hostile,
	    ELEMENTSOF(hostile));
	receive(fd, &record);
	expect_fields(&record, want, ELEMENTSOF(want));

	/* what is prepared is the same, byte for byte */
	ck_assert_int_eq(log_prepare(&prepared, LOG_PRIORITY_WARNING, MESSAGE_ID,
			     "two\nlines=1", hostile, ELEMENTSOF(hostile)),
	    0);
	ck_assert_mem_eq(prepared.data, record.data, record.len);
	log_send_prepared(prepared.data, prepared.len);
	receive(fd, &record);
	ck_assert_uint_eq(record.len, prepared.len);
	read_all(err, &record);
	ck_assert_uint_eq(record.len, 0);
}
END_TEST

START_TEST(test_native_messages_without_fields)
{
	static const struct log_field want[] = {
	    {"PRIORITY", "5"},
	    {"SYSLOG_IDENTIFIER", "check-log"},
	    {"MESSAGE", "100% of 3"},
	};
	_cleanup_secret_ struct secret record = {0};
	_cleanup_close_ int fd = journal_socket(), err = -1;

	if (fd < 0)
		return;
	err = open_with_pipe("journal");
	log_message(LOG_PRIORITY_NOTICE, "%d%% of %s", 100, "3");
	receive(fd, &record);
	expect_fields(&record, want, ELEMENTSOF(want));
	receive(fd, &record);
	ck_assert_uint_eq(record.len, 0);
}
END_TEST

START_TEST(test_a_journal_that_is_full_or_gone_does_not_hold_us)
{
	_cleanup_close_ int fd = journal_socket(), err = -1;

	if (fd < 0)
		return;
	err = open_with_pipe("journal");
	for (unsigned i = 0; i < 5000; i++)
		log_message(LOG_PRIORITY_NOTICE, "record %u", i);
	close(fd);
	fd = -1;
	log_message(LOG_PRIORITY_NOTICE, "nobody there"); /* and no SIGPIPE */
}
END_TEST

/* What a Unix socket queues, in datagrams; 0 if it is not told. */
static unsigned queue_length(void)
{
	FILE *f = fopen("/proc/sys/net/unix/max_dgram_qlen", "re");
	unsigned n = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%u", &n) != 1)
		n = 0;
	(void)fclose(f); /* only read */
	return n;
}

/* Hundreds may be refused at one moment, and each is to be found. */
START_TEST(test_a_burst_waits_for_a_busy_journal)
{
	enum { BURST = 250 };
	_cleanup_close_ int fd = journal_socket(), err = -1;
	_cleanup_secret_ struct secret text = {0}, record = {0};
	unsigned n = 0;

	if (fd < 0 || queue_length() < BURST)
		return;
	err = open_with_pipe("journal");
	repeated_text(&text, "reason ", 70);
	for (unsigned i = 0; i < BURST; i++)
		log_message(LOG_PRIORITY_WARNING, "%s", secret_str(&text));
	for (receive(fd, &record); record.len > 0; receive(fd, &record))
		n++;
	ck_assert_uint_eq(n, BURST);
}
END_TEST

START_TEST(test_a_terminal_gets_readable_lines_besides)
{
	_cleanup_secret_ struct secret text = {0};
	_cleanup_close_ int fd = journal_socket(), leader = -1, follower = -1;

	if (fd < 0)
		return;
	unsetenv("MAILDEST_LOG_TARGET");
	ck_assert_int_eq(openpty(&leader, &follower, NULL, NULL, NULL), 0);
	ck_assert_int_eq(dup2(follower, STDERR_FILENO), STDERR_FILENO);
	log_open("check-log", -1);
	log_message(LOG_PRIORITY_NOTICE, "hello");
	receive(fd, &text);
	ck_assert_uint_gt(text.len, 0);
	read_all(leader, &text);
	ck_assert_str_eq(text.data, "<5>check-log: hello\r\n");
}
END_TEST

START_TEST(test_the_journal_can_be_left_out)
{
	_cleanup_secret_ struct secret text = {0};
	_cleanup_close_ int fd = journal_socket(), err = -1;

	if (fd < 0)
		return;
	err = open_with_pipe("stderr");
	log_message(LOG_PRIORITY_ERROR, "hello");
	receive(fd, &text);
	ck_assert_uint_eq(text.len, 0);
	read_all(err, &text);
	ck_assert_str_eq(text.data, "<3>check-log: hello\n");
}
END_TEST

START_TEST(test_without_a_journal_lines_are_readable)
{
	_cleanup_secret_ struct secret text = {0};
	_cleanup_close_ int err = -1;

	if (!private_mounts())
		return;
	private_mounts_empty("/run");
	err = open_with_pipe(NULL);
	log_message(LOG_PRIORITY_NOTICE, "hello");
	read_all(err, &text);
	ck_assert_str_eq(text.data, "<5>check-log: hello\n");
}
END_TEST

START_TEST(test_readable_records_are_one_line_of_fields)
{
	_cleanup_secret_ struct secret text = {0}, prepared = {0};
	_cleanup_close_ int err = open_with_pipe("stderr");
	static const struct log_field fields[] = {
	    {"A", "plain"},
	    {"B", NULL},
	    {"C", "two words"},
	    {"D", ""},
	    {"E", "a=b"},
	    {"F", "gr\xc3\xbc\xc3\x9f"},
	};
	static const char want[] = "<4>check-log: failed [A=plain C=\"two words\" D=\"\" "
				   "E=\"a=b\" F=gr\xc3\xbc\xc3\x9f]\n";

	log_record(
	    LOG_PRIORITY_WARNING, MESSAGE_ID, "failed", fields, ELEMENTSOF(fields));
	read_all(err, &text);
	ck_assert_str_eq(text.data, want);
	ck_assert_int_eq(log_prepare(&prepared, LOG_PRIORITY_WARNING, MESSAGE_ID,
			     "failed", fields, ELEMENTSOF(fields)),
	    0);
	ck_assert_str_eq(prepared.data, want);
	log_send_prepared(prepared.data, prepared.len);
	read_all(err, &text);
	ck_assert_str_eq(text.data, want);
}
END_TEST

START_TEST(test_readable_records_cannot_be_forged)
{
	_cleanup_secret_ struct secret text = {0};
	_cleanup_close_ int err = open_with_pipe("stderr");

	log_record(LOG_PRIORITY_WARNING, NULL, "bad\n<3>check-log: forged\r\x1b[2J",
	    hostile, ELEMENTSOF(hostile));
	read_all(err, &text);
	ck_assert_ptr_eq(strchr(text.data, '\n'), text.data + text.len - 1);
	ck_assert_ptr_null(strpbrk(text.data, "\r\x1b\x01"));
	ck_assert_ptr_nonnull(strstr(text.data, "bad\\x0a<3>"));
	ck_assert_ptr_nonnull(strstr(text.data, "a\\x0aMAILDEST_RESULT"));
	/* what a quoted value holds does not end the quotes */
	ck_assert_ptr_null(strstr(text.data, " MAILDEST_TLS=\""));
	ck_assert_ptr_null(strstr(text.data, " MAILDEST_TLS=1.3"));
}
END_TEST

START_TEST(test_records_never_reach_the_client)
{
	_cleanup_secret_ struct secret text = {0};
	_cleanup_close_ int client = -1;
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	client = fds[0];
	ck_assert_int_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	ck_assert_int_eq(setenv("MAILDEST_LOG_TARGET", "stderr", 1), 0);
	log_open("check-log", fds[1]);
	log_message(LOG_PRIORITY_ERROR, "for operators");
	log_send_prepared("for operators", 13);
	read_all(client, &text);
	ck_assert_uint_eq(text.len, 0);
}
END_TEST

START_TEST(test_a_closed_standard_error_is_no_harm)
{
	int fds[2];
	char byte;

	close(STDERR_FILENO);
	ck_assert_int_eq(setenv("MAILDEST_LOG_TARGET", "stderr", 1), 0);
	log_open("check-log", -1);
	ck_assert_int_eq(pipe2(fds, O_NONBLOCK), 0); /* takes the free number */
	log_message(LOG_PRIORITY_ERROR, "to nobody");
	ck_assert_int_lt(read(fds[0], &byte, 1), 0);
}
END_TEST

START_TEST(test_escapes_what_is_not_printable)
{
	static const struct {
		const char *label, *text;
		size_t len;
		const char *want;
	} rows[] = {
	    {"empty", "", 0, ""},
	    {"plain", "550 5.7.1 'no' \"way\" \\o/", 24, "550 5.7.1 'no' \"way\" \\o/"},
	    {"line break", "a\r\nb", 4, "a\\x0d\\x0ab"},
	    {"NUL", "a\0b", 3, "a\\x00b"},
	    {"escape sequence", "\x1b[31m", 5, "\\x1b[31m"},
	    {"tab, DEL", "\t\x7f", 2, "\\x09\\x7f"},
	    {"UTF-8", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xa7", 9,
		"\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xa7"},
	    {"C1 control", "\xc2\x85\xc2\x9b", 4, "\\xc2\\x85\\xc2\\x9b"},
	    {"first letter behind C1", "\xc2\xa0", 2, "\xc2\xa0"},
	    {"Latin-1", "\xe4", 1, "\\xe4"},
	    {"cut UTF-8", "\xe2\x82", 2, "\\xe2\\x82"},
	    {"half a C1 control", "\xc2", 1, "\\xc2"},
	    {"overlong line break", "\xc0\x8a", 2, "\\xc0\\x8a"},
	    {"turned around", "\xe2\x80\xae", 3, "\\xe2\\x80\\xae"},
	    {"Arabic letter mark", "\xd8\x9c\xd8\x9b", 4, "\\xd8\\x9c\xd8\x9b"},
	    {"invisible tag", "\xf3\xa0\x81\x81", 4, "\\xf3\\xa0\\x81\\x81"},
	    {"surrogate", "\xed\xa0\x80", 3, "\\xed\\xa0\\x80"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_secret_ struct secret out = {0};
		_cleanup_free_ char *exact = malloc(rows[i].len + 1);

		/* no NUL behind, so that a sanitizer sees a read too far */
		ck_assert_ptr_nonnull(exact);
		memcpy(exact + 1, rows[i].text, rows[i].len);
		ck_assert_int_eq(secret_puts(&out, "'"), 0);
		ck_assert_int_eq(log_escape(&out, exact + 1, rows[i].len), 0);
		ck_assert_msg(strcmp(out.data + 1, rows[i].want) == 0, "%s: '%s'",
		    rows[i].label, out.data + 1);
	}
}
END_TEST

START_TEST(test_no_quoted_word_looks_like_an_escape)
{
	static const char text[] = "\\x1b and \x1b";
	_cleanup_secret_ struct secret out = {0}, again = {0};

	ck_assert_int_eq(log_quote(&out, text, strlen(text)), 0);
	ck_assert_str_eq(out.data, "\\x5cx1b and \\x1b");
	ck_assert_int_eq(log_escape(&again, out.data, out.len), 0);
	ck_assert_str_eq(again.data, out.data);
}
END_TEST

/* At every length and with every kind of letter at the edge. */
START_TEST(test_foreign_text_is_cut)
{
	static const char *const letters[] = {"x", "\xc3\xa4", "\xe2\x82\xac",
	    "\xf0\x9f\x93\xa7", "\n", "\xc2\x85", "\xff"};
	static const size_t longest = sizeof("\\xc2\\x85") - 2 + sizeof("...") - 1;

	for (size_t k = 0; k < ELEMENTSOF(letters); k++) {
		for (size_t before = LOG_FOREIGN_MAX - 9; before <= LOG_FOREIGN_MAX + 1;
		     before++) {
			_cleanup_secret_ struct secret in = {0}, out = {0};

			repeated_text(&in, "x", before);
			repeated_text(&in, letters[k], 9);
			ck_assert_int_eq(log_escape(&out, in.data, in.len), 0);
			ck_assert_msg(out.len <= LOG_FOREIGN_MAX + longest,
			    "letter %zu behind %zu: %zu bytes", k, before, out.len);
			ck_assert_msg(in.len <= LOG_FOREIGN_MAX ||
					  strcmp(out.data + out.len - 3, "...") == 0,
			    "letter %zu behind %zu: no dots", k, before);
		}
	}
}
END_TEST

START_TEST(test_exactly_the_bound_is_not_cut)
{
	_cleanup_secret_ struct secret in = {0}, out = {0};

	repeated_text(&in, "x", LOG_FOREIGN_MAX);
	ck_assert_int_eq(log_escape(&out, in.data, in.len), 0);
	ck_assert_str_eq(out.data, in.data);
	secret_clear(&out);
	ck_assert_int_eq(secret_puts(&in, "x"), 0);
	ck_assert_int_eq(log_escape(&out, in.data, in.len), 0);
	ck_assert_uint_eq(out.len, LOG_FOREIGN_MAX + 3);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_native_records_have_their_fields_and_no_more,
	    test_native_messages_without_fields,
	    test_a_journal_that_is_full_or_gone_does_not_hold_us,
	    test_a_burst_waits_for_a_busy_journal,
	    test_a_terminal_gets_readable_lines_besides,
	    test_the_journal_can_be_left_out,
	    test_without_a_journal_lines_are_readable,
	    test_readable_records_are_one_line_of_fields,
	    test_readable_records_cannot_be_forged,
	    test_records_never_reach_the_client,
	    test_a_closed_standard_error_is_no_harm,
	    test_escapes_what_is_not_printable,
	    test_no_quoted_word_looks_like_an_escape,
	    test_foreign_text_is_cut,
	    test_exactly_the_bound_is_not_cut,
	};

	return check_program("log", tests, ELEMENTSOF(tests));
}
