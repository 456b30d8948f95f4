/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From properties to a token request: URL, the way there (oauth-route.c), body
 * (oauth-client.c), headers, time-outs, trust.
 */

#include "oauth.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "deadline.h"
#include "dns-name.h"
#include "oauth-client.h"
#include "oauth-route.h"
#include "url.h"

/* SAP: 0 to 60 and 0 to 600, what is larger counts as 10. Java's 0 waits for ever; we do not. */
#define CONNECT_TIMEOUT_MAX_SEC 60
#define READ_TIMEOUT_MAX_SEC 600
#define TIMEOUT_DEFAULT_SEC 10

static const char header_prefix[] = "tokenServiceURL.headers.";
static const char query_prefix[] = "tokenServiceURL.queries.";

static const char type_key[] = "tokenServiceURLType";

/* 1 if the tenant goes into the URL, 0 if not. */
static int read_type(const struct properties *p, char **ret_why)
{
	const char *text = "Dedicated";
	int r;

	r = properties_string(p, type_key, &text, ret_why);
	if (r < 0)
		return r;
	if (strcmp(text, "Common") == 0)
		return 1;
	if (strcmp(text, "Dedicated") != 0)
		return properties_complain(
		    p, type_key, ret_why, "must be Dedicated or Common");
	return 0;
}

int oauth_check_tenant(
    const struct properties *p, const char *tenant, bool *ret_is_common, char **ret_why)
{
	int r;

	r = read_type(p, ret_why);
	if (r < 0)
		return r;
	*ret_is_common = r > 0;
	if (r > 0 && !tenant)
		return properties_complain(p, type_key, ret_why,
		    "is Common, but no tenant is known: start the handler with --tenant= "
		    "or set TokenServiceTenant= in maildest.conf");
	if (r > 0 && !dns_label_is_valid(tenant, strlen(tenant)))
		return properties_complain(p, type_key, ret_why,
		    "is Common, but the tenant's name cannot be part of a host name");
	return 0;
}

static int insert_tenant(struct oauth_draft *d, const char *url, const char *tenant)
{
	int r;

	r = url_insert_tenant(url, tenant, &d->request->url);
	if (r == -EINVAL)
		return properties_complain(d->p, "tokenServiceURL", d->why,
		    "has an address as its host, which cannot take a tenant");
	return r;
}

