/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The configuration folder of a session, as its script wants it. */

#include "stage.h"

/* Writes destination, maildest.conf and certificates below s->folder, and notes what the
 * destination says in `s`: 0 or -errno after saying why. */
_must_check_ int stage_write_files(struct stage *s);

/* The destination's name, which is its protocol's. Borrowed. */
const char *stage_destination(const struct stage *s);

/* Removes the folder. */
void stage_remove_files(const struct stage *s);
