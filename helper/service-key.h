/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Service keys and bindings of SAP's services, as they are or with their keys below
 * "credentials": among others, the OAuth client of an XSUAA that has tokens for the
 * service:
 *
 *   clientid, clientsecret, url         or
 *   clientid, certificate, key, certurl (X.509, PEM)
 *
 * Only the helper reads them, since the handler is to see no client's secret; so they
 * belong to group maildest-helper, 0640. The service manager's credential is laid over the
 * file, or replaces it.
 */

#include "config.h"
#include "properties.h"
#include "token-request.h"

/* Where a key lies. Borrowed. */
struct service_key_place {
	const char *folder,
	    *name; /* <folder>/<name>.json of the configuration; NULL: no folder */
	const char *credential; /* $CREDENTIALS_DIRECTORY/<credential>.json */
	const char *purpose; /* what goes on after "..., which ", if there is neither */
};

/* Reads a key: 0; -ENOENT or another -errno with *ret_why (malloc'd); -ENOMEM. */
_must_check_ int service_key_load(const struct config *c,
    const struct service_key_place *place, struct properties *p, char **ret_why);

/* What differs from one service to the next. Borrowed. */
struct service_key_form {
	const char *url_key;	   /* where tokens are to be had with a secret */
	const char *older_url_key; /* ... as older keys call it, or NULL */
	const char *private_key;   /* PEM, for a certificate without "key"; or NULL */
	uint64_t connect_timeout_usec, read_timeout_usec;
};

/*
 * Builds the request for the service's token: RFC 6749 4.4 at the XSUAA, "/oauth/token"
 * put behind a URL that names no token endpoint. For a tenant (NULL for none) it goes to the
 * tenant's own XSUAA, its subdomain being the first label of the host, and never to
 * another: where that cannot be, it is an error. 0; -EINVAL with *ret_why; -ENOMEM.
 */
_must_check_ int service_key_build_request(const struct properties *p,
    const struct service_key_form *form, const char *tenant, struct token_request *ret,
    char **ret_why);
