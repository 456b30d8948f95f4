/* SPDX-License-Identifier: Apache-2.0 */
/* Service keys of the Destination service. */

#include "instance.h"

#include <errno.h>
#include <string.h>

#include "layers.h"
#include "service-key.h"
#include "text.h"
#include "url.h"

#define FOLDER "instances"

static int load(
    const struct config *c, const char *name, struct properties *p, char **ret_why)
{
	_cleanup_free_ char *credential = NULL;
	struct service_key_place place = {.folder = FOLDER,
	    .name = name,
	    .purpose = "is to say where the Destination service is"};

	credential = text_format(FOLDER ".%s", name);
	if (!credential)
		return -ENOMEM;
	place.credential = credential;
	return service_key_load(c, &place, p, ret_why);
}

/* The private key that lies beside the service key: appends it, or nothing if there is none. */
static int load_private_key(
    const struct config *c, const char *name, struct secret *ret, char **ret_why)
{
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	r = config_read(c, FOLDER, name, ".key", CONFIG_FILE_MAX, &f, &why);
	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		*ret_why = TAKE_PTR(why);
		return r;
	}
	r = config_check_private(&f, ret_why);
	return r < 0 ? r : secret_append(ret, f.text.data, f.text.len);
}

static int refuse_ias(const struct properties *p, char **ret_why)
{
	struct json_value ignored;

	if (!properties_find(p, "certificate", &ignored, NULL) ||
	    properties_find(p, "certurl", &ignored, NULL))
		return 0;
	return properties_complain(p, "certurl", ret_why,
	    "is missing, though there is a certificate: a service key of IAS cannot be "
	    "used, only one of XSUAA");
}

static int read_uri(
    const struct properties *p, struct secret *ret, char **ret_host, char **ret_why)
{
	static const char key[] = "uri";
	const char *uri, *reason;
	size_t n;
	int r;

	r = properties_string(p, key, &uri, ret_why);
	if (r <= 0)
		return r < 0 ? r : properties_complain(p, key, ret_why, "is missing");
	r = url_check(uri, URL_PLAIN_LOOPBACK, ret_host, &reason);
	if (r == -EINVAL)
		return properties_complain(p, key, ret_why, "%s", reason);
	if (r < 0)
		return r;
	if (strchr(uri, '?'))
		return properties_complain(p, key, ret_why, "may have no query");
	for (n = strlen(uri); uri[n - 1] == '/'; n--)
		;
	return secret_append(ret, uri, n);
}

int instance_build_request(const struct config *c, const struct settings *s,
    const char *name, const char *tenant, struct token_request *ret, char **ret_why)
{
	struct service_key_form form = {.url_key = "url",
	    .connect_timeout_usec = s->destination_connect_usec,
	    .read_timeout_usec = s->destination_read_usec};
	_cleanup_secret_ struct secret private_key = {0};
	_cleanup_properties_ struct properties p = {0};
	int r;

	r = load(c, name, &p, ret_why);
	if (r == 0)
		r = load_private_key(c, name, &private_key, ret_why);
	if (r == 0)
		r = refuse_ias(&p, ret_why);
	if (r < 0)
		return r;
	form.private_key = private_key.len > 0 ? private_key.data : NULL;
	return service_key_build_request(&p, &form, tenant, ret, ret_why);
}

int instance_find_service(const struct config *c, const char *name, struct secret *ret,
    char **ret_host, char **ret_why)
{
	_cleanup_properties_ struct properties p = {0};
	_cleanup_free_ char *host = NULL;
	int r;

	r = load(c, name, &p, ret_why);
	if (r == 0)
		r = read_uri(&p, ret, &host, ret_why);
	if (r == 0)
		*ret_host = TAKE_PTR(host);
	return r;
}

int instance_check(const struct config *c, const char *name, char **ret_why)
{
	static const struct settings settings;
	_cleanup_token_request_ struct token_request request = {0};
	_cleanup_secret_ struct secret uri = {0};
	_cleanup_free_ char *host = NULL;
	int r;

	r = instance_find_service(c, name, &uri, &host, ret_why);
	if (r == 0)
		r = instance_build_request(c, &settings, name, NULL, &request, ret_why);
	return r;
}

int instance_find_default(const char *config_dir, char **ret, char **ret_why)
{
	_cleanup_settings_ struct settings s = {0};
	_cleanup_config_ struct config c = CONFIG_INIT;
	int r;

	r = settings_open(config_dir, &c, &s, ret_why);
	if (r == 0)
		*ret = TAKE_PTR(s.default_instance);
	return r;
}
