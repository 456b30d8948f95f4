/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files to token requests. Everything is read anew each time (some 50 us): whoever edits
 * a destination need not tell us, and nothing can be stale.
 */

#include "lookup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "anchors.h"
#include "destination.h"
#include "oauth.h"
#include "properties.h"
#include "reason.h"
#include "settings.h"

static int add_layer(struct properties *p, const struct config_file *f, char **ret_why)
{
	int r;

	r = config_check_private(f, ret_why);
	if (r < 0)
		return r;
	return properties_add(p, secret_str(&f->text), f->text.len, f->path, ret_why);
}

/* $CREDENTIALS_DIRECTORY/<Name>.json: 1 if it was there, 0 if not. */
static int add_credential(const char *name, struct properties *p, char **ret_why)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *path = NULL, *why = NULL;
	int r;

	if (!folder || !*folder)
		return 0;
	if (asprintf(&path, "%s/%s.json", folder, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	r = config_read_path(path, CONFIG_FILE_MAX, &f, &why);
	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		*ret_why = TAKE_PTR(why);
		return r;
	}
	r = add_layer(p, &f, ret_why);
	return r < 0 ? r : 1;
}

/* Lays the secrets over: the service manager's credential if there is one, else secrets/. */
static int add_secrets(
    const struct config *c, const char *name, struct properties *p, char **ret_why)
{
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	r = add_credential(name, p, ret_why);
	if (r != 0)
		return r < 0 ? r : 0;
	r = config_read(c, "secrets", name, ".json", CONFIG_FILE_MAX, &f, &why);
	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		*ret_why = TAKE_PTR(why);
		return r;
	}
	return add_layer(p, &f, ret_why);
}

/*
 * Checks the destination. Who is logged in where goes to `ret_identity`: a token is the same
 * for another server, but what a server thinks of it is not.
 */
static int check_destination(const char *name, const struct properties *p,
    struct secret *ret_identity, char **ret_why)
{
	_cleanup_destination_ struct destination d = {0};
	int r;

	r = destination_parse(name, p, &d, ret_why);
	if (r < 0)
		return r;
	if (d.authentication == AUTH_CLIENT_CREDENTIALS)
		return secret_printf(ret_identity, "%s:%u:%s", d.host, (unsigned)d.port,
		    d.user ? d.user : "");
	if (!authentication_is_oauth(d.authentication))
		return properties_complain(p, "Authentication", ret_why,
		    "is %s, which needs no token", authentication_name(d.authentication));
	return properties_complain(p, "Authentication", ret_why,
	    "is %s, which this version cannot do", authentication_name(d.authentication));
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
    const struct secret *identity, struct cache_key *ret)
{
	_cleanup_secret_ struct secret all = {0};
	unsigned char digest[DIGEST_SHA256_SIZE];
	int r;

	r = binding_owner(b, ret->owner);
	if (r == 0)
		r = token_request_digest(request, digest);
	if (r == 0)
		r = secret_append(&all, digest, sizeof(digest));
	if (r == 0)
		r = secret_append(&all, identity->data, identity->len);
	return r < 0 ? r : digest_sha256(all.data, all.len, ret->request);
}

int lookup_request(const char *config_dir, const struct binding *b,
    struct token_request *ret_request, struct cache_key *ret_key, char **ret_why)
{
	_cleanup_token_request_ struct token_request request = {0};
	_cleanup_secret_ struct secret identity = {0};
	_cleanup_properties_ struct properties p = {0};
	_cleanup_settings_ struct settings s = {0};
	_cleanup_config_ struct config c = CONFIG_INIT;
	struct cache_key key;
	int r;

	r = check_binding(b, ret_why);
	if (r == 0)
		r = config_open(&c, config_dir, ret_why);
	if (r == 0)
		r = settings_load(&c, &s, ret_why);
	if (r == 0)
		r = destination_load(&c, b->destination, &p, ret_why);
	if (r == 0)
		r = add_secrets(&c, b->destination, &p, ret_why);
	if (r == 0)
		r = check_destination(b->destination, &p, &identity, ret_why);
	if (r == 0)
		r = token_request_build(&p,
		    b->tenant ? b->tenant : s.token_service_tenant, &request, ret_why);
	if (r == 0)
		r = make_key(b, &request, &identity, &key);
	if (r < 0)
		return r;
	*ret_request = request;
	*ret_key = key;
	request = (struct token_request){0};
	return 0;
}

int lookup_anchors(const char *config_dir, const struct token_request *request,
    struct secret *ret_pem, char **ret_why)
{
	_cleanup_config_ struct config c = CONFIG_INIT;
	_cleanup_settings_ struct settings s = {0};
	int r;

	r = config_open(&c, config_dir, ret_why);
	if (r == 0)
		r = settings_load(&c, &s, ret_why);
	if (r < 0)
		return r;
	return anchors_load(&c, &s, &request->trust, ret_pem, ret_why);
}
