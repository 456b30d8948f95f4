/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token services behind a Cloud Connector, client certificates and client assertions: what
 * a destination says of them, with what cannot go together refused.
 */

#include "oauth-route.h"

#include <errno.h>
#include <string.h>

#include "config.h"
#include "destination-value.h"
#include "text.h"
#include "url.h"

int oauth_read_proxy_type(struct oauth_draft *d)
{
	const char *key = "tokenServiceURL.ProxyType", *text = "Internet";
	int r;

	r = properties_string(d->p, key, &text, d->why);
	if (r == 0) {
		key = "ProxyType";
		r = properties_string(d->p, key, &text, d->why);
	}
	if (r < 0)
		return r;
	d->on_premise = strcmp(text, "OnPremise") == 0;
	if (!d->on_premise && strcmp(text, "Internet") != 0)
		return properties_complain(
		    d->p, key, d->why, "must be Internet or OnPremise");
	return 0;
}

static int copy(const char *text, char **ret)
{
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static int add_location_id(struct oauth_draft *d)
{
	static const char key[] = "CloudConnectorLocationId";
	const char *id;
	int r;

	r = destination_value_location(d->p, key, &d->request->location_id, d->why);
	id = d->request->location_id;
	if (r < 0 || !id)
		return r;
	if (d->request->route == TOKEN_ROUTE_HTTP_PROXY && !text_is_visible(id))
		return properties_complain(d->p, key, d->why,
		    "has characters that a header of HTTP cannot carry, which a "
		    "tokenServiceURL without https:// needs");
	return 0;
}

static int add_key_store(struct oauth_draft *d)
{
	static const char key[] = "tokenService.KeyStoreLocation";
	const char *text;
	int r;

	r = destination_value_certificate(d->p, key, &d->request->key_store, d->why);
	if (r < 0 || !d->request->key_store)
		return r;
	if (d->on_premise)
		return properties_complain(d->p, key, d->why,
		    "asks for a client certificate, which SAP has for token services on "
		    "the Internet only, not behind a Cloud Connector (OnPremise)");
	if (!url_is_https(secret_str(&d->request->url)))
		return properties_complain(d->p, key, d->why,
		    "asks for a client certificate, which only a tokenServiceURL with "
		    "https:// can be shown");
	r = properties_secret(d->p, "tokenService.KeyStorePassword", &text, d->why);
	return r > 0 ? copy(text, &d->request->key_store_password) : r;
}

/* A client certificate wins over it. */
static int add_assertion_provider(struct oauth_draft *d)
{
	static const char key[] = "clientAssertion.destinationName";
	const char *text;
	int r;

	r = properties_string(d->p, key, &text, d->why);
	if (r <= 0 || d->request->key_store)
		return r < 0 ? r : 0;
	if (!config_name_is_valid(text))
		return properties_complain(
		    d->p, key, d->why, "must be the name of a destination");
	if (d->request->grant == GRANT_REFRESH_TOKEN)
		return properties_complain(d->p, key, d->why,
		    "asks for a client assertion, which SAP does not have for "
		    "OAuth2RefreshToken");
	return copy(text, &d->request->assertion_provider);
}

int oauth_add_route(struct oauth_draft *d)
{
	struct token_request *t = d->request;
	int r = 0;

	if (d->on_premise) {
		t->route = url_is_https(secret_str(&t->url)) ? TOKEN_ROUTE_SOCKS5
							     : TOKEN_ROUTE_HTTP_PROXY;
		if (strchr(t->host, ':'))
			return properties_complain(d->p, "tokenServiceURL", d->why,
			    "has an IPv6 address as its host, which the Connectivity "
			    "proxy does not take (OnPremise)");
		r = add_location_id(d);
	}
	if (r == 0)
		r = add_key_store(d);
	return r < 0 ? r : add_assertion_provider(d);
}
