/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the same functions as a session does, so that what it says is true of sessions. */

#include "dry-run.h"

#include <stdio.h>
#include <string.h>

#include "deadline.h"

#define GOODBYE_USEC (5 * USEC_PER_SEC)

/* The step that is running. */
struct steps {
	const char *phase; /* constant; NULL before the first */
	uint64_t began;
};

static void end_step(struct steps *steps, const char *outcome)
{
	uint64_t usec = deadline_now() - steps->began;

	if (steps->phase)
		printf("%8.1f ms  %-44s %s\n", (double)usec / (double)USEC_PER_MSEC,
		    steps->phase, outcome);
	(void)fflush(stdout); /* a reader that is gone does not change what we do */
}

static void on_phase(const char *phase, void *userdata)
{
	struct steps *steps = userdata;

	end_step(steps, "ok");
	steps->phase = phase;
	steps->began = deadline_now();
}

static void print_result(const struct session *s)
{
	const char *tls = s->record.tls ? s->record.tls : "without TLS";

	if (s->access == ACCESS_CLIENT_GRANT)
		printf(
		    "\nReached %s, %s; %s is logged in with each client's own grant.\n",
		    s->record.upstream, tls, s->destination.user);
	else if (s->access == ACCESS_PASS_THROUGH)
		printf("\nReached %s, %s; clients log in there themselves.\n",
		    s->record.upstream, tls);
	else
		printf("\nLogged in to %s as %s with %s, %s.\n", s->record.upstream,
		    s->destination.user, s->record.mechanism, tls);
}

int dry_run(const struct session_request *request)
{
	struct session_request own = *request;
	_cleanup_session_ struct session s;
	struct steps steps = {0};
	int r;

	own.full_handshake = true;
	own.on_phase = on_phase;
	own.userdata = &steps;
	session_begin(&s, &own);
	r = session_configure(&s);
	if (r == 0)
		r = session_prepare(&s);
	if (r == 0)
		r = session_confine_login(&s);
	if (r == 0)
		r = s.access == ACCESS_LOGGED_IN ? session_log_in(&s)
						 : session_connect(&s);
	if (r == 0)
		r = session_confine_relay(&s);
	if (r < 0) {
		end_step(&steps, "FAILED");
		printf("\n%s\n", s.why ? s.why : strerror(-r));
		return 1;
	}
	session_enter(&s, "saying goodbye");
	s.upstream.login_deadline = deadline_in(GOODBYE_USEC);
	end_step(&steps, s.protocol->goodbye(&s.upstream) < 0 ? "no answer" : "ok");
	print_result(&s);
	return 0;
}
