/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A view of the file system that is the calling test's own, so that it can put files
 * where the code under test looks for the host's. */

#include <stdbool.h>

/*
 * Moves the calling process into mounts of its own, in a user namespace unless it is
 * root. False where the kernel refuses that: the test then has nothing to say.
 */
bool private_mounts(void);

/* Lays an empty file system over an existing folder, writable for us. */
void private_mounts_empty(const char *folder);

/* Shows `file` at the place of the existing file `over`. */
void private_mounts_replace(const char *file, const char *over);
