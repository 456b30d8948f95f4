/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a document to a resource: each field is checked for what it is going to be, a DNS
 * label, a name, a number. Unknown fields are ignored, as the definition may grow.
 */

#include "resource.h"

#include <errno.h>
#include <string.h>

#include "destination-names.h"
#include "reason.h"
#include "resource-field.h"

#define PORT_DIGITS_MAX 5

void resource_done(struct resource *r)
{
	char *const texts[] = {r->file, r->warning, r->name, r->name_space,
	    r->destination, r->level, r->fragment, r->fragment_level, r->chain,
	    r->instance, r->client_login};

	for (size_t i = 0; i < ELEMENTSOF(texts); i++)
		free(texts[i]);
	for (size_t i = 0; i < r->n_variables; i++) {
		free(r->variables[i].name);
		free(r->variables[i].value);
	}
	for (size_t i = 0; i < r->n_tenants; i++)
		free(r->tenants[i]);
	free(r->variables);
	free(r->tenants);
	free(r->allow);
	verdict_done(&r->verdict);
	*r = (struct resource){0};
}

static int read_destination(struct resource *r, const struct tree_node *spec)
{
	const struct tree_node *ref, *name;
	int k;

	k = resource_find_map(r, spec, "destinationRef", "spec.destinationRef", &ref);
	if (k < 0)
		return k;
	name = tree_find(ref, "name");
	if (name && name->type == TREE_TEXT && strcmp(name->text, "*") == 0)
		return resource_fail(r, "spec.destinationRef.name",
		    "is \"*\": looking destinations up by a header is for HTTP only");
	k = resource_read_required(r, ref, "name", "spec.destinationRef.name",
	    &resource_name_kind, &r->destination);
	if (k < 0)
		return k;
	k = resource_read_text(r, ref, "level", "spec.destinationRef.level",
	    &resource_level_kind, &r->level);
	return MIN_OF(k, 0);
}

static int read_fragment(struct resource *r, const struct tree_node *spec)
{
	const struct tree_node *ref;
	int k;

	k = resource_find_map(r, spec, "fragmentRef", "spec.fragmentRef", &ref);
	if (k < 0 || !ref)
		return k;
	if (!tree_find(ref, "name"))
		return tree_find(ref, "level")
			   ? resource_fail(
				 r, "spec.fragmentRef.level", "stands without a name")
			   : resource_fail(r, "spec.fragmentRef.name", "is missing");
	k = resource_read_required(
	    r, ref, "name", "spec.fragmentRef.name", &resource_name_kind, &r->fragment);
	if (k < 0)
		return k;
	k = resource_read_text(r, ref, "level", "spec.fragmentRef.level",
	    &resource_level_kind, &r->fragment_level);
	if (k < 0)
		return k;
	return resource_read_boolean(
	    r, ref, "optional", "spec.fragmentRef.optional", &r->fragment_optional);
}

static const struct resource_kind
    variable_name_kind = {destination_variable_name_is_valid,
	"must be 1 to 100 letters, digits, '_' and '-'"},
    variable_value_kind = {destination_variable_value_is_valid,
	"may have 200 letters, digits and _-.:/@+,= at most"};

static int read_variables(struct resource *r, const struct tree_node *list)
{
	if (!list || list->type == TREE_NULL)
		return 0;
	if (list->type != TREE_LIST)
		return resource_fail(r, "spec.chainRef.variables", "must be a list");
	if (list->n > DESTINATION_VARIABLES_MAX)
		return resource_fail(
		    r, "spec.chainRef.variables", "has too many elements");
	r->variables = calloc(list->n ? list->n : 1, sizeof(*r->variables));
	if (!r->variables)
		return -ENOMEM;
	for (size_t i = 0; i < list->n; i++) {
		struct resource_variable *v = &r->variables[r->n_variables++];
		int k;

		k = resource_read_required(r, list->children[i], "name",
		    "spec.chainRef.variables[].name", &variable_name_kind, &v->name);
		if (k == 0)
			k = resource_read_required(r, list->children[i], "value",
			    "spec.chainRef.variables[].value", &variable_value_kind,
			    &v->value);
		if (k < 0)
			return k;
	}
	return 0;
}

static int read_chain(struct resource *r, const struct tree_node *spec)
{
	const struct tree_node *ref;
	int k;

	k = resource_find_map(r, spec, "chainRef", "spec.chainRef", &ref);
	if (k < 0 || !ref)
		return k;
	k = resource_read_required(
	    r, ref, "name", "spec.chainRef.name", &resource_name_kind, &r->chain);
	return k < 0 ? k : read_variables(r, tree_find(ref, "variables"));
}

static int read_port(struct resource *r, const struct tree_node *spec)
{
	const struct tree_node *service, *node;
	unsigned long value = 0;
	size_t n;
	int k;

	k = resource_find_map(r, spec, "service", "spec.service", &service);
	if (k < 0)
		return k;
	node = tree_find(service, "port");
	if (!node || node->type == TREE_NULL)
		return 0;
	if (node->type == TREE_TEXT) {
		n = strspn(node->text, "0123456789");
		if (n <= PORT_DIGITS_MAX && !node->text[n] && node->text[0] != '0')
			value = strtoul(node->text, NULL, 10);
	}
	if (value == 0 || value > UINT16_MAX)
		return resource_fail(
		    r, "spec.service.port", "must be a number from 1 to 65535");
	r->port = (uint16_t)value;
	return 0;
}

