/* SPDX-License-Identifier: Apache-2.0 */
/* Destination resources: what SAP's pages print, and each field that may be wrong. */

#include "resource.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "resource-json.h"

#define HEAD "apiVersion: destination.connectivity.api.sap/v1\nkind: Destination\n"
#define NAMED HEAD "metadata:\n  name: mail\n"
#define SPEC NAMED "spec:\n  destinationRef:\n    name: Example-Dest\n"
#define ANNOTATED(lines)                                       \
	HEAD "metadata:\n  name: mail\n  annotations:\n" lines \
	     "spec:\n  destinationRef:\n    name: d\n"
#define TENANTS "transparent-proxy.connectivity.api.sap/tenant-subdomains"

static int read_yaml(const char *text, struct resource *r, char **ret_why)
{
	_cleanup_tree_ struct tree t = {0};
	const struct tree_node *root;

	*r = (struct resource){0};
	ck_assert_msg(tree_read_yaml(&t, text, strlen(text), 1, &root, ret_why) == 1,
	    "%s: %s", text, *ret_why);
	return resource_read(root, r, ret_why);
}

/* A resource that must be valid. */
static struct resource read_valid(const char *text)
{
	struct resource r;
	char *why = NULL;

	ck_assert_int_eq(read_yaml(text, &r, &why), 1);
	ck_assert_msg(r.verdict.condition == CONDITION_SUCCESSFUL, "%s is refused: %s",
	    text, r.verdict.message);
	return r;
}

START_TEST(test_reads_what_is_printed)
{
	struct resource r = read_valid(
	    HEAD "metadata:\n"
		 "  name: mail\n"
		 "spec:\n"
		 "  destinationRef:\n"
		 "    name: \"example-dest-smtp\"\n"
		 "  destinationServiceInstanceName: dest-service // can be ommited if "
		 "config.destinationService.defaultInstanceName is provided\n");

	ck_assert_str_eq(r.name, "mail");
	ck_assert_str_eq(r.destination, "example-dest-smtp");
	ck_assert_str_eq(r.instance, "dest-service");
	ck_assert_ptr_null(r.name_space);
	ck_assert_ptr_null(r.warning);
	ck_assert(!r.is_shared && !r.cluster_wide && r.port == 0);
	resource_done(&r);
}
END_TEST

START_TEST(test_reads_the_printed_one_of_several_tenants)
{
	struct resource r = read_valid(HEAD
	    "metadata:\n"
	    "  name: mail\n"
	    "  annotations:\n"
	    "    " TENANTS ": '[\"tenant-subdomain\", \"another-tenant-subdomain\"]'\n"
	    "  destinationRef:\n"
	    "    name: \"example-dest-smtp\"\n"
	    "  destinationServiceInstanceName: dest-service // can be ommited\n");

	ck_assert_uint_eq(r.n_tenants, 2);
	ck_assert_str_eq(r.tenants[0], "tenant-subdomain");
	ck_assert_str_eq(r.tenants[1], "another-tenant-subdomain");
	ck_assert_str_eq(r.destination, "example-dest-smtp");
	ck_assert_str_eq(r.instance, "dest-service");
	ck_assert_ptr_nonnull(strstr(r.warning, "spec: is missing"));
	resource_done(&r);
}
END_TEST

START_TEST(test_reads_the_printed_slip)
{
	struct resource r =
	    read_valid(SPEC "destinationServiceInstanceName: dest-service\n"
			    "status:\n  conditions:\n  - type: Available\n");

	ck_assert_str_eq(r.instance, "dest-service");
	ck_assert_ptr_nonnull(strstr(r.warning, "beside spec:"));
	resource_done(&r);
}
END_TEST

static const char whole[] =
    HEAD "metadata:\n"
	 "  name: mail-1\n"
	 "  namespace: prod\n"
	 "  labels: {a: b}\n"
	 "  annotations:\n"
	 "    " TENANTS ": '[\"t1\"]'\n"
	 "    maildest/listen: '192.0.2.1:2525'\n"
	 "    maildest/allow: 192.0.2.0/24, 2001:db8::/32\n"
	 "    maildest/client-login: required\n"
	 "    other: {}\n"
	 "spec:\n"
	 "  unknown: []\n"
	 "  destinationRef: {name: D_1, level: provider_instance}\n"
	 "  fragmentRef:\n"
	 "    name: F-1\n"
	 "    level: subaccount\n"
	 "    optional: true\n"
	 "  chainRef:\n"
	 "    name: c\n"
	 "    variables:\n"
	 "    - {name: v, value: a/b=c}\n"
	 "    - {name: w, value: ''}\n"
	 "  service: {port: 65535}\n"
	 "  destinationServiceInstanceName: i\n"
	 "  accessControl: {scope: clusterWide}\n";

