/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Long texts for tests of bounds. */

#include "secret.h"

/* Appends `text` `n` times. */
void repeated_text(struct secret *out, const char *text, size_t n);
