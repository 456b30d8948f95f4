/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files to token requests. Everything is read anew each time (some 50 us): whoever edits
 * a destination need not tell us, and nothing can be stale; but for what lies in a
 * Destination service.
 */

#include "lookup.h"

#include <errno.h>
#include <string.h>

#include "assertion.h"
#include "connectivity.h"
#include "destination.h"
#include "instance.h"
#include "layers.h"
#include "oauth.h"
#include "properties.h"
#include "reason.h"
#include "remote-request.h"
#include "remote.h"
#include "settings.h"

/*
 * Checks the destination. Who is logged in where goes to `ret_identity`: a token is the same
 * for another server, but what a server thinks of it is not.
 */
static int check_destination(const char *name, const struct properties *p,
    enum grant *ret_grant, struct secret *ret_identity, char **ret_why)
{
	_cleanup_destination_ struct destination d = {0};
	int r;

	r = destination_parse(name, p, &d, ret_why);
	if (r < 0)
		return r;
	if (!grant_of(d.authentication, ret_grant))
		return properties_complain(p, "Authentication", ret_why,
		    "is %s, which needs no token", authentication_name(d.authentication));
	return secret_printf(
	    ret_identity, "%s:%u:%s", d.host, (unsigned)d.port, d.user ? d.user : "");
}

/* What has a meaning only to a Destination service. */
static int check_binding(const struct binding *b, char **ret_why)
{
	if (b->instance ||
	    (!b->level && !b->fragment_level && !b->chain && !b->chain_variables))
		return 0;
	return reason_set(ret_why, -EINVAL,
	    "destination '%s' is asked for with a level or a chain, which only "
	    "destinations of a Destination service have: name its instance, or set "
	    "DefaultInstance= in maildest.conf",
	    b->destination);
}

static int make_key(const struct binding *b, const struct token_request *request,
    const struct secret *identity, const char *credential, struct cache_key *ret)
{
	unsigned char endpoint[DIGEST_SHA256_SIZE];
	int r;

	*ret = (struct cache_key){0};
	r = binding_owner(b, ret->owner);
	if (r == 0)
		r = token_request_endpoint(request, endpoint);
	if (r == 0)
		r = binding_realm(b, endpoint, ret->realm);
	if (r == 0)
		r = token_request_digest(request, ret->request);
	if (r == 0)
		r = digest_sha256(secret_str(identity), identity->len, ret->identity);
	if (r < 0 || !credential)
		return r;
	return digest_sha256(credential, strlen(credential), ret->credential);
}

/* A destination as it is today: what it says, and what it comes to. */
struct look {
	struct properties p;
	struct settings s;
	struct secret identity;
	struct secret revision; /* of what a Destination service said; else empty */
	enum grant grant;
};

static void look_done(struct look *l)
{
	properties_done(&l->p);
	settings_done(&l->s);
	secret_done(&l->identity);
	secret_done(&l->revision);
}
#define _cleanup_look_ _cleanup_(look_done)

static int load(const struct lookup_places *places, const struct config *c,
    const struct binding *b, const char *name, struct look *l, char **ret_why)
{
	const struct destination_source source = {.name = name,
	    .tenant = b->tenant,
	    .fragment = b->fragment,
	    .fragment_optional = b->fragment_optional};

	if (b->instance)
		return remote_load(places->remote, b, &l->p, &l->revision, ret_why);
	return layers_load_destination(&l->p, c, &source, ret_why);
}

static int look_at(const struct lookup_places *places, const struct binding *b,
    struct look *l, char **ret_why)
{
	_cleanup_config_ struct config c = CONFIG_INIT;
	const char *name;
	enum binding_kind kind = binding_kind(b, &name);
	int r;

	r = check_binding(b, ret_why);
	if (r == 0)
		r = settings_open(places->config_dir, &c, &l->s, ret_why);
	if (r == 0)
		r = load(places, &c, b, name, l, ret_why);
	if (r < 0)
		return r;
	if (kind == BINDING_ASSERTION) {
		l->grant = GRANT_CLIENT_CREDENTIALS;
		return assertion_check_provider(&l->p, ret_why);
	}
	return check_destination(name, &l->p, &l->grant, &l->identity, ret_why);
}

