/* SPDX-License-Identifier: Apache-2.0 */
/* Reading dialogue files: lines become steps, nothing is interpreted here. */

#include "script.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define INCLUDE_DEPTH_MAX 8

/* Where a file is being read. */
struct reader {
	struct script *script;
	const char *path;
	unsigned line;
	unsigned depth;
};

static int load(struct script *s, const char *path, unsigned depth);

int script_complain(const struct step *step, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%u: ", step->file, step->line);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return -EPROTO;
}

static int complain(const struct reader *r, const char *what)
{
	fprintf(stderr, "%s:%u: %s\n", r->path, r->line, what);
	return -EINVAL;
}

static int add(
    struct reader *r, struct step step, const char *key, size_t key_len, const char *text)
{
	struct script *s = r->script;
	struct step *steps;

	steps = reallocarray(s->steps, s->n + 1, sizeof(*steps));
	if (!steps)
		return -ENOMEM;
	s->steps = steps;
	step.line = r->line;
	step.file = strdup(r->path);
	step.key = strndup(key, key_len);
	step.text = strdup(text);
	s->steps[s->n++] = step;
	return step.file && step.key && step.text ? 0 : -ENOMEM;
}

static int include(struct reader *r, const char *name)
{
	_cleanup_free_ char *path = NULL;
	const char *slash = strrchr(r->path, '/');
	int folder = slash ? (int)(slash + 1 - r->path) : 0;

	if (r->depth == INCLUDE_DEPTH_MAX)
		return complain(r, "files are included too deeply");
	/* what lies in common/ includes its neighbours */
	if (asprintf(&path, "%.*s%s%s.txt", folder, r->path, r->depth ? "" : "common/",
		name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return load(r->script, path, r->depth + 1);
}

static int parse_sided(struct reader *r, const char *line)
{
	struct step step = {.side = line[0]};
	const char *text = line + 2;

	step.kind = line[1] == '>' ? STEP_SEND : line[1] == '<' ? STEP_EXPECT : STEP_DO;
	if (*text && *text++ != ' ')
		return complain(r, "a space must follow the two characters in front");
	return add(r, step, "", 0, text);
}

static bool is_sided(const char *line)
{
	return (line[0] == 'C' || line[0] == 'S') && line[1] && strchr("<>!", line[1]);
}

static int parse_line(struct reader *r, const char *line)
{
	size_t n = strlen(line), word = 0;

	if (n == 0 || line[0] == '#')
		return 0;
	if (isspace((unsigned char)line[n - 1]))
		return complain(r, "white space at the end cannot be seen; write \\x20");
	if (is_sided(line))
		return parse_sided(r, line);
	if (strncmp(line, "include ", 8) == 0)
		return include(r, line + 8);
	if (strncmp(line, "within ", 7) == 0)
		return add(r, (struct step){.kind = STEP_WITHIN}, "", 0, line + 7);
	while (islower((unsigned char)line[word]) || line[word] == '-')
		word++;
	if (word == 0 || line[word] != ':')
		return complain(r, "this is no step, and no 'key: value'");
	n = word + 1;
	while (line[n] == ' ')
		n++;
	return add(r, (struct step){.kind = STEP_SETTING}, line, word, line + n);
}

static int load(struct script *s, const char *path, unsigned depth)
{
	struct reader r = {.script = s, .path = path, .depth = depth};
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int error = 0;
	FILE *f;

	f = fopen(path, "re");
	if (!f) {
		error = -errno;
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return error;
	}
	while (error == 0 && (n = getline(&line, &size, f)) >= 0) {
		if (n > 0 && line[n - 1] == '\n')
			line[n - 1] = '\0';
		r.line++;
		error = parse_line(&r, line);
	}
	(void)fclose(f); /* was only read */
	return error;
}

int script_load(const char *path, struct script *ret)
{
	return load(ret, path, 0);
}

void script_done(struct script *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->steps[i].file);
		free(s->steps[i].key);
		free(s->steps[i].text);
	}
	free(s->steps);
	*s = (struct script){0};
}

const char *script_setting(const struct script *s, const char *key, const char *missing)
{
	const char *found = missing;

	for (size_t i = 0; i < s->n; i++)
		if (s->steps[i].kind == STEP_SETTING && strcmp(s->steps[i].key, key) == 0)
			found = s->steps[i].text;
	return found;
}
