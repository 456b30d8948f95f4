/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces and their descriptions, which the build makes strings of, so that
 * varlinkctl(1) and its like find out at run time what can be called.
 */

#include "introspect.h"

#include <stddef.h>
#include <string.h>

#include "helper-description.h"
#include "service-description.h"

static const struct {
	const char *name;
	const char *description;
} interfaces[] = {
    {"io.maildest.Helper", helper_description},
    {"org.varlink.service", service_description},
};

const char *introspect_description(const char *interface)
{
	for (size_t i = 0; i < ELEMENTSOF(interfaces); i++)
		if (strcmp(interfaces[i].name, interface) == 0)
			return interfaces[i].description;
	return NULL;
}

void introspect_write_info(struct json_writer *w)
{
	json_writer_string(w, "vendor", "maildest");
	json_writer_string(w, "product", "maildest-helper");
	json_writer_string(w, "version", MAILDEST_VERSION);
	json_writer_string(w, "url", "");
	json_writer_open(w, "interfaces", '[');
	for (size_t i = 0; i < ELEMENTSOF(interfaces); i++)
		json_writer_string(w, NULL, interfaces[i].name);
	json_writer_close(w, ']');
}
