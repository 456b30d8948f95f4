/* SPDX-License-Identifier: Apache-2.0 */
/* A client's IMAP command: tag and name, literals however they come, and astrings. */

#include "imap-command.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "freed-memory.h"
#include "imap.h"
#include "repeated-text.h"
#include "scene.h"

START_TEST(test_finds_tag_and_name)
{
	static const struct {
		const char *text, *tag, *name, *rest; /* tag NULL: malformed */
	} rows[] = {
	    {"a1 NOOP", "a1", "NOOP", ""},
	    {"A.1 login x y", "A.1", "login", " x y"},
	    {"1 LOGIN \"x\" \"y\"", "1", "LOGIN", " \"x\" \"y\""},
	    {"] ID NIL", "]", "ID", " NIL"},
	    {"a UID FETCH 1 (FLAGS)", "a", "UID", " FETCH 1 (FLAGS)"},
	    {"a X-FOO(", NULL, NULL, NULL},
	    {"a LOGIN{3}", NULL, NULL, NULL},
	    {"", NULL, NULL, NULL},
	    {"a", NULL, NULL, NULL},
	    {"a ", NULL, NULL, NULL},
	    {" NOOP", NULL, NULL, NULL},
	    {"a  NOOP", NULL, NULL, NULL},
	    {"+ NOOP", NULL, NULL, NULL},
	    {"a+b NOOP", NULL, NULL, NULL},
	    {"* NOOP", NULL, NULL, NULL},
	    {"a( NOOP", NULL, NULL, NULL},
	    {"\"a\" NOOP", NULL, NULL, NULL},
	    {"a{3} NOOP", NULL, NULL, NULL},
	    {"a\\ NOOP", NULL, NULL, NULL},
	    {"a% NOOP", NULL, NULL, NULL},
	    {"a\tNOOP", NULL, NULL, NULL},
	    {"a\x7f NOOP", NULL, NULL, NULL},
	    {"\xc3\xbc NOOP", NULL, NULL, NULL},
	    {"a (NOOP)", NULL, NULL, NULL},
	    {"a \"NOOP\"", NULL, NULL, NULL},
	    {"a \r", NULL, NULL, NULL},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const char *text = rows[i].text;
		size_t n = strlen(text);
		struct imap_command c = {0};
		bool found = imap_command_parse(text, n, &c);

		ck_assert_msg(found == (rows[i].tag != NULL), "'%s': %d", text, found);
		if (!found)
			continue;
		ck_assert_msg(c.tag_len == strlen(rows[i].tag) &&
				  memcmp(text, rows[i].tag, c.tag_len) == 0,
		    "'%s': another tag", text);
		ck_assert_msg(c.name_len == strlen(rows[i].name) &&
				  memcmp(text + c.name_at, rows[i].name, c.name_len) == 0,
		    "'%s': another name", text);
		ck_assert_msg(strcmp(text + c.at, rows[i].rest) == 0,
		    "'%s': '%s' is left", text, text + c.at);
	}
}
END_TEST

START_TEST(test_reads_no_further_than_the_text)
{
	struct imap_command c = {0};

	ck_assert(!imap_command_parse("a NOOP", 1, &c));
	ck_assert(!imap_command_parse("a NOOP", 2, &c));
	ck_assert(imap_command_parse("a NOOP", 3, &c));
	ck_assert_uint_eq(c.name_len, 1);
	ck_assert(!imap_command_parse("a\0 NOOP", 7, &c));
}
END_TEST

