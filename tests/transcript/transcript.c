/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transcript FILE: plays one dialogue against the real session, in a process of its own,
 * on the other ends of socket pairs. Silent and 0 if all went as written; else one
 * sentence about what did not, and 1.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "journal.h"
#include "play.h"
#include "script.h"
#include "stage.h"

#define EXIT_USAGE 2

/* Behind what an encoded response says of the user, which is no secret. */
#define SECRET_PART_AT 64
#define SECRET_PART_LEN 32

/* All that the session wrote to its standard error. */
static int read_output(const struct stage *s, struct secret *ret)
{
	struct stat st;
	ssize_t n;
	int r;

	if (fstat(s->output, &st) < 0)
		return -errno;
	r = secret_reserve(ret, (size_t)st.st_size);
	if (r < 0)
		return r;
	n = pread(s->output, ret->data, (size_t)st.st_size, 0);
	if (n < 0)
		return -errno;
	ret->len = (size_t)n;
	ret->data[n] = '\0';
	return 0;
}

static bool holds(const struct secret *where, const char *what)
{
	return *what && where->len > 0 &&
	       memmem(where->data, where->len, what, strlen(what));
}

/* The same for a secret that may have been cut: a long one is known by its inside. */
static bool holds_part(const struct secret *where, const char *what)
{
	char part[SECRET_PART_LEN + 1] = "";

	if (strlen(what) < SECRET_PART_AT + SECRET_PART_LEN)
		return holds(where, what);
	memcpy(part, what + SECRET_PART_AT, SECRET_PART_LEN);
	return holds(where, part);
}

static int tell_leak(const struct play *p, const char *where)
{
	return script_complain(&p->script->steps[p->script->n - 1],
	    "a secret of this dialogue shows up %s", where);
}

/* What logs us in is for the server alone. */
static int check_own_secret(
    const struct play *p, const struct secret *output, const char *what)
{
	if (holds_part(output, what))
		return tell_leak(p, "in a record");
	return holds_part(&p->client.seen, what) ? tell_leak(p, "with the client") : 0;
}

/* As the server was told it, encoded: a server that repeats a command must not spread it. */
static int check_encoded_secrets(const struct play *p, const struct secret *output)
{
	static const char *const forms[] = {"${plain}\\c", "${xoauth2}\\c",
	    "${oauthbearer}\\c", "${base64:${password}}\\c"};
	struct values values = p->values; /* borrowed */
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(forms) && r == 0; i++) {
		_cleanup_text_ struct text text = {0};
		const char *why;

		r = text_expand(forms[i], TEXT_TO_SEND, &values, &text, &why);
		if (r == 0)
			r = check_own_secret(p, output, secret_str(&text.bytes));
	}
	return r;
}

/* What the client says to log in is for nobody. */
static int check_foreign_secret(
    const struct play *p, const struct secret *output, const char *what)
{
	if (holds_part(output, what))
		return tell_leak(p, "in a record");
	for (size_t i = 0; i < p->n_servers; i++)
		if (holds_part(&p->servers[i].seen, what))
			return tell_leak(p, "with the server");
	return 0;
}

/* What the client logs in with is for the helper: as it is, and as the client sent it. */
static int check_credential(
    const struct play *p, const struct secret *output, const char *credential)
{
	static const char *const forms[] = {
	    "${token}\\c", "${xoauth2}\\c", "${oauthbearer}\\c"};
	struct values values = p->values; /* borrowed */
	int r = 0;

	values.token = credential;
	for (size_t i = 0; i < ELEMENTSOF(forms) && r == 0; i++) {
		_cleanup_text_ struct text text = {0};
		const char *why;

		r = text_expand(forms[i], TEXT_TO_SEND, &values, &text, &why);
		if (r == 0)
			r = check_foreign_secret(p, output, secret_str(&text.bytes));
		if (r == 0 && holds_part(&p->client.seen, secret_str(&text.bytes)))
			r = tell_leak(p, "with the client");
	}
	return r;
}

