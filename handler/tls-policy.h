/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A name for everything that decides whether a server is believed: two connections with
 * the same name would judge each certificate alike. By it trust anchors are shared
 * between connections, and TLS sessions resumed only where a full handshake would have
 * been accepted too.
 */

#include <stdint.h>

#include "config.h"
#include "destination.h"
#include "digest.h"
#include "settings.h"
#include "tls-keys.h"
#include "tls-trust.h"

/* The keys of a destination boiled down to what OpenSSL is told. */
struct tls_policy {
	bool insecure; /* certificates are not checked at all */
	bool check_host;
	unsigned host_flags; /* X509_CHECK_FLAG_* */
};

/* `host` decides whether mail.<p>.ssl.trust covers it. */
struct tls_policy tls_policy_of(const struct tls_trust *trust, const char *host);

/*
 * Notes the state of openssl.cnf, which counts from then on whatever becomes of the
 * file: to be called when OpenSSL reads it, once a process. 0, -EIO or -ENOMEM.
 */
_must_check_ int tls_policy_note_openssl(void);

/* The folder of the system's anchors: $SSL_CERT_DIR or /etc/ssl/certs. Borrowed. */
const char *tls_policy_system_directory(void);

/* Bundles of systems whose folder has no links by hash, NULL at the end. */
extern const char *const tls_policy_system_bundles[];

/*
 * The SHA-256 over the policy, over what the files it names are right now (their inodes,
 * sizes and times), so that a replaced file gives another name, and over openssl.cnf. Of a
 * folder of links by hash it is the folder alone, which changes as links come and go, not
 * as what they lead to is overwritten. A file that is not there is no error here. 0, -EIO
 * or -ENOMEM.
 */
_must_check_ int tls_policy_digest(const struct config *config,
    const struct settings *settings, const struct tls_trust *trust, const char *host,
    unsigned char ret[DIGEST_SHA256_SIZE]);

/*
 * The name of the TLS sessions that may be resumed with a destination's server under a
 * policy, on the same way to it, by whoever shows the same certificate: `keys`, NULL for
 * none. io.maildest.Helper's `context`. 0, -EIO or -ENOMEM.
 */
_must_check_ int tls_policy_context(const unsigned char policy[DIGEST_SHA256_SIZE],
    const struct destination *d, const struct tls_keys *keys,
    char ret[DIGEST_SHA256_HEX_SIZE]);
