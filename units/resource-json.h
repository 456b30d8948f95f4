/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A resource as JSON text that resource_read() understands. */

#include "json-writer.h"
#include "resource.h"

/* Writes the resource as an object, which must be valid; errors stick in `w`. */
void resource_write_json(
    struct json_writer *w, const char *key, const struct resource *r);
