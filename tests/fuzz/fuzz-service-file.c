/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a group of services. */

#include <string.h>

#include "config-double.h"
#include "config.h"
#include "service-file.h"

static void look_at(const struct service_file *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct service_entry *e = &f->list[i];

		fuzz_check(config_name_is_valid(e->service.destination),
		    "a destination has no name");
		fuzz_check(e->service.n_networks <= SERVICE_NETWORKS_MAX &&
			       e->service.n_variables <= DESTINATION_VARIABLES_MAX,
		    "there are too many of a kind");
		for (size_t k = 0; k < e->n_places; k++)
			fuzz_check(service_file_find(f, e->places[k]) != NULL,
			    "a service is not found");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	_cleanup_service_file_ struct service_file f = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	config_double_clear();
	config_double_put("/group", fuzz_input(bytes, n));
	r = service_file_read("/group", &f, &why);
	fuzz_check_why(r, why);
	if (r == 0)
		look_at(&f);
	return 0;
}
