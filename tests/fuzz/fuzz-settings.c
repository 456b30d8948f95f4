/* SPDX-License-Identifier: Apache-2.0 */
/* maildest.conf. */

#include <string.h>

#include "config-double.h"
#include "dns-name.h"
#include "settings.h"

static void look_at(const struct settings *s)
{
	fuzz_check(s->client_login < CLIENT_LOGIN_MAX && s->activation < ACTIVATION_MAX &&
		       s->tenant_mode < TENANT_MODE_MAX,
	    "there is no such choice");
	fuzz_check(
	    !s->clients || group_name_is_valid(s->clients), "clients are no group");
	fuzz_check(!s->default_instance || config_name_is_valid(s->default_instance),
	    "an instance has no name");
	for (size_t i = 0; i < s->n_groups; i++) {
		fuzz_check(group_name_is_valid(s->groups[i].group), "a group is none");
		fuzz_check(dns_label_is_valid(
			       s->groups[i].name_space, strlen(s->groups[i].name_space)),
		    "a namespace is no label");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	_cleanup_config_ struct config c = CONFIG_INIT;
	_cleanup_settings_ struct settings s = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	config_double_open(&c, "maildest.conf", fuzz_input(bytes, n));
	r = settings_load(&c, &s, &why);
	fuzz_check_why(r, why);
	if (r == 0)
		look_at(&s);
	return 0;
}
