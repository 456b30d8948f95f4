/* SPDX-License-Identifier: Apache-2.0 */
/* Tenants' own destinations, and fragments on top of whichever it is. */

#include "destination.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "check-program.h"
#include "config-tree.h"

static void make_folder(const struct config_tree *t, const char *name)
{
	_cleanup_free_ char *path = config_tree_path(t, name);

	ck_assert_int_eq(mkdir(path, 0750), 0);
}

static void make_tree(struct config_tree *t)
{
	config_tree_make(t);
	make_folder(t, "destinations/t1");
	make_folder(t, "fragments");
	config_tree_puts(
	    t, "destinations/mail.json", "{\"whose\":\"all\",\"a\":1,\"b\":1,\"c\":1}");
	config_tree_puts(t, "destinations/t1/mail.json", "{\"whose\":\"t1\",\"a\":1}");
	config_tree_puts(t, "destinations/t1/own.json", "{\"whose\":\"t1\"}");
	config_tree_puts(t, "fragments/F1.json",
	    "{\"FragmentName\":\"F1\",\"a\":\"F1\",\"b\":\"F1\"}");
	config_tree_puts(t, "fragments/F2.json", "{\"b\":\"F2\",\"d\":\"F2\"}");
	config_tree_puts(t, "fragments/name.json", "{\"Name\":\"x\"}");
	config_tree_puts(t, "fragments/type.json", "{\"a\":1,\n\"Type\":\"MAIL\"}");
	config_tree_puts(t, "fragments/bad.json", "{\"a\":hunter2}");
}

static int load(const struct config_tree *t, const struct destination_source *source,
    struct properties *p, char **ret_why)
{
	_cleanup_config_ struct config c = CONFIG_INIT;

	ck_assert_int_eq(config_open(&c, t->path, ret_why), 0);
	return destination_load(&c, source, p, ret_why);
}

static void check_value(
    const struct properties *p, const char *key, const char *want, const char *label)
{
	_cleanup_free_ char *why = NULL;
	const char *value = NULL;

	ck_assert_int_ge(properties_string(p, key, &value, &why), 0);
	ck_assert_msg((!want && !value) || (want && value && strcmp(want, value) == 0),
	    "%s: '%s' is '%s'", label, key, value ? value : "not there");
}

START_TEST(test_the_upper_one_wins)
{
	static const struct {
		const char *label;
		struct destination_source source;
		const char *whose, *b, *d;
	} rows[] = {
	    {"no tenant", {"mail", NULL, NULL, false}, "all", "1", NULL},
	    {"tenant", {"mail", "t1", NULL, false}, "t1", NULL, NULL},
	    {"tenant without one", {"mail", "t2", NULL, false}, "all", "1", NULL},
	    {"the tenant's alone", {"own", "t1", NULL, false}, "t1", NULL, NULL},
	    {"fragment", {"mail", NULL, "F1", false}, "all", "F1", NULL},
	    {"tenant, fragment", {"mail", "t1", "F1", false}, "t1", "F1", NULL},
	    {"in order", {"mail", NULL, "F1,F2", false}, "all", "F2", "F2"},
	    {"in the other order", {"mail", NULL, "F2,F1", false}, "all", "F1", "F2"},
	    {"optional", {"mail", NULL, "F1", true}, "all", "F1", NULL},
	    {"optional and missing", {"mail", NULL, "F9", true}, "all", "1", NULL},
	};
	_cleanup_config_tree_ struct config_tree t = {0};

	make_tree(&t);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_properties_ struct properties p = {0};
		_cleanup_free_ char *why = NULL;
		int r = load(&t, &rows[i].source, &p, &why);

		ck_assert_msg(r == 0 && !why, "%s: %d, %s", rows[i].label, r, why);
		check_value(&p, "whose", rows[i].whose, rows[i].label);
		check_value(&p, "b", rows[i].b, rows[i].label);
		check_value(&p, "d", rows[i].d, rows[i].label);
	}
}
END_TEST

START_TEST(test_says_file_and_key)
{
	static const struct {
		const char *label;
		struct destination_source source;
		int want;
		const char *file, *said;
	} rows[] = {
	    {"missing", {"mail", NULL, "F9", false}, -ENOENT,
		"/fragments/F9.json: ", "no such file"},
	    {"name", {"mail", NULL, "name", false}, -EINVAL,
		"/fragments/name.json: ", "key 'Name' may not"},
	    {"type", {"mail", NULL, "F1,type", false}, -EINVAL,
		"/fragments/type.json: ", "key 'Type' may not"},
	    {"optional and wrong", {"mail", NULL, "type", true}, -EINVAL,
		"/fragments/type.json: ", "key 'Type' may not"},
	    {"no JSON", {"mail", NULL, "bad", true}, -EBADMSG,
		"/fragments/bad.json: ", "column"},
	    {"no destination", {"none", "t1", "F1", true}, -ENOENT,
		"/destinations/none.json: ", "no such file"},
	    {"the tenant's alone", {"own", "t2", NULL, false}, -ENOENT,
		"/destinations/own.json: ", "no such file"},
	    {"path for a tenant", {"mail", "../t1", NULL, false}, -EINVAL, "tenant",
		"DNS label"},
	    {"path for a fragment", {"mail", NULL, "../fragments/F1", false}, -EINVAL,
		"fragment", "letters"},
	    {"no name in between", {"mail", NULL, "F1,,F2", false}, -EINVAL, "fragment",
		"letters"},
	    {"five", {"mail", NULL, "F1,F2,F1,F2,F1", false}, -EINVAL, "fragment", "4"},
	};
	_cleanup_config_tree_ struct config_tree t = {0};

	make_tree(&t);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_properties_ struct properties p = {0};
		_cleanup_free_ char *why = NULL;
		int r = load(&t, &rows[i].source, &p, &why);

		ck_assert_msg(r == rows[i].want, "%s: %d", rows[i].label, r);
		ck_assert_msg(strstr(why, rows[i].file) && strstr(why, rows[i].said) &&
				  !strstr(why, "hunter2"),
		    "%s: the reason is '%s'", rows[i].label, why);
	}
}
END_TEST

/* Each file is judged by what it holds itself. */
START_TEST(test_rights_matter_in_the_file_with_the_secret)
{
	static const char *const files[] = {
	    "destinations/mail.json", "destinations/t1/mail.json", "fragments/F1.json"};
	const struct destination_source sources[] = {{"mail", NULL, "F1", false},
	    {"mail", "t1", "F1", false}, {"mail", NULL, "F1", false}};
	_cleanup_config_tree_ struct config_tree t = {0};

	for (size_t i = 0; i < ELEMENTSOF(files); i++) {
		_cleanup_properties_ struct properties p = {0}, q = {0};
		_cleanup_free_ char *why = NULL;

		config_tree_done(&t);
		make_tree(&t);
		config_tree_puts(&t, files[i], "{\"mail.password\":\"x\"}");
		config_tree_chmod(&t, files[(i + 1) % ELEMENTSOF(files)], 0644);
		ck_assert_msg(
		    load(&t, &sources[i], &p, &why) == 0, "%s: %s", files[i], why);
		config_tree_chmod(&t, files[i], 0644);
		ck_assert_msg(
		    load(&t, &sources[i], &q, &why) == -EPERM && strstr(why, files[i]),
		    "%s: others may read it", files[i]);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_the_upper_one_wins,
	    test_says_file_and_key,
	    test_rights_matter_in_the_file_with_the_secret,
	};

	return check_program("destination-fragments", tests, ELEMENTSOF(tests));
}
