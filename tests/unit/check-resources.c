/* SPDX-License-Identifier: Apache-2.0 */
/* Files of resources: streams, lists, files that are none, and the copies that stand in. */

#include "resources.h"

#include <string.h>
#include <sys/stat.h>

#include "check-program.h"
#include "config-tree.h"

#define GOOD(name)                                                             \
	"apiVersion: destination.connectivity.api.sap/v1\nkind: Destination\n" \
	"metadata:\n  name: " name "\nspec:\n  destinationRef:\n    name: d\n"
#define GOOD_JSON(name)                                                  \
	"{\"apiVersion\":\"destination.connectivity.api.sap/v1\","       \
	"\"kind\":\"Destination\",\"metadata\":{\"name\":\"" name "\"}," \
	"\"spec\":{\"destinationRef\":{\"name\":\"d\"}}}"

/* What the entries say: "name" for good ones, "!" for bad, "-" for skipped, "name*" for copies. */
static char *summary(const struct resources *r)
{
	_cleanup_secret_ struct secret text = {0};

	for (size_t i = 0; i < r->n; i++) {
		const struct resource_entry *e = &r->list[i];
		bool is_bad = e->resource.verdict.condition != CONDITION_SUCCESSFUL;

		ck_assert_int_eq(secret_printf(&text, "%s%s%s", i ? " " : "",
				     e->is_skipped ? "-"
				     : is_bad	   ? "!"
						   : e->resource.name,
				     e->is_copy ? "*" : ""),
		    0);
	}
	return strdup(secret_str(&text));
}

static void expect_text(const char *file, const char *text, const char *want)
{
	_cleanup_resources_ struct resources r = {0};
	_cleanup_free_ char *found = NULL;

	ck_assert_int_eq(resources_add_text(&r, file, text, strlen(text)), 0);
	found = summary(&r);
	ck_assert_msg(
	    strcmp(found, want) == 0, "%s: '%s' instead of '%s'", text, found, want);
}

START_TEST(test_reads_streams)
{
	expect_text("a.yaml", "", "!");
	expect_text("a.yaml", "# meant to be empty\n", "");
	expect_text("a.yaml", "# nothing\n\n---\n# nothing\n---\n", "");
	expect_text("a.yaml", GOOD("a"), "a");
	expect_text(
	    "a.yml", "%YAML 1.1\n---\n" GOOD("a") "---\n" GOOD("b") "...\n", "a b");
	expect_text("a.yaml", "# head\n" GOOD("a") "--- # tail\n" GOOD("b"), "a b");
	expect_text("a.yaml", GOOD("a") "---\nkind: [\n---\n" GOOD("b"), "a ! b");
	expect_text("a.yaml", GOOD("a") "---\nkind: Secret\n---\n- 1\n", "a - !");
	expect_text(
	    "a.yaml", "kind: List\nitems:\n- kind: Pod\n- kind: Destination\n", "- !");
	expect_text("a.yaml", "kind: DestinationList\nitems: []\n", "");
	expect_text("a.yaml", "kind: List\nitems: x\n", "-");
}
END_TEST

START_TEST(test_reads_json_files)
{
	expect_text("a.json", GOOD_JSON("a"), "a");
	expect_text("a.json", "[" GOOD_JSON("a") "," GOOD_JSON("b") "]", "a b");
	expect_text("a.json",
	    "{\"kind\":\"List\",\"items\":[" GOOD_JSON("a") ",{\"kind\":\"Pod\"}]}",
	    "a -");
	expect_text("a.json", GOOD_JSON("a") GOOD_JSON("b"), "!");
	expect_text("a.json", GOOD("a"), "!");
	expect_text("a.json", "", "!");
}
END_TEST

START_TEST(test_knows_the_line)
{
	static const char text[] = GOOD("a") "---\n" GOOD("b") "---\nkind: [\n";
	_cleanup_resources_ struct resources r = {0};

	ck_assert_int_eq(resources_add_text(&r, "a.yaml", text, strlen(text)), 0);
	ck_assert_uint_eq(r.list[0].resource.line, 1);
	ck_assert_uint_eq(r.list[1].resource.line, 9);
	ck_assert_uint_eq(r.list[2].resource.line, 16);
	ck_assert_ptr_nonnull(strstr(r.list[2].resource.verdict.message, "line 1"));
}
END_TEST

START_TEST(test_more_than_there_may_be_are_left_out)
{
	_cleanup_resources_ struct resources r = {0};
	_cleanup_secret_ struct secret text = {0};

	for (int i = 0; i < RESOURCES_MAX; i++)
		ck_assert_int_eq(secret_puts(&text, "---\n- 1\n"), 0);
	ck_assert_int_eq(resources_add_text(&r, "a.yaml", text.data, text.len), 0);
	ck_assert_uint_eq(r.n, RESOURCES_MAX);
	ck_assert(!r.is_full);
	ck_assert_int_eq(
	    resources_add_text(&r, "b.yaml", GOOD("b"), strlen(GOOD("b"))), 0);
	ck_assert_int_eq(resources_add_text(&r, "c.yaml", "[", 1), 0);
	ck_assert_uint_eq(r.n, RESOURCES_MAX);
	ck_assert(r.is_full);
}
END_TEST

static void make_folder(const struct config_tree *t, const char *name)
{
	_cleanup_free_ char *path = config_tree_path(t, name);

	ck_assert_int_eq(mkdir(path, 0755), 0);
}

