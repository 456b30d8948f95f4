/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * connectivity.json: where SAP's Connectivity proxy is, and the OAuth client that gets the
 * JWT which it wants. It is a service key or binding of the Connectivity service, as it is
 * or with these keys below "credentials":
 *
 *   onpremise_proxy_host
 *   onpremise_socks5_proxy_port                     20004 if absent
 *   onpremise_proxy_http_port, onpremise_proxy_port 20003 if both are absent
 *   clientid, clientsecret, token_service_url or the older url
 *   certificate, key (PEM), certurl                 instead of secret and URL (X.509)
 *
 * Only the helper reads it, since the handler is to see no client's secret; so it belongs
 * to group maildest-helper, 0640. $CREDENTIALS_DIRECTORY/connectivity.json is laid over it,
 * or replaces it.
 */

#include <stdint.h>

#include "token-request.h"

/* Where the proxy is. */
struct connectivity_proxy {
	char *host; /* a DNS name, or an address without brackets; owned */
	uint16_t socks5_port, http_port;
};

void connectivity_proxy_done(struct connectivity_proxy *p);
#define _cleanup_connectivity_proxy_ _cleanup_(connectivity_proxy_done)

/*
 * Reads where the proxy is; `config_dir` as config_open() takes it. 0; -ENOMEM; another
 * -errno with *ret_why (malloc'd) naming file, key and reason.
 */
_must_check_ int connectivity_find_proxy(
    const char *config_dir, struct connectivity_proxy *ret, char **ret_why);

/*
 * Builds the request for the proxy's JWT: RFC 6749 4.4 at the token service, "/oauth/token"
 * put behind a URL that names no token endpoint. For a tenant (NULL for none) it goes to the
 * tenant's own token service, its subdomain being the first label of the host, and never to
 * another: where that cannot be, it is an error. Errors as above.
 */
_must_check_ int connectivity_build_request(const char *config_dir, const char *tenant,
    struct token_request *ret, char **ret_why);
