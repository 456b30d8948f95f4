/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the form that records have on standard error. */

#include "journal.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define IDENTIFIER "maildest-handler: "
#define LINES_MAX 8

struct journal {
	const struct script *script;
	struct values *values;
	char *lines[LINES_MAX]; /* borrowed */
	bool told[LINES_MAX];	/* a "warning:" names it */
	size_t n;
	int result; /* index of the record of the result, or -1 */
};

/* Says what is wrong with the records as a whole, and with which, if it is one. */
static int complain(const struct journal *j, const char *what, const char *line)
{
	return script_complain(&j->script->steps[j->script->n - 1], "%s%s%s%s", what,
	    line ? ": '" : "", line ? line : "", line ? "'" : "");
}

static bool is_record(const char *line)
{
	return line[0] == '<' && isdigit((unsigned char)line[1]) &&
	       strncmp(line + 2, ">" IDENTIFIER, 1 + strlen(IDENTIFIER)) == 0;
}

static int split(struct journal *j, char *output)
{
	char *line;

	while ((line = strsep(&output, "\n"))) {
		if (!*line)
			continue;
		if (!is_record(line) || j->n == LINES_MAX)
			return complain(j, "the session wrote what is no record", line);
		if (strstr(line, "MAILDEST_RESULT=")) {
			if (j->result >= 0)
				return complain(j,
				    "the session wrote a second record of its result",
				    line);
			j->result = (int)j->n;
		}
		j->lines[j->n++] = line;
	}
	return j->result >= 0
		   ? 0
		   : complain(j, "the session wrote no record of its result", NULL);
}

/* Where the fields begin: behind a message that may hold anything, so it is the last
 * place that looks like it. */
static const char *find_fields(const char *line)
{
	static const char mark[] = " [MAILDEST_";
	const char *found = NULL;

	while ((line = strstr(line, mark)))
		found = line++;
	return found;
}

/* Appends a field's value as it stands in the line, "none" if it is not there. */
static int find_field(const char *line, const char *name, struct secret *out)
{
	_cleanup_secret_ struct secret mark = {0};
	const char *fields = find_fields(line), *at;
	int r;

	r = secret_puts(&mark, "MAILDEST_");
	for (; *name && r == 0; name++)
		r = secret_printf(&mark, "%c", toupper((unsigned char)*name));
	if (r == 0)
		r = secret_puts(&mark, "=");
	if (r < 0)
		return r;
	for (at = fields; at && (at = strstr(at, secret_str(&mark)));)
		if (at[-1] == ' ' || at[-1] == '[')
			break;
		else
			at++;
	if (!at)
		return secret_puts(out, "none");
	at += mark.len;
	return *at == '"' ? secret_append(out, at + 1, strcspn(at + 1, "\""))
			  : secret_append(out, at, strcspn(at, " ]"));
}

static int find_value(const char *line, const char *name, struct secret *out)
{
	const char *message = line + 3 + strlen(IDENTIFIER);
	const char *end = find_fields(message);

	if (strcmp(name, "priority") == 0)
		return secret_append(out, line + 1, 1);
	if (strcmp(name, "message") == 0)
		return secret_append(
		    out, message, end ? (size_t)(end - message) : strlen(message));
	return find_field(line, name, out);
}

/* Whether the text is met by some part of the value. */
static bool matches_part(
    const struct journal *j, const struct text *text, const struct secret *value)
{
	for (size_t from = 0; from <= value->len; from++)
		for (size_t to = from; to <= value->len; to++)
			if (text_matches(
				text, j->values, secret_str(value) + from, to - from))
				return true;
	return false;
}

/* One demand on a line: true if it is met. */
static bool is_met(
    struct journal *j, const char *line, const char *name, const char *wanted, bool part)
{
	_cleanup_text_ struct text text = {0};
	_cleanup_secret_ struct secret value = {0};
	const char *why;

	if (find_value(line, name, &value) < 0 ||
	    text_expand(wanted, TEXT_TO_COMPARE, j->values, &text, &why) < 0)
		return false;
	if (part && text_is_literal(&text))
		return memmem(secret_str(&value), value.len, secret_str(&text.bytes),
			   text.bytes.len) != NULL;
	return part ? matches_part(j, &text, &value)
		    : text_matches(&text, j->values, secret_str(&value), value.len);
}

/* name=value, name="value" or name~"value": takes one off the text. */
static bool next_demand(char **rest, char **ret_name, char **ret_value, bool *ret_part)
{
	char *at = *rest + strspn(*rest, " "), *end;

	*ret_name = at;
	at += strcspn(at, "=~");
	if (!*at)
		return false;
	*ret_part = *at == '~';
	*at++ = '\0';
	if (*at == '"') {
		end = strchrnul(++at, '"');
	} else {
		end = strchrnul(at, ' ');
	}
	*ret_value = at;
	*rest = *end ? end + 1 : end;
	*end = '\0';
	return true;
}

/* Whether a line meets all demands of a step; else *ret_failed (malloc'd) is the first
 * that it does not. */
static bool meets(
    struct journal *j, const char *line, const struct step *step, char **ret_failed)
{
	_cleanup_free_ char *copy = strdup(step->text);
	char *rest = copy, *name, *value;
	bool part;

	while (copy && next_demand(&rest, &name, &value, &part))
		if (!is_met(j, line, name, value, part)) {
			*ret_failed = strdup(name);
			return false;
		}
	return copy != NULL;
}

static int check_record(struct journal *j, const struct step *step)
{
	_cleanup_free_ char *failed = NULL;
	const char *line = j->lines[j->result];

	if (meets(j, line, step, &failed))
		return 0;
	return script_complain(step, "expected '%s', but '%s' differs in: %s", step->text,
	    failed ? failed : "?", line);
}

static int check_warning(struct journal *j, const struct step *step)
{
	for (size_t i = 0; i < j->n; i++) {
		_cleanup_free_ char *failed = NULL;

		if ((int)i != j->result && meets(j, j->lines[i], step, &failed)) {
			j->told[i] = true;
			return 0;
		}
	}
	return script_complain(
	    step, "expected a warning '%s', but there is none", step->text);
}

static int check_all_told(const struct journal *j)
{
	for (size_t i = 0; i < j->n; i++)
		if ((int)i != j->result && !j->told[i])
			return complain(
			    j, "the session wrote an unexpected record", j->lines[i]);
	return 0;
}

int journal_check(const struct script *script, struct values *v, const char *output)
{
	_cleanup_free_ char *copy = strdup(output);
	struct journal j = {.script = script, .values = v, .result = -1};
	int r;

	r = copy ? split(&j, copy) : -ENOMEM;
	for (size_t i = 0; i < script->n && r == 0; i++) {
		const struct step *step = &script->steps[i];

		if (step->kind != STEP_SETTING)
			continue;
		if (strcmp(step->key, "record") == 0)
			r = check_record(&j, step);
		else if (strcmp(step->key, "warning") == 0)
			r = check_warning(&j, step);
	}
	return r < 0 ? r : check_all_told(&j);
}