START_TEST(test_a_line_announces_a_literal)
{
	static const struct {
		const char *text;
		bool found;
		uint64_t len;
		bool plus;
	} rows[] = {
	    {"a LOGIN {3}", true, 3, false},
	    {"{0}", true, 0, false},
	    {"{12}", true, 12, false},
	    {"{12+}", true, 12, true},
	    {"{12-}", true, 12, true},
	    {"{007}", true, 7, false},
	    {"* 1 FETCH (BODY[] {12345}", true, 12345, false},
	    {"~{5}", true, 5, false},
	    {"{{5}", true, 5, false},
	    {"{a} {5}", true, 5, false},
	    {"{999999999999999999}", true, UINT64_C(999999999999999999), false},
	    {"{9999999999999999999}", false, 0, false},
	    {"{18446744073709551616}", false, 0, false},
	    {"{99999999999999999999999999999999}", false, 0, false},
	    {"{000000000000000000000000000001}", false, 0, false},
	    {"", false, 0, false},
	    {"}", false, 0, false},
	    {"{}", false, 0, false},
	    {"3}", false, 0, false},
	    {"33}", false, 0, false},
	    {"{+}", false, 0, false},
	    {"{-}", false, 0, false},
	    {"{3", false, 0, false},
	    {"{3} ", false, 0, false},
	    {"{3}x", false, 0, false},
	    {"{ 3}", false, 0, false},
	    {"{3 }", false, 0, false},
	    {"{-3}", false, 0, false},
	    {"{+3}", false, 0, false},
	    {"{3++}", false, 0, false},
	    {"{3+-}", false, 0, false},
	    {"{3a}", false, 0, false},
	    {"{a3}", false, 0, false},
	    {"(3)", false, 0, false},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		uint64_t len = 0;
		bool plus = false, found;

		found = imap_announces_literal(
		    rows[i].text, strlen(rows[i].text), &len, &plus);
		ck_assert_msg(
		    found == rows[i].found && len == rows[i].len && plus == rows[i].plus,
		    "'%s': %d, %llu, %d", rows[i].text, found, (unsigned long long)len,
		    plus);
	}
}
END_TEST

/* A command as if it had been read. */
static void command_of(const char *text, size_t len, struct imap_command *c)
{
	ck_assert_int_eq(secret_append(&c->text, text, len), 0);
	ck_assert(imap_command_parse(c->text.data, c->text.len, c));
}

START_TEST(test_takes_astrings)
{
	static const struct {
		const char *text;
		int want;
		const char *value, *rest;
	} rows[] = {
	    {"a LOGIN user pass", 0, "user", " pass"},
	    {"a LOGIN user", 0, "user", ""},
	    {"a LOGIN user@example.com+x", 0, "user@example.com+x", ""},
	    {"a LOGIN a]b", 0, "a]b", ""},
	    {"a LOGIN NIL", 0, "NIL", ""},
	    {"a LOGIN \"\" x", 0, "", " x"},
	    {"a LOGIN \"us er\" x", 0, "us er", " x"},
	    {"a LOGIN \"a\\\"b\\\\c\"", 0, "a\"b\\c", ""},
	    {"a LOGIN \"{3}\"", 0, "{3}", ""},
	    {"a LOGIN \"gr\xc3\xbc\xc3\x9f\"", 0, "gr\xc3\xbc\xc3\x9f", ""},
	    {"a LOGIN {4}\r\nuser x", 0, "user", " x"},
	    {"a LOGIN {4+}\r\nuser x", 0, "user", " x"},
	    {"a LOGIN {0}\r\n x", 0, "", " x"},
	    {"a LOGIN {6}\r\na\r\n} x y", 0, "a\r\n} x", " y"},
	    {"a LOGIN", -EBADMSG, NULL, NULL},
	    {"a LOGIN ", -EBADMSG, NULL, NULL},
	    {"a LOGIN  user", -EBADMSG, NULL, NULL},
	    {"a LOGIN (user)", -EBADMSG, NULL, NULL},
	    {"a LOGIN *", -EBADMSG, NULL, NULL},
	    {"a LOGIN %", -EBADMSG, NULL, NULL},
	    {"a LOGIN \\x", -EBADMSG, NULL, NULL},
	    {"a LOGIN \xc3\xbc", -EBADMSG, NULL, NULL},
	    {"a LOGIN \"", -EBADMSG, NULL, NULL},
	    {"a LOGIN \"user", -EBADMSG, NULL, NULL},
	    {"a LOGIN \"user\\", -EBADMSG, NULL, NULL},
	    {"a LOGIN \"user\\\"", -EBADMSG, NULL, NULL},
	    {"a LOGIN \"us\\er\"", -EBADMSG, NULL, NULL},
	    {"a LOGIN {", -EBADMSG, NULL, NULL},
	    {"a LOGIN {}", -EBADMSG, NULL, NULL},
	    {"a LOGIN {4}", -EBADMSG, NULL, NULL},
	    {"a LOGIN {4}\r\n", -EBADMSG, NULL, NULL},
	    {"a LOGIN {4}\r\nuse", -EBADMSG, NULL, NULL},
	    {"a LOGIN {4x}\r\nuser", -EBADMSG, NULL, NULL},
	    {"a LOGIN {99999999999999999999}\r\nuser", -EBADMSG, NULL, NULL},
	    {"a LOGIN {999999999999999999}\r\nuser", -EBADMSG, NULL, NULL},
	    /* what only looks like a literal */
	    {"a LOGIN {3} abcde", -EBADMSG, NULL, NULL},
	    {"a LOGIN {x{3}\r\nabc y", -EBADMSG, NULL, NULL},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_imap_command_ struct imap_command c = {0};
		_cleanup_secret_ struct secret value = {0};
		int r;

		command_of(rows[i].text, strlen(rows[i].text), &c);
		r = imap_command_take_astring(&c, &value);
		ck_assert_msg(r == rows[i].want, "'%s': %d", rows[i].text, r);
		if (r < 0)
			continue;
		ck_assert_msg(strcmp(secret_str(&value), rows[i].value) == 0,
		    "'%s': '%s'", rows[i].text, secret_str(&value));
		ck_assert_msg(strcmp(secret_str(&c.text) + c.at, rows[i].rest) == 0,
		    "'%s': '%s' is left", rows[i].text, secret_str(&c.text) + c.at);
		ck_assert(imap_command_is_at_end(&c) == !*rows[i].rest);
	}
}
END_TEST

