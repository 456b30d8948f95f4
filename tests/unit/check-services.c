/* SPDX-License-Identifier: Apache-2.0 */
/* What services resources become, who may use them, and what they lack. */

#include "services.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check-program.h"
#include "services-tree.h"

#define RESOURCE(metadata, spec) \
	"---\n" SERVICES_API "metadata: {" metadata "}\nspec: {" spec "}\n"
#define SMTP "destinationRef: {name: smtp}"
#define TENANTS "transparent-proxy.connectivity.api.sap/tenant-subdomains"

static char *arguments_of(const struct services_tree *t, const char *name)
{
	const struct service_unit *s = services_tree_find(t, name);
	_cleanup_secret_ struct secret text = {0};

	for (size_t i = 0; i < s->n_arguments; i++)
		ck_assert_int_eq(
		    secret_printf(&text, "%s%s", i ? " " : "", s->arguments[i]), 0);
	ck_assert_ptr_null(s->arguments[s->n_arguments]);
	return strdup(secret_str(&text));
}

static void expect_arguments(
    const struct services_tree *t, const char *name, const char *want)
{
	_cleanup_free_ char *found = arguments_of(t, name);

	ck_assert_str_eq(found, want);
}

START_TEST(test_a_resource_becomes_a_service)
{
	_cleanup_services_tree_ struct services_tree t;
	const struct service_unit *s;

	services_tree_make(&t);
	services_tree_puts(&t, "a.yaml", RESOURCE("name: mail", SMTP));
	services_tree_load(&t);
	ck_assert_uint_eq(t.services.n, 1);
	s = services_tree_find(&t, "mail");
	ck_assert(s->is_served && s->verdict.condition == CONDITION_SUCCESSFUL);
	ck_assert_str_eq(s->host, "mail");
	ck_assert_str_eq(s->socket, "/run/maildest/services/mail.sock");
	ck_assert_uint_eq(s->endpoint.port, 587);
	ck_assert_int_eq(s->endpoint.address.bytes[1], 88);
	ck_assert_ptr_null(service_unit_long_host(s));
	expect_arguments(
	    &t, "mail", "--service=mail --clients=group:maildest-clients -- smtp");
}
END_TEST

START_TEST(test_tenants_have_a_service_each)
{
	_cleanup_services_tree_ struct services_tree t;
	_cleanup_free_ char *host = NULL;
	const struct service_unit *s;

	services_tree_make(&t);
	services_tree_puts(&t, "a.yaml",
	    RESOURCE("name: mail, namespace: prod, annotations: {" TENANTS
		     ": '[\"t1\", \"T-2\"]'}",
		SMTP ", accessControl: {scope: clusterWide}"));
	services_tree_load(&t);
	ck_assert_uint_eq(t.services.n, 2);
	s = services_tree_find(&t, "mail_T-2");
	ck_assert_str_eq(s->host, "mail-T-2");
	ck_assert_str_eq((host = service_unit_long_host(s)), "mail-T-2.prod");
	expect_arguments(
	    &t, "mail_t1", "--service=mail_t1 --tenant=t1 --clients=everyone -- smtp");
	ck_assert(!address_equal(
	    &s->endpoint.address, &services_tree_find(&t, "mail_t1")->endpoint.address));
}
END_TEST

START_TEST(test_a_host_of_one_tenant_has_no_others)
{
	static const struct {
		const char *settings;
		size_t n;
	} rows[] = {
	    {"# none\n", 2},
	    {"TenantMode=shared\n", 2},
	    {"TenantMode=dedicated\n", 0},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_services_tree_ struct services_tree t;
		const struct verdict *v;

		services_tree_make(&t);
		config_tree_puts(&t.tree, "maildest.conf", rows[i].settings);
		services_tree_puts(&t, "a.yaml",
		    RESOURCE("name: mail, annotations: {" TENANTS ": '[\"t1\", \"t2\"]'}",
			SMTP));
		services_tree_load(&t);
		v = &t.services.resources.list[0].resource.verdict;
		ck_assert_uint_eq(t.services.n, rows[i].n);
		ck_assert_int_eq(v->condition,
		    rows[i].n ? CONDITION_SUCCESSFUL : CONDITION_ANNOTATION_INVALID);
		if (rows[i].n == 0)
			ck_assert_ptr_nonnull(strstr(v->message, "TenantMode=dedicated"));
	}
}
END_TEST

