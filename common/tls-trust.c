/* SPDX-License-Identifier: Apache-2.0 */
/* The keys that say whom to trust. Everything that weakens checking carries "insecure" or
 * "none". */

#include "tls-trust.h"

#include <errno.h>
#include <string.h>

#include "destination-value.h"
#include "secret.h"

static int copy(const char *text, char **ret)
{
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static int parse_store(const struct properties *p, struct tls_trust *t, char **ret_why)
{
	const char *text;
	int r;

	r = destination_value_certificate(
	    p, "TrustStoreLocation", &t->trust_store, ret_why);
	if (r < 0)
		return r;
	r = properties_secret(p, "TrustStorePassword", &text, ret_why);
	return r > 0 ? copy(text, &t->trust_store_password) : r;
}

static int parse_verifier(const struct properties *p, struct tls_trust *t, char **ret_why)
{
	const char *text;
	int r;

	r = properties_string(p, "HostnameVerifier", &text, ret_why);
	if (r <= 0)
		return r;
	if (strcmp(text, "Strict") == 0)
		t->verification = HOST_VERIFY_STRICT;
	else if (strcmp(text, "BrowserCompatible") == 0)
		t->verification = HOST_VERIFY_BROWSER_COMPATIBLE;
	else
		return properties_complain(p, "HostnameVerifier", ret_why,
		    "must be Strict or BrowserCompatible");
	return 0;
}

int tls_trust_parse(const struct properties *p, struct tls_trust *ret, char **ret_why)
{
	_cleanup_tls_trust_ struct tls_trust t = {0};
	int r;

	r = parse_store(p, &t, ret_why);
	if (r < 0)
		return r;
	r = parse_verifier(p, &t, ret_why);
	if (r < 0)
		return r;
	r = properties_boolean(p, "TrustAll", &t.insecure_trust_all, ret_why);
	if (r < 0)
		return r;
	*ret = t;
	t = (struct tls_trust){0};
	return 0;
}

void tls_trust_done(struct tls_trust *t)
{
	free(t->trust_store);
	t->trust_store_password = secret_free_string(t->trust_store_password);
	free(t->trusted_hosts);
	*t = (struct tls_trust){0};
}
