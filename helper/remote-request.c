/* SPDX-License-Identifier: Apache-2.0 */
/* From a binding to a GET at a Destination service. */

#include "remote-request.h"

#include <errno.h>
#include <string.h>

#include "destination-names.h"
#include "instance.h"
#include "oauth.h"
#include "reason.h"
#include "text.h"

static int complain(const struct binding *b, const char *what, char **ret_why)
{
	return reason_set(ret_why, -EINVAL, "destination '%s' of instance '%s': %s",
	    b->destination, b->instance, what);
}

/* What the service has no way to say, or to do. */
static const char *find_fault(const struct binding *b)
{
	bool many = b->fragment && strchr(b->fragment, ',');

	if ((b->level && !destination_level_is_valid(b->level)) ||
	    (b->fragment_level && !destination_level_is_valid(b->fragment_level)))
		return "a level is " DESTINATION_LEVELS;
	if (b->fragment_level && !b->fragment)
		return "there is a fragment's level, but no fragment";
	if (b->fragment_level && !b->level)
		return "a fragment can have a level only if the destination has one";
	if (b->fragment_optional && !b->fragment)
		return "there is no fragment that could be optional";
	if (b->fragment_optional && many)
		return "only a single fragment can be optional";
	if (b->level && many)
		return "several fragments can be asked for only without a level";
	if (b->chain && b->level)
		return "a chain can be asked for only without a level";
	if (b->chain_variables && !b->chain)
		return "there are variables, but no chain";
	return NULL;
}

/* "Name: value" of all texts up to a NULL; libcurl needs "Name;" for an empty value. */
static int add_header(struct token_request *t, const char *name, const char *value)
{
	int r;

	r = secret_concat(&t->headers, name, *value ? ": " : ";", NULL);
	return r < 0 ? r : secret_append(&t->headers, value, strlen(value) + 1);
}

static int add_fragment(const struct binding *b, struct token_request *t)
{
	_cleanup_secret_ struct secret value = {0};
	const char *level = b->fragment_level;
	int r;

	if (!b->fragment)
		return 0;
	r = secret_concat(
	    &value, b->fragment, level ? "@" : "", level ? level : "", NULL);
	if (r == 0)
		r = add_header(t, "X-fragment-name", value.data);
	if (r == 0 && b->fragment_optional)
		r = add_header(t, "X-fragment-optional", "true");
	return r;
}

/* The lines of the binding, each a header of its own. */
static int add_variables(const char *lines, struct token_request *t)
{
	_cleanup_free_ char *copy = strdup(lines), *name = NULL;
	char *rest = copy, *line, *value;
	int r = 0;

	if (!copy)
		return -ENOMEM;
	while (r == 0 && (line = strsep(&rest, "\n")) && *line) {
		value = line + strcspn(line, "=");
		*value++ = '\0';
		free(name);
		name = text_format("X-chain-var-%s", line);
		if (!name)
			return -ENOMEM;
		r = add_header(t, name, value);
	}
	return r;
}

static int add_chain(const struct binding *b, struct token_request *t)
{
	int r;

	if (!b->chain)
		return 0;
	r = add_header(t, "X-chain-name", b->chain);
	return r < 0 || !b->chain_variables ? r : add_variables(b->chain_variables, t);
}

/* The names in it need no encoding. */
static int add_url(const struct config *c, const struct binding *b,
    struct token_request *t, char **ret_why)
{
	int r;

	r = instance_find_service(c, b->instance, &t->url, &t->host, ret_why);
	if (r < 0)
		return r;
	return secret_concat(&t->url, "/destination-configuration/",
	    b->level ? "v2" : "v1", "/destinations/", b->destination, b->level ? "@" : "",
	    b->level ? b->level : "", NULL);
}

/* What else the instance's file says: as soon as that is edited, the service is asked anew. */
static int add_revision(const struct config *c, const struct settings *s,
    const struct binding *b, struct token_request *t, char **ret_why)
{
	_cleanup_token_request_ struct token_request own = {0};
	unsigned char digest[DIGEST_SHA256_SIZE];
	int r;

	r = instance_build_request(c, s, b->instance, b->tenant, &own, ret_why);
	if (r == 0)
		r = token_request_digest(&own, digest);
	return r < 0 ? r : secret_append(&t->revision, digest, sizeof(digest));
}

/* What both requests have; `p` is NULL for the first one. Fills *t, also on failure. */
static int build(const char *config_dir, const struct binding *b,
    const struct properties *p, struct token_request *t, char **ret_why)
{
	_cleanup_settings_ struct settings s = {0};
	_cleanup_config_ struct config c = CONFIG_INIT;
	const char *fault = find_fault(b);
	int r;

	if (fault)
		return complain(b, fault, ret_why);
	r = settings_open(config_dir, &c, &s, ret_why);
	if (r == 0)
		r = add_url(&c, b, t, ret_why);
	if (r == 0)
		r = add_header(t, "Accept", "application/json");
	if (r == 0)
		r = add_fragment(b, t);
	if (r == 0)
		r = add_chain(b, t);
	if (r == 0 && !p)
		r = add_revision(&c, &s, b, t, ret_why);
	if (r < 0)
		return r;
	t->connect_timeout_usec = s.destination_connect_usec;
	t->read_timeout_usec = s.destination_read_usec;
	t->timeout_usec = t->connect_timeout_usec + t->read_timeout_usec;
	t->instance = strdup(b->instance);
	return t->instance ? 0 : -ENOMEM;
}

static int hand_over(int r, struct token_request *t, struct token_request *ret)
{
	if (r < 0) {
		token_request_done(t);
		return r;
	}
	*ret = *t;
	return 0;
}

int remote_request_build(const char *config_dir, const struct binding *b,
    struct token_request *ret, char **ret_why)
{
	struct token_request t = {.grant = GRANT_CLIENT_CREDENTIALS};
	int r;

	r = build(config_dir, b, NULL, &t, ret_why);
	if (r == 0)
		r = secret_puts(&t.url, "?$skipTokenRetrieval=true");
	return hand_over(r, &t, ret);
}

/* The tenant, where the destination's token service is one of many tenants. */
static int add_tenant(const struct properties *p, const char *tenant,
    struct token_request *t, char **ret_why)
{
	bool is_common;
	int r;

	r = oauth_check_tenant(p, tenant, &is_common, ret_why);
	return r < 0 || !is_common ? r : add_header(t, "X-tenant", tenant);
}

/* Which client's credentials they are, and whose. */
static int add_client(const struct properties *p, struct token_request *t, char **ret_why)
{
	const char *url = NULL, *id = NULL;
	int r;

	r = properties_string(p, "tokenServiceURL", &url, ret_why);
	if (r >= 0)
		r = properties_string(p, "clientId", &id, ret_why);
	if (r < 0)
		return r;
	t->service_url = url ? strdup(url) : NULL;
	t->client_id = id ? strdup(id) : NULL;
	return (url && !t->service_url) || (id && !t->client_id) ? -ENOMEM : 0;
}

int remote_request_build_token(const char *config_dir, const struct binding *b,
    const struct properties *p, const char *tenant, enum grant grant,
    struct token_request *ret, char **ret_why)
{
	struct token_request t = {.grant = grant};
	int r;

	r = build(config_dir, b, p, &t, ret_why);
	if (r == 0)
		r = add_client(p, &t, ret_why);
	if (r == 0)
		r = add_tenant(p, tenant, &t, ret_why);
	return hand_over(r, &t, ret);
}