START_TEST(test_all_arguments)
{
	_cleanup_services_tree_ struct services_tree t;

	services_tree_make(&t);
	services_tree_puts(&t, "a.yaml",
	    RESOURCE(
		"name: mail, annotations: {maildest/listen: '[2001:db8::1]:2525', "
		"maildest/allow: '2001:db8::/32,192.0.2.7', maildest/client-login: none}",
		"destinationRef: {name: --check, level: subaccount}, "
		"fragmentRef: {name: f, level: instance, optional: true}, "
		"chainRef: {name: c, variables: [{name: v, value: w}]}, "
		"destinationServiceInstanceName: i"));
	services_tree_load(&t);
	expect_arguments(&t, "mail",
	    "--service=mail --fragment=f --fragment-optional --instance=i "
	    "--level=subaccount --fragment-level=instance --chain=c --chain-var=v=w "
	    "--clients=group:maildest-clients --allow=2001:db8::/32,192.0.2.7/32 "
	    "--client-login=none -- --check");
}
END_TEST

START_TEST(test_who_may_connect)
{
	static const struct {
		const char *label, *settings, *metadata, *want, *warning;
	} rows[] = {
	    {"a namespace with its group", NULL, ", namespace: prod",
		"group:maildest-ns-prod", NULL},
	    {"one without", NULL, ", namespace: dev", "root", "group maildest-ns-dev:"},
	    {"a group that is named", "Namespace.dev=mailers\n", ", namespace: dev",
		"group:mailers", NULL},
	    {"one that is not in the file", "Namespace.dev=ldap\n", ", namespace: dev",
		"group:ldap", "group ldap is not in /etc/group"},
	    {"no namespace", NULL, "", "group:maildest-clients", NULL},
	    {"other clients", "Clients=mailers\n", "", "group:mailers", NULL},
	    {"everyone", "Clients=everyone\n", "", "everyone", NULL},
	    {"everyone of a namespace", "Namespace.dev=everyone\n", ", namespace: dev",
		"everyone", NULL},
	    {"clients are not those of a namespace", "Clients=everyone\n",
		", namespace: dev", "root", "group maildest-ns-dev:"},
	    {"settings that are wrong", "Clients\n", "", "root", "until maildest.conf"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_services_tree_ struct services_tree t;
		_cleanup_free_ char *text = NULL, *found = NULL, *want = NULL;

		services_tree_make(&t);
		if (rows[i].settings)
			config_tree_puts(&t.tree, "maildest.conf", rows[i].settings);
		ck_assert_int_gt(
		    asprintf(&text,
			SERVICES_API "metadata: {name: a%s}\nspec: {" SMTP "}\n",
			rows[i].metadata),
		    0);
		ck_assert_int_gt(
		    asprintf(&want, "--service=a --clients=%s -- smtp", rows[i].want), 0);
		services_tree_puts(&t, "a.yaml", text);
		services_tree_load(&t);
		found = arguments_of(&t, "a");
		ck_assert_msg(strcmp(found, want) == 0, "%s: %s", rows[i].label, found);
		text = (free(text), services_tree_find(&t, "a")->warning
					? strdup(services_tree_find(&t, "a")->warning)
					: NULL);
		ck_assert_msg(
		    !text == !rows[i].warning && (!text || strstr(text, rows[i].warning)),
		    "%s: the warning is '%s'", rows[i].label, text);
	}
}
END_TEST

START_TEST(test_names_are_had_once)
{
	_cleanup_services_tree_ struct services_tree t;
	const struct service_unit *s;

	services_tree_make(&t);
	services_tree_puts(&t, "a.yaml",
	    RESOURCE("name: a, annotations: {" TENANTS ": '[\"b\", \"C\"]'}", SMTP)
		RESOURCE("name: a-b", SMTP) RESOURCE("name: a-c", SMTP));
	services_tree_puts(&t, "b.yaml", RESOURCE("name: a, namespace: prod", SMTP));
	services_tree_load(&t);
	ck_assert_uint_eq(t.services.n, 4);
	ck_assert(services_tree_find(&t, "a_C")->is_served);
	ck_assert_msg(!services_tree_find(&t, "a-c")->is_served,
	    "names of hosts that differ in case alone are two");
	ck_assert(services_tree_find(&t, "a_b")->is_served);
	s = services_tree_find(&t, "a-b");
	ck_assert(!s->is_served);
	ck_assert_int_eq(s->verdict.condition, CONDITION_NAME_ALREADY_PRESENT);
	ck_assert_ptr_nonnull(strstr(s->verdict.message, "service a_b already"));
	ck_assert_int_eq(t.services.resources.list[3].resource.verdict.condition,
	    CONDITION_DUPLICATE_RESOURCE);
}
END_TEST

START_TEST(test_names_of_our_own_units_do_no_harm)
{
	_cleanup_services_tree_ struct services_tree t;

	services_tree_make(&t);
	services_tree_puts(&t, "a.yaml",
	    RESOURCE("name: helper", SMTP) RESOURCE("name: smtp", SMTP)
		RESOURCE("name: group", SMTP) RESOURCE("name: svc", SMTP));
	services_tree_load(&t);
	for (size_t i = 0; i < t.services.n; i++)
		ck_assert(t.services.list[i].is_served);
	ck_assert_uint_eq(t.services.n, 4);
}
END_TEST

START_TEST(test_a_name_that_is_too_long_costs_one_tenant)
{
	_cleanup_services_tree_ struct services_tree t;
	const struct service_unit *s;

	services_tree_make(&t);
	services_tree_puts(&t, "a.yaml",
	    RESOURCE(
		"name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, "
		"annotations: {" TENANTS ": '[\"b\", \"cc\"]'}",
		SMTP));
	services_tree_load(&t);
	ck_assert(t.services.list[0].is_served);
	s = &t.services.list[1];
	ck_assert(!s->is_served);
	ck_assert_int_eq(s->verdict.condition, CONDITION_FAILED_TO_APPLY);
	ck_assert_ptr_nonnull(strstr(s->verdict.message, "tenant cc"));
}
END_TEST

#define DEST(keys) "{\"Type\": \"MAIL\", " keys "}"

START_TEST(test_what_destinations_lack)
{
	static const struct {
		const char *label, *file, *text, *spec;
		enum condition want;
		bool is_served;
		uint16_t port;
	} rows[] = {
	    {"it is missing", NULL, NULL, "destinationRef: {name: x}",
		CONDITION_DESTINATION_NOT_FOUND, false, 0},
	    {"it is missing, but a port is there", NULL, NULL,
		"destinationRef: {name: x}, service: {port: 25}",
		CONDITION_DESTINATION_NOT_FOUND, true, 25},
	    {"another type", "destinations/x.json", "{\"Type\": \"HTTP\"}",
		"destinationRef: {name: x}", CONDITION_TYPE_NOT_SUPPORTED, false, 0},
	    {"another proxy", "destinations/x.json",
		DEST("\"mail.transport.protocol\": \"smtp\", \"ProxyType\": "
		     "\"PrivateLink\""),
		"destinationRef: {name: x}", CONDITION_PROXY_TYPE_NOT_SUPPORTED, true,
		587},
	    {"no protocol", "destinations/x.json", "{\"Type\": \"MAIL\"}",
		"destinationRef: {name: x}", CONDITION_CONFIGURATION_FAILED, false, 0},
	    {"no JSON", "destinations/x.json", "{", "destinationRef: {name: x}",
		CONDITION_CONFIGURATION_FAILED, false, 0},
	    {"a fragment that is missing", NULL, NULL, SMTP ", fragmentRef: {name: f}",
		CONDITION_FRAGMENT_NOT_FOUND, false, 0},
	    {"an optional one", NULL, NULL,
		SMTP ", fragmentRef: {name: f, optional: true}", CONDITION_SUCCESSFUL,
		true, 587},
	    {"a fragment with the protocol", "fragments/f.json",
		"{\"mail.transport.protocol\": \"pop3s\"}",
		SMTP ", fragmentRef: {name: f}", CONDITION_SUCCESSFUL, true, 995},
	    {"an instance that is not there", NULL, NULL,
		SMTP ", destinationServiceInstanceName: i",
		CONDITION_CONFIGURATION_FAILED, false, 0},
	    {"one that has said nothing", "instances/i.json", "{}",
		SMTP ", destinationServiceInstanceName: i",
		CONDITION_SERVICE_CREATION_FAILED, false, 0},
	    {"one that has", ".state/protocols", "a imap4\n",
		SMTP ", destinationServiceInstanceName: i",
		CONDITION_CONFIGURATION_FAILED, true, 143},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_services_tree_ struct services_tree t;
		_cleanup_free_ char *text = NULL, *path = NULL;
		const struct service_unit *s;

		services_tree_make(&t);
		path = config_tree_path(&t.tree, "instances");
		ck_assert_int_eq(mkdir(path, 0755), 0);
		if (rows[i].file)
			config_tree_puts(&t.tree, rows[i].file, rows[i].text);
		ck_assert_int_gt(
		    asprintf(&text, SERVICES_API "metadata: {name: a}\nspec: {%s}\n",
			rows[i].spec),
		    0);
		services_tree_puts(&t, "a.yaml", text);
		services_tree_load(&t);
		s = services_tree_find(&t, "a");
		ck_assert_msg(s->verdict.condition == rows[i].want, "%s: %s (%s)",
		    rows[i].label, condition_name(s->verdict.condition),
		    s->verdict.message);
		ck_assert_msg(s->is_served == rows[i].is_served, "%s: served: %d",
		    rows[i].label, s->is_served);
		ck_assert_msg(!s->is_served || s->endpoint.port == rows[i].port,
		    "%s: port %u", rows[i].label, s->endpoint.port);
	}
}
END_TEST

START_TEST(test_a_tenants_own_destination_wins)
{
	_cleanup_services_tree_ struct services_tree t;
	_cleanup_free_ char *path = NULL;

	services_tree_make(&t);
	path = config_tree_path(&t.tree, "destinations/t1");
	ck_assert_int_eq(mkdir(path, 0755), 0);
	config_tree_puts(&t.tree, "destinations/t1/smtp.json",
	    DEST("\"mail.transport.protocol\": \"smtps\""));
	services_tree_puts(&t, "a.yaml",
	    RESOURCE("name: a, annotations: {" TENANTS ": '[\"t1\", \"t2\"]'}", SMTP));
	services_tree_load(&t);
	ck_assert_uint_eq(services_tree_find(&t, "a_t1")->endpoint.port, 465);
	ck_assert_uint_eq(services_tree_find(&t, "a_t2")->endpoint.port, 587);
}
END_TEST

START_TEST(test_broken_settings_do_not_change_the_mode)
{
	_cleanup_services_tree_ struct services_tree t;
	_cleanup_free_ char *why = NULL;

	services_tree_make(&t);
	config_tree_puts(
	    &t.tree, "maildest.conf", "Activation=grouped\nClients=mailers\n");
	services_tree_puts(&t, "a.yaml", RESOURCE("name: a", SMTP));
	services_tree_load(&t);
	ck_assert_int_eq(services_record(&t.config, &t.services, &why), 0);
	config_tree_puts(
	    &t.tree, "maildest.conf", "Activation=grouped\nClients=mail,ers\n");
	services_tree_load(&t);
	ck_assert_ptr_nonnull(strstr(t.services.warning, "maildest.conf: line 2"));
	ck_assert_int_eq(t.services.settings.activation, ACTIVATION_GROUPED);
	expect_arguments(&t, "a", "--service=a --clients=group:mailers -- smtp");
}
END_TEST

/* An empty file is no wish: what was forbidden stays forbidden. */
START_TEST(test_settings_that_others_may_write_are_broken_ones)
{
	_cleanup_services_tree_ struct services_tree t;

	services_tree_make(&t);
	config_tree_puts(&t.tree, "maildest.conf", "Clients=everyone\n");
	config_tree_chmod(&t.tree, "maildest.conf", 0666);
	services_tree_puts(&t, "a.yaml", RESOURCE("name: a", SMTP));
	services_tree_load(&t);
	ck_assert_int_eq(services_tree_find(&t, "a")->access, ACCESS_ROOT);
	ck_assert_ptr_nonnull(strstr(t.services.warning, "others may write to it"));
}
END_TEST

START_TEST(test_empty_settings_are_broken_ones)
{
	_cleanup_services_tree_ struct services_tree t;
	_cleanup_free_ char *why = NULL;

	services_tree_make(&t);
	config_tree_puts(&t.tree, "maildest.conf", "Activation=grouped\n");
	services_tree_puts(&t, "a.yaml", RESOURCE("name: a", SMTP));
	services_tree_load(&t);
	ck_assert_int_eq(services_record(&t.config, &t.services, &why), 0);
	config_tree_puts(&t.tree, "maildest.conf", "");
	services_tree_load(&t);
	ck_assert_ptr_nonnull(strstr(t.services.warning, "maildest.conf: is empty"));
	ck_assert_int_eq(t.services.settings.activation, ACTIVATION_GROUPED);
	config_tree_puts(&t.tree, "maildest.conf", "# nothing\n");
	services_tree_load(&t);
	ck_assert_ptr_null(t.services.warning);
	ck_assert_int_eq(t.services.settings.activation, ACTIVATION_ACCEPT);
}
END_TEST

/* An editor, a full disk, a restore: apply and boot come meanwhile. */
START_TEST(test_a_broken_destination_closes_no_port)
{
	static const char *const texts[] = {"", "{", "{\"Type\": \"HTTP\"}"};
	_cleanup_services_tree_ struct services_tree t;
	_cleanup_free_ char *why = NULL, *place = NULL;

	services_tree_make(&t);
	services_tree_puts(&t, "a.yaml", RESOURCE("name: a", SMTP));
	services_tree_load(&t);
	place = strdup(services_tree_endpoint(&t, "a"));
	ck_assert_int_eq(services_record(&t.config, &t.services, &why), 0);
	for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
		const struct service_unit *s;

		config_tree_puts(&t.tree, "destinations/smtp.json", texts[i]);
		services_tree_load(&t);
		s = services_tree_find(&t, "a");
		ck_assert_msg(s->is_served, "'%s' closes the port", texts[i]);
		ck_assert_int_ne(s->verdict.condition, CONDITION_SUCCESSFUL);
		ck_assert_str_eq(services_tree_endpoint(&t, "a"), place);
		/* and is not forgotten by that */
		ck_assert_int_eq(services_record(&t.config, &t.services, &why), 0);
	}
}
END_TEST

