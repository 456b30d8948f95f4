/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Sealed records without a disk, for programs that are linked with --wrap of
 * rotation_write, _exists, _read, _touch, _remove and _open_folder: eight of them.
 */

#include "fuzz.h"

void rotation_double_clear(void);
