/* SPDX-License-Identifier: Apache-2.0 */
#include "steps.h"

#include <stdio.h>
#include <string.h>

#include "deadline.h"
#include "terminal.h"

#define NAME_WIDTH 46
#define DETAIL_WIDTH 12

void steps_begin(struct steps *s, const char *name)
{
	struct step *list;

	steps_end(s, "ok", false);
	list = reallocarray(s->list, s->n + 1, sizeof(*list));
	if (!list)
		return; /* a step that is not told of */
	s->list = list;
	s->list[s->n++] = (struct step){.name = name};
	s->began = deadline_now();
	s->running = true;
	terminal_progress(s->cli, name);
}

static void print(const struct cli *c, const struct step *step, bool is_failure)
{
	printf("%8.1f ms  %-*s ", (double)step->usec / (double)USEC_PER_MSEC, NAME_WIDTH,
	    step->name);
	terminal_print(c, is_failure ? TABLE_BAD : TABLE_GOOD, step->outcome);
	(void)putchar('\n'); /* noticed at the end, here and below */
	for (size_t i = 0; i < step->n_details; i++) {
		printf("%13s%-*s ", "", DETAIL_WIDTH, step->details[i].name);
		terminal_print(c, TABLE_FAINT, step->details[i].value);
		(void)putchar('\n');
	}
	(void)fflush(stdout);
}

void steps_end(struct steps *s, const char *outcome, bool is_failure)
{
	struct step *step;

	if (!s->running)
		return;
	terminal_progress_end();
	step = &s->list[s->n - 1];
	step->usec = deadline_now() - s->began;
	step->outcome = outcome;
	s->running = false;
	if (!s->cli->json)
		print(s->cli, step, is_failure);
}

void steps_detail(struct steps *s, const char *name, char *value)
{
	struct step *step = s->running ? &s->list[s->n - 1] : NULL;
	struct step_detail *details = NULL;

	if (step && value)
		details =
		    reallocarray(step->details, step->n_details + 1, sizeof(*details));
	if (!details) {
		free(value);
		return;
	}
	step->details = details;
	details[step->n_details++] = (struct step_detail){name, value};
}

/* Details of one name become one array, as there may be several. */
static void write_details(struct json_writer *w, const struct step *step)
{
	json_writer_open(w, "details", '[');
	for (size_t i = 0; i < step->n_details; i++) {
		json_writer_open(w, NULL, '{');
		json_writer_string(w, "name", step->details[i].name);
		json_writer_string(w, "value", step->details[i].value);
		json_writer_close(w, '}');
	}
	json_writer_close(w, ']');
}

void steps_write(const struct steps *s, struct json_writer *w, const char *key)
{
	json_writer_open(w, key, '[');
	for (size_t i = 0; i < s->n; i++) {
		json_writer_open(w, NULL, '{');
		json_writer_string(w, "step", s->list[i].name);
		json_writer_integer(w, "usec", (int64_t)s->list[i].usec);
		json_writer_string(
		    w, "outcome", s->list[i].outcome ? s->list[i].outcome : "unknown");
		write_details(w, &s->list[i]);
		json_writer_close(w, '}');
	}
	json_writer_close(w, ']');
}

void steps_done(struct steps *s)
{
	terminal_progress_end();
	for (size_t i = 0; i < s->n; i++) {
		for (size_t j = 0; j < s->list[i].n_details; j++)
			free(s->list[i].details[j].value);
		free(s->list[i].details);
	}
	free(s->list);
	*s = (struct steps){.cli = s->cli};
}