static int add_queries(struct oauth_draft *d)
{
	struct secret *url = &d->request->url;
	const char *key, *name, *value;
	int position = 0, r;
	char last;

	while (properties_next(d->p, query_prefix, &position, &key, &name)) {
		r = oauth_find_text(d, key, &value);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		last = url->data[url->len - 1];
		if (!strchr(url->data, '?'))
			last = '?';
		else
			last = last == '?' || last == '&' ? '\0' : '&';
		r = url_add_pair(url, last, name, value);
		if (r == 0)
			r = token_request_hide(d->request, value);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_url(struct oauth_draft *d, const char *tenant)
{
	static const char key[] = "tokenServiceURL";
	const char *url, *reason;
	bool is_common;
	int r;

	r = oauth_require_text(d, key, &url);
	if (r < 0)
		return r;
	r = oauth_check_tenant(d->p, tenant, &is_common, d->why);
	if (r < 0)
		return r;
	if (is_common)
		r = insert_tenant(d, url, tenant);
	else
		r = secret_puts(&d->request->url, url);
	if (r < 0)
		return r;

	r = url_check(secret_str(&d->request->url),
	    d->on_premise ? URL_PLAIN_ANYWHERE : URL_PLAIN_LOOPBACK, &d->request->host,
	    &reason);
	if (r == -EINVAL)
		return properties_complain(d->p, key, d->why, "%s", reason);
	return r < 0 ? r : add_queries(d);
}

/* Whether the request has a header of that name already. */
static bool has_header(const struct secret *headers, const char *name)
{
	const char *header = secret_str(headers), *end = header + headers->len;
	size_t n = strlen(name);

	for (; header < end; header += strlen(header) + 1)
		if (strncasecmp(header, name, n) == 0 &&
		    (header[n] == ':' || header[n] == ';'))
			return true;
	return false;
}

/* Whether a header is ours or the connection's to set. */
static bool is_reserved_header(const struct secret *headers, const char *name)
{
	static const char *const reserved[] = {"Accept-Encoding", "Connection",
	    "Content-Encoding", "Content-Length", "Content-Type", "Expect", "Host",
	    "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade"};

	if (strncasecmp(name, "Proxy-", 6) == 0)
		return true;
	if (strcasecmp(name, "Authorization") == 0 && has_header(headers, name))
		return true;
	for (size_t i = 0; i < ELEMENTSOF(reserved); i++)
		if (strcasecmp(name, reserved[i]) == 0)
			return true;
	return false;
}

/* A token of RFC 9110 5.6.2. */
static bool is_header_name(const char *name)
{
	for (const char *c = name; *c; c++)
		if (*c <= ' ' || *c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", *c))
			return false;
	return *name;
}

static int add_header(
    struct oauth_draft *d, const char *key, const char *name, const char *value)
{
	int r;

	if (!is_header_name(name))
		return properties_complain(d->p, key, d->why, "is no header's name");
	if (is_reserved_header(&d->request->headers, name) ||
	    (d->on_premise && strcasecmp(name, "SAP-Connectivity-SCC-Location_ID") == 0))
		return properties_complain(
		    d->p, key, d->why, "names a header that cannot be set");
	for (const char *c = value; *c; c++)
		if ((unsigned char)*c >= 0x80)
			return properties_complain(d->p, key, d->why, "is not ASCII");
	/* libcurl reads "Name:" as "leave it out" and needs "Name;" for an empty value. */
	r = secret_puts(&d->request->headers, name);
	if (r == 0)
		r = secret_puts(&d->request->headers, *value ? ": " : ";");
	if (r == 0)
		r = secret_append(&d->request->headers, value, strlen(value) + 1);
	return r < 0 ? r : token_request_hide(d->request, value);
}

static int add_headers(struct oauth_draft *d)
{
	const char *key, *name, *value;
	bool own_accept = false;
	int position = 0, r;

	while (properties_next(d->p, header_prefix, &position, &key, &name)) {
		r = oauth_find_text(d, key, &value);
		if (r == 0)
			continue;
		if (r > 0)
			r = add_header(d, key, name, value);
		if (r < 0)
			return r;
		own_accept = own_accept || strcasecmp(name, "Accept") == 0;
	}
	if (own_accept)
		return 0;
	return secret_append(&d->request->headers, "Accept: application/json",
	    sizeof("Accept: application/json"));
}

static int read_timeout(
    struct oauth_draft *d, const char *key, int64_t max_sec, uint64_t *ret_usec)
{
	int64_t sec = TIMEOUT_DEFAULT_SEC;
	int r;

	r = properties_number(d->p, key, 0, INT32_MAX, &sec, d->why);
	if (r < 0)
		return r;
	if (sec > max_sec)
		sec = TIMEOUT_DEFAULT_SEC;
	*ret_usec = (uint64_t)(sec > 0 ? sec : max_sec) * USEC_PER_SEC;
	return 0;
}

static int add_timeouts(struct oauth_draft *d)
{
	struct token_request *t = d->request;
	int r;

	r = read_timeout(d, "tokenServiceURL.ConnectionTimeoutInSeconds",
	    CONNECT_TIMEOUT_MAX_SEC, &t->connect_timeout_usec);
	if (r == 0)
		r = read_timeout(d, "tokenServiceURL.SocketReadTimeoutInSeconds",
		    READ_TIMEOUT_MAX_SEC, &t->read_timeout_usec);
	if (r == 0)
		t->timeout_usec = t->connect_timeout_usec + t->read_timeout_usec;
	return r;
}

int oauth_build_request(const struct properties *p, const char *tenant, enum grant grant,
    struct token_request *ret, char **ret_why)
{
	_cleanup_token_request_ struct token_request request = {.grant = grant};
	struct oauth_draft d = {.p = p, .request = &request, .why = ret_why};
	int r;

	r = oauth_read_proxy_type(&d);
	if (r == 0)
		r = add_url(&d, tenant);
	if (r == 0)
		r = oauth_add_route(&d);
	if (r == 0)
		r = oauth_add_body(&d);
	if (r == 0)
		r = add_headers(&d);
	if (r == 0)
		r = add_timeouts(&d);
	if (r == 0)
		r = tls_trust_parse(p, &request.trust, ret_why);
	if (r < 0)
		return r;
	*ret = request;
	request = (struct token_request){0};
	return 0;
}
