/* SPDX-License-Identifier: Apache-2.0 */
/* maildest.conf, line by line. */

#include "settings.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "config-tree.h"
#include "deadline.h"

static int load_bytes(const char *text, size_t len, struct settings *s, char **ret_why)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_config_ struct config c = CONFIG_INIT;

	config_tree_make(&t);
	if (text)
		config_tree_write(&t, "maildest.conf", text, len);
	ck_assert_int_eq(config_open(&c, t.path, ret_why), 0);
	return settings_load(&c, s, ret_why);
}

static int load(const char *text, struct settings *s, char **ret_why)
{
	return load_bytes(text, text ? strlen(text) : 0, s, ret_why);
}

static void check_times(
    const struct settings *s, const struct settings *want, const char *label)
{
	uint64_t connect = want->destination_connect_usec,
		 read = want->destination_read_usec;

	ck_assert_msg(
	    s->destination_connect_usec == (connect ? connect : 5 * USEC_PER_SEC),
	    "%s: another time to connect", label);
	ck_assert_msg(s->destination_read_usec == (read ? read : 10 * USEC_PER_SEC),
	    "%s: another time to read", label);
}

START_TEST(test_reads_settings)
{
	static const struct {
		const char *label, *text;
		struct settings want;
	} rows[] = {
	    {"no file", NULL, {0}},
	    {"blank lines", "\n \n\t\n\r\n", {0}},
	    {"comments", "# ClientLogin=none\n ; TenantMode=shared\n#\n", {0}},
	    {"any", "ClientLogin=any\n", {.client_login = CLIENT_LOGIN_ANY}},
	    {"preauth", "ClientLogin=preauth\n", {.client_login = CLIENT_LOGIN_PREAUTH}},
	    {"none", "ClientLogin=none\n", {.client_login = CLIENT_LOGIN_NONE}},
	    {"required", "ClientLogin=required\n",
		{.client_login = CLIENT_LOGIN_REQUIRED}},
	    {"accept", "Activation=accept", {.activation = ACTIVATION_ACCEPT}},
	    {"forking", "Activation=forking", {.activation = ACTIVATION_FORKING}},
	    {"grouped", "Activation=grouped", {.activation = ACTIVATION_GROUPED}},
	    {"group", "Clients=mail-users", {.clients = (char *)"mail-users"}},
	    {"group with an underscore", "Clients=_mail2", {.clients = (char *)"_mail2"}},
	    {"everyone", "Clients=staff\nClients=everyone",
		{.clients = (char *)"everyone"}},
	    {"instance", "DefaultInstance=Mail_1-a",
		{.default_instance = (char *)"Mail_1-a"}},
	    {"times",
		"DestinationServiceConnectTimeoutSec=1\n"
		"DestinationServiceReadTimeoutSec=600\n",
		{.destination_connect_usec = USEC_PER_SEC,
		    .destination_read_usec = 600 * USEC_PER_SEC}},
	    {"no line break at the end", "ClientLogin=none",
		{.client_login = CLIENT_LOGIN_NONE}},
	    {"spaces", " \tClientLogin =\tnone \n", {.client_login = CLIENT_LOGIN_NONE}},
	    {"CRLF", "ClientLogin=none\r\nTenantMode=shared\r\n",
		{.client_login = CLIENT_LOGIN_NONE, .tenant_mode = TENANT_SHARED}},
	    {"the last one wins", "ClientLogin=none\nClientLogin=preauth\n",
		{.client_login = CLIENT_LOGIN_PREAUTH}},
	    {"dedicated", "TenantMode=dedicated", {.tenant_mode = TENANT_DEDICATED}},
	    {"tenant", "TokenServiceTenant=my-tenant1",
		{.token_service_tenant = (char *)"my-tenant1"}},
	    {"tenant twice", "TokenServiceTenant=a\nTokenServiceTenant=b",
		{.token_service_tenant = (char *)"b"}},
	    {"sandbox", "RequireSandbox=yes", {.require_sandbox = true}},
	    {"no sandbox", "RequireSandbox=yes\nRequireSandbox=no", {0}},
	    {"anchors by path", "AdditionalCAs=/etc/ssl/company = 1.pem",
		{.additional_cas = (char *)"/etc/ssl/company = 1.pem"}},
	    {"anchors by name", "AdditionalCAs=company.pem",
		{.additional_cas = (char *)"company.pem"}},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_settings_ struct settings s = {0};
		_cleanup_free_ char *why = NULL;
		int r = load(rows[i].text, &s, &why);

		ck_assert_msg(r == 0 && !why, "%s: %s", rows[i].label, why);
		ck_assert_msg(s.client_login == rows[i].want.client_login &&
				  s.activation == rows[i].want.activation &&
				  s.tenant_mode == rows[i].want.tenant_mode &&
				  s.require_sandbox == rows[i].want.require_sandbox,
		    "%s: means something else", rows[i].label);
		check_times(&s, &rows[i].want, rows[i].label);
		ck_assert_pstr_eq(s.clients, rows[i].want.clients);
		ck_assert_pstr_eq(s.default_instance, rows[i].want.default_instance);
		ck_assert_pstr_eq(
		    s.token_service_tenant, rows[i].want.token_service_tenant);
		ck_assert_pstr_eq(s.additional_cas, rows[i].want.additional_cas);
	}
}
END_TEST

