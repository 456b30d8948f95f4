/* SPDX-License-Identifier: Apache-2.0 */
/* A helper that dies while it is asked, and is asked again when it is back; and when it
 * is not. */

#include "token.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "check-program.h"
#include "digest.h"
#include "freed-memory.h"
#include "helper-visits.h"
#include "repeated-text.h"

static const struct service my_mail = {.destination = "my-mail"};

#define SOON deadline_in(20 * USEC_PER_SEC)
/* A loaded machine may take this much longer than it should. */
#define SLACK_USEC (10 * USEC_PER_SEC)

#define OPENED "{\"parameters\":{}}\n"
#define SESSION "{\"parameters\":{\"session\":\"c2Vzc2lvbg==\"}}\n" /* "session" */
#define OTHER "{\"parameters\":{\"session\":\"b3RoZXI=\"}}\n"	    /* "other" */
#define NONE "{\"parameters\":{\"session\":null}}\n"
#define TOKEN "{\"parameters\":{\"access_token\":\"to.ken\"}}\n"

#define CALL(method, parameters)                                                         \
	"{\"method\":\"io.maildest.Helper." method "\",\"parameters\":{" parameters "}}" \
	"\n"
#define ASKED_OPEN \
	CALL("OpenSession", "\"service\":\"my-mail\",\"destination\":\"my-mail\"")
#define ASKED_SESSION CALL("GetTlsSession", "\"context\":\"c0ffee\"")
#define ASKED_TOKEN CALL("GetToken", "\"minimum_lifetime\":2100")

static struct token_request request_to(const struct helper_visits *v, bool wants_session)
{
	return (struct token_request){.path = v->path,
	    .service = &my_mail,
	    .tls_context = wants_session ? "c0ffee" : NULL,
	    .wants_token = true,
	    .lifetime_sec = 2100};
}

/* What a helper says visit by visit, and what comes of it. */
struct row {
	const char *label;
	const char *says[HELPER_VISITS_MAX];
	bool wants_session;
	const char *session; /* at the end */
};

static const struct row deaths[] = {
    {"not at all", {OPENED TOKEN}, false, ""},
    {"at once", {"", OPENED TOKEN}, false, ""},
    {"deaf", {"!", OPENED TOKEN}, false, ""},
    {"after the first reply", {OPENED, OPENED TOKEN}, false, ""},
    {"within the first reply", {"{\"param", OPENED TOKEN}, false, ""},
    {"within the second reply", {OPENED "{\"param", OPENED TOKEN}, false, ""},
    {"before the last NUL",
	{OPENED "{\"parameters\":{\"access_token\":\"wrong\"}}", OPENED TOKEN}, false,
	""},
    {"again and again", {"", "!", OPENED, OPENED "{", OPENED TOKEN}, false, ""},
    {"at once, with a session", {"", OPENED SESSION TOKEN}, true, "session"},
    {"deaf, with a session", {"!", OPENED SESSION TOKEN}, true, "session"},
    {"before the session", {OPENED, OPENED SESSION TOKEN}, true, "session"},
    {"within the session", {OPENED "{\"par", OPENED SESSION TOKEN}, true, "session"},
    {"after the session", {OPENED OTHER, OPENED SESSION TOKEN}, true, "session"},
    {"within the token", {OPENED OTHER "{\"par", OPENED SESSION TOKEN}, true, "session"},
    {"with the session lost", {OPENED OTHER, OPENED NONE TOKEN}, true, ""},
    {"again and again, with a session",
	{OPENED, OPENED OTHER, "", "!", OPENED "{", OPENED SESSION TOKEN}, true,
	"session"},
};

/* Asks such a helper; what token_wait() said. */
static int ask(struct helper_visits *v, bool wants_session, uint64_t deadline,
    struct token_source *t, struct secret *token, char **why)
{
	const struct token_request request = request_to(v, wants_session);
	int r;

	r = token_open(t, &request, deadline, why);
	return r < 0 ? r : token_wait(t, deadline, token, why);
}

static void check_death(const struct row *row)
{
	_cleanup_helper_visits_ struct helper_visits v = {0};
	struct token_source t = TOKEN_SOURCE_INIT;
	_cleanup_secret_ struct secret token = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	memcpy(v.says, row->says, sizeof(v.says));
	v.asked = row->wants_session ? ASKED_OPEN ASKED_SESSION ASKED_TOKEN
				     : ASKED_OPEN ASKED_TOKEN;
	helper_visits_begin(&v, 8);
	helper_visits_start(&v);
	r = ask(&v, row->wants_session, SOON, &t, &token, &why);
	ck_assert_msg(r == 0 && !why, "the helper dies %s: %d (%s)", row->label, r, why);
	ck_assert_str_eq(secret_str(&token), "to.ken");
	ck_assert_msg(strcmp(secret_str(&t.tls_session), row->session) == 0,
	    "the helper dies %s: the session is '%s'", row->label,
	    secret_str(&t.tls_session));
	token_source_done(&t);
	helper_visits_finish(&v);
}