/* Fills *ret, also on failure. */
static int build(const char *config_dir, const struct binding *b, struct look *l,
    enum grant grant, struct token_request *ret, char **ret_why)
{
	const char *tenant = b->tenant ? b->tenant : l->s.token_service_tenant;
	int r;

	if (b->instance) {
		r = remote_request_build_token(
		    config_dir, b, &l->p, tenant, grant, ret, ret_why);
		ret->revision = l->revision;
		l->revision = (struct secret){0};
		return r;
	}
	r = oauth_build_request(&l->p, tenant, grant, ret, ret_why);
	if (r < 0 || !ret->assertion_provider)
		return r;
	return assertion_add_type(config_dir, b, &l->p, ret, ret_why);
}

/* The request for an instance's own token. */
static int build_for_instance(const char *config_dir, const char *name,
    const char *tenant, struct token_request *ret, char **ret_why)
{
	_cleanup_settings_ struct settings s = {0};
	_cleanup_config_ struct config c = CONFIG_INIT;
	int r;

	r = settings_open(config_dir, &c, &s, ret_why);
	if (r == 0)
		r = instance_build_request(&c, &s, name, tenant, ret, ret_why);
	return r;
}

static int look_up(const struct lookup_places *places, const struct binding *b,
    struct look *l, struct token_request *request, char **ret_why)
{
	const char *name;
	int r;

	switch (binding_kind(b, &name)) {
	case BINDING_CONNECTIVITY:
		return connectivity_build_request(
		    places->config_dir, b->tenant, request, ret_why);
	case BINDING_INSTANCE:
		return build_for_instance(
		    places->config_dir, name, b->tenant, request, ret_why);
	case BINDING_DESTINATION:
	case BINDING_ASSERTION:
		break;
	}
	r = look_at(places, b, l, ret_why);
	return r < 0 ? r : build(places->config_dir, b, l, l->grant, request, ret_why);
}

int lookup_request(const struct lookup_places *places, const struct binding *b,
    const char *credential, struct token_request *ret_request, struct cache_key *ret_key,
    char **ret_why)
{
	_cleanup_token_request_ struct token_request request = {0};
	_cleanup_look_ struct look l = {0};
	struct cache_key key;
	int r;

	r = look_up(places, b, &l, &request, ret_why);
	if (r == 0)
		r = make_key(b, &request, &l.identity, credential, &key);
	if (r < 0)
		return r;
	*ret_request = request;
	*ret_key = key;
	request = (struct token_request){0};
	return 0;
}

int lookup_renewal(const struct lookup_places *places, const struct binding *b,
    struct token_request *ret_request, char **ret_why)
{
	_cleanup_token_request_ struct token_request request = {0};
	_cleanup_look_ struct look l = {0};
	int r;

	r = look_at(places, b, &l, ret_why);
	if (r == 0)
		r = build(places->config_dir, b, &l, GRANT_RENEWAL, &request, ret_why);
	if (r < 0)
		return r;
	*ret_request = request;
	request = (struct token_request){0};
	return 0;
}

int lookup_check_on_premise(
    const struct lookup_places *places, const struct binding *b, char **ret_why)
{
	static const char key[] = "ProxyType";
	_cleanup_config_ struct config c = CONFIG_INIT;
	_cleanup_look_ struct look l = {0};
	const char *text = "";
	int r;

	r = config_open(&c, places->config_dir, ret_why);
	if (r == 0)
		r = load(places, &c, b, b->destination, &l, ret_why);
	if (r == 0)
		r = properties_string(&l.p, key, &text, ret_why);
	if (r >= 0 && strcmp(text, "OnPremise") != 0)
		return properties_complain(&l.p, key, ret_why,
		    "is not OnPremise: there is no Connectivity proxy for it");
	return r < 0 ? r : 0;
}

bool lookup_is_shortage(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -EIO;
}
