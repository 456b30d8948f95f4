/* SPDX-License-Identifier: Apache-2.0 */
/* Where a destination's file lies, and that a file with secrets is read only if it is kept well. */

#include "destination.h"

#include <errno.h>
#include <string.h>

#include "reason.h"

/* Whether any of the file's keys is a secret, whatever the type of authentication. */
static bool has_secrets(const struct properties *p)
{
	static const char *const names[] = {"KeyStorePassword", "TrustStorePassword",
	    "clientSecret", "mail.password", "tokenService.KeyStorePassword",
	    "tokenServicePassword"};
	static const char *const prefixes[] = {
	    "tokenService.body.", "tokenServiceURL.headers.", "tokenServiceURL.queries."};
	const char *key, *name;
	struct json_value ignored;
	int position = 0;

	if (p->has_tokens)
		return true;
	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		if (properties_find(p, names[i], &ignored, NULL))
			return true;
	while (properties_next(p, "mail.", &position, &key, &name))
		if (strlen(name) > 9 && strcmp(name + strlen(name) - 9, ".password") == 0)
			return true;
	for (size_t i = 0; i < ELEMENTSOF(prefixes); i++) {
		position = 0;
		if (properties_next(p, prefixes[i], &position, &key, &name))
			return true;
	}
	return false;
}

int destination_load(
    const struct config *c, const char *name, struct properties *p, char **ret_why)
{
	_cleanup_config_file_ struct config_file f = {0};
	int r;

	if (!config_name_is_valid(name))
		return reason_set(ret_why, -EINVAL,
		    "the destination's name must be 1 to 200 letters, "
		    "digits, '_' and '-'");
	r = config_read(c, "destinations", name, ".json", CONFIG_FILE_MAX, &f, ret_why);
	if (r < 0)
		return r;
	r = properties_add(
	    p, f.text.data ? f.text.data : "", f.text.len, f.path, ret_why);
	if (r < 0)
		return r;
	return has_secrets(p) ? config_check_private(&f, ret_why) : 0;
}
