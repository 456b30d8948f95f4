/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Which certificates a destination believes: SAP's "Server Certificate Authentication"
 * keys TrustStoreLocation, TrustStorePassword, TrustAll, HostnameVerifier. They hold for
 * the mail server; for the token service, whose names are always checked strictly, all but
 * HostnameVerifier do.
 */

#include <stdbool.h>

#include "properties.h"

enum host_verification {
	HOST_VERIFY_STRICT,		/* a wildcard stands for one label */
	HOST_VERIFY_BROWSER_COMPATIBLE, /* a wildcard stands for any number of labels */
	HOST_VERIFY_NONE,		/* mail.<p>.ssl.checkserveridentity=false */
};

/* Which certificates are believed. Strings owned. */
struct tls_trust {
	char *trust_store; /* name in certificates/, added to the system's anchors */
	char *trust_store_password; /* of a PKCS#12 store; secret */
	char *trusted_hosts;	    /* mail.<p>.ssl.trust: "*" or host names, or NULL */
	bool insecure_trust_all;    /* TrustAll=TRUE: no check at all */
	enum host_verification verification;
};

/*
 * Reads SAP's four keys; what Jakarta Mail adds (trusted_hosts, HOST_VERIFY_NONE) is the
 * caller's. 0; -EINVAL with *ret_why; -ENOMEM. On failure `ret` needs no
 * tls_trust_done().
 */
_must_check_ int tls_trust_parse(
    const struct properties *p, struct tls_trust *ret, char **ret_why);
void tls_trust_done(struct tls_trust *t);
#define _cleanup_tls_trust_ _cleanup_(tls_trust_done)