START_TEST(test_takes_one_astring_after_the_other)
{
	static const char text[] = "a LOGIN {4+}\r\nus r \"p\\\"w\"";
	_cleanup_imap_command_ struct imap_command c = {0};
	_cleanup_secret_ struct secret value = {0};

	command_of(text, strlen(text), &c);
	ck_assert_int_eq(imap_command_take_astring(&c, &value), 0);
	ck_assert(!imap_command_is_at_end(&c));
	ck_assert_int_eq(imap_command_take_astring(&c, &value), 0);
	ck_assert_str_eq(secret_str(&value), "us rp\"w");
	ck_assert(imap_command_is_at_end(&c));
	ck_assert_int_eq(imap_command_take_astring(&c, &value), -EBADMSG);
}
END_TEST

START_TEST(test_a_nul_byte_ends_no_astring_unseen)
{
	static const struct {
		const char *label, *text;
		size_t len;
		int want;
	} rows[] = {
	    {"in a literal", "a LOGIN {3}\r\na\0b", 16, 0},
	    {"after a backslash", "a LOGIN \"a\\\0b\"", 14, -EBADMSG},
	    {"in an atom", "a LOGIN \0x", 10, -EBADMSG},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_imap_command_ struct imap_command c = {0};
		_cleanup_secret_ struct secret value = {0};
		int r;

		command_of(rows[i].text, rows[i].len, &c);
		r = imap_command_take_astring(&c, &value);
		ck_assert_msg(r == rows[i].want, "%s: %d", rows[i].label, r);
		ck_assert(r < 0 || value.len == 3);
	}
}
END_TEST

/* Everything that a command may be made of, and what reading it leads to. */
static const struct {
	const char *label, *said, *want, *left, *heard;
} commands[] = {
    {"a line", "a NOOP\r\n", "a NOOP", "", ""},
    {"a bare line feed", "a NOOP\nb", "a NOOP", "b", ""},
    {"a literal", "a LOGIN {4}\r\nuser x\r\nb", "a LOGIN {4}\r\nuser x", "b", "+ OK\r\n"},
    {"two literals", "a LOGIN {4}\r\nuser {4}\r\npass\r\n",
	"a LOGIN {4}\r\nuser {4}\r\npass", "", "+ OK\r\n+ OK\r\n"},
    {"literal+", "a LOGIN {4+}\r\nuser {4+}\r\npass\r\n",
	"a LOGIN {4+}\r\nuser {4+}\r\npass", "", ""},
    {"literal-", "a LOGIN {4-}\r\nuser x\r\n", "a LOGIN {4-}\r\nuser x", "", ""},
    {"an empty literal", "a LOGIN {0}\r\n {0+}\r\n\r\n", "a LOGIN {0}\r\n {0+}\r\n", "",
	"+ OK\r\n"},
    {"line ends in a literal", "a LOGIN {6+}\r\na\r\nb\r\n x\r\nb NOOP\r\n",
	"a LOGIN {6+}\r\na\r\nb\r\n x", "b NOOP\r\n", ""},
    {"a literal that looks like one", "a LOGIN {5+}\r\n{9+}\n x\r\n",
	"a LOGIN {5+}\r\n{9+}\n x", "", ""},
    {"a literal behind a bare line feed", "a LOGIN {1+}\nu x\n", "a LOGIN {1+}\r\nu x",
	"", ""},
};

