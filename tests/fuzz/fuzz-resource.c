/* SPDX-License-Identifier: Apache-2.0 */
/* A file of Destination resources, in the format that RESOURCE_FILE's suffix says. */

#include <string.h>

#include "config.h"
#include "dns-name.h"
#include "fuzz.h"
#include "resource-json.h"
#include "resources.h"

/* Whatever may stand in a unit is a word. */
static void check_words(const struct resource *r)
{
	const char *const words[] = {r->name, r->name_space, r->destination, r->level,
	    r->fragment, r->fragment_level, r->chain, r->instance, r->client_login};

	for (size_t i = 0; i < ELEMENTSOF(words); i++)
		fuzz_check(!words[i] || fuzz_is_word(words[i]), "a name is no word");
	for (size_t i = 0; i < r->n_tenants; i++)
		fuzz_check(dns_label_is_valid(r->tenants[i], strlen(r->tenants[i])),
		    "a tenant is no label");
	for (size_t i = 0; i < r->n_variables; i++)
		fuzz_check(fuzz_is_word(r->variables[i].name) &&
			       fuzz_is_word(r->variables[i].value),
		    "a variable is no word");
}

static bool is_same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void compare(const struct resource *a, const struct resource *b)
{
	fuzz_check(b->verdict.condition == CONDITION_SUCCESSFUL, "a copy is not valid");
	fuzz_check(is_same(a->name, b->name) && is_same(a->name_space, b->name_space) &&
		       is_same(a->destination, b->destination) &&
		       is_same(a->instance, b->instance) && a->port == b->port &&
		       is_same(a->fragment, b->fragment) &&
		       a->n_tenants == b->n_tenants && a->n_allow == b->n_allow &&
		       a->n_variables == b->n_variables &&
		       a->cluster_wide == b->cluster_wide &&
		       a->has_listen == b->has_listen && a->is_shared == b->is_shared,
	    "a copy says something else");
}

/* The copy that is kept of it means the same. */
static void copy(const struct resource *r)
{
	_cleanup_secret_ struct secret text = {0};
	_cleanup_resources_ struct resources again = {0};
	struct json_writer w = {.out = &text};

	resource_write_json(&w, NULL, r);
	fuzz_check(json_writer_end(&w) == 0, "a copy cannot be written");
	fuzz_check(
	    resources_add_text(&again, "x.json", text.data, text.len) == 0, "no memory");
	fuzz_check(again.n == 1 && !again.list[0].is_skipped, "a copy is no resource");
	compare(r, &again.list[0].resource);
}

static void look_at(const struct resource_entry *e)
{
	const struct verdict *v = &e->resource.verdict;

	fuzz_check(v->condition < CONDITION_MAX && condition_name(v->condition),
	    "there is no such condition");
	fuzz_check(!v->message || fuzz_is_line(v->message), "a message is no line");
	fuzz_check(!e->resource.warning || fuzz_is_line(e->resource.warning),
	    "a warning is no line");
	if (e->is_skipped)
		return;
	if (v->condition != CONDITION_SUCCESSFUL) {
		fuzz_check(v->message && *v->message, "a failure gives no reason");
		return;
	}
	fuzz_check(e->resource.name && e->resource.destination, "a resource has no name");
	check_words(&e->resource);
	copy(&e->resource);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	_cleanup_resources_ struct resources r = {0};
	struct fuzz_input in = fuzz_input(bytes, n);

	fuzz_check(
	    resources_add_text(&r, RESOURCE_FILE, in.n > 0 ? in.bytes : "", in.n) == 0,
	    "no memory");
	for (size_t i = 0; i < r.n; i++)
		look_at(&r.list[i]);
	return 0;
}
