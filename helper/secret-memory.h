/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * malloc(3) and its family for libraries that handle our secrets and free their buffers
 * as they are: everything is wiped before it is freed. The signatures are those libcurl
 * asks for.
 */

#include <stddef.h>

void secret_memory_free(void *p);
void *secret_memory_realloc(void *p, size_t n);

/* Makes OpenSSL use them; before its first other use. 0, or -EBUSY if it came too late. */
int secret_memory_install_in_openssl(void);
