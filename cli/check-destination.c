/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A destination with all that it names: what the handler reads of it, and what the helper
 * does, each by the functions that they use themselves.
 */

#include <errno.h>
#include <string.h>

#include "binding.h"
#include "checks.h"
#include "destination.h"
#include "lookup.h"
#include "means.h"
#include "rights.h"
#include "text.h"
#include "tls-anchors.h"
#include "tls-keys.h"

/* Whether a user may read a file that the destination names; NULL for none. */
static int check_store(
    const struct check *k, const char *user, const char *name, char **ret_why)
{
	return name
		   ? rights_check(k->cli, &k->config, user, "certificates", name, ret_why)
		   : 0;
}

/* Certificates, as the handler reads them. */
static int check_certificates(
    const struct check *k, const struct destination *d, char **ret_why)
{
	_cleanup_tls_anchors_ struct stack_st_X509 *anchors = NULL;
	_cleanup_tls_keys_ struct tls_keys keys = {0};
	const struct config *c = &k->config;
	int r = 0;

	if (d->tls_mode == TLS_NEVER)
		return 0;
	if (d->trust.trust_store)
		r = tls_anchors_read(c, d->trust.trust_store,
		    d->trust.trust_store_password, &anchors, ret_why);
	if (r == 0 && d->key_store)
		r = tls_keys_read(c, d->key_store, d->key_store_password, &keys, ret_why);
	if (r == 0)
		r = check_store(k, RIGHTS_HANDLER, d->trust.trust_store, ret_why);
	return r == 0 ? check_store(k, RIGHTS_HANDLER, d->key_store, ret_why) : r;
}

/* The token request, as the helper makes it, with secrets and certificates. */
static int check_token(const struct check *k, const char *name, const char *tenant,
    const struct destination *d, char **ret_why)
{
	_cleanup_token_request_ struct token_request request = {0};
	const struct binding b = {
	    .service = (char *)name,
	    .destination = (char *)name,
	    .tenant = (char *)tenant,
	};
	/* files are read as files are, whoever else may have a destination of that name */
	const struct lookup_places places = {.config_dir = k->cli->config_dir};
	struct cache_key key;
	int r;

	if (!d->login || !authentication_is_oauth(d->authentication))
		return 0;
	r = lookup_request(&places, &b, NULL, &request, &key, ret_why);
	return r == 0 ? check_store(k, RIGHTS_HELPER, request.key_store, ret_why) : r;
}

static int check_rights(
    const struct check *k, const char *name, const char *tenant, char **ret_why)
{
	_cleanup_free_ char *folder = NULL, *secrets = NULL, *file = NULL;
	int r;

	folder = text_format("destinations%s%s", tenant ? "/" : "", tenant ? tenant : "");
	if (!folder)
		return -ENOMEM;
	secrets = text_format("secrets%s%s", tenant ? "/" : "", tenant ? tenant : "");
	if (!secrets)
		return -ENOMEM;
	file = text_format("%s.json", name);
	if (!file)
		return -ENOMEM;
	r = rights_check(k->cli, &k->config, RIGHTS_HANDLER, folder, file, ret_why);
	if (r == 0)
		r = rights_check(
		    k->cli, &k->config, RIGHTS_HELPER, secrets, file, ret_why);
	return r;
}

/* What is allowed, and yet worth a word; NULL for nothing. Constant. */
static const char *find_weakness(const struct destination *d)
{
	if (d->tls_mode != TLS_NEVER && d->trust.insecure_trust_all)
		return "TrustAll: any certificate of the server is believed";
	if (d->tls_mode != TLS_NEVER && d->trust.trusted_hosts)
		return "mail.<p>.ssl.trust: certificates of these hosts are not checked";
	if (d->tls_mode != TLS_NEVER && d->trust.verification == HOST_VERIFY_NONE)
		return "ssl.checkserveridentity=false: any name in the certificate goes";
	if (d->clear_text_allowed)
		return "starttls.enable and .required are false: the login may cross the "
		       "network without encryption";
	return NULL;
}

static int look(struct check *k, const char *name, const char *tenant,
    struct destination *d, char **ret_why)
{
	const struct destination_source source = {.name = name, .tenant = tenant};
	_cleanup_properties_ struct properties p = {0};
	int r;

	r = destination_load(&k->config, &source, &p, ret_why);
	if (r == 0)
		r = destination_parse(name, &p, d, ret_why);
	if (r == 0)
		r = check_certificates(k, d, ret_why);
	if (r == 0)
		r = check_token(k, name, tenant, d, ret_why);
	return r == 0 ? check_rights(k, name, tenant, ret_why) : r;
}

void check_destination(struct check *k, const char *name, const char *tenant)
{
	_cleanup_destination_ struct destination d = {0};
	_cleanup_free_ char *why = NULL, *full = NULL;
	const char *weakness;
	int r;

	if (tenant)
		full = text_format("%s/%s", tenant, name);
	r = look(k, name, tenant, &d, &why);
	weakness = r == 0 ? find_weakness(&d) : NULL;
	if (weakness)
		verdicts_add(&k->verdicts, "destination", full ? full : name,
		    VERDICT_WARNING, weakness);
	else
		verdicts_add_result(
		    &k->verdicts, "destination", full ? full : name, r, why);
}
