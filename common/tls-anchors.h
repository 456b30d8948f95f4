/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Trust anchors as files: certificates in PEM, DER or PKCS#12, and the system's folder.
 * The handler adds them to OpenSSL's store, the helper hands them to libcurl as PEM.
 */

#include <stdbool.h>

#include "config.h"

/* OpenSSL's STACK_OF(X509), which only its own modules need to see. */
struct stack_st_X509;

/*
 * Whether a folder has links by hash (openssl-rehash(1)): then certificates can be looked
 * up in it one by one, which costs nothing, where loading Debian's bundle takes 20 ms.
 */
bool tls_anchors_are_hashed(const char *folder);

/*
 * Reads the certificates of a file: an absolute path, or a name in certificates/.
 * `password` is a PKCS#12 store's, or NULL; private keys in a file are not looked at. 0
 * with at least one certificate; -EINVAL if there is none to be had, or another -errno of
 * reading the file, both with *ret_why (malloc'd); -ENOMEM.
 */
_must_check_ int tls_anchors_read(const struct config *c, const char *name,
    const char *password, struct stack_st_X509 **ret, char **ret_why);
/* The same in two steps, as OpenSSL takes a millisecond for the first certificate. */
_must_check_ int tls_anchors_read_file(
    const struct config *c, const char *name, struct config_file *ret, char **ret_why);
_must_check_ int tls_anchors_parse(const struct config_file *f, const char *password,
    struct stack_st_X509 **ret, char **ret_why);

/* Frees; takes NULL. */
void tls_anchors_free(struct stack_st_X509 **stack);
#define _cleanup_tls_anchors_ _cleanup_(tls_anchors_free)

/* Appends the certificates as PEM: 0 or -ENOMEM. */
_must_check_ int tls_anchors_to_pem(
    const struct stack_st_X509 *stack, struct secret *out);
