/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and proxies for fetches, read anew for each. */

#include "means.h"

#include "anchors.h"
#include "connectivity.h"
#include "tls-keys.h"

static int load_keys(const struct config *c, const struct token_request *q,
    struct fetch_means *m, char **ret_why)
{
	_cleanup_tls_keys_ struct tls_keys keys = {0};
	int r;

	if (q->key_store)
		r = tls_keys_read(c, q->key_store, q->key_store_password, &keys, ret_why);
	else if (q->key_pair.len > 0)
		r = tls_keys_parse(&q->key_pair, NULL, q->key_pair_path, &keys, ret_why);
	else
		return 0;
	return r < 0 ? r : tls_keys_to_pem(&keys, &m->certificate, &m->key);
}

static int load_proxy(const char *config_dir, const struct token_request *q,
    struct fetch_means *m, char **ret_why)
{
	struct connectivity_proxy proxy;
	int r;

	if (q->route == TOKEN_ROUTE_DIRECT)
		return 0;
	r = connectivity_find_proxy(config_dir, &proxy, ret_why);
	if (r < 0)
		return r;
	m->proxy_host = proxy.host;
	m->proxy_port =
	    q->route == TOKEN_ROUTE_SOCKS5 ? proxy.socks5_port : proxy.http_port;
	return 0;
}

int means_load(const char *config_dir, const struct token_request *request,
    struct fetch_means *ret, char **ret_why)
{
	_cleanup_fetch_means_ struct fetch_means m = {0};
	_cleanup_settings_ struct settings s = {0};
	_cleanup_config_ struct config c = CONFIG_INIT;
	int r;

	r = settings_open(config_dir, &c, &s, ret_why);
	if (r == 0)
		r = anchors_load(&c, &s, &request->trust, &m.anchors, ret_why);
	if (r == 0)
		r = load_keys(&c, request, &m, ret_why);
	if (r == 0)
		r = load_proxy(config_dir, request, &m, ret_why);
	if (r < 0)
		return r;
	*ret = m;
	m = (struct fetch_means){0};
	return 0;
}
