/* SPDX-License-Identifier: Apache-2.0 */
/* The table of services' addresses, and which ones are given to others. */

#include <string.h>

#include "addresses.h"
#include "config-double.h"
#include "service-state.h"

static void give(const struct state_table *t)
{
	struct addresses *addresses = addresses_new();
	struct address given, parsed;

	fuzz_check(addresses, "no memory");
	for (size_t i = 0; i < t->n; i++)
		if (address_parse(t->rows[i].value, &parsed) == 0)
			addresses_take(addresses, &parsed);
	for (size_t i = 0; i < t->n; i++) {
		fuzz_check(addresses_give(addresses, t->rows[i].name, &given) == 0 &&
			       address_is_loopback(&given),
		    "an address is not of this host");
		for (size_t k = 0; k < t->n; k++)
			if (address_parse(t->rows[k].value, &parsed) == 0)
				fuzz_check(!address_equal(&parsed, &given),
				    "an address is given twice");
	}
	addresses_free(addresses);
}

static void look_at(struct state_table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		fuzz_check(i == 0 || strcmp(t->rows[i - 1].name, t->rows[i].name) < 0,
		    "names are not in order");
		fuzz_check(state_table_find(t, t->rows[i].name) == t->rows[i].value,
		    "a name is not found");
	}
	while (t->n > 0) {
		_cleanup_free_ char *name = strdup(t->rows[t->n / 2].name);
		size_t before = t->n;

		fuzz_check(name, "no memory");
		state_table_remove(t, name);
		fuzz_check(t->n == before - 1, "a name is not forgotten");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	_cleanup_config_ struct config c = CONFIG_INIT;
	_cleanup_state_table_ struct state_table t = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	config_double_open(&c, ".state/addresses", fuzz_input(bytes, n));
	r = state_table_read(&c, "addresses", &t, &why);
	fuzz_check_why(r, why);
	if (r < 0)
		return 0;
	give(&t);
	look_at(&t);
	return 0;
}