START_TEST(test_groups_of_namespaces)
{
	_cleanup_settings_ struct settings s = {0};
	_cleanup_free_ char *why = NULL;

	ck_assert_int_eq(load("Namespace.prod=mail-prod\nNamespace.t-1 = _x\n"
			      "Namespace.prod=mail\n",
			     &s, &why),
	    0);
	ck_assert_str_eq(settings_namespace_group(&s, "prod"), "mail");
	ck_assert_str_eq(settings_namespace_group(&s, "t-1"), "_x");
	ck_assert_ptr_null(settings_namespace_group(&s, "pro"));
	ck_assert_ptr_null(settings_namespace_group(&s, "prod2"));
	ck_assert_uint_eq(s.n_groups, 2);
}
END_TEST

START_TEST(test_refuses_and_names_the_line)
{
	static const struct {
		const char *label, *text, *line;
	} rows[] = {
	    {"unknown key", "\n#\nClientLogon=none\n", "line 3: "},
	    {"key in another case", "clientlogin=none", "line 1: "},
	    {"no equals sign", "ClientLogin none", "line 1: "},
	    {"section", "[maildest]\n", "line 1: "},
	    {"no key", "=none", "line 1: "},
	    {"unknown value", "ClientLogin=maybe", "line 1: "},
	    {"value in another case", "ClientLogin=None", "line 1: "},
	    {"no value", "ClientLogin=\n", "line 1: "},
	    {"comment behind a value", "ClientLogin=none # really", "line 1: "},
	    {"unknown mode", "ClientLogin=any\nTenantMode=both", "line 2: "},
	    {"tenant with a dot", "TokenServiceTenant=evil.example", "line 1: "},
	    {"tenant with a slash", "TokenServiceTenant=a/b", "line 1: "},
	    {"tenant with an at sign", "TokenServiceTenant=a@b", "line 1: "},
	    {"tenant starts with a dash", "TokenServiceTenant=-a", "line 1: "},
	    {"tenant ends with a dash", "TokenServiceTenant=a-", "line 1: "},
	    {"no tenant", "TokenServiceTenant=", "line 1: "},
	    {"sandbox of another word", "RequireSandbox=true", "line 1: "},
	    {"unknown activation", "Activation=inetd", "line 1: "},
	    {"no group", "Clients=", "line 1: "},
	    {"group in upper case", "Clients=Everyone", "line 1: "},
	    {"group with a space", "Clients=a b", "line 1: "},
	    {"group that is a number", "Clients=1000", "line 1: "},
	    {"group of 33 letters", "Clients=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"line 1: "},
	    {"instance with a slash", "DefaultInstance=../x", "line 1: "},
	    {"no instance", "DefaultInstance=", "line 1: "},
	    {"time of nothing", "DestinationServiceReadTimeoutSec=0", "line 1: "},
	    {"time too long", "DestinationServiceReadTimeoutSec=601", "line 1: "},
	    {"time with a unit", "DestinationServiceReadTimeoutSec=5s", "line 1: "},
	    {"time of four digits", "DestinationServiceConnectTimeoutSec=0005",
		"line 1: "},
	    {"no time", "DestinationServiceConnectTimeoutSec=", "line 1: "},
	    {"no namespace", "Namespace.=mail", "line 1: "},
	    {"namespace with a dot", "Namespace.a.b=mail", "line 1: "},
	    {"namespace without a group", "Namespace.a=", "line 1: "},
	    {"namespace for a bad group", "Namespace.a=A", "line 1: "},
	    {"tenant of 64 letters",
		"TokenServiceTenant="
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"line 1: "},
	    {"anchors by a relative path", "AdditionalCAs=../ca.pem", "line 1: "},
	    {"no anchors", "AdditionalCAs=", "line 1: "},
	    {"a good line does not help", "nonsense\nClientLogin=any", "line 1: "},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *why = NULL;
		struct settings s;
		int r = load(rows[i].text, &s, &why);

		ck_assert_msg(r == -EINVAL, "%s: is accepted (%d)", rows[i].label, r);
		ck_assert_msg(
		    why && strstr(why, "/maildest.conf: ") && strstr(why, rows[i].line),
		    "%s: the reason is '%s'", rows[i].label, why);
	}
}
END_TEST

START_TEST(test_refuses_a_nul_byte)
{
	_cleanup_free_ char *why = NULL;
	struct settings s;

	ck_assert_int_eq(load_bytes("ClientLogin=any\n\0x=", 19, &s, &why), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "NUL"));
}
END_TEST

START_TEST(test_a_file_that_cannot_be_read_is_an_error)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_config_ struct config c = CONFIG_INIT;
	_cleanup_free_ char *why = NULL;
	struct settings s;

	config_tree_make(&t);
	config_tree_fill(&t, "maildest.conf", CONFIG_FILE_MAX + 1);
	ck_assert_int_eq(config_open(&c, t.path, &why), 0);
	ck_assert_int_eq(settings_load(&c, &s, &why), -EFBIG);
	ck_assert_ptr_nonnull(strstr(why, "/maildest.conf: "));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_reads_settings,
	    test_groups_of_namespaces,
	    test_refuses_and_names_the_line,
	    test_refuses_a_nul_byte,
	    test_a_file_that_cannot_be_read_is_an_error,
	};

	return check_program("settings", tests, ELEMENTSOF(tests));
}
