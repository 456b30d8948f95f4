/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request headers, form bodies and replies pass through buffers of libcurl and OpenSSL
 * that neither wipes. Both let us give them an allocator, so we give them one that does.
 */

#include "secret-memory.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

void secret_memory_free(void *p)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

void *secret_memory_realloc(void *p, size_t n)
{
	size_t had = p ? malloc_usable_size(p) : 0;
	void *q;

	if (p && n <= had && n > had / 2)
		return p;

	q = malloc(n);
	if (!q)
		return NULL;
	if (p)
		memcpy(q, p, had < n ? had : n);
	secret_memory_free(p);
	return q;
}

static void *openssl_malloc(size_t n, const char *file, int line)
{
	(void)file; /* OpenSSL tells where it allocates; nobody asked */
	(void)line;
	return n ? malloc(n) : NULL;
}

static void *openssl_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	if (n)
		return secret_memory_realloc(p, n);
	secret_memory_free(p);
	return NULL;
}

static void openssl_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	secret_memory_free(p);
}

int secret_memory_install_in_openssl(void)
{
	if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1)
		return -EBUSY;
	return 0;
}