static int check_credentials(const struct play *p, const struct secret *output)
{
	int r = 0;

	for (size_t i = 0; i < p->helper.n && r == 0; i++) {
		struct values values = p->values; /* borrowed */
		_cleanup_text_ struct text text = {0};

		r = helper_double_credential(p->helper.answers[i], &values, &text);
		if (r > 0)
			r = check_credential(p, output, secret_str(&text.bytes));
	}
	return r;
}

static int check_secrets(const struct play *p, const struct secret *output)
{
	int r;

	r = check_own_secret(p, output, p->stage->password);
	for (size_t i = 0; i < p->helper.n_tokens && r == 0; i++)
		r = check_own_secret(p, output, secret_str(&p->helper.tokens[i]));
	if (r == 0)
		r = check_encoded_secrets(p, output);
	if (r == 0)
		r = check_credentials(p, output);
	for (size_t i = 0; i < p->script->n && r == 0; i++) {
		const struct step *s = &p->script->steps[i];

		if (s->kind == STEP_SETTING && strcmp(s->key, "secret") == 0)
			r = check_foreign_secret(p, output, s->text);
	}
	return r;
}

static int check_status(const struct play *p, int status)
{
	const struct step *last = &p->script->steps[p->script->n - 1];

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		return script_complain(
		    last, "the session's process ended with %d", WEXITSTATUS(status));
	return script_complain(
	    last, "the session's process ended by '%s'", strsignal(WTERMSIG(status)));
}

/* Judges what the session left behind. */
static int judge(const struct play *p, int status, const struct secret *output)
{
	struct values values =
	    p->values; /* borrowed: what a demand notes is of no further use */
	int r;

	r = check_status(p, status);
	if (r == 0)
		r = journal_check(p->script, &values, secret_str(output));
	return r < 0 ? r : check_secrets(p, output);
}

static int play(const struct script *script, struct stage *stage, const char *each)
{
	_cleanup_play_ struct play p;
	_cleanup_secret_ struct secret output = {0};
	int r, status;

	r = play_begin(&p, script, stage, each);
	if (r == 0)
		r = play_run(&p);
	status = stage_wait(stage, r < 0);
	if (read_output(stage, &output) < 0)
		return -EIO;
	if (r == 0)
		r = judge(&p, status, &output);
	if (r < 0)
		fprintf(stderr, "the session wrote:\n%s", secret_str(&output));
	return r;
}

static int play_once(const struct script *script, const char *each)
{
	_cleanup_stage_ struct stage stage = STAGE_INIT;
	int r;

	r = stage_prepare(&stage, script);
	if (r == 0)
		r = play(script, &stage, each);
	if (r < 0 && *each)
		fprintf(stderr, "that was with '%s' as ${each}\n", each);
	return r;
}

/* Once, or once for each word of the setting "each". */
static int play_all(const struct script *script)
{
	const char *words = script_setting(script, "each", NULL);
	_cleanup_free_ char *copy = words ? strdup(words) : NULL;
	char *rest = copy, *word;
	int r = 0;

	if (!words)
		return play_once(script, "");
	while (copy && r == 0 && (word = strsep(&rest, " ")))
		r = *word ? play_once(script, word) : 0;
	return copy ? r : -ENOMEM;
}

int main(int argc, char **argv)
{
	_cleanup_script_ struct script script = {0};
	int r;

	if (argc != 2) {
		fputs("Usage: transcript FILE\n", stderr);
		return EXIT_USAGE;
	}
	(void)signal(SIGPIPE, SIG_IGN); /* a closed connection is an errno here */
	r = script_load(argv[1], &script);
	if (r == 0 && script.n == 0) {
		fprintf(stderr, "%s: there is nothing in it\n", argv[1]);
		r = -EINVAL;
	}
	if (r == 0)
		r = play_all(&script);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