static void check_whole(const struct resource *r)
{
	char text[NETWORK_TEXT_MAX];

	ck_assert_str_eq(r->name, "mail-1");
	ck_assert_str_eq(r->name_space, "prod");
	ck_assert_str_eq(r->destination, "D_1");
	ck_assert_str_eq(r->level, "provider_instance");
	ck_assert_str_eq(r->fragment, "F-1");
	ck_assert_str_eq(r->fragment_level, "subaccount");
	ck_assert(r->fragment_optional && r->cluster_wide && r->is_shared);
	ck_assert_str_eq(r->chain, "c");
	ck_assert_uint_eq(r->n_variables, 2);
	ck_assert_str_eq(r->variables[0].name, "v");
	ck_assert_str_eq(r->variables[0].value, "a/b=c");
	ck_assert_str_eq(r->variables[1].value, "");
	ck_assert_uint_eq(r->port, 65535);
	ck_assert_str_eq(r->instance, "i");
	ck_assert_str_eq(r->client_login, "required");
	ck_assert(r->has_listen);
	endpoint_format(&r->listen, text);
	ck_assert_str_eq(text, "192.0.2.1:2525");
	ck_assert_uint_eq(r->n_allow, 2);
	network_format(&r->allow[1], text);
	ck_assert_str_eq(text, "2001:db8::/32");
}

START_TEST(test_reads_every_field)
{
	struct resource r = read_valid(whole);

	check_whole(&r);
	resource_done(&r);
}
END_TEST

START_TEST(test_what_is_written_is_read_again)
{
	_cleanup_secret_ struct secret text = {0};
	_cleanup_tree_ struct tree t = {0};
	struct resource r = read_valid(whole), again = {0};
	struct json_writer w = {.out = &text};
	const struct tree_node *root;
	char *why = NULL;

	resource_write_json(&w, NULL, &r);
	ck_assert_int_eq(json_writer_end(&w), 0);
	ck_assert_int_eq(tree_read_json(&t, text.data, text.len, &root, &why), 1);
	ck_assert_int_eq(resource_read(root, &again, &why), 1);
	check_whole(&again);
	resource_done(&r);
	resource_done(&again);
}
END_TEST

#define FAILED CONDITION_CONFIGURATION_FAILED
#define INVALID CONDITION_ANNOTATION_INVALID

