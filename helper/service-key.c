/* SPDX-License-Identifier: Apache-2.0 */
/* Service keys, from files to requests for the service's own tokens. */

#include "service-key.h"

#include <errno.h>
#include <string.h>

#include "dns-name.h"
#include "layers.h"
#include "reason.h"
#include "url.h"

/* A binding has its keys below "credentials", a service key has not. */
static void descend(struct properties *p)
{
	struct json_value inner;

	for (unsigned i = 0; i < p->n; i++)
		if (json_find(p->layers[i].object, "credentials", &inner) &&
		    json_type(inner) == JSON_OBJECT)
			p->layers[i].object = inner;
}

int service_key_load(const struct config *c, const struct service_key_place *place,
    struct properties *p, char **ret_why)
{
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	r = config_read(
	    c, place->folder, place->name, ".json", CONFIG_FILE_MAX, &f, &why);
	if (r == 0)
		r = layers_add_private(p, &f, &why);
	if (r < 0 && r != -ENOENT) {
		*ret_why = TAKE_PTR(why);
		return r;
	}
	r = layers_add_credential(p, place->credential, ret_why);
	if (r < 0)
		return r;
	if (p->n == 0)
		return reason_set(ret_why, -ENOENT, "%s, which %s", why, place->purpose);
	descend(p);
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
static int find_url(const struct properties *p, const struct service_key_form *form,
    bool has_certificate, const char **ret_key, const char **ret, char **ret_why)
{
	int r;

	*ret_key = has_certificate ? "certurl" : form->url_key;
	r = properties_string(p, *ret_key, ret, ret_why);
	if (r != 0 || has_certificate || !form->older_url_key)
		return r == 0 ? properties_complain(p, *ret_key, ret_why, "is missing")
			      : r;
	r = properties_string(p, form->older_url_key, ret, ret_why);
	if (r > 0)
		*ret_key = form->older_url_key;
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

static int add_url(const struct properties *p, const struct service_key_form *form,
    const char *tenant, struct token_request *t, char **ret_why)
{
	bool has_certificate = t->key_pair.len > 0;
	const char *key, *url, *reason;
	int r;

	r = find_url(p, form, has_certificate, &key, &url, ret_why);
	if (r < 0)
		return r;
	r = resolve_url(url, tenant, has_certificate, &t->url, &reason);
	if (r == 0)
		r = add_endpoint(&t->url);
	if (r == 0)
		r = url_check(t->url.data, URL_PLAIN_LOOPBACK, &t->host, &reason);
	if (r == -EINVAL)
		return properties_complain(p, key, ret_why, "%s", reason);
	if (r == 0 && tenant) {
		t->subscriber = strdup(tenant);
		r = t->subscriber ? 0 : -ENOMEM;
	}
	return r;
}

/* The certificate and its key, one text, and where they come from. */
static int add_key_pair(const struct properties *p, const struct service_key_form *form,
    struct token_request *t, char **ret_why)
{
	const char *certificate, *key = form->private_key, *path;
	struct json_value ignored;
	int r;

	r = find(p, "certificate", &certificate, ret_why);
	if (r <= 0)
		return r;
	r = find(p, "key", &key, ret_why);
	if (r == 0 && !key)
		return properties_complain(
		    p, "key", ret_why, "is missing, though there is a certificate");
	if (r >= 0)
		r = secret_concat(&t->key_pair, certificate, "\n", key, "\n", NULL);
	if (r < 0)
		return r;
	(void)properties_find(p, "certificate", &ignored, &path);
	t->key_pair_path = strdup(path);
	return t->key_pair_path ? 0 : -ENOMEM;
}

static int add_body(const struct properties *p, struct token_request *t, char **ret_why)
{
	const char *id, *secret = NULL;
	int r;

	r = require(p, "clientid", &id, ret_why);
	if (r == 0 && t->key_pair.len == 0)
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

int service_key_build_request(const struct properties *p,
    const struct service_key_form *form, const char *tenant, struct token_request *ret,
    char **ret_why)
{
	static const char accept[] = "Accept: application/json";
	_cleanup_token_request_ struct token_request t = {
	    .grant = GRANT_CLIENT_CREDENTIALS,
	    .connect_timeout_usec = form->connect_timeout_usec,
	    .read_timeout_usec = form->read_timeout_usec,
	    .timeout_usec = form->connect_timeout_usec + form->read_timeout_usec};
	int r;

	r = add_key_pair(p, form, &t, ret_why);
	if (r == 0)
		r = add_url(p, form, tenant, &t, ret_why);
	if (r == 0)
		r = add_body(p, &t, ret_why);
	if (r == 0)
		r = secret_append(&t.headers, accept, sizeof(accept));
	if (r < 0)
		return r;
	*ret = t;
	t = (struct token_request){0};
	return 0;
}
