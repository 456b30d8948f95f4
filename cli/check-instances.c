/* SPDX-License-Identifier: Apache-2.0 */
/* Service keys of Destination service instances, as the helper reads them. */

#include <string.h>

#include "checks.h"
#include "check-folder.h"
#include "instance.h"
#include "rights.h"
#include "text.h"

static void check_instance(
    struct check *k, const char *name, const char *context _unused_)
{
	_cleanup_free_ char *why = NULL, *file = NULL;
	int r;

	r = instance_check(&k->config, name, &why);
	file = text_format("%s.json", name);
	if (r == 0 && file)
		r = rights_check(
		    k->cli, &k->config, RIGHTS_HELPER, "instances", file, &why);
	verdicts_add_result(&k->verdicts, "instance", name, r, why);
}

void check_instances(struct check *k)
{
	check_folder(k, "instance", "instances", check_instance, NULL, NULL);
}
