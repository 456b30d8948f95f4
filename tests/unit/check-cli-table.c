/* SPDX-License-Identifier: Apache-2.0 */
/* Tables, as people and as machines read them. */

#include "table.h"

#include <stdio.h>
#include <string.h>

#include "check-program.h"
#include "terminal.h"

static const struct table_column columns[] = {
    {"NAME", "name"},
    {NULL, "hidden"},
    {"COUNT", "count"},
    {"WORDS", "words"},
};

static struct table make(void)
{
	struct table t = {.columns = columns, .n_columns = ELEMENTSOF(columns)};

	table_row(&t);
	table_text(&t, 0, TABLE_GOOD, "Zo\xc3\xab");
	table_text(&t, 1, TABLE_PLAIN, "not shown");
	table_number(&t, 2, TABLE_PLAIN, 3600, "1 h");
	table_list(&t, 3, TABLE_PLAIN, "a b");
	table_row(&t);
	table_text(&t, 0, TABLE_BAD, "longer\nname");
	table_number(&t, 2, TABLE_PLAIN, 1, NULL);
	return t;
}

/* What print() writes to standard output. */
static char *capture(const struct table *t, const struct cli *c)
{
	FILE *before = stdout;
	char *text = NULL;
	size_t n;

	stdout = open_memstream(&text, &n);
	ck_assert_ptr_nonnull(stdout);
	table_print(t, c);
	ck_assert_int_eq(fclose(stdout), 0);
	stdout = before;
	return text;
}

START_TEST(test_columns_are_aligned_by_characters)
{
	_cleanup_table_ struct table t = make();
	_cleanup_free_ char *text = capture(&t, &(struct cli){0});

	ck_assert_str_eq(text, "NAME         COUNT  WORDS\n"
			       "Zo\xc3\xab          1 h    a b\n"
			       "longer\\x0aname  1      -\n");
}
END_TEST

START_TEST(test_colours_take_no_room)
{
	_cleanup_table_ struct table t = make();
	_cleanup_free_ char *text = capture(&t, &(struct cli){.colour = true});

	ck_assert_ptr_nonnull(strstr(text, "\033[32mZo\xc3\xab\033[0m          1 h"));
}
END_TEST

START_TEST(test_nothing_without_rows)
{
	_cleanup_table_ struct table t = {
	    .columns = columns, .n_columns = ELEMENTSOF(columns)};
	_cleanup_free_ char *text = capture(&t, &(struct cli){0});

	ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(test_machines_get_types)
{
	_cleanup_table_ struct table t = make();
	_cleanup_secret_ struct secret out = {0};
	struct json_writer w = {.out = &out};

	table_write(&t, &w, NULL);
	ck_assert_int_eq(json_writer_end(&w), 0);
	ck_assert_str_eq(secret_str(&out),
	    "[{\"name\":\"Zo\xc3\xab\",\"hidden\":\"not shown\",\"count\":3600,"
	    "\"words\":[\"a\",\"b\"]},"
	    "{\"name\":\"longer\\u000aname\",\"count\":1}]");
}
END_TEST

START_TEST(test_a_cell_without_a_row_is_an_error)
{
	_cleanup_table_ struct table t = {
	    .columns = columns, .n_columns = ELEMENTSOF(columns)};

	table_text(&t, 0, TABLE_PLAIN, "x");
	ck_assert_int_ne(table_check(&t), 0);
}
END_TEST

START_TEST(test_durations)
{
	static const struct {
		int64_t seconds;
		const char *want;
	} rows[] = {
	    {0, "0 s"},
	    {119, "119 s"},
	    {120, "2 min"},
	    {7199, "119 min"},
	    {7200, "2 h"},
	    {172799, "47 h"},
	    {172800, "2 days"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *text = terminal_duration(rows[i].seconds);

		ck_assert_str_eq(text, rows[i].want);
	}
}
END_TEST

START_TEST(test_bytes)
{
	static const struct {
		uint64_t bytes;
		const char *want;
	} rows[] = {
	    {0, "0 B"},
	    {1023, "1023 B"},
	    {1536, "1.5 KiB"},
	    {20 * 1024, "20 KiB"},
	    {UINT64_C(5) << 40, "5.0 TiB"},
	    {UINT64_C(5000) << 40, "5000 TiB"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *text = terminal_bytes(rows[i].bytes);

		ck_assert_str_eq(text, rows[i].want);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_columns_are_aligned_by_characters,
	    test_colours_take_no_room,
	    test_nothing_without_rows,
	    test_machines_get_types,
	    test_a_cell_without_a_row_is_an_error,
	    test_durations,
	    test_bytes,
	};

	return check_program("cli-table", tests, ELEMENTSOF(tests));
}
