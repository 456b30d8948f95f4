/* SPDX-License-Identifier: Apache-2.0 */
/* maildest sessions: who is connected to what. */

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>

#include "answer.h"
#include "deadline.h"
#include "options.h"
#include "sessions.h"
#include "terminal.h"

enum column { SERVICE, USER, UID, CLIENT, AGE, FROM, TO, PHASE, PID };

static const struct table_column columns[] = {
    [SERVICE] = {"SERVICE", "service"},
    [USER] = {"USER", "user"},
    [UID] = {NULL, "uid"},
    [CLIENT] = {"CLIENT", "client"},
    [AGE] = {"AGE", "age"},
    [FROM] = {"FROM CLIENT", "bytes_from_client"},
    [TO] = {"TO CLIENT", "bytes_to_client"},
    [PHASE] = {"DOING", "phase"},
    [PID] = {"PID", "pid"},
};

static void add_user(struct table *t, uid_t uid)
{
	const struct passwd *user = getpwuid(uid);
	char number[16];

	(void)snprintf(number, sizeof(number), "%u", (unsigned)uid); /* fits */
	table_text(t, USER, TABLE_PLAIN, user ? user->pw_name : number);
	table_number(t, UID, TABLE_PLAIN, uid, NULL);
}

static void add_bytes(struct table *t, enum column column, uint64_t bytes)
{
	_cleanup_free_ char *text = terminal_bytes(bytes);

	table_number(t, column, TABLE_PLAIN, (int64_t)bytes, text);
}

static void add(struct table *t, const struct session_seen *s)
{
	int64_t seconds = (int64_t)(s->age_usec / USEC_PER_SEC);
	_cleanup_free_ char *age = terminal_duration(seconds);

	table_row(t);
	table_text(t, SERVICE, TABLE_PLAIN, s->service);
	if (s->has_uid)
		add_user(t, s->uid);
	table_text(t, CLIENT, TABLE_PLAIN, s->client);
	table_number(t, AGE, TABLE_PLAIN, seconds, age);
	if (s->has_bytes) {
		add_bytes(t, FROM, s->from_client);
		add_bytes(t, TO, s->to_client);
	}
	table_text(t, PHASE, TABLE_PLAIN, s->phase);
	table_number(t, PID, TABLE_FAINT, s->pid, NULL);
}

static int report(const struct cli *c, const struct table *t, bool was_named)
{
	_cleanup_answer_ struct answer a = {0};

	if (c->json) {
		answer_begin(&a);
		table_write(t, &a.w, "sessions");
		if (!answer_end(&a))
			return CLI_FAILED;
	} else if (t->n_rows == 0) {
		puts("No sessions.");
	} else {
		table_print(t, c);
	}
	return was_named && t->n_rows == 0 ? CLI_NOTHING : CLI_OK;
}

int cmd_sessions(struct cli *c, int argc, char **argv)
{
	_cleanup_sessions_ struct sessions_seen s = {0};
	_cleanup_table_ struct table t = {
	    .columns = columns, .n_columns = ELEMENTSOF(columns)};
	_cleanup_free_ char *why = NULL;
	char **words;
	int r;

	if (!cli_options(c, NULL, 0, argc, argv, 0, 1, &words))
		return CLI_USAGE;
	r = sessions_read(words[0], &s, &why);
	for (size_t i = 0; r == 0 && i < s.n; i++)
		add(&t, &s.list[i]);
	if (r == 0)
		r = table_check(&t);
	return r < 0 ? cli_fail(r, why) : report(c, &t, words[0] != NULL);
}