START_TEST(test_refuses_and_names_the_field)
{
	static const struct {
		const char *label, *text;
		enum condition condition;
		const char *reason;
	} rows[] = {
	    {"a list", "- 1", FAILED, "is no resource"},
	    {"a text", "hello", FAILED, "is no resource"},
	    {"no kind", "apiVersion: v1", FAILED, "kind is missing"},
	    {"another version", "kind: Destination\napiVersion: v2", FAILED,
		"apiVersion must"},
	    {"no version", "kind: Destination\n", FAILED, "apiVersion must be "},
	    {"no metadata", HEAD, FAILED, "metadata.name is missing"},
	    {"a name in capitals", HEAD "metadata: {name: Mail}", FAILED,
		"metadata.name must"},
	    {"a name with a dot", HEAD "metadata: {name: a.b}", FAILED,
		"metadata.name must"},
	    {"a name with an underscore", HEAD "metadata: {name: a_b}", FAILED,
		"metadata.name must"},
	    {"a name with a slash", HEAD "metadata: {name: ../a}", FAILED,
		"metadata.name must"},
	    {"a name with a percent sign", HEAD "metadata: {name: '%n'}", FAILED,
		"metadata.name must"},
	    {"a name that ends in '-'", HEAD "metadata: {name: a-}", FAILED,
		"metadata.name must"},
	    {"a name of 64 letters",
		HEAD "metadata: {name: "
		     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}",
		FAILED, "metadata.name must"},
	    {"a name of two lines", HEAD "metadata: {name: \"a\\nb\"}", FAILED,
		"metadata.name must"},
	    {"an empty name", HEAD "metadata: {name: ''}", FAILED, "metadata.name must"},
	    {"a name that is a list", HEAD "metadata: {name: []}", FAILED,
		"metadata.name must be a text"},
	    {"localhost", HEAD "metadata: {name: localhost}",
		CONDITION_NAME_ALREADY_PRESENT, "localhost"},
	    {"a placeholder", HEAD "metadata: {name: <destination-cr-name>}", FAILED,
		"<placeholder>"},
	    {"a bad namespace", HEAD "metadata: {name: a, namespace: A}", FAILED,
		"metadata.namespace must"},
	    {"no spec", NAMED, FAILED, "spec is missing"},
	    {"a spec that is a text", NAMED "spec: x", FAILED, "spec must be a map"},
	    {"no reference", NAMED "spec: {}", FAILED,
		"spec.destinationRef.name is missing"},
	    {"a reference that is a text", NAMED "spec: {destinationRef: d}", FAILED,
		"spec.destinationRef must be a map"},
	    {"any destination", NAMED "spec: {destinationRef: {name: '*'}}", FAILED,
		"is for HTTP only"},
	    {"a destination with a dot", NAMED "spec: {destinationRef: {name: a.b}}",
		FAILED, "spec.destinationRef.name must"},
	    {"another level", NAMED "spec: {destinationRef: {name: a, level: b}}", FAILED,
		"spec.destinationRef.level must"},
	    {"a fragment's level alone", SPEC "  fragmentRef: {level: instance}", FAILED,
		"spec.fragmentRef.level stands without a name"},
	    {"a fragment without a name", SPEC "  fragmentRef: {optional: true}", FAILED,
		"spec.fragmentRef.name is missing"},
	    {"optional: maybe", SPEC "  fragmentRef: {name: f, optional: maybe}", FAILED,
		"spec.fragmentRef.optional must"},
	    {"port 0", SPEC "  service: {port: 0}", FAILED, "spec.service.port must"},
	    {"port 65536", SPEC "  service: {port: 65536}", FAILED,
		"spec.service.port must"},
	    {"port -1", SPEC "  service: {port: -1}", FAILED, "spec.service.port must"},
	    {"port 587.0", SPEC "  service: {port: 587.0}", FAILED,
		"spec.service.port must"},
	    {"port 0x10", SPEC "  service: {port: 0x10}", FAILED,
		"spec.service.port must"},
	    {"port of 21 digits", SPEC "  service: {port: 100000000000000000587}", FAILED,
		"spec.service.port must"},
	    {"port []", SPEC "  service: {port: []}", FAILED, "spec.service.port must"},
	    {"a bad instance", SPEC "  destinationServiceInstanceName: a/b", FAILED,
		"spec.destinationServiceInstanceName must"},
	    {"the printed scope",
		SPEC "  accessControl: {scope: 'namespaced|clusterWide'}", FAILED,
		"spec.accessControl.scope must"},
	    {"a chain without a name", SPEC "  chainRef: {variables: []}", FAILED,
		"spec.chainRef.name is missing"},
	    {"a variable with a blank",
		SPEC "  chainRef: {name: c, variables: [{name: v, value: a b}]}", FAILED,
		"spec.chainRef.variables[].value may"},
	    {"a variable with a percent sign",
		SPEC "  chainRef: {name: c, variables: [{name: v, value: a%n}]}", FAILED,
		"spec.chainRef.variables[].value may"},
	    {"a variable of a bad name",
		SPEC "  chainRef: {name: c, variables: [{name: 'a=b', value: c}]}",
		FAILED, "spec.chainRef.variables[].name must"},
	    {"annotations that are a list",
		HEAD "metadata: {name: a, annotations: []}\n"
		     "spec: {destinationRef: {name: d}}",
		FAILED, "metadata.annotations must be a map"},
	    {"tenants: no JSON", ANNOTATED("    " TENANTS ": '[a]'\n"), INVALID,
		"must be a JSON array"},
	    {"tenants: no array", ANNOTATED("    " TENANTS ": '\"a\"'\n"), INVALID,
		"must be a JSON array"},
	    {"tenants: a YAML list", ANNOTATED("    " TENANTS ": [a]\n"), INVALID,
		"must be a text, in quotes"},
	    {"tenants: none", ANNOTATED("    " TENANTS ": '[]'\n"), INVALID,
		"names no tenant"},
	    {"tenants: a number", ANNOTATED("    " TENANTS ": '[1]'\n"), INVALID,
		"must be a JSON array of texts"},
	    {"tenants: the printed dots",
		ANNOTATED("    " TENANTS ": '[\"tenantSubdomain1\", ...]'\n"), INVALID,
		"must be a JSON array"},
	    {"a tenant with a dot", ANNOTATED("    " TENANTS ": '[\"a.b\"]'\n"), INVALID,
		"is no subdomain"},
	    {"a tenant with a slash", ANNOTATED("    " TENANTS ": '[\"../b\"]'\n"),
		INVALID, "is no subdomain"},
	    {"a tenant with an underscore", ANNOTATED("    " TENANTS ": '[\"a_b\"]'\n"),
		INVALID, "is no subdomain"},
	    {"a tenant twice", ANNOTATED("    " TENANTS ": '[\"a\", \"A\"]'\n"), INVALID,
		"names a tenant twice"},
	    {"listen: a name", ANNOTATED("    maildest/listen: localhost:587\n"), FAILED,
		"annotation maildest/listen is no address"},
	    {"listen: a port alone", ANNOTATED("    maildest/listen: '587'\n"), FAILED,
		"annotation maildest/listen is no address"},
	    {"listen: port 0", ANNOTATED("    maildest/listen: 127.0.0.1:0\n"), FAILED,
		"annotation maildest/listen has no port"},
	    {"listen: everywhere", ANNOTATED("    maildest/listen: 0.0.0.0:587\n"),
		FAILED, "which takes annotation maildest/allow"},
	    {"listen: the network", ANNOTATED("    maildest/listen: 192.0.2.1\n"), FAILED,
		"which takes annotation maildest/allow"},
	    {"listen: for two tenants",
		ANNOTATED("    maildest/listen: 127.0.0.1\n    " TENANTS
			  ": '[\"a\", \"b\"]'\n"),
		FAILED, "each tenant needs one of its own"},
	    {"allow: a bad network",
		ANNOTATED(
		    "    maildest/listen: 192.0.2.1\n    maildest/allow: 192.0.2.1/24\n"),
		FAILED, "annotation maildest/allow is no network"},
	    {"allow: nothing",
		ANNOTATED("    maildest/listen: 192.0.2.1\n    maildest/allow: ''\n"),
		FAILED, "annotation maildest/allow is no network"},
	    {"allow without listen", ANNOTATED("    maildest/allow: 192.0.2.0/24\n"),
		FAILED, "annotation maildest/allow needs annotation maildest/listen"},
	    {"client-login: maybe", ANNOTATED("    maildest/client-login: maybe\n"),
		FAILED, "annotation maildest/client-login must be any,"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *why = NULL;
		struct resource r;

		ck_assert_int_eq(read_yaml(rows[i].text, &r, &why), 1);
		ck_assert_msg(r.verdict.condition == rows[i].condition, "%s: %s (%s)",
		    rows[i].label, condition_name(r.verdict.condition),
		    r.verdict.message);
		ck_assert_msg(strstr(r.verdict.message, rows[i].reason) != NULL,
		    "%s: the reason is '%s'", rows[i].label, r.verdict.message);
		resource_done(&r);
	}
}
END_TEST

START_TEST(test_leaves_other_kinds_alone)
{
	_cleanup_free_ char *why = NULL;
	struct resource r;

	ck_assert_int_eq(read_yaml("kind: ConfigMap\napiVersion: v1\n", &r, &why), 0);
	ck_assert_ptr_nonnull(strstr(why, "another kind"));
	resource_done(&r);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_reads_what_is_printed,
	    test_reads_the_printed_one_of_several_tenants,
	    test_reads_the_printed_slip,
	    test_reads_every_field,
	    test_what_is_written_is_read_again,
	    test_refuses_and_names_the_field,
	    test_leaves_other_kinds_alone,
	};

	return check_program("resource", tests, ELEMENTSOF(tests));
}
