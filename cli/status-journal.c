/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's part: what failed lately. */

#include "status-journal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "deadline.h"
#include "procs.h"
#include "status.h"
#include "terminal.h"
#include "text.h"

#define SHOWN_MAX 10
#define LATELY_USEC (60 * 60 * USEC_PER_SEC)
#define TOO_MANY "Too many incoming connections"
#define SINCE_USEC (24 * 60 * 60 * USEC_PER_SEC)

enum failure_column { TIME, SERVICE, RESULT, WHAT };

void status_journal_close(sd_journal **j)
{
	sd_journal_close(*j);
}

int status_journal_open(sd_journal **ret)
{
	return sd_journal_open(ret, SD_JOURNAL_LOCAL_ONLY);
}

char *status_journal_field(sd_journal *j, const char *name)
{
	_cleanup_secret_ struct secret escaped = {0};
	const char *text;
	const void *data;
	size_t n, skip = strlen(name) + 1;

	if (sd_journal_get_data(j, name, &data, &n) < 0 || n < skip)
		return NULL;
	text = data;
	return terminal_escape(&escaped, text + skip, n - skip) < 0
		   ? NULL
		   : strdup(secret_str(&escaped));
}

static void add(struct table *t, sd_journal *j, uint64_t when)
{
	_cleanup_free_ char *service = status_journal_field(j, "MAILDEST_SERVICE");
	_cleanup_free_ char *destination =
	    status_journal_field(j, "MAILDEST_DESTINATION");
	_cleanup_free_ char *result = status_journal_field(j, "MAILDEST_RESULT");
	_cleanup_free_ char *message = status_journal_field(j, "MESSAGE");
	_cleanup_free_ char *time = terminal_time((int64_t)(when / USEC_PER_SEC));

	table_row(t);
	table_number(t, TIME, TABLE_FAINT, (int64_t)(when / USEC_PER_SEC), time);
	table_text(t, SERVICE, TABLE_PLAIN, service ? service : destination);
	table_text(t, RESULT, TABLE_BAD, result);
	table_text(t, WHAT, TABLE_PLAIN, message);
}

int status_journal_match_users(sd_journal *j)
{
	uid_t uids[PROCS_UIDS_MAX];
	size_t n = procs_uids(uids);
	char match[sizeof("_UID=4294967295")];
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++) {
		(void)snprintf(match, sizeof(match), "_UID=%u", (unsigned)uids[i]);
		r = sd_journal_add_match(j, match, 0);
	}
	return r;
}

/* Records of either program that are warnings or worse. */
static int select_records(sd_journal *j)
{
	static const char *const matches[] = {"SYSLOG_IDENTIFIER=maildest-handler",
	    "SYSLOG_IDENTIFIER=maildest-helper", "PRIORITY=0", "PRIORITY=1", "PRIORITY=2",
	    "PRIORITY=3", "PRIORITY=4"};
	int r = status_journal_match_users(j);

	for (size_t i = 0; i < ELEMENTSOF(matches) && r >= 0; i++)
		r = sd_journal_add_match(j, matches[i], 0);
	return r;
}

uint64_t status_journal_ago(uint64_t usec)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
	return (uint64_t)now.tv_sec * USEC_PER_SEC - usec;
}

/* What systemd itself, which is root's, said about a unit, the newest last. */
static int open_unit(const char *unit, sd_journal **ret)
{
	_cleanup_free_ char *match = NULL;
	int r = status_journal_open(ret);

	if (r < 0)
		return r;
	match = text_format("UNIT=%s", unit);
	if (!match)
		return -ENOMEM;
	r = sd_journal_add_match(*ret, match, 0);
	if (r >= 0)
		r = sd_journal_add_match(*ret, "_UID=0", 0);
	return r < 0 ? r : sd_journal_seek_tail(*ret);
}

/* systemd says it in no other way: these records have no id of their own. */
int status_were_too_many(const char *unit)
{
	_cleanup_journal_ sd_journal *j = NULL;
	uint64_t since = status_journal_ago(LATELY_USEC), when;
	const void *data;
	size_t n;
	int r = open_unit(unit, &j);

	if (r < 0)
		return r;
	while ((r = sd_journal_previous(j)) > 0) {
		if (sd_journal_get_realtime_usec(j, &when) < 0 || when < since)
			return 0;
		if (sd_journal_get_data(j, "MESSAGE", &data, &n) == 0 &&
		    memmem(data, n, TOO_MANY, strlen(TOO_MANY)))
			return 1;
	}
	return r;
}

void status_ask_journal(struct status *s)
{
	_cleanup_journal_ sd_journal *j = NULL;
	uint64_t since = status_journal_ago(SINCE_USEC), when;

	if (status_journal_open(&j) < 0 || select_records(j) < 0 ||
	    sd_journal_seek_tail(j) < 0)
		return; /* there is none, or not for us */
	for (unsigned i = 0; i < SHOWN_MAX && sd_journal_previous(j) > 0; i++) {
		if (sd_journal_get_realtime_usec(j, &when) < 0 || when < since)
			return;
		add(&s->failures, j, when);
	}
}
