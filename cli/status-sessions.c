/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sessions found: only they know whether the mail server is there, is believed, and
 * takes our login. The last one of each service decides, and what clients did to
 * themselves says nothing. From the records of failures, which are few, come the services
 * to look at; of each of these the newest records are read.
 */

#include <errno.h>
#include <string.h>

#include "deadline.h"
#include "status-journal.h"
#include "status.h"
#include "text.h"

#define LATELY_USEC (60 * 60 * USEC_PER_SEC)
/* Records of failures that are looked through, services found there, and records of each. */
#define FAILURES_MAX 1000
#define SERVICES_MAX 50
#define SESSIONS_MAX 100

/* By which a session tells something of the service; others are its client's own doing. */
static const struct {
	const char *result;
	int exit;
} meanings[] = {
    {"capability", CLI_NETWORK},
    {"certificate", CLI_NETWORK},
    {"configuration", CLI_CONFIGURATION},
    {"connect", CLI_NETWORK},
    {"crashed", CLI_FAILED},
    {"disconnected", CLI_NETWORK},
    {"helper", CLI_FAILED},
    {"internal", CLI_FAILED},
    {"killed", CLI_FAILED},
    {"login", CLI_REFUSED},
    {"ok", CLI_OK},
    {"protocol", CLI_NETWORK},
    {"proxy", CLI_NETWORK},
    {"resolve", CLI_NETWORK},
    {"server", CLI_NETWORK},
    {"timeout", CLI_NETWORK},
    {"token", CLI_REFUSED},
};

/* The sessions of one service, the newest first. */
struct found {
	unsigned failed; /* since one was ok */
	bool was_ok;	 /* before these */
	int exit;	 /* of the newest */
	char *message;	 /* the same; owned */
};

/* A server may end what it has let in, an idle session after half an hour, say. */
static bool was_let_in(sd_journal *j)
{
	_cleanup_free_ char *relayed = status_journal_field(j, "MAILDEST_BYTES_OUT");

	return relayed && strcmp(relayed, "0") != 0;
}

/* The exit status that the record's result means, or -ENOENT if it means none. */
static int meaning_of(sd_journal *j)
{
	_cleanup_free_ char *result = status_journal_field(j, "MAILDEST_RESULT");

	if (result && strcmp(result, "ok") != 0 && was_let_in(j))
		return -ENOENT;
	for (size_t i = 0; result && i < ELEMENTSOF(meanings); i++)
		if (strcmp(meanings[i].result, result) == 0)
			return meanings[i].exit;
	return -ENOENT;
}

/* Steps to the next older record: whether there is one of the last hour. */
static bool step_back(sd_journal *j, uint64_t since)
{
	uint64_t when;

	return sd_journal_previous(j) > 0 &&
	       sd_journal_get_realtime_usec(j, &when) >= 0 && when >= since;
}

/* The handlers' records, from the newest on; with a service, its own alone. 0 or -errno. */
static int open_records(const char *service, sd_journal **ret)
{
	static const char *const failures[] = {
	    "PRIORITY=0", "PRIORITY=1", "PRIORITY=2", "PRIORITY=3", "PRIORITY=4"};
	_cleanup_free_ char *match = NULL;
	int r = status_journal_open(ret);

	if (r >= 0)
		r = status_journal_match_users(*ret);
	if (r >= 0)
		r = sd_journal_add_match(*ret, "SYSLOG_IDENTIFIER=maildest-handler", 0);
	for (size_t i = 0; !service && r >= 0 && i < ELEMENTSOF(failures); i++)
		r = sd_journal_add_match(*ret, failures[i], 0);
	if (r >= 0 && service) {
		match = text_format("MAILDEST_SERVICE=%s", service);
		r = match ? sd_journal_add_match(*ret, match, 0) : -ENOMEM;
	}
	return r < 0 ? r : sd_journal_seek_tail(*ret);
}

static void look_at(sd_journal *j, uint64_t since, struct found *f)
{
	for (unsigned i = 0; i < SESSIONS_MAX && !f->was_ok && step_back(j, since); i++) {
		int meaning = meaning_of(j);

		if (meaning == CLI_OK)
			f->was_ok = true;
		if (meaning <= CLI_OK)
			continue;
		if (f->failed++ == 0) {
			f->exit = meaning;
			f->message = status_journal_field(j, "MESSAGE");
		}
	}
}

static void judge(struct status *s, const char *service, uint64_t since)
{
	_cleanup_journal_ sd_journal *j = NULL;
	struct found f = {0};

	if (open_records(service, &j) < 0)
		return; /* it was there a moment ago */
	look_at(j, since, &f);
	if (f.failed > 0) {
		s->failing++;
		status_add_problem(s, f.was_ok ? STATUS_WARNING : STATUS_CRITICAL, f.exit,
		    "service %s: %s failed%s; the last: %s", service,
		    f.failed == 1 ? "its last session" : "its last sessions",
		    f.was_ok ? "" : ", and none was well within the last hour",
		    f.message ? f.message : "?");
	}
	free(f.message);
}

static bool is_known(char *const *services, size_t n, const char *service)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(services[i], service) == 0)
			return true;
	return false;
}

/* The services that had a failure, each once: their number. */
static size_t find_services(sd_journal *j, uint64_t since, char *services[SERVICES_MAX])
{
	size_t n = 0;

	for (unsigned i = 0; i < FAILURES_MAX && n < SERVICES_MAX && step_back(j, since);
	     i++) {
		_cleanup_free_ char *service =
		    status_journal_field(j, "MAILDEST_SERVICE");

		if (service && !is_known(services, n, service) && meaning_of(j) > CLI_OK)
			services[n++] = TAKE_PTR(service);
	}
	return n;
}

void status_ask_sessions(struct status *s)
{
	_cleanup_journal_ sd_journal *j = NULL;
	uint64_t since = status_journal_ago(LATELY_USEC);
	char *services[SERVICES_MAX];
	size_t n;

	if (open_records(NULL, &j) < 0)
		return; /* there is none, or not for us */
	n = find_services(j, since, services);
	for (size_t i = 0; i < n; i++) {
		judge(s, services[i], since);
		free(services[i]);
	}
}
