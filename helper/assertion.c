/* SPDX-License-Identifier: Apache-2.0 */
/* What the destination that provides a client's assertion must be like. The assertion
 * itself is errand.c's to get. */

#include "assertion.h"

#include <errno.h>
#include <string.h>

#include "layers.h"
#include "reason.h"
#include "url.h"

static const char consumer_key[] = "clientAssertion.destinationName";
static const char type_key[] = "clientAssertion.type";

static bool is_type(const char *text)
{
	static const char *const types[] = {
	    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
	    "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"};

	for (size_t i = 0; i < ELEMENTSOF(types); i++)
		if (strcmp(types[i], text) == 0)
			return true;
	return false;
}

static int read_type(const struct properties *p, const char **ret, char **ret_why)
{
	int r;

	r = properties_string(p, type_key, ret, ret_why);
	if (r == 0)
		return properties_complain(p, type_key, ret_why,
		    "is missing, which a destination that provides client assertions "
		    "needs");
	if (r > 0 && !is_type(*ret))
		return properties_complain(p, type_key, ret_why,
		    "must be urn:ietf:params:oauth:client-assertion-type:jwt-bearer or "
		    "...:saml2-bearer");
	return r < 0 ? r : 0;
}

int assertion_check_provider(const struct properties *p, char **ret_why)
{
	const char *text = "";
	int r;

	r = properties_string(p, "Authentication", &text, ret_why);
	if (r >= 0 && strcmp(text, "OAuth2ClientCredentials") != 0)
		return properties_complain(p, "Authentication", ret_why,
		    "must be OAuth2ClientCredentials for the destination to provide "
		    "client assertions");
	if (r >= 0)
		r = properties_string(p, consumer_key, &text, ret_why);
	if (r > 0)
		return properties_complain(p, consumer_key, ret_why,
		    "cannot be in a destination that provides client assertions itself");
	return r < 0 ? r : read_type(p, &text, ret_why);
}

/* The type of assertion that a destination provides, borrowed from `p`: 0 or -errno. */
static int read_provider(const char *config_dir, const struct destination_source *source,
    bool is_tenants, struct properties *p, const char **ret, char **ret_why)
{
	_cleanup_config_ struct config c = CONFIG_INIT;
	int r;

	r = config_open(&c, config_dir, ret_why);
	if (r == 0)
		r = layers_load_destination(p, &c, source, ret_why);
	if (r == 0 && is_tenants && !p->is_tenants)
		return reason_set(ret_why, -EPERM,
		    "it is of all, and no tenant's own destination may use that");
	if (r == 0)
		r = assertion_check_provider(p, ret_why);
	return r < 0 ? r : read_type(p, ret, ret_why);
}

int assertion_add_type(const char *config_dir, const struct binding *b,
    const struct properties *p, struct token_request *request, char **ret_why)
{
	const struct destination_source source = {
	    .name = request->assertion_provider, .tenant = b->tenant};
	_cleanup_properties_ struct properties provider = {0};
	_cleanup_free_ char *why = NULL;
	const char *type;
	int r;

	if (strcmp(source.name, b->destination) == 0)
		return properties_complain(
		    p, consumer_key, ret_why, "names the destination itself");
	r = read_provider(config_dir, &source, p->is_tenants, &provider, &type, &why);
	if (r < 0 && why) {
		if (properties_complain(p, consumer_key, ret_why,
			"names a destination that provides none: %s", why) == -ENOMEM)
			return -ENOMEM;
		return r;
	}
	if (r == 0)
		r = url_add_pair(&request->body, '&', "client_assertion_type", type);
	return r;
}
