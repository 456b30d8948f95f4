/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of a token request: grant, scope, client authentication (a table,
 * first matching row wins), further form fields.
 */

#include "oauth-client.h"

#include <errno.h>
#include <string.h>

#include "base64.h"
#include "text.h"
#include "url.h"

static const char body_prefix[] = "tokenService.body.";

int oauth_find_text(struct oauth_draft *d, const char *key, const char **ret)
{
	const char *text;
	int r;

	r = properties_secret(d->p, key, &text, d->why);
	if (r <= 0)
		return r;
	if (text_has_control(text))
		return properties_complain(d->p, key, d->why, "has a control character");
	*ret = text;
	return 1;
}

int oauth_require_text(struct oauth_draft *d, const char *key, const char **ret)
{
	int r;

	r = oauth_find_text(d, key, ret);
	if (r == 0)
		return properties_complain(d->p, key, d->why, "is missing");
	if (r > 0 && !**ret)
		return properties_complain(d->p, key, d->why, "is empty");
	return r < 0 ? r : 0;
}

static int read_client(struct oauth_draft *d)
{
	int r;

	d->in_body = true;
	r = oauth_require_text(d, "clientId", &d->client_id);
	if (r == 0 && !(d->request->client_id = strdup(d->client_id)))
		r = -ENOMEM;
	if (r == 0)
		r = oauth_find_text(d, "clientSecret", &d->client_secret);
	if (r >= 0)
		r = oauth_find_text(d, "tokenServiceUser", &d->user);
	if (r >= 0)
		r = oauth_find_text(d, "tokenServicePassword", &d->password);
	if (r >= 0)
		r = properties_boolean(
		    d->p, "tokenService.addClientCredentialsInBody", &d->in_body, d->why);
	if (r >= 0)
		r = token_request_hide(d->request, d->client_secret);
	return r < 0 ? r : token_request_hide(d->request, d->password);
}

/* Basic over the raw pair, as SAP's examples have it (RFC 6749 2.3.1 would encode both first). */
static int add_basic(
    struct oauth_draft *d, const char *key, const char *user, const char *password)
{
	_cleanup_secret_ struct secret pair = {0}, encoded = {0};
	struct secret *headers = &d->request->headers;
	int r;

	if (strchr(user, ':'))
		return properties_complain(d->p, key, d->why,
		    "has a colon, which HTTP's Basic authentication cannot carry");
	/* Not secret_printf(): glibc formats through a buffer of its own, on the stack. */
	r = secret_puts(&pair, user);
	if (r == 0)
		r = secret_puts(&pair, ":");
	if (r == 0 && password)
		r = secret_puts(&pair, password);
	if (r == 0)
		r = secret_puts(headers, "Authorization: Basic ");
	if (r == 0)
		r = base64_encode(pair.data, pair.len, &encoded);
	if (r == 0)
		/* it is as good as the password */
		r = token_request_hide(d->request, secret_str(&encoded));
	if (r == 0)
		r = secret_puts(headers, secret_str(&encoded));
	return r < 0 ? r : secret_append(headers, "", 1);
}

static int add_pair(struct oauth_draft *d, const char *name, const char *value)
{
	struct secret *body = &d->request->body;

	return url_add_pair(body, body->len > 0 ? '&' : '\0', name, value);
}

static int add_client_to_body(struct oauth_draft *d)
{
	int r;

	r = add_pair(d, "client_id", d->client_id);
	if (r < 0 || !d->client_secret)
		return r;
	return token_request_add_secret(d->request, "client_secret", d->client_secret);
}

/* The table of client authentication, the first row that fits. */
static int add_client_authentication(struct oauth_draft *d)
{
	struct json_value v;
	int r;

	/* 1: TLS shows the certificate; 2: the assertion follows when it has been got. */
	if (d->request->key_store || d->request->assertion_provider)
		return add_pair(d, "client_id", d->client_id);
	if (d->user && *d->user) {
		r = add_basic(d, "tokenServiceUser", d->user, d->password);
		return r < 0 || !d->in_body ? r : add_client_to_body(d);
	}
	if (!d->client_secret &&
	    !properties_find(d->p, "tokenService.body.client_assertion", &v, NULL))
		return properties_complain(
		    d->p, "clientSecret", d->why, "is missing, here and in secrets/");
	if (d->in_body)
		return add_client_to_body(d);
	return add_basic(d, "clientId", d->client_id, d->client_secret);
}

/* Whether the body has a field already: RFC 6749 3.2 forbids one given twice. */
static bool body_has(const struct oauth_draft *d, const char *name)
{
	const char *p = secret_str(&d->request->body);
	size_t n = strlen(name);

	for (; p; p = strchr(p, '&')) {
		p += *p == '&' ? 1 : 0;
		if (strncmp(p, name, n) == 0 && p[n] == '=')
			return true;
	}
	return false;
}

/* Whether a field is written already, or will be: with the credential or the assertion. */
static bool is_taken(const struct oauth_draft *d, const char *name)
{
	const char *field = grant_field(d->request->grant);

	if (d->request->assertion_provider &&
	    (strcmp(name, "client_assertion") == 0 ||
		strcmp(name, "client_assertion_type") == 0))
		return true;
	return body_has(d, name) || (field && strcmp(field, name) == 0);
}

static int add_extra_fields(struct oauth_draft *d)
{
	const char *key, *name, *value;
	int position = 0, r;

	while (properties_next(d->p, body_prefix, &position, &key, &name)) {
		if (grant_leaves_out(d->request->grant, name))
			continue;
		r = oauth_find_text(d, key, &value);
		if (r == 0)
			continue;
		if (r > 0 && is_taken(d, name))
			return properties_complain(d->p, key, d->why,
			    "names a field that the request has already");
		if (r > 0)
			r = add_pair(d, name, value);
		if (r == 0)
			r = token_request_hide(d->request, value);
		if (r < 0)
			return r;
	}
	return 0;
}

int oauth_add_body(struct oauth_draft *d)
{
	const char *scope = NULL;
	int r;

	r = read_client(d);
	if (r == 0)
		r = add_pair(d, "grant_type", grant_type(d->request->grant));
	if (r == 0)
		r = oauth_find_text(d, "scope", &scope);
	if (r > 0 && *scope)
		r = add_pair(d, "scope", scope);
	if (r >= 0)
		r = add_client_authentication(d);
	return r < 0 ? r : add_extra_fields(d);
}
