/* SPDX-License-Identifier: Apache-2.0 */
/* Columns are as wide as their widest cell in characters; the last one is not filled up. */

#include "table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "terminal.h"
#include "text.h"

#define GAP 2

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->n_rows * t->n_columns; i++)
		free(t->cells[i].text);
	free(t->cells);
	t->cells = NULL;
	t->n_rows = 0;
}

void table_row(struct table *t)
{
	struct table_cell *cells;

	if (t->failed)
		return;
	cells = reallocarray(t->cells, (t->n_rows + 1) * t->n_columns, sizeof(*t->cells));
	if (!cells) {
		t->failed = true;
		return;
	}
	t->cells = cells;
	memset(&cells[t->n_rows * t->n_columns], 0, t->n_columns * sizeof(*cells));
	t->n_rows++;
}

/* Takes over `text`, of which `expected` says whether there had to be one. */
static void fill(struct table *t, size_t column, struct table_cell cell, bool expected)
{
	if (t->failed || t->n_rows == 0 || (expected && !cell.text)) {
		t->failed = true;
		free(cell.text);
		return;
	}
	free(t->cells[(t->n_rows - 1) * t->n_columns + column].text);
	t->cells[(t->n_rows - 1) * t->n_columns + column] = cell;
}

void table_text(
    struct table *t, size_t column, enum table_colour colour, const char *text)
{
	if (text)
		fill(t, column,
		    (struct table_cell){
			.type = TABLE_TEXT, .colour = colour, .text = strdup(text)},
		    true);
}

void table_list(
    struct table *t, size_t column, enum table_colour colour, const char *text)
{
	if (text)
		fill(t, column,
		    (struct table_cell){
			.type = TABLE_LIST, .colour = colour, .text = strdup(text)},
		    true);
}

void table_number(struct table *t, size_t column, enum table_colour colour,
    int64_t number, const char *text)
{
	struct table_cell cell = {
	    .type = TABLE_NUMBER, .colour = colour, .number = number};

	cell.text = text ? strdup(text) : text_format("%" PRIi64, number);
	fill(t, column, cell, true);
}

int table_check(const struct table *t)
{
	return t->failed ? -ENOMEM : 0;
}

static const char *shown(const struct table_cell *cell)
{
	return cell->type == TABLE_NOTHING || !*cell->text ? "-" : cell->text;
}

static const struct table_cell *cell_at(const struct table *t, size_t row, size_t column)
{
	return &t->cells[row * t->n_columns + column];
}

static void print_cell(
    const struct cli *c, const char *text, enum table_colour colour, size_t width)
{
	size_t n = terminal_width(text);

	terminal_print(c, colour, text);
	if (width > 0)
		printf("%*s", (int)(width + GAP - n), "");
}

static size_t last_column(const struct table *t)
{
	size_t last = 0;

	for (size_t i = 0; i < t->n_columns; i++)
		if (t->columns[i].title)
			last = i;
	return last;
}

static void measure(const struct table *t, size_t *widths)
{
	for (size_t i = 0; i < t->n_columns; i++) {
		widths[i] = t->columns[i].title ? terminal_width(t->columns[i].title) : 0;
		for (size_t row = 0; row < t->n_rows; row++)
			widths[i] =
			    MAX_OF(widths[i], terminal_width(shown(cell_at(t, row, i))));
	}
	widths[last_column(t)] = 0;
}

void table_print(const struct table *t, const struct cli *c)
{
	size_t widths[TABLE_COLUMNS_MAX];

	if (t->n_rows == 0)
		return;
	measure(t, widths);
	for (size_t i = 0; i < t->n_columns; i++)
		if (t->columns[i].title)
			print_cell(c, t->columns[i].title, TABLE_FAINT, widths[i]);
	(void)putchar('\n'); /* a reader that is gone is noticed at the end */
	for (size_t row = 0; row < t->n_rows; row++) {
		for (size_t i = 0; i < t->n_columns; i++)
			if (t->columns[i].title)
				print_cell(c, shown(cell_at(t, row, i)),
				    cell_at(t, row, i)->colour, widths[i]);
		(void)putchar('\n');
	}
}

static void write_list(struct json_writer *w, const char *key, const char *words)
{
	_cleanup_free_ char *copy = strdup(words);
	char *rest = copy, *word;

	if (!copy) {
		w->error = -ENOMEM;
		return;
	}
	json_writer_open(w, key, '[');
	while ((word = strsep(&rest, " ")))
		if (*word)
			json_writer_string(w, NULL, word);
	json_writer_close(w, ']');
}

static void write_cell(
    struct json_writer *w, const char *key, const struct table_cell *cell)
{
	switch (cell->type) {
	case TABLE_NOTHING:
		break;
	case TABLE_TEXT:
		json_writer_string(w, key, cell->text);
		break;
	case TABLE_NUMBER:
		json_writer_integer(w, key, cell->number);
		break;
		break;
	case TABLE_LIST:
		write_list(w, key, cell->text);
		break;
	}
}

void table_write(const struct table *t, struct json_writer *w, const char *key)
{
	json_writer_open(w, key, '[');
	for (size_t row = 0; row < t->n_rows; row++) {
		json_writer_open(w, NULL, '{');
		for (size_t i = 0; i < t->n_columns; i++)
			if (t->columns[i].key)
				write_cell(w, t->columns[i].key, cell_at(t, row, i));
		json_writer_close(w, '}');
	}
	json_writer_close(w, ']');
}
