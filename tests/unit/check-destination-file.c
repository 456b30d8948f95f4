/* SPDX-License-Identifier: Apache-2.0 */
/* Loading destinations/<name>.json: what may lie there, and when its rights matter. */

#include "destination.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "config-tree.h"

#define SECRET "hunter2"

static int load_source(const struct config_tree *t,
    const struct destination_source *source, struct properties *p, char **ret_why)
{
	_cleanup_config_ struct config c = CONFIG_INIT;

	ck_assert_int_eq(config_open(&c, t->path, ret_why), 0);
	return destination_load(&c, source, p, ret_why);
}

static int load(
    const struct config_tree *t, const char *name, struct properties *p, char **ret_why)
{
	return load_source(t, &(struct destination_source){.name = name}, p, ret_why);
}

START_TEST(test_loads_what_sap_prints)
{
	static const char *const texts[] = {
	    "{\"Name\":\"smtp\",\"Type\":\"MAIL\",\"mail.password\":\"p\"}",
	    "{\"owner\":{},\"destinationConfiguration\":{\"Type\":\"MAIL\"},"
	    "\"authTokens\":[]}",
	};
	_cleanup_config_tree_ struct config_tree t = {0};

	config_tree_make(&t);
	for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
		_cleanup_properties_ struct properties p = {0};
		_cleanup_free_ char *why = NULL;
		struct json_value v;

		config_tree_puts(&t, "destinations/smtp.json", texts[i]);
		ck_assert_int_eq(load(&t, "smtp", &p, &why), 0);
		ck_assert(properties_find(&p, "Type", &v, NULL));
		ck_assert_str_eq(json_string(v), "MAIL");
	}
}
END_TEST

START_TEST(test_refuses_files_that_hold_no_destination)
{
	static const struct {
		const char *label, *text;
		int want;
		const char *said;
	} rows[] = {
	    {"empty", "", -EBADMSG, "is empty"},
	    {"blank", "\n\n", -EBADMSG, "is empty"},
	    {"not JSON", "mail.smtp.host=" SECRET "\n", -EBADMSG, "line 1"},
	    {"truncated", "{\"mail.password\":\"" SECRET "\"", -EBADMSG,
		"ends too early"},
	    {"array", "[{\"Type\":\"MAIL\"}]", -EBADMSG, "no JSON object"},
	    {"placeholder", "{\"mail.smtp.port\":\n<" SECRET ">}", -EBADMSG,
		"<placeholder> where a value belongs (line 2, column 1)"},
	    {"key twice", "{\"a\":1,\n\"a\":\"" SECRET "\"}", -EBADMSG, "twice"},
	    {"two of them", "{\"Type\":\"MAIL\"}\n{\"Type\":\"MAIL\"}", -EBADMSG,
		"after its end (line 2, column 1)"},
	};
	_cleanup_config_tree_ struct config_tree t = {0};

	config_tree_make(&t);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_properties_ struct properties p = {0};
		_cleanup_free_ char *why = NULL;
		int r;

		config_tree_puts(&t, "destinations/smtp.json", rows[i].text);
		r = load(&t, "smtp", &p, &why);
		ck_assert_msg(r == rows[i].want, "%s: %d", rows[i].label, r);
		ck_assert_msg(strstr(why, "/destinations/smtp.json: ") &&
				  strstr(why, rows[i].said) && !strstr(why, SECRET),
		    "%s: the reason is '%s'", rows[i].label, why);
	}
}
END_TEST

START_TEST(test_refuses_files_that_cannot_be_read)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	static const struct {
		const char *name;
		int want;
	} rows[] = {
	    {"missing", -ENOENT},
	    {"large", -EFBIG},
	    {"outside", -EXDEV},
	};

	config_tree_make(&t);
	config_tree_fill(&t, "destinations/large.json", CONFIG_FILE_MAX + 1);
	config_tree_puts(&t, "beside.json", "{}");
	config_tree_link(&t, "destinations/outside.json", "../beside.json");
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_properties_ struct properties p = {0};
		_cleanup_free_ char *why = NULL;
		int r = load(&t, rows[i].name, &p, &why);

		ck_assert_msg(r == rows[i].want && strstr(why, rows[i].name),
		    "%s: %d, %s", rows[i].name, r, why);
	}
}
END_TEST

START_TEST(test_refuses_names_that_are_none)
{
	static const char *const names[] = {"", "..", "../destinations/smtp", "a/b",
	    "/etc/passwd", "a.b", "a b", "a\n", "*"};
	_cleanup_config_tree_ struct config_tree t = {0};

	config_tree_make(&t);
	config_tree_puts(&t, "destinations/smtp.json", "{}");
	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		_cleanup_properties_ struct properties p = {0};
		_cleanup_free_ char *why = NULL;

		ck_assert_msg(
		    load(&t, names[i], &p, &why) == -EINVAL, "'%s': is read", names[i]);
		ck_assert_ptr_nonnull(why);
	}
}
END_TEST

START_TEST(test_rights_matter_where_there_is_a_secret)
{
	static const struct {
		const char *json;
		bool secret;
	} rows[] = {
	    {"{}", false},
	    {"{\"Type\":\"MAIL\",\"mail.user\":\"u\",\"clientId\":\"c\"}", false},
	    {"{\"mail.smtp.host\":\"h\",\"tokenServiceURL\":\"https://a/\"}", false},
	    {"{\"mail.passwords\":1,\"password\":1,\"mail.smtp.passwordless\":1}", false},
	    {"{\"mail.password\":\"x\"}", true},
	    {"{\"mail.password\":\"\"}", true},
	    {"{\"mail.smtp.password\":\"x\"}", true},
	    {"{\"mail.imaps.password\":\"x\"}", true},
	    {"{\"clientSecret\":\"x\"}", true},
	    {"{\"tokenServicePassword\":\"x\"}", true},
	    {"{\"TrustStorePassword\":\"x\"}", true},
	    {"{\"KeyStorePassword\":\"x\"}", true},
	    {"{\"tokenService.KeyStorePassword\":\"x\"}", true},
	    {"{\"tokenService.body.client_assertion\":\"x\"}", true},
	    {"{\"tokenServiceURL.headers.Authorization\":\"x\"}", true},
	    {"{\"tokenServiceURL.queries.key\":\"x\"}", true},
	    {"{\"destinationConfiguration\":{\"clientSecret\":\"x\"}}", true},
	};
	_cleanup_config_tree_ struct config_tree t = {0};

	config_tree_make(&t);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_properties_ struct properties p = {0}, q = {0};
		_cleanup_free_ char *why = NULL;
		int r;

		config_tree_puts(&t, "destinations/smtp.json", rows[i].json);
		ck_assert_int_eq(load(&t, "smtp", &p, &why), 0);
		config_tree_chmod(&t, "destinations/smtp.json", 0644);
		r = load(&t, "smtp", &q, &why);
		ck_assert_msg(
		    r == (rows[i].secret ? -EPERM : 0), "%s: %d", rows[i].json, r);
		ck_assert(
		    r == 0 || strstr(why, "/destinations/smtp.json: holds a secret"));
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_loads_what_sap_prints,
	    test_refuses_files_that_hold_no_destination,
	    test_refuses_files_that_cannot_be_read,
	    test_refuses_names_that_are_none,
	    test_rights_matter_where_there_is_a_secret,
	};

	return check_program("destination-file", tests, ELEMENTSOF(tests));
}
