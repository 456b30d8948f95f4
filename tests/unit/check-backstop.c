/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a session that hangs: a process of the test's plays one that waits where no
 * deadline reaches. */

#include "backstop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "check-program.h"
#include "deadline.h"
#include "log.h"
#include "peer.h"

#define REPLY "421 4.4.2 late (session 0123456789ab)\r\n"
#define RECORD "<4>maildest-handler: late\n"

/* A session that hangs: records go to `fd`, replies to what `data` names. */
struct hanging {
	int client_fd;
	uint64_t usec;
	bool disarmed, rearmed, in_the_past;
};

static int hang(int fd, void *data)
{
	const struct hanging *h = data;
	struct secret reply = {0}, record = {0};

	if (dup2(fd, STDERR_FILENO) < 0 || setenv("MAILDEST_LOG_TARGET", "stderr", 1) < 0)
		return 10;
	signal(SIGPIPE, SIG_IGN);
	log_open("maildest-handler", -1);
	if (secret_puts(&reply, REPLY) < 0 || secret_puts(&record, RECORD) < 0)
		return 11;
	if (backstop_arm(h->client_fd, &reply, &record,
		h->in_the_past ? 0 : deadline_in(h->usec)) < 0)
		return 12;
	if (h->rearmed && backstop_arm(h->client_fd, &reply, &record,
			      deadline_in(20 * USEC_PER_SEC)) < 0)
		return 13;
	if (h->disarmed)
		backstop_disarm();
	if (h->disarmed || h->rearmed)
		return fd_wait(-1, POLLIN, deadline_in(3 * h->usec)) == -ETIMEDOUT ? 42
										   : 14;
	for (;;)
		pause();
}

/* What came of it; the verdict is returned. */
static int watch(struct hanging *h, char client[256], char log[256])
{
	int records[2], replies[2], verdict;
	pid_t peer;
	ssize_t n;

	peer_unix_pair(records);
	peer_unix_pair(replies);
	h->client_fd = replies[1];
	peer = peer_start(hang, records[1], replies[1], h);
	close(replies[1]);
	verdict = peer_verdict(peer);
	n = recv(replies[0], client, 255, MSG_DONTWAIT);
	client[n > 0 ? n : 0] = '\0';
	n = recv(records[0], log, 255, MSG_DONTWAIT);
	log[n > 0 ? n : 0] = '\0';
	close(records[0]);
	close(replies[0]);
	return verdict;
}

START_TEST(test_tells_client_and_journal_and_ends)
{
	struct hanging h = {.usec = 10 * USEC_PER_MSEC};
	char client[256], log[256];
	uint64_t before = deadline_now();

	ck_assert_int_eq(watch(&h, client, log), 0);
	ck_assert_uint_ge(deadline_now() - before, h.usec);
	ck_assert_str_eq(client, REPLY);
	ck_assert_str_eq(log, RECORD);
}
END_TEST

START_TEST(test_a_deadline_in_the_past_is_over_at_once)
{
	struct hanging h = {.in_the_past = true};
	char client[256], log[256];

	ck_assert_int_eq(watch(&h, client, log), 0);
	ck_assert_str_eq(client, REPLY);
}
END_TEST

START_TEST(test_disarmed_it_is_silent)
{
	struct hanging h = {.usec = 10 * USEC_PER_MSEC, .disarmed = true};
	char client[256], log[256];

	ck_assert_int_eq(watch(&h, client, log), 42);
	ck_assert_str_eq(client, "");
	ck_assert_str_eq(log, "");
}
END_TEST

START_TEST(test_armed_again_the_new_deadline_holds)
{
	struct hanging h = {.usec = 10 * USEC_PER_MSEC, .rearmed = true};
	char client[256], log[256];

	ck_assert_int_eq(watch(&h, client, log), 42);
	ck_assert_str_eq(client, "");
}
END_TEST

/* Closes what the client would read, then hangs. */
static int hang_without_a_client(int fd, void *data)
{
	struct hanging *h = data;
	int pipes[2];

	if (pipe(pipes) < 0 || close(pipes[0]) < 0)
		return 9;
	h->client_fd = pipes[1];
	return hang(fd, h);
}

START_TEST(test_a_client_that_is_gone_changes_nothing)
{
	struct hanging h = {.usec = 5 * USEC_PER_MSEC};
	int records[2];
	char log[256] = "";
	pid_t peer;

	peer_unix_pair(records);
	peer = peer_start(hang_without_a_client, records[1], -1, &h);
	ck_assert_int_eq(peer_verdict(peer), 0);
	ck_assert_int_eq(recv(records[0], log, 255, MSG_DONTWAIT), strlen(RECORD));
	ck_assert_str_eq(log, RECORD);
}
END_TEST

START_TEST(test_disarming_what_was_never_armed)
{
	struct itimerval timer;

	backstop_disarm();
	ck_assert_int_eq(getitimer(ITIMER_REAL, &timer), 0);
	ck_assert(timer.it_value.tv_sec == 0 && timer.it_value.tv_usec == 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_tells_client_and_journal_and_ends,
	    test_a_deadline_in_the_past_is_over_at_once,
	    test_disarmed_it_is_silent,
	    test_armed_again_the_new_deadline_holds,
	    test_a_client_that_is_gone_changes_nothing,
	    test_disarming_what_was_never_armed,
	};

	return check_program("backstop", tests, ELEMENTSOF(tests));
}
