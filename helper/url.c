/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs of token services. What passes url_check() has exactly one reading: no user part,
 * no fragment, no odd characters in the host, so libcurl and the journal agree on who is
 * asked. Pure; libcurl's own parser is not used, so that this can be tested alone.
 */

#include "url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dns-name.h"

static const char letters_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
static const char tenant_mark[] = "{tenant}";

static bool is_letter_or_digit(char c)
{
	return c && strchr(letters_digits, c);
}

bool url_host_is_loopback(const char *host)
{
	size_t n = strlen(host), below = strlen(".localhost");
	struct in6_addr six;
	struct in_addr four;

	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (n > below && strcasecmp(host + n - below, ".localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == IN_LOOPBACKNET;
	return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

int url_encode(struct secret *out, const char *text)
{
	int r = 0;

	for (; *text && r == 0; text++) {
		if (is_letter_or_digit(*text) || strchr("-._~", *text))
			r = secret_append(out, text, 1);
		else
			r = secret_printf(out, "%%%02X", (unsigned char)*text);
	}
	return r;
}

int url_add_pair(struct secret *out, char separator, const char *name, const char *value)
{
	int r = 0;

	if (separator)
		r = secret_append(out, &separator, 1);
	if (r == 0)
		r = url_encode(out, name);
	if (r == 0)
		r = secret_puts(out, "=");
	if (r == 0)
		r = url_encode(out, value);
	return r;
}

/* Where the host starts: behind "://", or the end of a text without it. */
static const char *authority_of(const char *url)
{
	const char *mark = strstr(url, "://");

	return mark ? mark + 3 : url + strlen(url);
}

static int replace_mark(const char *url, const char *tenant, struct secret *out)
{
	const char *mark;
	int r = 0;

	while (r == 0 && (mark = strstr(url, tenant_mark))) {
		r = secret_append(out, url, (size_t)(mark - url));
		if (r == 0)
			r = secret_puts(out, tenant);
		url = mark + strlen(tenant_mark);
	}
	return r < 0 ? r : secret_puts(out, url);
}

/* An address cannot take a label: "[" starts IPv6; IPv4 has digits and dots only. */
static bool host_is_address(const char *host)
{
	size_t n = strcspn(host, ":/?#");

	return *host == '[' || strspn(host, "0123456789.") == n;
}

int url_insert_tenant(const char *url, const char *tenant, struct secret *out)
{
	const char *host = authority_of(url);
	int r;

	if (strstr(url, tenant_mark))
		return replace_mark(url, tenant, out);
	if (host_is_address(host))
		return -EINVAL;

	r = secret_append(out, url, (size_t)(host - url));
	if (r < 0)
		return r;
	return secret_printf(out, "%s.%s", tenant, host);
}

int url_replace_tenant(const char *url, const char *tenant, struct secret *out)
{
	const char *host = authority_of(url);
	size_t label = strcspn(host, ".:/?#"), n = strcspn(host, ":/?#");
	int r;

	if (host_is_address(host) || label + 1 >= n)
		return -EINVAL;
	r = secret_append(out, url, (size_t)(host - url));
	if (r == 0)
		r = secret_puts(out, tenant);
	return r < 0 ? r : secret_puts(out, host + label);
}

static bool is_dns_name(const char *host)
{
	if (strlen(host) > DNS_NAME_MAX)
		return false;
	for (const char *p = host; *p; p++)
		if (!is_letter_or_digit(*p) && !strchr("-_.", *p))
			return false;
	return is_letter_or_digit(*host) && !strstr(host, "..");
}

static bool is_port(const char *text, size_t n)
{
	unsigned long port = 0;

	if (n == 0 || n > 5)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		port = port * 10 + (unsigned long)(text[i] - '0');
	}
	return port >= 1 && port <= UINT16_MAX;
}

/* Takes the host out of an authority of `n` characters: "name", "name:1", "[::1]:1". */
static int split_host(const char *authority, size_t n, char **ret_host)
{
	bool bracket = n > 0 && *authority == '[';
	const char *start = authority + (bracket ? 1 : 0);
	const char *end = memchr(authority, bracket ? ']' : ':', n);
	_cleanup_free_ char *host = NULL;
	struct in6_addr six;
	size_t rest;

	if (bracket && !end)
		return -EINVAL;
	if (!end)
		end = authority + n;
	host = strndup(start, (size_t)(end - start));
	if (!host)
		return -ENOMEM;

	end += bracket ? 1 : 0;
	rest = n - (size_t)(end - authority);
	if (rest > 0 && (*end != ':' || !is_port(end + 1, rest - 1)))
		return -EINVAL;
	if (bracket ? inet_pton(AF_INET6, host, &six) != 1 : !is_dns_name(host))
		return -EINVAL;
	*ret_host = TAKE_PTR(host);
	return 0;
}

static const char *find_bad_character(const char *url)
{
	if (strstr(url, tenant_mark))
		return "contains {tenant}, which needs tokenServiceURLType Common";
	for (const char *p = url; *p; p++)
		if (*p <= ' ' || *p == 0x7f || (unsigned char)*p >= 0x80 ||
		    strchr("\"<>\\^`{|}", *p))
			return "contains a character that must be percent-encoded in a "
			       "URL";
	if (strchr(url, '#'))
		return "has a fragment ('#'), which a token service's URL cannot have";
	return NULL;
}

bool url_is_https(const char *url)
{
	return strncasecmp(url, "https://", 8) == 0;
}

const char *url_path(const char *url)
{
	const char *authority = authority_of(url);

	return authority + strcspn(authority, "/?");
}

uint16_t url_port(const char *url)
{
	const char *authority = authority_of(url), *end = url_path(url);
	const char *colon = memrchr(authority, ':', (size_t)(end - authority));

	if (colon && (*authority != '[' || colon[-1] == ']'))
		return (uint16_t)strtoul(colon + 1, NULL, 10);
	return url_is_https(url) ? 443 : 80;
}

int url_check(
    const char *url, enum url_plain plain, char **ret_host, const char **ret_reason)
{
	bool https = url_is_https(url);
	const char *authority = authority_of(url);
	size_t n = strcspn(authority, "/?#");
	_cleanup_free_ char *host = NULL;
	int r;

	*ret_reason = find_bad_character(url);
	if (*ret_reason)
		return -EINVAL;
	*ret_reason = "is no URL that starts with https://";
	if (!https && strncasecmp(url, "http://", 7) != 0)
		return -EINVAL;
	*ret_reason =
	    "has a user or password in it; use tokenServiceUser and tokenServicePassword";
	if (memchr(authority, '@', n))
		return -EINVAL;
	*ret_reason = "has no valid host and port";
	r = split_host(authority, n, &host);
	if (r < 0)
		return r;
	*ret_reason =
	    "must start with https:// (plain http only for this machine itself, and "
	    "through a Cloud Connector)";
	if (!https && plain == URL_PLAIN_LOOPBACK && !url_host_is_loopback(host))
		return -EINVAL;
	*ret_host = TAKE_PTR(host);
	return 0;
}
