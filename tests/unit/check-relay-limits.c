/* SPDX-License-Identifier: Apache-2.0 */
/* How long a relay waits for whom, and that waiting costs nothing. */

#include "relay.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "check-program.h"
#include "deadline.h"
#include "peer.h"
#include "stage.h"

/* How long nothing happens where that is measured. */
#define STILL_USEC (50 * USEC_PER_MSEC)

START_TEST(test_a_server_that_takes_nothing)
{
	static char bytes[1024 * 1024];
	_cleanup_stage_ struct stage s;
	uint64_t before = deadline_now();
	size_t n = 0;
	ssize_t put;

	stage_begin(&s);
	s.relay.write_timeout_usec = STAGE_SHORT;
	ck_assert_int_eq(secret_append(&s.client.input, bytes, sizeof(bytes)), 0);
	while ((put = send(s.client_fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		n += (size_t)put;
	ck_assert_int_eq(relay_run(&s.relay), RELAY_UPSTREAM_BLOCKED);
	ck_assert_uint_ge(deadline_now() - before, STAGE_SHORT);
	ck_assert_uint_lt(s.relay.bytes_in, sizeof(bytes) + n);
}
END_TEST

/* A server that talks on and does not listen is blocked all the same. */
static int talk_only(int fd, void *data _unused_)
{
	while (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
		;
	return 0;
}

static int read_only(int fd, void *data _unused_)
{
	static char bytes[64 * 1024];

	while (read(fd, bytes, sizeof(bytes)) > 0)
		;
	return 0;
}

START_TEST(test_a_server_that_only_talks_is_blocked_too)
{
	static char bytes[1024 * 1024];
	struct stage s;
	pid_t client, server;

	stage_begin(&s);
	s.relay.write_timeout_usec = STAGE_SHORT;
	ck_assert_int_eq(secret_append(&s.client.input, bytes, sizeof(bytes)), 0);
	server = peer_start(talk_only, s.server_fd, -1, NULL);
	client = peer_start(read_only, s.client_fd, -1, NULL);
	s.client_fd = s.server_fd = -1;
	ck_assert_int_eq(relay_run(&s.relay), RELAY_UPSTREAM_BLOCKED);
	stage_done(&s);
	kill(server, SIGKILL);
	kill(client, SIGKILL);
	(void)peer_verdict(server);
	(void)peer_verdict(client);
}
END_TEST

/* The processor time this process has used. */
static uint64_t cpu_usec(void)
{
	struct rusage u;

	ck_assert_int_eq(getrusage(RUSAGE_SELF, &u), 0);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * USEC_PER_SEC +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* How the peers stand when nothing happens any more. */
enum stillness {
	BOTH_SILENT,
	CLIENT_ENDED,
	CLIENT_GONE,
	CLIENT_GONE_TCP,
	CLIENT_READS_NOTHING,
	SERVER_READS_NOTHING,
	SERVER_READS_NOTHING_CLIENT_GONE,
	PIPES_SILENT,
	PIPES_ENDED,
	PIPES_GONE,
	STILLNESS_MAX,
};

static const enum relay_end still_ends[STILLNESS_MAX] = {
    [BOTH_SILENT] = RELAY_IDLE,
    [CLIENT_ENDED] = RELAY_CLIENT_LEFT,
    [CLIENT_GONE] = RELAY_CLIENT_LEFT,
    [CLIENT_GONE_TCP] = RELAY_CLIENT_LEFT,
    [CLIENT_READS_NOTHING] = RELAY_IDLE,
    [SERVER_READS_NOTHING] = RELAY_UPSTREAM_BLOCKED,
    [SERVER_READS_NOTHING_CLIENT_GONE] = RELAY_UPSTREAM_BLOCKED,
    [PIPES_SILENT] = RELAY_IDLE,
    [PIPES_ENDED] = RELAY_CLIENT_LEFT,
    [PIPES_GONE] = RELAY_CLIENT_LEFT,
};

static void arrange(struct stage *s, enum stillness how, int *ret_out)
{
	static char bytes[2 * 1024 * 1024];

	if (how >= PIPES_SILENT)
		stage_begin_pipes(s, ret_out);
	else if (how == CLIENT_GONE_TCP)
		stage_begin_tcp(s);
	else
		stage_begin(s);
	s->relay.idle_usec = s->relay.drain_usec = s->relay.write_timeout_usec =
	    STILL_USEC;
	if (how == CLIENT_READS_NOTHING)
		ck_assert_int_eq(
		    secret_append(&s->upstream.input, bytes, sizeof(bytes)), 0);
	if (how == SERVER_READS_NOTHING || how == SERVER_READS_NOTHING_CLIENT_GONE)
		ck_assert_int_eq(
		    secret_append(&s->client.input, bytes, sizeof(bytes)), 0);
	if (how == CLIENT_ENDED)
		stage_finish(s->client_fd);
	if (how == CLIENT_GONE || how == CLIENT_GONE_TCP || how == PIPES_ENDED ||
	    how == PIPES_GONE || how == SERVER_READS_NOTHING_CLIENT_GONE)
		stage_leave(&s->client_fd);
	if (how == PIPES_GONE)
		stage_leave(ret_out);
}

START_TEST(test_stillness_costs_no_processor_time)
{
	for (int how = 0; how < STILLNESS_MAX; how++) {
		_cleanup_stage_ struct stage s;
		int out = -1, r;
		uint64_t before;

		arrange(&s, (enum stillness)how, &out);
		before = cpu_usec();
		r = relay_run(&s.relay);
		before = cpu_usec() - before;
		ck_assert_msg(r == (int)still_ends[how], "%d: ends with %d", how, r);
		ck_assert_msg(before < STILL_USEC / 2, "%d: costs %llu us", how,
		    (unsigned long long)before);
		stage_leave(&out);
	}
}
END_TEST

START_TEST(test_the_idle_limit_is_as_long_as_it_says)
{
	_cleanup_stage_ struct stage s;
	uint64_t before = deadline_now();

	stage_begin(&s);
	s.relay.idle_usec = STAGE_SHORT;
	s.relay.drain_usec = STAGE_LONG;
	ck_assert_int_eq(relay_run(&s.relay), RELAY_IDLE);
	ck_assert_uint_ge(deadline_now() - before, STAGE_SHORT);
	ck_assert_uint_lt(deadline_now() - before, STAGE_LONG / 2);
}
END_TEST

START_TEST(test_after_the_clients_end_another_limit_holds)
{
	_cleanup_stage_ struct stage s;

	stage_begin(&s);
	s.relay.drain_usec = STAGE_SHORT;
	stage_say(s.client_fd, "x");
	stage_finish(s.client_fd);
	ck_assert_int_eq(relay_run(&s.relay), RELAY_CLIENT_LEFT);
	stage_check_heard(s.server_fd, "x", true);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_a_server_that_takes_nothing,
	    test_a_server_that_only_talks_is_blocked_too,
	    test_stillness_costs_no_processor_time,
	    test_the_idle_limit_is_as_long_as_it_says,
	    test_after_the_clients_end_another_limit_holds,
	};

	return check_program("relay-limits", tests, ELEMENTSOF(tests));
}