static void check_read(struct scene *s, size_t i, const char *how, size_t at)
{
	_cleanup_imap_command_ struct imap_command c = {0};
	_cleanup_secret_ struct secret heard = {0};
	int r;

	r = imap_command_read(&s->x, &c);
	if (r != IMAP_COMMAND_READ || strcmp(secret_str(&c.text), commands[i].want) != 0)
		ck_abort_msg("%s, %s %zu: %d, '%s'", commands[i].label, how, at, r,
		    secret_str(&c.text));
	if (strcmp(scene_heard(s->client_fd, &heard), commands[i].heard) != 0)
		ck_abort_msg("%s, %s %zu: the client was told '%s'", commands[i].label,
		    how, at, secret_str(&heard));
}

START_TEST(test_reads_commands_split_at_each_byte)
{
	for (size_t i = 0; i < ELEMENTSOF(commands); i++)
		for (size_t at = 0; at <= strlen(commands[i].said); at++) {
			const char *said = commands[i].said;
			_cleanup_scene_ struct scene s;

			scene_begin(&s, &protocol_imap);
			scene_say(s.client_fd, said, at, SCENE_PACKET_MAX);
			scene_say(
			    s.client_fd, said + at, strlen(said + at), SCENE_PACKET_MAX);
			check_read(&s, i, "split at", at);
			ck_assert_int_ne(stream_fill_now(&s.client), 0);
			ck_assert_str_eq(secret_str(&s.client.input), commands[i].left);
		}
}
END_TEST

START_TEST(test_reads_commands_byte_by_byte)
{
	for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
		_cleanup_scene_ struct scene s;

		scene_begin(&s, &protocol_imap);
		scene_say(s.client_fd, commands[i].said, strlen(commands[i].said), 1);
		check_read(&s, i, "in pieces of", 1);
	}
}
END_TEST

START_TEST(test_a_client_that_ends_within_a_command)
{
	static const char *const said[] = {"", "a LOG", "a LOGIN {4}\r\n",
	    "a LOGIN {4}\r\nuse", "a LOGIN {4}\r\nuser", "a LOGIN {4+}\r\nuser x"};

	for (size_t i = 0; i < ELEMENTSOF(said); i++) {
		_cleanup_scene_ struct scene s;
		_cleanup_imap_command_ struct imap_command c = {0};

		scene_begin(&s, &protocol_imap);
		scene_client_says(&s, said[i]);
		scene_client_ends(&s);
		ck_assert_msg(imap_command_read(&s.x, &c) == IMAP_COMMAND_ENDED,
		    "'%s': goes on", said[i]);
	}
}
END_TEST

/* Says a literal of `len` bytes after its announcement. */
static void say_literal(struct scene *s, size_t len, const char *plus, bool with_it)
{
	_cleanup_secret_ struct secret text = {0};

	ck_assert_int_eq(secret_printf(&text, "a LOGIN {%zu%s}\r\n", len, plus), 0);
	if (with_it) {
		repeated_text(&text, "x", len);
		ck_assert_int_eq(secret_puts(&text, "\r\n"), 0);
	}
	scene_say(s->client_fd, text.data, text.len, SCENE_PACKET_MAX);
}