START_TEST(test_a_helper_that_dies_is_asked_again)
{
	for (size_t i = 0; i < ELEMENTSOF(deaths); i++)
		check_death(&deaths[i]);
}
END_TEST

/* A request longer than a socket takes at once. */
START_TEST(test_a_helper_that_dies_before_it_has_heard_all)
{
	_cleanup_helper_visits_ struct helper_visits v = {
	    .says = {"!", "!", OPENED TOKEN}};
	_cleanup_secret_ struct secret token = {0}, name = {0};
	struct token_source t = TOKEN_SOURCE_INIT;
	struct token_request request;
	struct service service = {0};
	_cleanup_free_ char *why = NULL;

	repeated_text(&name, "long-", 200000);
	helper_visits_begin(&v, 8);
	request = request_to(&v, false);
	service.destination = name.data;
	request.service = &service;
	helper_visits_start(&v);
	ck_assert_int_eq(token_open(&t, &request, SOON, &why), 0);
	ck_assert_int_eq(token_wait(&t, SOON, &token, &why), 0);
	ck_assert_str_eq(secret_str(&token), "to.ken");
	token_source_done(&t);
	helper_visits_finish(&v);
}
END_TEST

static void ignore_signal(int number _unused_)
{
}

START_TEST(test_signals_do_not_disturb)
{
	static const struct sigaction ignored = {
	    .sa_handler = ignore_signal, .sa_flags = SA_RESTART};
	static const struct itimerval often = {{0, 3000}, {0, 3000}}, never = {0};

	ck_assert_int_eq(sigaction(SIGALRM, &ignored, NULL), 0);
	/* poll(2) is interrupted all the same; the helper's process has no timer (fork(2)) */
	for (size_t i = 0; i < ELEMENTSOF(deaths); i += 3) {
		ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
		check_death(&deaths[i]);
	}
	ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
}
END_TEST

/* Who answers, but not as it should, is no better the next time. */
START_TEST(test_an_answer_is_final)
{
	static const struct {
		const char *label, *says;
		int want;
		const char *why;
	} rows[] = {
	    {"garbage", "{]\n", -ENOTCONN, "no varlink message"},
	    {"garbage behind", OPENED "[]\n", -ENOTCONN, "no varlink message"},
	    {"an empty message", "\n", -ENOTCONN, "no varlink message"},
	    {"no token", OPENED OPENED, -ENOTCONN, "without a token"},
	    {"a malformed token", OPENED "{\"parameters\":{\"access_token\":\"a b\"}}\n",
		-ENOTCONN, "malformed"},
	    {"an error of its own", "{\"error\":\"org.varlink.service.X\"}\n", -ENOTCONN,
		"an error of its own"},
	    {"no room", "{\"error\":\"io.maildest.Helper.LimitExceeded\"}\n", -EAGAIN,
		"no more requests"},
	    {"a refusal", OPENED "{\"error\":\"io.maildest.Helper.TokenRefused\"}\n",
		-ENOKEY, "refused the request"},
	    {"a service that is away",
		OPENED "{\"error\":\"io.maildest.Helper.TokenServiceUnavailable\"}\n",
		-EAGAIN, "no access token"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		for (unsigned dies_first = 0; dies_first < 2; dies_first++) {
			_cleanup_helper_visits_ struct helper_visits v = {0};
			struct token_source t = TOKEN_SOURCE_INIT;
			_cleanup_secret_ struct secret token = {0};
			_cleanup_free_ char *why = NULL;
			int r;

			v.says[0] = "";
			v.says[dies_first] = rows[i].says;
			v.asked = ASKED_OPEN ASKED_TOKEN;
			helper_visits_begin(&v, 8);
			helper_visits_start(&v);
			r = ask(&v, false, SOON, &t, &token, &why);
			ck_assert_msg(
			    r == rows[i].want && why && strstr(why, rows[i].why),
			    "%s: %d (%s)", rows[i].label, r, why);
			ck_assert_uint_eq(token.len, 0);
			token_source_done(&t);
			helper_visits_finish(&v);
		}
}
END_TEST

START_TEST(test_a_helper_that_is_gone_for_good)
{
	_cleanup_helper_visits_ struct helper_visits v = {
	    .says = {"", OPENED}, .leaves_for_good = true};
	struct token_source t = TOKEN_SOURCE_INIT;
	_cleanup_secret_ struct secret token = {0};
	_cleanup_free_ char *why = NULL;
	uint64_t begun = deadline_now();

	v.asked = ASKED_OPEN ASKED_TOKEN;
	helper_visits_begin(&v, 8);
	helper_visits_start(&v);
	ck_assert_int_eq(
	    ask(&v, false, deadline_in(600 * USEC_PER_SEC), &t, &token, &why), -ENOTCONN);
	ck_assert_msg(why && strstr(why, "is not running"), "the reason is '%s'", why);
	ck_assert_uint_lt(deadline_now(), begun + SLACK_USEC);
	token_source_done(&t);
	helper_visits_finish(&v);
}
END_TEST

START_TEST(test_a_helper_that_is_back_and_silent)
{
	_cleanup_helper_visits_ struct helper_visits v = {.says = {OPENED, OPENED}};
	struct token_source t = TOKEN_SOURCE_INIT;
	_cleanup_secret_ struct secret token = {0};
	_cleanup_free_ char *why = NULL;
	uint64_t deadline = deadline_in(300 * USEC_PER_MSEC);

	v.asked = ASKED_OPEN ASKED_TOKEN;
	helper_visits_begin(&v, 8);
	helper_visits_start(&v);
	ck_assert_int_eq(ask(&v, false, deadline, &t, &token, &why), -EAGAIN);
	ck_assert_msg(why && strstr(why, "in time"), "the reason is '%s'", why);
	ck_assert_uint_ge(deadline_now(), deadline);
	ck_assert_uint_lt(deadline_now(), deadline + SLACK_USEC);
	token_source_done(&t);
	helper_visits_finish(&v);
}
END_TEST

/* Hangs up on whoever comes, and tells the test of each. */
static int hang_up(int listener, void *data)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0 || write(*(int *)data, "x", 1) != 1)
			return 1;
		close(fd);
	}
}

