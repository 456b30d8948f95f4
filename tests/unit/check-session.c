/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session over a socket pair: how bytes become calls, in what portions they come, when
 * the connection is cut, and what its peer's user may ask.
 */

#include "session.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "check-program.h"
#include "deadline.h"
#include "json.h"
#include "varlink.h"

#define OTHER_UID 4711
#define GET_INFO "{\"method\":\"org.varlink.service.GetInfo\"}"
#define OPEN                                                             \
	"{\"method\":\"io.maildest.Helper.OpenSession\",\"parameters\":" \
	"{\"service\":\"s\",\"destination\":\"d\"}}"
#define STATUS "{\"method\":\"io.maildest.Helper.Status\"}"
#define FORGET                                       \
	"{\"method\":\"io.maildest.Helper.Forget\"," \
	"\"parameters\":{\"destination\":\"mail\"}}"

/* One session on a loop, and its peer's end. */
struct fixture {
	struct session_host host; /* first: on_closed() */
	struct stats stats;
	sd_event *event;
	struct outbox *outbox;
	struct session *session; /* NULL when it has been closed */
	int peer;
	struct secret in;
};

static void on_closed(struct session_host *host, struct session *s)
{
	((struct fixture *)host)->session = session_free(s);
}

static void open_fixture(struct fixture *f, uid_t uid)
{
	const struct broker_folders folders = {"/nonexistent", "/nonexistent"};
	int fds[2];

	*f = (struct fixture){.host = {.closed = on_closed, .sessions_max = 1}};
	f->host.stats = &f->stats;
	ck_assert_int_eq(sd_event_new(&f->event), 0);
	ck_assert_int_eq(outbox_new(f->event, &f->outbox), 0);
	ck_assert_int_eq(
	    broker_new(f->event, &folders, &f->stats, f->outbox, &f->host.broker), 0);
	ck_assert_int_eq(tls_sessions_new(&f->host.tls_sessions), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	f->peer = fds[0];
	ck_assert_int_eq(session_new(f->event, &f->host, fds[1], uid, 1, &f->session), 0);
}

static void done_fixture(struct fixture *f)
{
	session_free(f->session);
	broker_free(f->host.broker);
	outbox_free(f->outbox);
	tls_sessions_free(f->host.tls_sessions);
	sd_event_unref(f->event);
	if (f->peer >= 0)
		(void)close(f->peer);
	secret_done(&f->in);
}
#define _cleanup_fixture_ _cleanup_(done_fixture)

/* Lets the session do all it can do now. */
static void run(struct fixture *f)
{
	while (sd_event_run(f->event, 0) > 0)
		;
}

static void put(struct fixture *f, const char *bytes, size_t n)
{
	ck_assert_int_eq(send(f->peer, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
	run(f);
}

/* The error of the next reply, "" for none; NULL if there is no reply. */
static char *next_error(struct fixture *f)
{
	_cleanup_json_ struct json *reply = NULL;
	char block[4096];
	const char *error;
	ssize_t n;

	while ((n = recv(f->peer, block, sizeof(block), MSG_DONTWAIT)) > 0)
		ck_assert_int_eq(secret_append(&f->in, block, (size_t)n), 0);
	if (varlink_take(&f->in, &reply) <= 0)
		return NULL;
	error = varlink_error(reply);
	return strdup(error ? error : "");
}

static void expect(struct fixture *f, const char *label, const char *want)
{
	_cleanup_free_ char *error = next_error(f);

	ck_assert_msg(error && strcmp(error, want) == 0, "%s: %s", label, error);
}

START_TEST(test_call_may_come_in_any_portions)
{
	static const char call[] = GET_INFO;

	for (size_t i = 1; i < sizeof(call); i++) {
		_cleanup_fixture_ struct fixture f;

		open_fixture(&f, 0);
		put(&f, call, i);
		ck_assert_ptr_null(next_error(&f));
		put(&f, call + i, sizeof(call) - i);
		expect(&f, "second portion", "");
	}
}
END_TEST

START_TEST(test_many_calls_in_one_portion)
{
	static const char call[] = GET_INFO;
	_cleanup_fixture_ struct fixture f;
	_cleanup_secret_ struct secret calls = {0};

	open_fixture(&f, 0);
	for (unsigned i = 0; i < 300; i++)
		ck_assert_int_eq(secret_append(&calls, call, sizeof(call)), 0);
	put(&f, calls.data, calls.len);
	for (unsigned i = 0; i < 300; i++) {
		run(&f);
		expect(&f, "one of many", "");
	}
	ck_assert_ptr_null(next_error(&f));
	ck_assert_ptr_nonnull(f.session);
}
END_TEST

START_TEST(test_what_is_no_call_ends_the_connection)
{
	static const char *const rows[] = {
	    "",
	    "x",
	    "[]",
	    "{}",
	    "{\"method\":null}",
	    "{\"method\":\"a.B\",}",
	    "{\"method\":\"a.B\",\"parameters\":0}",
	    "{\"method\":\"a.B\",\"more\":\"yes\"}",
	    "{\"method\":\"a.B\",\"oneway\":true,\"upgrade\":true}",
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_fixture_ struct fixture f;

		open_fixture(&f, 0);
		put(&f, rows[i], strlen(rows[i]) + 1);
		ck_assert_msg(!f.session, "'%s'", rows[i]);
		ck_assert_uint_eq(f.host.input_bytes, 0);
	}
}
END_TEST

START_TEST(test_unbound_peer_may_not_send_much)
{
	static char filler[SESSION_UNBOUND_MAX];
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f, 0);
	memset(filler, ' ', sizeof(filler));
	put(&f, filler, sizeof(filler) - 1);
	ck_assert_ptr_nonnull(f.session);
	ck_assert_uint_eq(f.host.input_bytes, sizeof(filler) - 1);
	put(&f, filler, 1);
	ck_assert_ptr_null(f.session);
	ck_assert_uint_eq(f.host.input_bytes, 0);
}
END_TEST

/* A handler asks for its own destination alone; it neither sees nor forgets those of others. */
START_TEST(test_status_and_forget_are_for_root_and_our_own_user)
{
	const struct {
		uid_t uid;
		const char *want;
	} rows[] = {
	    {0, ""},
	    {geteuid(), ""},
	    {OTHER_UID, "org.varlink.service.PermissionDenied"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_fixture_ struct fixture f;

		open_fixture(&f, rows[i].uid);
		put(&f, STATUS, sizeof(STATUS));
		expect(&f, "Status", rows[i].want);
		put(&f, FORGET, sizeof(FORGET));
		expect(&f, "Forget", rows[i].want);
		put(&f, GET_INFO, sizeof(GET_INFO));
		expect(&f, "GetInfo", "");
	}
}
END_TEST

START_TEST(test_parameters_that_are_null_are_absent)
{
	static const char call[] =
	    "{\"method\":\"org.varlink.service.GetInfo\",\"parameters\":null}";
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f, 0);
	put(&f, call, sizeof(call));
	expect(&f, "GetInfo", "");
}
END_TEST

START_TEST(test_missing_configuration_is_an_answer)
{
	static const char calls[] = OPEN "\0"
					 "{\"method\":\"io.maildest.Helper.GetToken\"}";
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f, 0);
	put(&f, calls, sizeof(calls));
	expect(&f, "OpenSession", "");
	expect(&f, "GetToken", "io.maildest.Helper.InvalidDestination");
}
END_TEST

START_TEST(test_deadlines)
{
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f, 0);
	put(&f, GET_INFO, sizeof(GET_INFO));
	ck_assert_uint_le(f.session->deadline_usec, deadline_in(SESSION_UNBOUND_USEC));
	put(&f, OPEN, sizeof(OPEN));
	ck_assert_uint_eq(f.session->deadline_usec, DEADLINE_NEVER);
	/* Replies that are not read: the session waits for its peer, but not for ever. */
	while (session_is_idle(f.session))
		put(&f, GET_INFO, sizeof(GET_INFO));
	ck_assert_uint_le(f.session->deadline_usec, deadline_in(SESSION_BLOCKED_USEC));
	while (!session_is_idle(f.session)) {
		free(next_error(&f));
		run(&f);
	}
	ck_assert_uint_eq(f.session->deadline_usec, DEADLINE_NEVER);
}
END_TEST

