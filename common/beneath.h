/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Opening files below a folder and never out of it, whatever their names and symbolic
 * links say: openat2(2) with RESOLVE_BENEATH. Where a filter of system calls forbids that
 * call, since it cannot see its arguments (RestrictSUIDSGID= of systemd.exec(5)), the same
 * is done link by link.
 */

#include "macro.h"

/*
 * Opens for reading, without waiting for anything. `folder` may be O_PATH. The descriptor
 * (O_CLOEXEC, O_NONBLOCK); -EXDEV if the path or a symbolic link leads out of the folder;
 * -ELOOP for too many of these; another -errno of open(2).
 */
_must_check_ int beneath_open(int folder, const char *path);

/* The part of it that does without openat2(2). */
_must_check_ int beneath_walk(int folder, const char *path);
