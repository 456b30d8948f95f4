/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Trust anchors beyond the system's folder: AdditionalCAs=, a destination's
 * TrustStoreLocation, and the system's bundle where its folder has no links by hash.
 */

#include "config.h"
#include "settings.h"
#include "tls-trust.h"

/* The system's anchors by hash: OpenSSL reads only those that a chain asks for. */
#define ANCHORS_SYSTEM_FOLDER "/etc/ssl/certs"

/*
 * Appends every certificate of these files to `pem`, which stays empty if there is none.
 * Files may be PEM, DER or PKCS#12. 0; -EINVAL with *ret_why (malloc'd) if a file has no
 * certificate or cannot be read as one of these; another -errno of reading it with
 * *ret_why; -ENOMEM.
 */
_must_check_ int anchors_load(const struct config *c, const struct settings *s,
    const struct tls_trust *trust, struct secret *pem, char **ret_why);