START_TEST(test_a_helper_that_dies_until_the_deadline)
{
	_cleanup_helper_visits_ struct helper_visits v = {0};
	struct token_source t = TOKEN_SOURCE_INIT;
	_cleanup_secret_ struct secret token = {0};
	_cleanup_free_ char *why = NULL;
	char told[1000];
	int visits[2];
	ssize_t n;
	uint64_t deadline;
	pid_t pid;

	ck_assert_int_eq(pipe(visits), 0);
	helper_visits_begin(&v, 8);
	pid = peer_start(hang_up, v.listener, visits[1], &visits[1]);
	v.listener = -1;
	deadline = deadline_in(800 * USEC_PER_MSEC);
	ck_assert_int_eq(ask(&v, false, deadline, &t, &token, &why), -ENOTCONN);
	ck_assert_ptr_nonnull(why);
	ck_assert_uint_lt(deadline_now(), deadline + SLACK_USEC);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(peer_verdict(pid), -1);
	/* more than once, and with pauses that grow: not in a frenzy */
	n = read(visits[0], told, sizeof(told));
	ck_assert_msg(n >= 2 && n < 20, "the helper is asked %zd times", n);
	token_source_done(&t);
}
END_TEST

/* Connects without a word until there is no room for another. */
static unsigned fill_queue(const char *path, int fds[16])
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	unsigned n = 0;

	memcpy(address.sun_path, path, strlen(path) + 1);
	for (;; n++) {
		ck_assert_uint_lt(n, 16);
		fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		ck_assert_int_ge(fds[n], 0);
		if (connect(fds[n], (const struct sockaddr *)&address, sizeof(address)) ==
		    0)
			continue;
		ck_assert_int_eq(errno, EAGAIN);
		close(fds[n]);
		return n;
	}
}

START_TEST(test_a_queue_that_stays_full)
{
	_cleanup_helper_visits_ struct helper_visits v = {0};
	const uint64_t waits[] = {0, 10 * USEC_PER_MSEC, 200 * USEC_PER_MSEC};
	int fds[16];
	unsigned n;

	helper_visits_begin(&v, 0);
	n = fill_queue(v.path, fds);
	for (size_t i = 0; i < ELEMENTSOF(waits); i++) {
		const struct token_request request = request_to(&v, false);
		_cleanup_token_source_ struct token_source t = TOKEN_SOURCE_INIT;
		_cleanup_free_ char *why = NULL;
		uint64_t deadline = deadline_in(waits[i]);

		ck_assert_int_eq(token_open(&t, &request, deadline, &why), -EAGAIN);
		ck_assert_msg(why && strstr(why, v.path), "the reason is '%s'", why);
		ck_assert_uint_lt(deadline_now(), deadline + SLACK_USEC);
		ck_assert_int_eq(t.link.fd, -1);
	}
	while (n > 0)
		close(fds[--n]);
}
END_TEST

