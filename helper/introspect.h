/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the helper tells about itself (interface org.varlink.service). */

#include "json-writer.h"

/* Writes the members of GetInfo's reply. */
void introspect_write_info(struct json_writer *w);

/* The description of an interface we have, or NULL. */
const char *introspect_description(const char *interface);
