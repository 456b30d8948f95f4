/* SPDX-License-Identifier: Apache-2.0 */
/* The same fields that resource.c reads, in the same places. */

#include "resource-json.h"

static void write_if(struct json_writer *w, const char *key, const char *value)
{
	if (value)
		json_writer_string(w, key, value);
}

/* The tenants' annotation is a text that holds a JSON array; no tenant needs an escape. */
static void write_tenants(struct json_writer *w, const struct resource *r)
{
	_cleanup_secret_ struct secret text = {0};
	int k;

	if (!r->is_shared)
		return;
	k = secret_puts(&text, "[");
	for (size_t i = 0; i < r->n_tenants && k == 0; i++)
		k = secret_printf(&text, "%s\"%s\"", i ? "," : "", r->tenants[i]);
	if (k == 0)
		k = secret_puts(&text, "]");
	if (k < 0 && w->error == 0)
		w->error = k;
	json_writer_string(w, "transparent-proxy.connectivity.api.sap/tenant-subdomains",
	    secret_str(&text));
}

static void write_allow(struct json_writer *w, const struct resource *r)
{
	_cleanup_secret_ struct secret list = {0};
	char text[NETWORK_TEXT_MAX];
	int k = 0;

	if (r->n_allow == 0)
		return;
	for (size_t i = 0; i < r->n_allow && k == 0; i++) {
		network_format(&r->allow[i], text);
		k = secret_printf(&list, "%s%s", i ? "," : "", text);
	}
	if (k < 0 && w->error == 0)
		w->error = k;
	json_writer_string(w, "maildest/allow", secret_str(&list));
}

static void write_listen(struct json_writer *w, const struct resource *r)
{
	char text[NETWORK_TEXT_MAX];

	if (!r->has_listen)
		return;
	if (r->listen.port)
		endpoint_format(&r->listen, text);
	else
		address_format(&r->listen.address, text);
	json_writer_string(w, "maildest/listen", text);
}

static void write_metadata(struct json_writer *w, const struct resource *r)
{
	json_writer_open(w, "metadata", '{');
	json_writer_string(w, "name", r->name);
	write_if(w, "namespace", r->name_space);
	json_writer_open(w, "annotations", '{');
	write_tenants(w, r);
	write_listen(w, r);
	write_allow(w, r);
	write_if(w, "maildest/client-login", r->client_login);
	json_writer_close(w, '}');
	json_writer_close(w, '}');
}

static void write_fragment(struct json_writer *w, const struct resource *r)
{
	if (!r->fragment)
		return;
	json_writer_open(w, "fragmentRef", '{');
	json_writer_string(w, "name", r->fragment);
	write_if(w, "level", r->fragment_level);
	json_writer_boolean(w, "optional", r->fragment_optional);
	json_writer_close(w, '}');
}

static void write_chain(struct json_writer *w, const struct resource *r)
{
	if (!r->chain)
		return;
	json_writer_open(w, "chainRef", '{');
	json_writer_string(w, "name", r->chain);
	json_writer_open(w, "variables", '[');
	for (size_t i = 0; i < r->n_variables; i++) {
		json_writer_open(w, NULL, '{');
		json_writer_string(w, "name", r->variables[i].name);
		json_writer_string(w, "value", r->variables[i].value);
		json_writer_close(w, '}');
	}
	json_writer_close(w, ']');
	json_writer_close(w, '}');
}

static void write_spec(struct json_writer *w, const struct resource *r)
{
	json_writer_open(w, "spec", '{');
	json_writer_open(w, "destinationRef", '{');
	json_writer_string(w, "name", r->destination);
	write_if(w, "level", r->level);
	json_writer_close(w, '}');
	write_fragment(w, r);
	write_chain(w, r);
	write_if(w, "destinationServiceInstanceName", r->instance);
	if (r->port) {
		json_writer_open(w, "service", '{');
		json_writer_integer(w, "port", r->port);
		json_writer_close(w, '}');
	}
	json_writer_open(w, "accessControl", '{');
	json_writer_string(w, "scope", r->cluster_wide ? "clusterWide" : "namespaced");
	json_writer_close(w, '}');
	json_writer_close(w, '}');
}

void resource_write_json(struct json_writer *w, const char *key, const struct resource *r)
{
	json_writer_open(w, key, '{');
	json_writer_string(w, "apiVersion", RESOURCE_API_VERSION);
	json_writer_string(w, "kind", "Destination");
	write_metadata(w, r);
	write_spec(w, r);
	json_writer_close(w, '}');
}
