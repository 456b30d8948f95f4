/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys, request headers, form bodies and replies pass through buffers of OpenSSL
 * and libcurl that neither wipes. Both let us give them an allocator, so we give them one
 * that does.
 */

#include "secret-memory.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* What OpenSSL frees is wiped up to this size; set once, before its first allocation. */
static size_t openssl_wipe_max;
/* Whom to ask when OpenSSL gets no memory; NULL for nobody. */
static void (*on_exhaustion)(void);

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
	void *p = n ? malloc(n) : NULL;

	(void)file; /* OpenSSL tells where it allocates; nobody asked */
	(void)line;
	if (n && !p && on_exhaustion) {
		on_exhaustion();
		p = malloc(n);
	}
	return p;
}

static void *openssl_realloc(void *p, size_t n, const char *file, int line)
{
	void *q = n ? secret_memory_realloc(p, n) : NULL;

	(void)file;
	(void)line;
	if (!n)
		secret_memory_free(p);
	else if (!q && on_exhaustion) {
		on_exhaustion();
		q = secret_memory_realloc(p, n);
	}
	return q;
}

static void openssl_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	if (p && malloc_usable_size(p) > openssl_wipe_max)
		free(p);
	else
		secret_memory_free(p);
}

void secret_memory_on_exhaustion(void (*call)(void))
{
	on_exhaustion = call;
}

int secret_memory_install_in_openssl(size_t wipe_max)
{
	openssl_wipe_max = wipe_max;
	if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1)
		return -EBUSY;
	return 0;
}
