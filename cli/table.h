/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Rows that people and machines read: aligned columns with colours on a terminal, or an
 * array of JSON objects. Texts may be foreign: what could move a terminal's cursor is
 * escaped when it is printed.
 */

#include <stdint.h>

#include "cli.h"
#include "json-writer.h"

#define TABLE_COLUMNS_MAX 16

enum table_colour {
	TABLE_PLAIN,
	TABLE_GOOD,
	TABLE_DOUBTFUL,
	TABLE_BAD,
	TABLE_FAINT,
};

struct table_column {
	const char *title; /* NULL: not for people */
	const char *key;   /* NULL: not for machines */
};

enum table_type {
	TABLE_NOTHING, /* "-", and no member */
	TABLE_TEXT,
	TABLE_NUMBER,
	TABLE_LIST, /* words with blanks between; an array of strings */
};

struct table_cell {
	enum table_type type;
	enum table_colour colour;
	int64_t number;
	char *text; /* owned; what people read; of a text also what machines read */
};

struct table {
	const struct table_column *columns; /* borrowed */
	size_t n_columns;		    /* at most TABLE_COLUMNS_MAX */
	struct table_cell *cells;	    /* owned; row after row */
	size_t n_rows;
	bool failed; /* for want of memory something is missing */
};

void table_done(struct table *t);
#define _cleanup_table_ _cleanup_(table_done)

/* Begins a row, whose cells are TABLE_NOTHING; the functions below fill those of the last row. */
void table_row(struct table *t);

/* A NULL text leaves the cell as it is. */
void table_text(
    struct table *t, size_t column, enum table_colour colour, const char *text);
void table_list(
    struct table *t, size_t column, enum table_colour colour, const char *text);
/* `text` is what people read instead; NULL: the number. */
void table_number(struct table *t, size_t column, enum table_colour colour,
    int64_t number, const char *text);

/* For people; without rows nothing. */
void table_print(const struct table *t, const struct cli *c);

/* For machines, as a member (`key`) or the root (NULL). */
void table_write(const struct table *t, struct json_writer *w, const char *key);

/* Whether every cell could be kept: 0 or -ENOMEM. */
_must_check_ int table_check(const struct table *t);
