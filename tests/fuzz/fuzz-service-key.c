/* SPDX-License-Identifier: Apache-2.0 */
/* Service keys, of the Connectivity service and of the Destination service; the first digit
 * says whether a tenant's token is asked for. */

#include <string.h>

#include "config-double.h"
#include "connectivity.h"
#include "instance.h"

static void look_at(int r, const char *why, const struct token_request *q)
{
	fuzz_check_why(r, why);
	if (r < 0)
		return;
	fuzz_check(fuzz_is_word(secret_str(&q->url)) && q->url.len > 0 && q->host,
	    "a request goes nowhere");
	fuzz_check(fuzz_is_word(secret_str(&q->body)), "a body is no form");
}

static void try_connectivity(const char *tenant)
{
	_cleanup_connectivity_proxy_ struct connectivity_proxy proxy = {0};
	_cleanup_token_request_ struct token_request q = {0};
	_cleanup_free_ char *why = NULL, *other = NULL;
	int r;

	r = connectivity_find_proxy(NULL, &proxy, &why);
	fuzz_check_why(r, why);
	if (r == 0)
		fuzz_check(proxy.host && fuzz_is_word(proxy.host) &&
			       proxy.socks5_port > 0 && proxy.http_port > 0,
		    "the proxy is nowhere");
	r = connectivity_build_request(NULL, tenant, &q, &other);
	look_at(r, other, &q);
}

static void try_instance(const char *tenant)
{
	_cleanup_config_ struct config c = CONFIG_INIT;
	_cleanup_token_request_ struct token_request q = {0};
	_cleanup_free_ char *why = NULL, *other = NULL, *host = NULL, *third = NULL;
	_cleanup_secret_ struct secret url = {0};
	const struct settings settings = {
	    .destination_connect_usec = 1, .destination_read_usec = 1};
	int r;

	fuzz_check(config_open(&c, NULL, &why) == 0, "there is no configuration");
	r = instance_check(&c, "i", &why);
	fuzz_check_why(r, why);
	r = instance_build_request(&c, &settings, "i", tenant, &q, &other);
	look_at(r, other, &q);
	r = instance_find_service(&c, "i", &url, &host, &third);
	fuzz_check_why(r, third);
	if (r == 0)
		fuzz_check(host && *host && fuzz_is_word(secret_str(&url)),
		    "the service is nowhere");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct fuzz_input in = fuzz_input(bytes, n);
	const char *tenant = fuzz_choose(&in, 2) ? "acme" : NULL;

	config_double_clear();
	config_double_put("connectivity.json", in);
	config_double_put("instances/i.json", in);
	try_connectivity(tenant);
	try_instance(tenant);
	return 0;
}