static int read_scope(struct resource *r, const struct tree_node *spec)
{
	const struct tree_node *control, *scope;
	int k;

	k = resource_find_map(r, spec, "accessControl", "spec.accessControl", &control);
	if (k < 0)
		return k;
	scope = tree_find(control, "scope");
	if (!scope || scope->type == TREE_NULL)
		return 0;
	r->cluster_wide =
	    scope->type == TREE_TEXT && strcmp(scope->text, "clusterWide") == 0;
	if (!r->cluster_wide &&
	    (scope->type != TREE_TEXT || strcmp(scope->text, "namespaced") != 0))
		return resource_fail(
		    r, "spec.accessControl.scope", "must be namespaced or clusterWide");
	return 0;
}

static int warn(struct resource *r, const char *text)
{
	if (r->warning)
		return 0;
	r->warning = strdup(text);
	return r->warning ? 0 : -ENOMEM;
}

/* SAP's page prints it beside `spec:` once, by a slip of two blanks. */
static int read_instance(
    struct resource *r, const struct tree_node *spec, const struct tree_node *document)
{
	static const char key[] = "destinationServiceInstanceName",
			  field[] = "spec.destinationServiceInstanceName";
	int k;

	k = resource_read_text(r, spec, key, field, &resource_name_kind, &r->instance);
	if (k != 0 || spec == document || !tree_find(document, key))
		return MIN_OF(k, 0);
	k = resource_read_text(r, document, key, key, &resource_name_kind, &r->instance);
	return k < 0 ? k
		     : warn(r, "destinationServiceInstanceName stands beside spec: "
			       "instead of in it");
}

/* SAP's pages print resources of several tenants without `spec:`, its fields in metadata. */
static int find_spec(struct resource *r, const struct tree_node *document,
    const struct tree_node *metadata, const struct tree_node **ret)
{
	int k;

	k = resource_find_map(r, document, "spec", "spec", ret);
	if (k < 0 || *ret)
		return k;
	*ret = tree_find(metadata, "destinationRef") ? metadata : document;
	if (!tree_find(*ret, "destinationRef"))
		return resource_fail(r, "spec", "is missing");
	return warn(
	    r, "spec: is missing, and its fields stand where SAP's page has them");
}

static int read_spec(struct resource *r, const struct tree_node *document,
    const struct tree_node *metadata)
{
	static int (*const readers[])(
	    struct resource * r, const struct tree_node *spec) = {
	    read_destination, read_fragment, read_chain, read_port, read_scope};
	const struct tree_node *spec;
	int k;

	k = find_spec(r, document, metadata, &spec);
	for (size_t i = 0; k == 0 && i < ELEMENTSOF(readers); i++)
		k = readers[i](r, spec);
	return k < 0 ? k : read_instance(r, spec, document);
}

static int read_metadata(
    struct resource *r, const struct tree_node *document, const struct tree_node **ret)
{
	int k;

	k = resource_find_map(r, document, "metadata", "metadata", ret);
	if (k == 0)
		k = resource_read_required(
		    r, *ret, "name", "metadata.name", &resource_label_kind, &r->name);
	if (k == 0 && strcmp(r->name, "localhost") == 0)
		return verdict_set(&r->verdict, CONDITION_NAME_ALREADY_PRESENT,
		    "metadata.name is localhost, which is every host's own name");
	if (k == 0)
		k = resource_read_text(r, *ret, "namespace", "metadata.namespace",
		    &resource_label_kind, &r->name_space);
	return MIN_OF(k, 0);
}

static int read_resource(struct resource *r, const struct tree_node *document)
{
	const struct tree_node *metadata, *annotations;
	int k;

	k = read_metadata(r, document, &metadata);
	if (k < 0)
		return k;
	k = read_spec(r, document, metadata);
	if (k == 0)
		k = resource_find_map(
		    r, metadata, "annotations", "metadata.annotations", &annotations);
	return k < 0 ? k : resource_read_annotations(r, annotations);
}

static bool is_text(const struct tree_node *node, const char *text)
{
	return node && node->type == TREE_TEXT && strcmp(node->text, text) == 0;
}

int resource_read(const struct tree_node *document, struct resource *ret, char **ret_why)
{
	const struct tree_node *kind = tree_find(document, "kind");
	bool is_version =
	    is_text(tree_find(document, "apiVersion"), RESOURCE_API_VERSION);
	int k;

	if (document->type != TREE_MAP)
		k = resource_fail(ret, "the document", "is no resource");
	else if (!kind || kind->type != TREE_TEXT)
		k = resource_fail(ret, "kind", "is missing: Destination");
	else if (!is_text(kind, "Destination") && !is_version)
		return reason_set(ret_why, 0, "is of another kind than Destination");
	else if (!is_text(kind, "Destination")) /* no other kind has this version */
		k = resource_fail(ret, "kind", "must be Destination");
	else if (!is_version)
		k = resource_fail(ret, "apiVersion", "must be " RESOURCE_API_VERSION);
	else
		k = read_resource(ret, document);
	return k == -ENOMEM ? k : 1;
}

const struct tree_node *resource_list_items(const struct tree_node *document)
{
	const struct tree_node *kind = tree_find(document, "kind"), *items;

	if (document->type == TREE_LIST)
		return document;
	if (!is_text(kind, "List") && !is_text(kind, "DestinationList"))
		return NULL;
	items = tree_find(document, "items");
	return items && items->type == TREE_LIST ? items : NULL;
}
