/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maildest test NAME: the functions of a session, one after the other, without a client.
 * What it says is therefore true of sessions, and the server finds the same walls.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "confine.h"
#include "deadline.h"
#include "dial.h"
#include "dns-name.h"
#include "findings.h"
#include "hints.h"
#include "identity.h"
#include "log.h"
#include "options.h"
#include "session.h"
#include "subject.h"
#include "terminal.h"
#include "test.h"
#include "text.h"

#define GOODBYE_USEC (5 * USEC_PER_SEC)

/* What on_phase() needs. */
struct walk {
	struct steps steps;
	const struct subject *subject; /* borrowed */
	const struct session *session; /* likewise */
	const char *phase;	       /* the one that runs; NULL before the first */
};

static void end_phase(struct walk *w)
{
	if (w->phase)
		findings_add(&w->steps, w->session, w->phase);
}

static void on_phase(const char *phase, void *userdata)
{
	struct walk *w = userdata;

	if (w->phase && strcmp(w->phase, phase) == 0)
		return; /* it goes on */
	end_phase(w);
	steps_begin(&w->steps, phase);
	w->phase = phase;
}

static int walk(struct session *s, struct walk *w)
{
	int r;

	r = session_configure(s);
	if (r == 0)
		r = session_prepare(s);
	if (r == 0) {
		terminal_progress_alone();
		r = session_confine_login(s);
	}
	if (r == 0)
		r = s->access == ACCESS_LOGGED_IN ? session_log_in(s)
						  : session_connect(s);
	if (r == 0)
		r = session_confine_relay(s);
	if (r < 0)
		return r;
	session_enter(s, "saying goodbye");
	s->upstream.login_deadline = deadline_in(GOODBYE_USEC);
	if (s->protocol->goodbye(&s->upstream) < 0)
		steps_end(&w->steps, "no answer", false);
	return 0;
}

/* One sentence on how it went well. */
static char *conclude(const struct session *s)
{
	const char *tls = s->record.tls ? s->record.tls : "without TLS";
	const char *user = s->destination.user ? s->destination.user : "nobody";
	if (s->access == ACCESS_CLIENT_GRANT)
		return text_format(
		    "Reached %s, %s; %s is logged in with each client's own grant.",
		    s->record.upstream, tls, user);
	if (s->access == ACCESS_PASS_THROUGH)
		return text_format("Reached %s, %s; clients log in there themselves.",
		    s->record.upstream, tls);
	return text_format("Logged in to %s as %s with %s, %s.", s->record.upstream, user,
	    s->record.mechanism, tls);
}

/* Of a destination that neither a file nor a Destination service has. */
static bool is_nothing(const struct walk *w, int error)
{
	return error == -EINVAL && w->subject->is_nowhere;
}

static int status_of(const struct walk *w, int error)
{
	return is_nothing(w, error) ? CLI_NOTHING : (int)cli_status_of(error);
}

static const char *find_hint(const struct session *s, const struct walk *w, int error)
{
	if (error == 0)
		return NULL;
	return is_nothing(w, error)
		   ? "`maildest list` has the services, destinations/ the destinations; "
		     "`maildest add` makes one"
		   : hints_find(error, &s->destination);
}

static int report_json(const struct session *s, const struct walk *w, int error,
    const char *text, const char *hint)
{
	const struct service *service = &s->request->service;
	_cleanup_answer_ struct answer a = {0};

	answer_begin(&a);
	json_writer_string(&a.w, "service", service_name(service));
	json_writer_string(&a.w, "destination", service->destination);
	if (service->tenant)
		json_writer_string(&a.w, "tenant", service->tenant);
	json_writer_boolean(&a.w, "ok", error == 0);
	json_writer_string(&a.w, "result", text);
	if (hint)
		json_writer_string(&a.w, "hint", hint);
	steps_write(&w->steps, &a.w, "steps");
	return answer_end(&a) ? status_of(w, error) : CLI_FAILED;
}

static int report(
    const struct cli *c, const struct session *s, const struct walk *w, int error)
{
	_cleanup_free_ char *text = error < 0 ? NULL : conclude(s);
	const char *hint = find_hint(s, w, error);
	const char *said = text ? text : s->why ? s->why : strerror(-error);

	if (c->json)
		return report_json(s, w, error, said, hint);
	(void)putchar('\n'); /* noticed at the end */
	terminal_print(c, error < 0 ? TABLE_BAD : TABLE_GOOD, said);
	(void)putchar('\n');
	if (hint)
		printf("Hint: %s.\n", hint);
	return status_of(w, error);
}

/*
 * What the unit of a service tells its handler, understood by the handler's own code; the
 * arguments are changed by that.
 */
static int read_arguments(
    const struct subject *subject, struct service *ret, char **ret_why)
{
	for (size_t i = 0; i < subject->n_arguments; i++) {
		char *option = subject->arguments[i], *value;
		int r;

		if (strncmp(option, "--", 2) != 0 || option[2] == '\0')
			continue;
		option += 2;
		value = strchr(option, '=');
		if (value)
			*value++ = '\0';
		r = service_take_option(ret, option, value, ret_why);
		if (r < 0)
			return r == -ENOENT ? -EINVAL : r;
	}
	return 0;
}

int test_run(const struct cli *c, const struct subject *subject)
{
	_cleanup_free_ char *why = NULL;
	struct session s;
	struct walk w = {.steps = {.cli = c}, .subject = subject, .session = &s};
	struct session_request request = {
	    .service = {.destination = subject->destination, .tenant = subject->tenant},
	    .config_dir = c->config_dir,
	    .helper_socket = c->helper_socket,
	    .login_usec = SESSION_LOGIN_USEC,
	    .settle_usec = SESSION_SETTLE_USEC,
	    .connect = dial_connect,
	    .full_handshake = true,
	    .on_phase = on_phase,
	    .userdata = &w,
	};
	int r, status;

	r = read_arguments(subject, &request.service, &why);
	if (r < 0)
		return cli_fail(r, why);
	confine_process(); /* as each handler does at its start */
	session_begin(&s, &request);
	r = walk(&s, &w);
	if (w.steps.running) {
		end_phase(&w);
		steps_end(&w.steps, r < 0 ? "FAILED" : "ok", r < 0);
	}
	status = report(c, &s, &w, r);
	steps_done(&w.steps);
	session_done(&s);
	return status;
}

int cmd_test(struct cli *c, int argc, char **argv)
{
	_cleanup_subject_ struct subject subject = {0};
	_cleanup_free_ char *why = NULL;
	const char *tenant = NULL;
	bool as_is = false;
	const struct cli_option own[] = {
	    {"as-is", &as_is, NULL},
	    {"tenant", NULL, &tenant},
	};
	char **words;
	int r;

	if (!cli_options(c, own, ELEMENTSOF(own), argc, argv, 1, 1, &words))
		return CLI_USAGE;
	if (tenant && !dns_label_is_valid(tenant, strlen(tenant))) {
		cli_complain("test: the tenant is no subdomain");
		return CLI_USAGE;
	}
	r = subject_find(c, words[0], tenant, &subject, &why);
	if (r == 0 && !as_is)
		r = identity_become_service(c, &why);
	return r < 0 ? cli_fail(r, why) : test_run(c, &subject);
}
