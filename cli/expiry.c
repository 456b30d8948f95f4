/* SPDX-License-Identifier: Apache-2.0 */
#include "expiry.h"

#include <errno.h>
#include <string.h>

#include "destination.h"
#include "names.h"
#include "properties.h"
#include "text.h"
#include "tls-describe.h"

#define DAY (INT64_C(24) * 60 * 60)

enum expiry_level expiry_level(int64_t left)
{
	if (left <= 0)
		return EXPIRY_OVER;
	if (left <= DAY)
		return EXPIRY_DAY;
	if (left <= 7 * DAY)
		return EXPIRY_WEEK;
	return left <= 30 * DAY ? EXPIRY_MONTH : EXPIRY_FINE;
}

void expiries_done(struct expiries *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->list[i].file);
		free(e->list[i].subject);
	}
	free(e->list);
	*e = (struct expiries){0};
}

static int add(struct expiries *e, const char *folder, const char *file,
    const struct tls_description *d)
{
	struct expiry *list = reallocarray(e->list, e->n + 1, sizeof(*list));
	struct expiry one = {.not_after = d->not_after};

	if (!list)
		return -ENOMEM;
	e->list = list;
	one.subject = strdup(d->subject);
	one.file = text_format("%s%s%s", folder ? folder : "", folder ? "/" : "", file);
	list[e->n++] = one;
	return one.file && one.subject ? 0 : -ENOMEM;
}

static int add_all(struct expiries *e, const char *folder, const char *file,
    const struct secret *text, const char *password)
{
	_cleanup_tls_descriptions_ struct tls_descriptions d = {0};
	int r = tls_describe_text(text, password, &d);

	for (size_t i = 0; r == 0 && i < d.n; i++)
		r = add(e, folder, file, &d.list[i]);
	return r;
}

/* The keys of a destination by which a store's password is found. */
static const struct {
	const char *location, *password;
} stores[] = {
    {"KeyStoreLocation", "KeyStorePassword"},
    {"TrustStoreLocation", "TrustStorePassword"},
    {"tokenService.KeyStoreLocation", "tokenService.KeyStorePassword"},
};

/* A copy of the password that a destination names with a store: 1, 0 if it names none. */
static int find_password(
    const struct config *c, const char *destination, const char *store, char **ret)
{
	const struct destination_source source = {.name = destination};
	_cleanup_properties_ struct properties p = {0};
	_cleanup_free_ char *why = NULL;
	struct json_value v;

	if (destination_load(c, &source, &p, &why) < 0)
		return 0;
	for (size_t i = 0; i < ELEMENTSOF(stores); i++) {
		const char *location = NULL, *password;

		if (properties_find(&p, stores[i].location, &v, NULL))
			location = json_string(v);
		if (!location || strcmp(location, store) != 0 ||
		    !properties_find(&p, stores[i].password, &v, NULL))
			continue;
		password = json_string(v);
		if (password && (*ret = strdup(password)))
			return 1;
	}
	return 0;
}

/* A store that needs a password: each destination may know it. */
static int add_locked(struct expiries *e, const struct config *c, const char *file,
    const struct secret *text)
{
	_cleanup_names_ struct names names = {0};
	_cleanup_free_ char *why = NULL;

	if (names_read(c, "destinations", &names, &why) < 0)
		return 0;
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_erase_ char *password = NULL;
		_cleanup_free_ char *name = NULL;
		int r = names_strip_json(names.list[i].text, &name);

		if (r > 0)
			r = find_password(c, name, file, &password);
		if (r > 0)
			r = add_all(e, "certificates", file, text, password);
		else if (r == 0)
			continue;
		if (r != -EACCES)
			return r;
	}
	return 0;
}

static int add_file(struct expiries *e, const struct config *c, const char *file)
{
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	if (config_read(c, "certificates", file, "", CONFIG_CERTIFICATE_MAX, &f, &why) <
	    0)
		return 0;
	r = add_all(e, "certificates", file, &f.text, NULL);
	if (r == -EACCES)
		r = add_locked(e, c, file, &f.text);
	return r == -ENOMEM ? r : 0;
}

/* "certificate" of a service key, at the top or where bindings nest it. */
static const char *find_certificate(struct json_value root)
{
	static const char *const places[] = {"credentials", "uaa"};
	struct json_value v, inner;

	if (json_find(root, "certificate", &v))
		return json_string(v);
	for (size_t i = 0; i < ELEMENTSOF(places); i++)
		if (json_find(root, places[i], &inner)) {
			const char *found = find_certificate(inner);

			if (found)
				return found;
		}
	return NULL;
}

static int add_service_key(
    struct expiries *e, const struct config *c, const char *folder, const char *file)
{
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_json_ struct json *json = NULL;
	_cleanup_secret_ struct secret pem = {0};
	_cleanup_free_ char *why = NULL;
	const char *certificate;
	int r;

	if (config_read(c, folder, file, "", CONFIG_FILE_MAX, &f, &why) < 0)
		return 0;
	r = json_parse(secret_str(&f.text), f.text.len, &json, NULL);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	certificate = find_certificate(json_root(json));
	if (!certificate)
		return 0;
	r = secret_puts(&pem, certificate);
	if (r == 0)
		r = add_all(e, folder, file, &pem, NULL);
	return r == -ENOMEM ? r : 0;
}

static int add_folder(
    struct expiries *e, const struct config *c, const char *folder, bool are_keys)
{
	_cleanup_names_ struct names names = {0};
	_cleanup_free_ char *why = NULL;
	int r = 0;

	if (names_read(c, folder, &names, &why) < 0)
		return 0;
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = are_keys ? add_service_key(e, c, folder, names.list[i].text)
			     : add_file(e, c, names.list[i].text);
	return r;
}

int expiry_collect(const struct config *c, struct expiries *ret)
{
	_cleanup_expiries_ struct expiries e = {0};
	int r;

	r = add_folder(&e, c, "certificates", false);
	if (r == 0)
		r = add_folder(&e, c, "instances", true);
	if (r == 0)
		r = add_service_key(&e, c, NULL, "connectivity.json");
	if (r < 0)
		return r;
	*ret = e;
	e = (struct expiries){0};
	return 0;
}