/* Whoever uses it would send with another destination, without having changed anything. */
START_TEST(test_a_new_file_takes_nobodys_name)
{
	_cleanup_services_tree_ struct services_tree t;
	_cleanup_free_ char *why = NULL, *path = NULL;

	services_tree_make(&t);
	services_tree_puts(&t, "one.yaml", RESOURCE("name: one", SMTP));
	services_tree_puts(&t, "two-b.yaml", RESOURCE("name: two-b", SMTP));
	services_tree_load(&t);
	ck_assert_int_eq(services_record(&t.config, &t.services, &why), 0);
	services_tree_puts(
	    &t, "one copy.yaml", RESOURCE("name: one", "destinationRef: {name: imap}"));
	services_tree_puts(&t, "a.yaml",
	    RESOURCE("name: two, annotations: {" TENANTS ": '[\"b\"]'}", SMTP));
	services_tree_load(&t);
	expect_arguments(
	    &t, "one", "--service=one --clients=group:maildest-clients -- smtp");
	ck_assert_int_eq(t.services.resources.list[1].resource.verdict.condition,
	    CONDITION_DUPLICATE_RESOURCE);
	ck_assert(services_tree_find(&t, "two-b")->is_served);
	ck_assert(!services_tree_find(&t, "two_b")->is_served);
	path = config_tree_path(&t.tree, "services/one.yaml");
	ck_assert_int_eq(unlink(path), 0);
	services_tree_load(&t);
	expect_arguments(
	    &t, "one", "--service=one --clients=group:maildest-clients -- imap");
}
END_TEST

