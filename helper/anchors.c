/* SPDX-License-Identifier: Apache-2.0 */
/* What a request believes beyond the system's anchors, as the one PEM text that libcurl
 * adds to them. */

#include "anchors.h"

#include <errno.h>

#include "tls-anchors.h"

#define SYSTEM_BUNDLE "/etc/ssl/certs/ca-certificates.crt"

static int load_one(const struct config *c, const char *name, const char *password,
    struct secret *pem, char **ret_why)
{
	_cleanup_tls_anchors_ struct stack_st_X509 *stack = NULL;
	int r;

	r = tls_anchors_read(c, name, password, &stack, ret_why);
	return r < 0 ? r : tls_anchors_to_pem(stack, pem);
}

/* Without a bundle either, nothing of the system's is believed, which fails closed. */
static int add_system_bundle(struct secret *pem)
{
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	r = config_read_path(SYSTEM_BUNDLE, CONFIG_CERTIFICATE_MAX, &f, &why);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	return secret_append(pem, f.text.data, f.text.len);
}

int anchors_load(const struct config *c, const struct settings *s,
    const struct tls_trust *trust, struct secret *pem, char **ret_why)
{
	int r;

	r = tls_anchors_are_hashed(ANCHORS_SYSTEM_FOLDER) ? 0 : add_system_bundle(pem);
	if (r == 0 && s->additional_cas)
		r = load_one(c, s->additional_cas, NULL, pem, ret_why);
	if (r == 0 && trust->trust_store)
		r = load_one(
		    c, trust->trust_store, trust->trust_store_password, pem, ret_why);
	return r;
}
