/* SPDX-License-Identifier: Apache-2.0 */
/* What is no JSON fails the test: these tests are about what is. */

#include "destination-sample.h"

#include <check.h>
#include <string.h>

int destination_sample_parse(const char *json, struct destination *ret, char **ret_why)
{
	_cleanup_properties_ struct properties p = {0};
	_cleanup_free_ char *why = NULL;
	int r = properties_add(&p, json, strlen(json), "d/x.json", &why);

	ck_assert_msg(r == 0, "%s: %s", json, why);
	return destination_parse("x", &p, ret, ret_why);
}