/* 64 resources of 4,096 tenants are a few kilobytes with an alias of YAML. */
START_TEST(test_more_services_than_there_may_be)
{
	_cleanup_services_tree_ struct services_tree t;
	_cleanup_secret_ struct secret text = {0};

	services_tree_make(&t);
	ck_assert_int_eq(
	    secret_puts(&text, "kind: List\nitems:\n- &a\n  apiVersion: x\n"), 0);
	for (int i = 0; i < 6; i++) {
		ck_assert_int_eq(secret_printf(&text,
				     "- apiVersion: destination.connectivity.api.sap/v1\n"
				     "  kind: Destination\n  metadata:\n    name: r%d\n"
				     "    annotations:\n      " TENANTS ": ",
				     i),
		    0);
		ck_assert_int_eq(secret_puts(&text, i ? "*t\n" : "&t '["), 0);
		for (int k = 0; i == 0 && k < 4096; k++)
			ck_assert_int_eq(
			    secret_printf(&text, "%s\"t%d\"", k ? "," : "", k), 0);
		ck_assert_int_eq(secret_puts(&text, i ? "" : "]'\n"), 0);
		ck_assert_int_eq(secret_puts(&text, "  spec: {" SMTP "}\n"), 0);
	}
	services_tree_puts(&t, "a.yaml", secret_str(&text));
	services_tree_load(&t);
	ck_assert_uint_eq(t.services.n, SERVICES_MAX);
	ck_assert_ptr_nonnull(strstr(t.services.warning, "more than 16384 services"));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_a_resource_becomes_a_service,
	    test_tenants_have_a_service_each,
	    test_a_host_of_one_tenant_has_no_others,
	    test_all_arguments,
	    test_who_may_connect,
	    test_names_are_had_once,
	    test_names_of_our_own_units_do_no_harm,
	    test_a_name_that_is_too_long_costs_one_tenant,
	    test_what_destinations_lack,
	    test_a_tenants_own_destination_wins,
	    test_broken_settings_do_not_change_the_mode,
	    test_settings_that_others_may_write_are_broken_ones,
	    test_empty_settings_are_broken_ones,
	    test_a_broken_destination_closes_no_port,
	    test_a_new_file_takes_nobodys_name,
	    test_more_services_than_there_may_be,
	};

	return check_program("services", tests, ELEMENTSOF(tests));
}
