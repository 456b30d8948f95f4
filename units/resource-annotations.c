/* SPDX-License-Identifier: Apache-2.0 */
/* The annotations of a resource: SAP's list of tenants, and ours. */

#include <errno.h>
#include <string.h>

#include "dns-name.h"
#include "json.h"
#include "resource-field.h"

#define TENANTS "transparent-proxy.connectivity.api.sap/tenant-subdomains"
#define LISTEN "maildest/listen"
#define ALLOW "maildest/allow"
#define CLIENT_LOGIN "maildest/client-login"

static int fail_tenants(struct resource *r, const char *reason)
{
	return verdict_set(&r->verdict, CONDITION_ANNOTATION_INVALID,
	    "annotation " TENANTS " %s", reason);
}

/* The text of an annotation: 1, 0 if it is absent, -EINVAL if it is none. */
static int find_text(struct resource *r, const struct tree_node *annotations,
    const char *key, const char **ret)
{
	const struct tree_node *node = tree_find(annotations, key);

	if (!node || node->type == TREE_NULL)
		return 0;
	if (node->type != TREE_TEXT)
		return verdict_set(&r->verdict,
		    strcmp(key, TENANTS) == 0 ? CONDITION_ANNOTATION_INVALID
					      : CONDITION_CONFIGURATION_FAILED,
		    "annotation %s must be a text, in quotes", key);
	*ret = node->text;
	return 1;
}

/* Host names are equal in any case. */
static bool has_tenant(const struct resource *r, const char *tenant)
{
	for (size_t i = 0; i < r->n_tenants; i++)
		if (strcasecmp(r->tenants[i], tenant) == 0)
			return true;
	return false;
}

static int add_tenant(struct resource *r, struct json_value element)
{
	const char *tenant = json_string(element);

	if (!tenant)
		return fail_tenants(r, "must be a JSON array of texts");
	if (!dns_label_is_valid(tenant, strlen(tenant)))
		return fail_tenants(r, "names a tenant that is no subdomain: 1 to 63 "
				       "letters, digits and '-', none at its ends");
	if (has_tenant(r, tenant))
		return fail_tenants(r, "names a tenant twice");
	if (r->n_tenants == RESOURCE_TENANTS_MAX)
		return fail_tenants(r, "names too many tenants");
	r->tenants[r->n_tenants] = strdup(tenant);
	return r->tenants[r->n_tenants++] ? 0 : -ENOMEM;
}

static int add_tenants(struct resource *r, struct json_value array)
{
	struct json_value element;
	int position = 0, k;

	r->tenants = calloc(json_length(array), sizeof(*r->tenants));
	if (!r->tenants)
		return -ENOMEM;
	while (json_next_element(array, &position, &element)) {
		k = add_tenant(r, element);
		if (k < 0)
			return k;
	}
	return 0;
}

static int read_tenants(struct resource *r, const struct tree_node *annotations)
{
	_cleanup_json_ struct json *json = NULL;
	const char *text = NULL;
	int k;

	k = find_text(r, annotations, TENANTS, &text);
	if (k <= 0)
		return k;
	r->is_shared = true;
	k = json_parse(text, strlen(text), &json, NULL);
	if (k == -ENOMEM)
		return k;
	if (k < 0 || json_type(json_root(json)) != JSON_ARRAY)
		return fail_tenants(
		    r, "must be a JSON array, as '[\"tenant-a\", \"tenant-b\"]'");
	if (json_length(json_root(json)) == 0)
		return fail_tenants(r, "names no tenant");
	return add_tenants(r, json_root(json));
}

static int fail_why(struct resource *r, const char *key, char *why)
{
	int k = why ? verdict_set(&r->verdict, CONDITION_CONFIGURATION_FAILED,
			  "annotation %s %s", key, why)
		    : -ENOMEM;

	free(why);
	return k;
}

static int read_listen(struct resource *r, const struct tree_node *annotations)
{
	char *why = NULL;
	const char *text = NULL;
	int k;

	k = find_text(r, annotations, LISTEN, &text);
	if (k <= 0)
		return k;
	if (endpoint_parse(text, &r->listen, &why) < 0)
		return fail_why(r, LISTEN, why);
	if (r->n_tenants > 1)
		return resource_fail(r, "annotation " LISTEN,
		    "names one address, and each tenant needs one of its own");
	r->has_listen = true;
	return 0;
}

static int add_network(struct resource *r, char *text)
{
	char *why = NULL;

	text += strspn(text, " \t");
	text[strcspn(text, " \t")] = '\0';
	if (r->n_allow == RESOURCE_NETWORKS_MAX)
		return resource_fail(r, "annotation " ALLOW, "names too many networks");
	if (network_parse(text, &r->allow[r->n_allow], &why) < 0)
		return fail_why(r, ALLOW, why);
	r->n_allow++;
	return 0;
}

static int read_allow(struct resource *r, const struct tree_node *annotations)
{
	_cleanup_free_ char *copy = NULL;
	const char *text = NULL;
	char *rest;
	int k;

	k = find_text(r, annotations, ALLOW, &text);
	if (k <= 0)
		return k;
	copy = strdup(text);
	r->allow = calloc(RESOURCE_NETWORKS_MAX, sizeof(*r->allow));
	if (!copy || !r->allow)
		return -ENOMEM;
	for (rest = copy, k = 0; rest && k == 0;)
		k = add_network(r, strsep(&rest, ","));
	return k;
}

/* Whoever opens a port to the network says to whom. */
static int check_listen(struct resource *r)
{
	bool is_open = r->has_listen && !address_is_loopback(&r->listen.address);

	if (is_open && r->n_allow == 0)
		return resource_fail(r, "annotation " LISTEN,
		    "names an address that other hosts can reach, which takes "
		    "annotation " ALLOW " with the networks that may, as 192.0.2.0/24");
	if (!is_open && r->n_allow > 0)
		return resource_fail(r, "annotation " ALLOW,
		    "needs annotation " LISTEN " with an address that other hosts can "
		    "reach");
	return 0;
}

static bool is_client_login(const char *text)
{
	static const char *const names[] = {"any", "none", "preauth", "required"};

	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		if (strcmp(text, names[i]) == 0)
			return true;
	return false;
}

int resource_read_annotations(struct resource *r, const struct tree_node *annotations)
{
	static const struct resource_kind client_login = {
	    is_client_login, "must be any, preauth, required or none"};
	int k;

	k = read_tenants(r, annotations);
	if (k == 0)
		k = read_allow(r, annotations);
	if (k == 0)
		k = read_listen(r, annotations);
	if (k == 0)
		k = check_listen(r);
	if (k == 0)
		k = resource_read_text(r, annotations, CLIENT_LOGIN,
		    "annotation " CLIENT_LOGIN, &client_login, &r->client_login);
	return MIN_OF(k, 0);
}