START_TEST(test_a_queue_that_empties)
{
	_cleanup_helper_visits_ struct helper_visits v = {
	    .late_usec = 50 * USEC_PER_MSEC};
	struct token_source t = TOKEN_SOURCE_INIT;
	_cleanup_secret_ struct secret token = {0};
	_cleanup_free_ char *why = NULL;
	int fds[16];
	unsigned n;

	helper_visits_begin(&v, 0);
	n = fill_queue(v.path, fds);
	ck_assert_uint_lt(n, HELPER_VISITS_MAX);
	for (unsigned i = 0; i < n; i++)
		v.says[i] = "!";
	v.says[n] = OPENED TOKEN;
	v.asked = ASKED_OPEN ASKED_TOKEN;
	helper_visits_start(&v);
	ck_assert_int_eq(ask(&v, false, SOON, &t, &token, &why), 0);
	ck_assert_ptr_null(why);
	ck_assert_str_eq(secret_str(&token), "to.ken");
	token_source_done(&t);
	helper_visits_finish(&v);
	while (n > 0)
		close(fds[--n]);
}
END_TEST

/* A new connection would not know which token was refused. */
START_TEST(test_a_rejected_token_is_not_asked_for_again)
{
	_cleanup_helper_visits_ struct helper_visits v = {
	    .says = {OPENED TOKEN}, .dies_last = true};
	struct token_source t = TOKEN_SOURCE_INIT;
	_cleanup_secret_ struct secret token = {0}, other = {0};
	_cleanup_free_ char *why = NULL, *rejection = NULL;
	char hash[DIGEST_SHA256_HEX_SIZE];

	ck_assert_int_eq(digest_sha256_hex("to.ken", 6, hash), 0);
	ck_assert_int_gt(
	    asprintf(&rejection, CALL("RejectToken", "\"token_sha256\":\"%s\""), hash),
	    0);
	v.asked = ASKED_OPEN ASKED_TOKEN;
	v.asked_then = rejection;
	helper_visits_begin(&v, 8);
	helper_visits_start(&v);
	ck_assert_int_eq(ask(&v, false, SOON, &t, &token, &why), 0);
	ck_assert_int_eq(token_reject(&t, &token, SOON, &why), 0);
	ck_assert_int_eq(token_wait(&t, SOON, &other, &why), -ENOTCONN);
	ck_assert_ptr_nonnull(why);
	ck_assert_uint_eq(other.len, 0);
	helper_visits_finish(&v);
	token_source_done(&t);
}
END_TEST

START_TEST(test_sessions_alone_are_not_asked_for_again)
{
	static const char *const said[] = {"", OPENED, OPENED "{\"par"};

	for (size_t i = 0; i < ELEMENTSOF(said); i++) {
		_cleanup_helper_visits_ struct helper_visits v = {
		    .says = {said[i]}, .dies_last = true};
		struct token_source t = TOKEN_SOURCE_INIT;
		struct token_request request;
		_cleanup_free_ char *why = NULL;

		helper_visits_begin(&v, 8);
		v.asked = ASKED_OPEN ASKED_SESSION;
		request = request_to(&v, true);
		request.wants_token = false;
		helper_visits_start(&v);
		if (token_open(&t, &request, SOON, &why) == 0)
			token_wait_tls_session(&t, SOON);
		ck_assert_uint_eq(t.tls_session.len, 0);
		token_source_done(&t);
		helper_visits_finish(&v);
	}
}
END_TEST

START_TEST(test_nothing_secret_stays_in_freed_memory)
{
	static const char *const secrets[] = {
	    "c2Vzc2lvbg==", "b3RoZXI=", "other", "to.ken"};
	static const struct row row = {"within the token",
	    {OPENED OTHER "{\"par", OPENED SESSION TOKEN}, true, "session"};

	for (size_t i = 0; i < ELEMENTSOF(secrets); i++) {
		freed_memory_watch(secrets[i]);
		check_death(&row);
		ck_assert_msg(freed_memory_hits() == 0, "'%s' is found", secrets[i]);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_a_helper_that_dies_is_asked_again,
	    test_a_helper_that_dies_before_it_has_heard_all,
	    test_signals_do_not_disturb,
	    test_an_answer_is_final,
	    test_a_helper_that_is_gone_for_good,
	    test_a_helper_that_is_back_and_silent,
	    test_a_helper_that_dies_until_the_deadline,
	    test_a_queue_that_stays_full,
	    test_a_queue_that_empties,
	    test_a_rejected_token_is_not_asked_for_again,
	    test_sessions_alone_are_not_asked_for_again,
	    test_nothing_secret_stays_in_freed_memory,
	};

	return check_program("token-again", tests, ELEMENTSOF(tests));
}
