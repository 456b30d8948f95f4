/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * malloc(3) and its family for libraries that handle our secrets and free their buffers
 * as they are: everything is wiped before it is freed. The signatures are those libcurl
 * asks for.
 */

#include <stddef.h>

#include "macro.h"

void secret_memory_free(void *p);
void *secret_memory_realloc(void *p, size_t n);

/* More than any key in its file's form; the buffers of TLS records are larger. */
#define SECRET_MEMORY_KEYS ((size_t)16 * 1024)

/*
 * Makes OpenSSL use them, before its first other use; blocks of more than `wipe_max`
 * bytes are freed as they are, as wiping touches what was never used of them. 0, or
 * -EBUSY if it came too late.
 */
_must_check_ int secret_memory_install_in_openssl(size_t wipe_max);

/*
 * What to call when OpenSSL can have no memory, before it is told so: OpenSSL 3.0 does not
 * survive that everywhere, or is of no use for the rest of the process, so the call may end
 * the process, or free something, after which OpenSSL gets it yet. NULL for nothing.
 */
void secret_memory_on_exhaustion(void (*call)(void));