START_TEST(test_literals_have_a_bound)
{
	static const size_t most = CLIENT_SASL_MAX - sizeof("a LOGIN {65518+}\r\n") + 1;
	static const struct {
		const char *label, *plus;
		size_t len;
		bool with_it;
		int want;
		const char *heard;
	} rows[] = {
	    {"most", "+", most, true, IMAP_COMMAND_READ, ""},
	    {"more than all", "+", most + 3, false, -EOVERFLOW, ""},
	    {"far more", "+", SIZE_MAX / 32, false, -EOVERFLOW, ""},
	    {"most, asked for", "", most + 1, true, IMAP_COMMAND_READ, "+ OK\r\n"},
	    {"more than all, not asked for", "", most + 4, false, IMAP_COMMAND_TOO_LONG,
		""},
	    {"far more, not asked for", "", SIZE_MAX / 32, false, IMAP_COMMAND_TOO_LONG,
		""},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;
		_cleanup_imap_command_ struct imap_command c = {0};
		_cleanup_secret_ struct secret heard = {0};
		int r;

		scene_begin(&s, &protocol_imap);
		say_literal(&s, rows[i].len, rows[i].plus, rows[i].with_it);
		r = imap_command_read(&s.x, &c);
		ck_assert_msg(r == rows[i].want, "%s: %d", rows[i].label, r);
		ck_assert_str_eq(scene_heard(s.client_fd, &heard), rows[i].heard);
		ck_assert_msg((r < 0) == (s.x.why != NULL), "%s: the reason is '%s'",
		    rows[i].label, s.x.why);
	}
}
END_TEST

START_TEST(test_a_long_line_is_skipped)
{
	_cleanup_scene_ struct scene s;
	_cleanup_imap_command_ struct imap_command c = {0}, next = {0};
	_cleanup_secret_ struct secret text = {0};

	repeated_text(&text, "a", CLIENT_SASL_MAX);
	ck_assert_int_eq(secret_puts(&text, "\r\nb NOOP\r\n"), 0);
	scene_begin(&s, &protocol_imap);
	scene_say(s.client_fd, text.data, text.len, SCENE_PACKET_MAX);
	ck_assert_int_eq(imap_command_read(&s.x, &c), IMAP_COMMAND_TOO_LONG);
	ck_assert_int_eq(imap_command_read(&s.x, &next), IMAP_COMMAND_READ);
	ck_assert_str_eq(secret_str(&next.text), "b NOOP");
}
END_TEST

/* Many small literals must not add up to more than one may be. */
START_TEST(test_literals_together_have_the_bound_too)
{
	_cleanup_scene_ struct scene s;
	_cleanup_imap_command_ struct imap_command c = {0};
	_cleanup_secret_ struct secret text = {0};

	ck_assert_int_eq(secret_puts(&text, "a X"), 0);
	repeated_text(&text, " {1+}\r\nx", CLIENT_SASL_MAX / 8 + 1);
	ck_assert_int_eq(secret_puts(&text, "\r\n"), 0);
	scene_begin(&s, &protocol_imap);
	scene_say(s.client_fd, text.data, text.len, SCENE_PACKET_MAX);
	ck_assert_int_ne(imap_command_read(&s.x, &c), IMAP_COMMAND_READ);
	ck_assert_uint_le(c.text.len, CLIENT_SASL_MAX + 16);
}
END_TEST

START_TEST(test_a_password_does_not_stay_in_freed_memory)
{
	struct scene s;
	struct imap_command c = {0};
	struct secret value = {0};

	freed_memory_watch("hunter2");
	scene_begin(&s, &protocol_imap);
	scene_client_says(&s, "a LOGIN {7+}\r\nhunter2 x\r\n");
	ck_assert_int_eq(imap_command_read(&s.x, &c), IMAP_COMMAND_READ);
	ck_assert(imap_command_parse(c.text.data, c.text.len, &c));
	ck_assert_int_eq(imap_command_take_astring(&c, &value), 0);
	secret_done(&value);
	imap_command_done(&c);
	scene_done(&s);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_finds_tag_and_name,
	    test_reads_no_further_than_the_text,
	    test_a_line_announces_a_literal,
	    test_takes_astrings,
	    test_takes_one_astring_after_the_other,
	    test_a_nul_byte_ends_no_astring_unseen,
	    test_reads_commands_split_at_each_byte,
	    test_reads_commands_byte_by_byte,
	    test_a_client_that_ends_within_a_command,
	    test_literals_have_a_bound,
	    test_a_long_line_is_skipped,
	    test_literals_together_have_the_bound_too,
	    test_a_password_does_not_stay_in_freed_memory,
	};

	return check_program("imap-command", tests, ELEMENTSOF(tests));
}