static void expect_tree(const struct config_tree *t, const char *label, const char *want)
{
	_cleanup_config_ struct config c = CONFIG_INIT;
	_cleanup_resources_ struct resources r = {0};
	_cleanup_free_ char *why = NULL, *found = NULL;

	ck_assert_int_eq(config_open(&c, t->path, &why), 0);
	ck_assert_int_eq(resources_read(&c, &r), 0);
	found = summary(&r);
	ck_assert_msg(
	    strcmp(found, want) == 0, "%s: '%s' instead of '%s'", label, found, want);
}

START_TEST(test_reads_a_folder)
{
	_cleanup_config_tree_ struct config_tree t = {0};

	config_tree_make(&t);
	expect_tree(&t, "no folder", "");
	make_folder(&t, "services");
	config_tree_puts(&t, "services/b.yaml", GOOD("b"));
	config_tree_puts(&t, "services/a.json", GOOD_JSON("a"));
	config_tree_puts(&t, "services/c.yml", GOOD("c"));
	config_tree_puts(&t, "services/.hidden.yaml", GOOD("d"));
	config_tree_puts(&t, "services/README", "none");
	config_tree_puts(&t, "services/x.yaml~", "none");
	expect_tree(&t, "in the order of names", "a b c");
	make_folder(&t, "services/d.yaml");
	expect_tree(&t, "a folder in place of a file", "a b c !");
	config_tree_link(&t, "services/e.yaml", "/etc/passwd");
	expect_tree(&t, "a link out of the folder", "a b c ! !");
}
END_TEST

START_TEST(test_ignores_what_others_may_write)
{
	_cleanup_config_tree_ struct config_tree t = {0};

	config_tree_make(&t);
	make_folder(&t, "services");
	config_tree_puts(&t, "services/a.yaml", GOOD("a"));
	config_tree_chmod(&t, "services/a.yaml", 0646);
	expect_tree(&t, "a file that others may write to", "!");
	config_tree_chmod(&t, "services/a.yaml", 0644);
	config_tree_chmod(&t, "services", 0757);
	expect_tree(&t, "a folder that others may write to", "!");
	config_tree_chmod(&t, "services", 0755);
	expect_tree(&t, "neither", "a");
	if (geteuid() != 0)
		return;
	_cleanup_free_ char *path = config_tree_path(&t, "services/a.yaml");

	ck_assert_int_eq(chown(path, 1, 0), 0);
	expect_tree(&t, "a file that is not root's", "!");
	ck_assert_int_eq(chown(path, 0, 1), 0);
	config_tree_chmod(&t, "services/a.yaml", 0664);
	expect_tree(&t, "a file that a group may write to", "!");
}
END_TEST

START_TEST(test_a_copy_stands_in_for_what_is_broken)
{
	_cleanup_config_tree_ struct config_tree t = {0};

	config_tree_make(&t);
	make_folder(&t, "services");
	make_folder(&t, ".state");
	make_folder(&t, ".state/services");
	config_tree_puts(&t, ".state/services/a.json",
	    "{\"source\":\"a.yaml\",\"resource\":" GOOD_JSON("a") "}");
	config_tree_puts(&t, ".state/services/b.json",
	    "{\"source\":\"b.yaml\",\"resource\":" GOOD_JSON("b") "}");
	config_tree_puts(&t, ".state/services/c.json", "nonsense");
	expect_tree(&t, "their files are gone", "");
	config_tree_puts(&t, "services/a.yaml", "kind: [\n");
	expect_tree(&t, "a file that does not parse", "! a*");
	config_tree_puts(&t, "services/a.yaml", GOOD("a") "  service: {port: 0}\n");
	expect_tree(&t, "a resource that is wrong", "! a*");
	config_tree_puts(&t, "services/a.yaml", GOOD("other") "  service: {port: 0}\n");
	expect_tree(&t, "another that is wrong", "! a*");
	config_tree_puts(&t, "services/a.yaml", "kind: [\n---\n" GOOD("a"));
	expect_tree(&t, "it is valid beside something wrong", "! a");
	config_tree_puts(&t, "services/b.yaml", "# nothing\n");
	expect_tree(&t, "it is gone from its file", "! a");
	config_tree_puts(&t, "services/b.yaml", "");
	expect_tree(&t, "its file is empty", "! a ! b*");
	config_tree_puts(&t, "services/b.yaml", GOOD("c") "---\napiVersion: dest");
	expect_tree(&t, "its file is cut before it", "! a c ! b*");
	config_tree_puts(&t, "services/b.yaml",
	    "apiVersion: destination.connectivity.api.sap/v1\n"
	    "kind: Destinaton\nmetadata: {name: b}\n");
	expect_tree(&t, "its kind is mistyped", "! a ! b*");
	config_tree_puts(&t, "services/z.yaml", GOOD("b"));
	config_tree_puts(&t, "services/b.yaml", "kind: [\n");
	expect_tree(&t, "another file has its name", "! a ! b b*");
	config_tree_puts(&t, "services/b.yaml", "# nothing\n");
	expect_tree(&t, "it has moved to another file", "! a b");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_reads_streams,
	    test_reads_json_files,
	    test_knows_the_line,
	    test_more_than_there_may_be_are_left_out,
	    test_reads_a_folder,
	    test_ignores_what_others_may_write,
	    test_a_copy_stands_in_for_what_is_broken,
	};

	return check_program("resources", tests, ELEMENTSOF(tests));
}
