/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Bytes as specifications print them. */

#include <stddef.h>

/* "05 01 80", or without the spaces, as bytes, at most `size`; returns how many. */
size_t unhex(const char *text, unsigned char *bytes, size_t size);
