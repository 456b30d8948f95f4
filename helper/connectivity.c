/* SPDX-License-Identifier: Apache-2.0 */
/* The binding of the Connectivity service, from a file to a proxy and a token request. */

#include "connectivity.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "config.h"
#include "deadline.h"
#include "dns-name.h"
#include "layers.h"
#include "reason.h"
#include "url.h"

#define SOCKS5_PORT 20004
#define HTTP_PORT 20003
#define TIMEOUT_USEC (10 * USEC_PER_SEC)

void connectivity_proxy_done(struct connectivity_proxy *p)
{
	free(p->host);
	*p = (struct connectivity_proxy){0};
}

/* A binding has its keys below "credentials", a service key has not. */
static void descend(struct properties *p)
{
	struct json_value inner;

	for (unsigned i = 0; i < p->n; i++)
		if (json_find(p->layers[i].object, "credentials", &inner) &&
		    json_type(inner) == JSON_OBJECT)
			p->layers[i].object = inner;
}

/* The file, and what the service manager lays over it; one of them must be there. */
static int load(const char *config_dir, struct properties *p, char **ret_why)
{
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_config_ struct config c = CONFIG_INIT;
	_cleanup_free_ char *why = NULL;
	int r;

	r = config_open(&c, config_dir, ret_why);
	if (r < 0)
		return r;
	r = config_read(&c, NULL, "connectivity", ".json", CONFIG_FILE_MAX, &f, &why);
	if (r == 0)
		r = layers_add_private(p, &f, &why);
	if (r < 0 && r != -ENOENT) {
		*ret_why = TAKE_PTR(why);
		return r;
	}
	r = layers_add_credential(p, "connectivity", ret_why);
	if (r < 0)
		return r;
	if (p->n == 0)
		return reason_set(ret_why, -ENOENT,
		    "%s, which is to say where the Connectivity proxy is that ProxyType "
		    "OnPremise needs",
		    why);
	descend(p);
	return 0;
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

/* A secret text that is not empty: 1, 0 if there is none, -EINVAL. */
static int find(
    const struct properties *p, const char *key, const char **ret, char **ret_why)
{
	int r;

	r = properties_secret(p, key, ret, ret_why);
	if (r > 0 && !**ret)
		return properties_complain(p, key, ret_why, "is empty");
	return r;
}

static int require(
    const struct properties *p, const char *key, const char **ret, char **ret_why)
{
	int r;

	r = find(p, key, ret, ret_why);
	if (r == 0)
		return properties_complain(p, key, ret_why, "is missing");
	return r < 0 ? r : 0;
}

/* Where tokens are to be had: with a certificate at another host than with a secret. */
static int find_url(const struct properties *p, bool has_certificate,
    const char **ret_key, const char **ret, char **ret_why)
{
	int r = 0;

	*ret_key = has_certificate ? "certurl" : "token_service_url";
	r = properties_string(p, *ret_key, ret, ret_why);
	if (r != 0 || has_certificate)
		return r == 0 ? properties_complain(p, *ret_key, ret_why, "is missing")
			      : r;
	r = properties_string(p, "url", ret, ret_why);
	if (r > 0)
		*ret_key = "url";
	return r == 0 ? properties_complain(p, *ret_key, ret_why, "is missing") : r;
}

/* Bindings have the address of the service, some pages' that of its token endpoint. */
static int add_endpoint(struct secret *url)
{
	size_t end;

	if (strstr(url_path(url->data), "/token") || strchr(url->data, '?'))
		return 0;
	for (end = url->len; url->data[end - 1] == '/'; end--)
		;
	url->data[url->len = end] = '\0';
	return secret_puts(url, "/oauth/token");
}

/* Checks a URL and appends it as it is for the tenant: 0; -EINVAL with *ret_reason; -ENOMEM. */
static int resolve_url(const char *url, const char *tenant, bool has_certificate,
    struct secret *out, const char **ret_reason)
{
	_cleanup_free_ char *host = NULL;
	int r;

	r = url_check(url, URL_PLAIN_LOOPBACK, &host, ret_reason);
	if (r < 0)
		return r;
	*ret_reason = "must start with https:// to be shown a certificate";
	if (has_certificate && !url_is_https(url))
		return -EINVAL;
	if (!tenant)
		return secret_puts(out, url);
	*ret_reason = "cannot be the tenant's, whose name cannot be part of a host name";
	if (!dns_label_is_valid(tenant, strlen(tenant)))
		return -EINVAL;
	*ret_reason = "has a host without a label to put the tenant in the place of";
	return url_replace_tenant(url, tenant, out);
}

static int add_url(const struct properties *p, const char *tenant, bool has_certificate,
    struct token_request *t, char **ret_why)
{
	const char *key, *url, *reason;
	int r;

	r = find_url(p, has_certificate, &key, &url, ret_why);
	if (r < 0)
		return r;
	r = resolve_url(url, tenant, has_certificate, &t->url, &reason);
	if (r == 0)
		r = add_endpoint(&t->url);
	if (r == 0)
		r = url_check(t->url.data, URL_PLAIN_LOOPBACK, &t->host, &reason);
	if (r == -EINVAL)
		return properties_complain(p, key, ret_why, "%s", reason);
	return r;
}

/* The certificate and its key, one text: 1, 0 if there is none, -errno. */
static int add_key_pair(
    const struct properties *p, struct token_request *t, char **ret_why)
{
	const char *certificate, *key;
	int r;

	r = find(p, "certificate", &certificate, ret_why);
	if (r <= 0)
		return r;
	r = require(p, "key", &key, ret_why);
	if (r == 0)
		r = secret_concat(&t->key_pair, certificate, "\n", key, "\n", NULL);
	return r < 0 ? r : 1;
}

static int add_body(const struct properties *p, bool has_certificate,
    struct token_request *t, char **ret_why)
{
	const char *id, *secret = NULL;
	int r;

	r = require(p, "clientid", &id, ret_why);
	if (r == 0 && !has_certificate)
		r = require(p, "clientsecret", &secret, ret_why);
	if (r == 0)
		r = secret_concat(
		    &t->body, "grant_type=", grant_type(GRANT_CLIENT_CREDENTIALS), NULL);
	if (r == 0)
		r = url_add_pair(&t->body, '&', "client_id", id);
	if (r == 0 && secret)
		r = token_request_add_secret(t, "client_secret", secret);
	return r;
}

int connectivity_build_request(
    const char *config_dir, const char *tenant, struct token_request *ret, char **ret_why)
{
	static const char accept[] = "Accept: application/json";
	_cleanup_token_request_ struct token_request t = {
	    .grant = GRANT_CLIENT_CREDENTIALS,
	    .connect_timeout_usec = TIMEOUT_USEC,
	    .read_timeout_usec = TIMEOUT_USEC,
	    .timeout_usec = 2 * TIMEOUT_USEC};
	_cleanup_properties_ struct properties p = {0};
	bool has_certificate;
	int r;

	r = load(config_dir, &p, ret_why);
	if (r == 0)
		r = add_key_pair(&p, &t, ret_why);
	has_certificate = r > 0;
	if (r >= 0)
		r = add_url(&p, tenant, has_certificate, &t, ret_why);
	if (r == 0)
		r = add_body(&p, has_certificate, &t, ret_why);
	if (r == 0)
		r = secret_append(&t.headers, accept, sizeof(accept));
	if (r < 0)
		return r;
	*ret = t;
	t = (struct token_request){0};
	return 0;
}
