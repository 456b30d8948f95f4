/* SPDX-License-Identifier: Apache-2.0 */
/* A token service's URL, and the tenant in it. */

#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "url.h"

/* With a tenant in it a URL is one still. */
static void put_tenant(
    const char *url, int (*put)(const char *url, const char *tenant, struct secret *out))
{
	_cleanup_secret_ struct secret out = {0};
	_cleanup_free_ char *host = NULL;
	const char *reason = NULL;
	int r;

	r = put(url, "acme", &out);
	fuzz_check(r == 0 || r == -EINVAL, "it fails otherwise than it may");
	if (r == 0)
		fuzz_check(
		    fuzz_is_word(secret_str(&out)) && strstr(secret_str(&out), "acme"),
		    "the tenant is not in it");
	if (r == 0 &&
	    url_check(secret_str(&out), URL_PLAIN_ANYWHERE, &host, &reason) == 0)
		fuzz_check(*host, "a host is empty");
}

static void look_at(const char *url, const char *host)
{
	fuzz_check(fuzz_is_word(url) && !strchr(url, '#'), "a URL is none");
	fuzz_check(*host && !strpbrk(host, "/@[]?"), "a host is none");
	fuzz_check(strcasestr(url, host) != NULL, "the host is another one");
	fuzz_check(url_port(url) > 0, "a port is none");
	fuzz_check(*url_path(url) == '\0' || strchr("/?", *url_path(url)),
	    "a path begins with something else");
	put_tenant(url, url_replace_tenant);
}

static void try_check(const char *url, enum url_plain plain)
{
	_cleanup_free_ char *host = NULL;
	const char *reason = NULL;
	int r;

	r = url_check(url, plain, &host, &reason);
	fuzz_check(r == 0 || (r == -EINVAL && reason), "a failure gives no reason");
	if (r < 0)
		return;
	look_at(url, host);
	if (plain == URL_PLAIN_LOOPBACK && !url_is_https(url))
		fuzz_check(url_host_is_loopback(host), "plain http leaves this host");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	_cleanup_free_ char *text = fuzz_text(fuzz_input(bytes, n));
	_cleanup_secret_ struct secret encoded = {0};

	try_check(text, URL_PLAIN_LOOPBACK);
	try_check(text, URL_PLAIN_ANYWHERE);
	fuzz_check(url_encode(&encoded, text) == 0, "no memory");
	fuzz_check(
	    fuzz_is_word(secret_str(&encoded)) && !strpbrk(secret_str(&encoded), "&=+?/"),
	    "an encoded text has separators");
	return 0;
}
