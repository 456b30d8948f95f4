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
 * How it is kept and what may lie over it, service-key.h says.
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
 * Builds the request for the proxy's JWT, for a tenant or, with NULL, for none, as
 * service_key_build_request() does. Errors as above.
 */
_must_check_ int connectivity_build_request(const char *config_dir, const char *tenant,
    struct token_request *ret, char **ret_why);
