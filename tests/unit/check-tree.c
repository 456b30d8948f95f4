/* SPDX-License-Identifier: Apache-2.0 */
/* YAML and JSON documents as nodes, and what is refused. */

#include "tree.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "secret.h"

#define HINT "(a comment begins with '#'; '//' may only follow a value)"

/* Renders a node as {key:text,key:[...]}; null is ~. */
static void render(struct secret *out, const struct tree_node *node)
{
	static const char *const open[] = {
	    [TREE_NULL] = "~", [TREE_TEXT] = "", [TREE_LIST] = "[", [TREE_MAP] = "{"};

	ck_assert_int_eq(secret_puts(out, open[node->type]), 0);
	if (node->type == TREE_TEXT)
		ck_assert_int_eq(secret_puts(out, node->text), 0);
	for (size_t i = 0; i < node->n; i++) {
		ck_assert_int_eq(
		    secret_printf(out, "%s%s%s", i ? "," : "",
			node->keys ? node->keys[i] : "", node->keys ? ":" : ""),
		    0);
		render(out, node->children[i]);
	}
	ck_assert_int_eq(secret_puts(out, node->type == TREE_LIST  ? "]"
					  : node->type == TREE_MAP ? "}"
								   : ""),
	    0);
}

START_TEST(test_reads_yaml)
{
	static const struct {
		const char *label, *text, *want; /* NULL: no document */
	} rows[] = {
	    {"nothing", "", NULL},
	    {"a comment", "# one\n", NULL},
	    {"a separator alone", "---\n", NULL},
	    {"null", "---\nnull\n", NULL},
	    {"a map", "a: 1\nb: 'x y'\n", "{a:1,b:x y}"},
	    {"nested", "a:\n  b:\n  - 1\n  - c: 2\n", "{a:{b:[1,{c:2}]}}"},
	    {"nulls", "a:\nb: ~\nc: null\nd: 'null'\ne: ''\n", "{a:~,b:~,c:~,d:null,e:}"},
	    {"flow", "{a: [1, 2], \"b\": {}}", "{a:[1,2],b:{}}"},
	    {"a comment of SAP's pages", "a: b // can be ommited if\n", "{a:b}"},
	    {"one without a blank behind it", "a: b //not mandatory\n", "{a:b}"},
	    {"a comment for a value", "a: // nothing\n", "{a:~}"},
	    {"a tab before it", "a: b\t// c\n", "{a:b}"},
	    {"a URL is none", "a: https://b//c\n", "{a:https://b//c}"},
	    {"nor is one in quotes", "a: 'b // c'\n", "{a:b // c}"},
	    {"an alias", "a: &x {b: 1}\nc: *x\nd: *x\n", "{a:{b:1},c:{b:1},d:{b:1}}"},
	    {"an anchor again", "a: &x 1\nb: &x 2\nc: *x\n", "{a:1,b:2,c:2}"},
	    {"harmless tags", "a: !!str 1\nb: !!int 2\n", "{a:1,b:2}"},
	    {"JSON", "{\"a\": \"b\\/c\", \"d\": true}", "{a:b/c,d:true}"},
	    {"CRLF", "a: b\r\nc: d\r\n", "{a:b,c:d}"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_tree_ struct tree t = {0};
		_cleanup_secret_ struct secret text = {0};
		_cleanup_free_ char *why = NULL;
		const struct tree_node *root;
		int r = tree_read_yaml(
		    &t, rows[i].text, strlen(rows[i].text), 1, &root, &why);

		ck_assert_msg(
		    r == (rows[i].want ? 1 : 0), "%s: %d %s", rows[i].label, r, why);
		if (r == 0)
			continue;
		render(&text, root);
		ck_assert_msg(strcmp(secret_str(&text), rows[i].want) == 0,
		    "%s: is read as %s", rows[i].label, secret_str(&text));
	}
}
END_TEST

START_TEST(test_refuses_yaml)
{
	static const struct {
		const char *label, *text, *reason;
	} rows[] = {
	    {"syntax", "a: [1\n", "line 12: is no YAML: "},
	    {"a tab", "a:\n\tb: 1\n", "is no YAML: "},
	    {"a comment of its own", "a: 1\n// b\nc: 2\n", HINT},
	    {"a comment before a block", "a: // b\n  c: 2\n", HINT},
	    {"a comment in the last line", "a: 1\n// b", HINT},
	    {"a URL near it", "a: https://b\n  c: 2\n",
		"line 12: is no YAML: mapping values"},
	    {"a key twice", "a: 1\nb: 2\na: 3\n", "line 13: a key is given twice"},
	    {"twice, quoted", "a: 1\n'a': 3\n", "a key is given twice"},
	    {"a map as key", "{a: 1}: 2\n", "a key is no text"},
	    {"an alias as key", "a: &x b\n*x : 2\n", "a key is no text"},
	    {"a merge", "a: &x {b: 1}\nc:\n  <<: *x\n",
		"merge keys (<<) are not supported"},
	    {"a tag", "a: !!binary aGk=\n", "tags are not supported"},
	    {"a tag of a map", "a: !foo {}\n", "tags are not supported"},
	    {"an unknown alias", "a: *x\n", "an alias names nothing"},
	    {"an alias of itself", "a: &x [*x]\n",
		"an alias stands within what it names"},
	    {"two documents", "a: 1\n---\nb: 1\n",
		"line 12: a second document starts here"},
	    {"a NUL", "a: \"\\0\"\n", "a text has a NUL character"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_tree_ struct tree t = {0};
		_cleanup_free_ char *why = NULL;
		const struct tree_node *root;
		int r = tree_read_yaml(
		    &t, rows[i].text, strlen(rows[i].text), 11, &root, &why);

		ck_assert_msg(r == -EBADMSG, "%s: is accepted (%d)", rows[i].label, r);
		ck_assert_msg(
		    strncmp(why, "line ", 5) == 0 && strstr(why, rows[i].reason),
		    "%s: the reason is '%s'", rows[i].label, why);
		ck_assert_msg(!strstr(why, HINT) == !strstr(rows[i].reason, HINT),
		    "%s: comments are told of: '%s'", rows[i].label, why);
	}
}
END_TEST

/* `head`, then `piece` until there are `len` bytes, then what is wrong with it. */
static void expect_refusal(
    const char *head, const char *piece, size_t len, const char *reason)
{
	_cleanup_tree_ struct tree t = {0};
	_cleanup_secret_ struct secret text = {0};
	_cleanup_free_ char *why = NULL;
	const struct tree_node *root;

	ck_assert_int_eq(secret_puts(&text, head), 0);
	while (text.len < len)
		ck_assert_int_eq(secret_puts(&text, piece), 0);
	ck_assert_int_eq(
	    tree_read_yaml(&t, text.data, text.len, 1, &root, &why), -EBADMSG);
	ck_assert_msg(strstr(why, reason) != NULL, "the reason is '%s'", why);
}

START_TEST(test_refuses_what_grows)
{
	size_t mebibyte = 1024 * 1024;

	expect_refusal("a: &x 1\nb:\n", "- *x\n", mebibyte, "has too many aliases");
	expect_refusal("", "- &x 1\n", mebibyte, "has too many anchors");
	expect_refusal("", "[", mebibyte, "is nested too deeply");
	expect_refusal("", "- ", mebibyte, "is nested too deeply");
	expect_refusal("", "{a: ", mebibyte, "is nested too deeply");
}
END_TEST

START_TEST(test_refuses_maps_of_many_keys)
{
	_cleanup_tree_ struct tree t = {0};
	_cleanup_secret_ struct secret text = {0};
	_cleanup_free_ char *why = NULL;
	const struct tree_node *root;

	for (int i = 0; i <= TREE_KEYS_MAX; i++)
		ck_assert_int_eq(secret_printf(&text, "k%d: 1\n", i), 0);
	ck_assert_int_eq(
	    tree_read_yaml(&t, text.data, text.len, 1, &root, &why), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(why, "a map has too many keys"));
}
END_TEST

/* Each anchor names ten of the one before: shared, not copied. */
START_TEST(test_aliases_of_aliases_cost_nothing)
{
	_cleanup_tree_ struct tree t = {0};
	_cleanup_secret_ struct secret text = {0};
	_cleanup_free_ char *why = NULL;
	const struct tree_node *root;

	ck_assert_int_eq(secret_puts(&text, "a0: &a0 x\n"), 0);
	for (int i = 1; i <= 9; i++)
		ck_assert_int_eq(
		    secret_printf(&text,
			"a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1,
			i - 1, i - 1, i - 1, i - 1, i - 1, i - 1),
		    0);
	ck_assert_int_eq(tree_read_yaml(&t, text.data, text.len, 1, &root, &why), 1);
	ck_assert_uint_lt(t.n, 30);
}
END_TEST

START_TEST(test_reads_json)
{
	static const char good[] =
	    "{\"a\": [1, true, null, \"x\"], \"b\": {\"c\": \"d\"}}",
			  bad[] = "{\"a\": 1,\n \"a\": 2}";
	_cleanup_tree_ struct tree t = {0};
	_cleanup_secret_ struct secret text = {0};
	_cleanup_free_ char *why = NULL;
	const struct tree_node *root;

	ck_assert_int_eq(tree_read_json(&t, good, strlen(good), &root, &why), 1);
	render(&text, root);
	ck_assert_str_eq(secret_str(&text), "{a:[1,true,~,x],b:{c:d}}");
	ck_assert_int_eq(tree_read_json(&t, bad, strlen(bad), &root, &why), -EBADMSG);
	ck_assert_msg(strncmp(why, "line 1: ", 8) == 0, "the reason is '%s'", why);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_reads_yaml,
	    test_refuses_yaml,
	    test_refuses_what_grows,
	    test_refuses_maps_of_many_keys,
	    test_aliases_of_aliases_cost_nothing,
	    test_reads_json,
	};

	return check_program("tree", tests, ELEMENTSOF(tests));
}
