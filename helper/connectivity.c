/* SPDX-License-Identifier: Apache-2.0 */
/* The binding of the Connectivity service, from a file to a proxy and a token request. */

#include "connectivity.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "config.h"
#include "deadline.h"
#include "dns-name.h"
#include "service-key.h"

#define SOCKS5_PORT 20004
#define HTTP_PORT 20003
#define TIMEOUT_USEC (10 * USEC_PER_SEC)

void connectivity_proxy_done(struct connectivity_proxy *p)
{
	free(p->host);
	*p = (struct connectivity_proxy){0};
}

static const struct service_key_place place = {.name = "connectivity",
    .credential = "connectivity",
    .purpose =
	"is to say where the Connectivity proxy is that ProxyType OnPremise needs"};

/* The file, and what the service manager lays over it; one of them must be there. */
static int load(const char *config_dir, struct properties *p, char **ret_why)
{
	_cleanup_config_ struct config c = CONFIG_INIT;
	int r;

	r = config_open(&c, config_dir, ret_why);
	return r < 0 ? r : service_key_load(&c, &place, p, ret_why);
}

static bool is_host(const char *text)
{
	struct in6_addr address;

	return dns_name_is_valid(text) || inet_pton(AF_INET, text, &address) == 1 ||
	       inet_pton(AF_INET6, text, &address) == 1;
}

static int read_port(
    const struct properties *p, const char *key, uint16_t *ret, char **ret_why)
{
	int64_t port;
	int r;

	r = properties_number(p, key, 1, UINT16_MAX, &port, ret_why);
	if (r > 0)
		*ret = (uint16_t)port;
	return r;
}

static int read_proxy(
    const struct properties *p, struct connectivity_proxy *ret, char **ret_why)
{
	static const char key[] = "onpremise_proxy_host";
	const char *host;
	int r;

	r = properties_string(p, key, &host, ret_why);
	if (r == 0)
		return properties_complain(p, key, ret_why, "is missing");
	if (r > 0 && !is_host(host))
		return properties_complain(
		    p, key, ret_why, "must be a DNS name or an address");
	ret->socks5_port = SOCKS5_PORT;
	ret->http_port = HTTP_PORT;
	if (r > 0)
		r = read_port(
		    p, "onpremise_socks5_proxy_port", &ret->socks5_port, ret_why);
	if (r >= 0)
		r = read_port(p, "onpremise_proxy_http_port", &ret->http_port, ret_why);
	if (r == 0)
		r = read_port(p, "onpremise_proxy_port", &ret->http_port, ret_why);
	if (r < 0)
		return r;
	ret->host = strdup(host);
	return ret->host ? 0 : -ENOMEM;
}

int connectivity_find_proxy(
    const char *config_dir, struct connectivity_proxy *ret, char **ret_why)
{
	_cleanup_connectivity_proxy_ struct connectivity_proxy proxy = {0};
	_cleanup_properties_ struct properties p = {0};
	int r;

	r = load(config_dir, &p, ret_why);
	if (r == 0)
		r = read_proxy(&p, &proxy, ret_why);
	if (r < 0)
		return r;
	*ret = proxy;
	proxy = (struct connectivity_proxy){0};
	return 0;
}

int connectivity_build_request(
    const char *config_dir, const char *tenant, struct token_request *ret, char **ret_why)
{
	static const struct service_key_form form = {.url_key = "token_service_url",
	    .older_url_key = "url",
	    .connect_timeout_usec = TIMEOUT_USEC,
	    .read_timeout_usec = TIMEOUT_USEC};
	_cleanup_properties_ struct properties p = {0};
	int r;

	r = load(config_dir, &p, ret_why);
	return r < 0 ? r : service_key_build_request(&p, &form, tenant, ret, ret_why);
}
