/* SPDX-License-Identifier: Apache-2.0 */
/* The files beside destinations and resources, and what lies in folders without a use. */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>

#include "check-folder.h"
#include "connectivity.h"
#include "dns-name.h"
#include "properties.h"
#include "reason.h"
#include "rights.h"
#include "text.h"
#include "tls-anchors.h"

/* The authorities that every session and every request for a token believes. */
static int check_authorities(const struct check *k, const char *name, char **ret_why)
{
	_cleanup_tls_anchors_ struct stack_st_X509 *anchors = NULL;
	int r;

	r = tls_anchors_read(&k->config, name, NULL, &anchors, ret_why);
	if (r < 0)
		return r;
	return rights_check(k->cli, &k->config, RIGHTS_HANDLER,
	    *name == '/' ? NULL : "certificates", name, ret_why);
}

/* A name that nobody bears keeps everybody out but root. */
static int check_group(const char *name, char **ret_why)
{
	if (strcmp(name, "everyone") == 0 || getgrnam(name))
		return 0;
	return reason_set(ret_why, -EINVAL,
	    "Clients=: there is no group %s, so only root may connect: groupadd --system "
	    "%s makes it",
	    name, name);
}

void check_settings(struct check *k)
{
	_cleanup_settings_ struct settings s = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	if (!verdicts_want(&k->verdicts, "maildest.conf"))
		return;
	r = settings_load(&k->config, &s, &why);
	if (r == 0)
		r = rights_check(
		    k->cli, &k->config, RIGHTS_HANDLER, NULL, "maildest.conf", &why);
	if (r == 0 && s.additional_cas)
		r = check_authorities(k, s.additional_cas, &why);
	if (r == 0 && s.clients)
		r = check_group(s.clients, &why);
	verdicts_add_result(&k->verdicts, "settings", "maildest.conf", r, why);
}

static void check_of_tenant(struct check *k, const char *tenant)
{
	_cleanup_free_ char *folder = NULL;

	if (!dns_label_is_valid(tenant, strlen(tenant))) {
		if (!k->verdicts.only)
			verdicts_add(&k->verdicts, "destination", tenant, VERDICT_WARNING,
			    "is not read: the folder's name is no tenant's subdomain");
		return;
	}
	folder = text_format("destinations/%s", tenant);
	if (!folder)
		return; /* the table has no room either and says so */
	check_folder(k, "destination", folder, check_destination, NULL, tenant);
}

void check_destinations(struct check *k)
{
	check_folder(
	    k, "destination", "destinations", check_destination, check_of_tenant, NULL);
}

/* What a fragment may not have, as it decides what the destination is. */
static int check_keys(const struct properties *p, char **ret_why)
{
	static const char *const forbidden[] = {"Name", "Type"};
	struct json_value v;

	for (size_t i = 0; i < ELEMENTSOF(forbidden); i++)
		if (properties_find(p, forbidden[i], &v, NULL))
			return properties_complain(
			    p, forbidden[i], ret_why, "may not stand in a fragment");
	return 0;
}

static void check_fragment(
    struct check *k, const char *name, const char *context _unused_)
{
	_cleanup_properties_ struct properties p = {0};
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *why = NULL, *file = NULL;
	int r;

	r = config_read(
	    &k->config, "fragments", name, ".json", CONFIG_FILE_MAX, &f, &why);
	if (r == 0)
		r = properties_add(&p, secret_str(&f.text), f.text.len, f.path, &why);
	if (r == 0)
		r = check_keys(&p, &why);
	file = text_format("%s.json", name);
	if (r == 0 && file)
		r = rights_check(
		    k->cli, &k->config, RIGHTS_HANDLER, "fragments", file, &why);
	verdicts_add_result(&k->verdicts, "fragment", name, r, why);
}

void check_fragments(struct check *k)
{
	check_folder(k, "fragment", "fragments", check_fragment, NULL, NULL);
}

void check_connectivity(struct check *k)
{
	static const char file[] = "connectivity.json";
	_cleanup_connectivity_proxy_ struct connectivity_proxy proxy = {0};
	_cleanup_token_request_ struct token_request request = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	if (!verdicts_want(&k->verdicts, file) ||
	    faccessat(k->config.fd, file, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	r = connectivity_find_proxy(k->cli->config_dir, &proxy, &why);
	if (r == 0)
		r = connectivity_build_request(k->cli->config_dir, NULL, &request, &why);
	if (r == 0)
		r = rights_check(k->cli, &k->config, RIGHTS_HELPER, NULL, file, &why);
	verdicts_add_result(&k->verdicts, "connectivity", file, r, why);
}