START_TEST(test_unbound_peer_may_not_stay_whatever_it_asks)
{
	_cleanup_fixture_ struct fixture f;
	uint64_t until;

	open_fixture(&f, 0);
	until = f.session->unbound_until_usec;
	ck_assert_uint_le(until, deadline_in(SESSION_UNBOUND_WHOLE_USEC));
	put(&f, GET_INFO, sizeof(GET_INFO));
	expect(&f, "GetInfo", "");
	ck_assert_uint_lt(f.session->deadline_usec, until);
	/* As if nearly all of the time had passed, in calls that came one by one. */
	f.session->unbound_until_usec = until = deadline_in(10 * USEC_PER_SEC);
	put(&f, GET_INFO, sizeof(GET_INFO));
	expect(&f, "GetInfo", "");
	ck_assert_uint_eq(f.session->deadline_usec, until);
	ck_assert_uint_eq(f.session->unbound_until_usec, until);
}
END_TEST

START_TEST(test_peer_that_leaves_is_heard_to_the_end)
{
	_cleanup_fixture_ struct fixture f;
	_cleanup_secret_ struct secret calls = {0};
	static char text[TLS_SESSION_LENGTH_MAX];

	open_fixture(&f, 0);
	memset(text, 'x', sizeof(text) - 1);
	ck_assert_int_eq(secret_append(&calls, OPEN, sizeof(OPEN)), 0);
	for (unsigned i = 0; i < 100; i++) { /* more than one turn handles */
		ck_assert_int_eq(secret_append(&calls, GET_INFO, sizeof(GET_INFO)), 0);
	}
	/* ... and more than an unbound peer may send at once */
	ck_assert_int_eq(secret_printf(&calls,
			     "{\"method\":\"io.maildest.Helper.PutTlsSession\","
			     "\"oneway\":true,\"parameters\":{\"context\":\"%064d\","
			     "\"session\":\"%s\",\"lifetime\":100,"
			     "\"single_use\":true}}",
			     0, text),
	    0);
	ck_assert_int_eq(secret_append(&calls, "", 1), 0);
	ck_assert_int_eq(send(f.peer, calls.data, calls.len, 0), (ssize_t)calls.len);
	(void)close(f.peer);
	f.peer = -1;
	run(&f);
	ck_assert_ptr_null(f.session);
	ck_assert_uint_eq(tls_sessions_count(f.host.tls_sessions), 1);
	ck_assert_uint_eq(f.host.input_bytes, 0);
}
END_TEST

START_TEST(test_ends_with_its_peer)
{
	_cleanup_fixture_ struct fixture f;

	open_fixture(&f, 0);
	put(&f, GET_INFO, sizeof(GET_INFO));
	ck_assert_int_eq(shutdown(f.peer, SHUT_WR), 0);
	run(&f);
	ck_assert_ptr_null(f.session);
	expect(&f, "the reply it had asked for", "");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_call_may_come_in_any_portions,
	    test_many_calls_in_one_portion,
	    test_what_is_no_call_ends_the_connection,
	    test_unbound_peer_may_not_send_much,
	    test_status_and_forget_are_for_root_and_our_own_user,
	    test_parameters_that_are_null_are_absent,
	    test_missing_configuration_is_an_answer,
	    test_deadlines,
	    test_unbound_peer_may_not_stay_whatever_it_asks,
	    test_peer_that_leaves_is_heard_to_the_end,
	    test_ends_with_its_peer,
	};

	return check_program("session", tests, ELEMENTSOF(tests));
}
