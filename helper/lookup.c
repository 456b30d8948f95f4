/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files to token requests. Everything is read anew each time (some 50 us): whoever edits
 * a destination need not tell us, and nothing can be stale.
 */

#include "lookup.h"

#include <errno.h>
#include <string.h>

#include "assertion.h"
#include "connectivity.h"
#include "destination.h"
#include "layers.h"
#include "oauth.h"
#include "properties.h"
#include "reason.h"
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

static int check_binding(const struct binding *b, char **ret_why)
{
	if (b->fragment)
		return reason_set(ret_why, -EINVAL,
		    "destination '%s' is asked for with a fragment, which this version "
		    "cannot do",
		    b->destination);
	if (b->instance || b->level)
		return reason_set(ret_why, -EINVAL,
		    "destination '%s' is asked for from a Destination service, which "
		    "this version "
		    "cannot do",
		    b->destination);
	return 0;
}

static int make_key(const struct binding *b, const struct token_request *request,
    const struct secret *identity, const char *credential, struct cache_key *ret)
{
	_cleanup_secret_ struct secret all = {0};
	unsigned char digest[DIGEST_SHA256_SIZE];
	int r;

	*ret = (struct cache_key){0};
	r = binding_owner(b, ret->owner);
	if (r == 0)
		r = token_request_digest(request, digest);
	if (r == 0)
		r = secret_append(&all, digest, sizeof(digest));
	if (r == 0)
		r = secret_append(&all, identity->data, identity->len);
	if (r == 0)
		r = digest_sha256(all.data, all.len, ret->request);
	if (r < 0 || !credential)
		return r;
	return digest_sha256(credential, strlen(credential), ret->credential);
}

/* A destination as it is today: what it says, and what it comes to. */
struct look {
	struct properties p;
	struct settings s;
	struct secret identity;
	enum grant grant;
};

static void look_done(struct look *l)
{
	properties_done(&l->p);
	settings_done(&l->s);
	secret_done(&l->identity);
}
#define _cleanup_look_ _cleanup_(look_done)

static int look_at(
    const char *config_dir, const struct binding *b, struct look *l, char **ret_why)
{
	_cleanup_config_ struct config c = CONFIG_INIT;
	const char *name;
	enum binding_kind kind = binding_kind(b, &name);
	int r;

	r = check_binding(b, ret_why);
	if (r == 0)
		r = config_open(&c, config_dir, ret_why);
	if (r == 0)
		r = settings_load(&c, &l->s, ret_why);
	if (r == 0)
		r = layers_load_destination(&l->p, &c, name, ret_why);
	if (r < 0)
		return r;
	if (kind == BINDING_ASSERTION) {
		l->grant = GRANT_CLIENT_CREDENTIALS;
		return assertion_check_provider(&l->p, ret_why);
	}
	return check_destination(name, &l->p, &l->grant, &l->identity, ret_why);
}

/* Fills *ret, also on failure. */
static int build(const char *config_dir, const struct binding *b, const struct look *l,
    enum grant grant, struct token_request *ret, char **ret_why)
{
	int r;

	r = token_request_build(&l->p, b->tenant ? b->tenant : l->s.token_service_tenant,
	    grant, ret, ret_why);
	if (r < 0 || !ret->assertion_provider)
		return r;
	return assertion_add_type(config_dir, b->destination, &l->p, ret, ret_why);
}

int lookup_request(const char *config_dir, const struct binding *b,
    const char *credential, struct token_request *ret_request, struct cache_key *ret_key,
    char **ret_why)
{
	_cleanup_token_request_ struct token_request request = {0};
	_cleanup_look_ struct look l = {0};
	struct cache_key key;
	const char *name;
	int r;

	if (binding_kind(b, &name) == BINDING_CONNECTIVITY) {
		r = connectivity_build_request(config_dir, b->tenant, &request, ret_why);
	} else {
		r = look_at(config_dir, b, &l, ret_why);
		if (r == 0)
			r = build(config_dir, b, &l, l.grant, &request, ret_why);
	}
	if (r == 0)
		r = make_key(b, &request, &l.identity, credential, &key);
	if (r < 0)
		return r;
	*ret_request = request;
	*ret_key = key;
	request = (struct token_request){0};
	return 0;
}

int lookup_renewal(const char *config_dir, const struct binding *b,
    struct token_request *ret_request, char **ret_why)
{
	_cleanup_token_request_ struct token_request request = {0};
	_cleanup_look_ struct look l = {0};
	int r;

	r = look_at(config_dir, b, &l, ret_why);
	if (r == 0)
		r = build(config_dir, b, &l, GRANT_RENEWAL, &request, ret_why);
	if (r < 0)
		return r;
	*ret_request = request;
	request = (struct token_request){0};
	return 0;
}

bool lookup_is_shortage(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -EIO;
}
