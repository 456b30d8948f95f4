/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One request to a token service, or to a Destination service, ready to be sent; oauth.c,
 * service-key.c and remote-request.c build it, fetch.c sends it.
 */

#include <stdint.h>

#include "digest.h"
#include "grant.h"
#include "secret.h"
#include "tls-trust.h"

/* How the token service is reached: SAP's ProxyType, and the URL's scheme. */
enum token_route {
	TOKEN_ROUTE_DIRECT,
	TOKEN_ROUTE_HTTP_PROXY, /* the Connectivity proxy's HTTP side, for http:// */
	TOKEN_ROUTE_SOCKS5,	/* its SOCKS5 side, TLS inside, for https:// */
};

/*
 * One request, complete but for the certificates, and for the client's credential where the
 * grant has one. Everything owned.
 */
struct token_request {
	enum grant grant;
	char *client_id;
	struct secret credential; /* once token_request_add_credential() has put it in */
	struct secret url;	  /* resolved, queries included */
	char *host;		  /* the URL's, for the journal; no port, no brackets */
	struct secret headers; /* "Name: value", each ended by a NUL; no Content-Type */
	struct secret body;    /* application/x-www-form-urlencoded */
	struct secret hidden;  /* values that no text may repeat, each ended by a NUL */
	uint64_t connect_timeout_usec;
	/* once connected, between any two pieces of the reply */
	uint64_t read_timeout_usec;
	uint64_t timeout_usec; /* for the whole request, connecting included */
	struct tls_trust trust;
	enum token_route route;
	char *location_id; /* the Cloud Connector's, or NULL; never for DIRECT */
	/* The client's certificate: a file in certificates/ or PEM, key and all; else NULL. */
	char *key_store, *key_store_password;
	struct secret key_pair;
	char *key_pair_path; /* where it comes from, for messages */
	/* The destination whose access token is the client's assertion, or NULL. */
	char *assertion_provider;
	/* The tenant whose XSUAA is asked in the place of its owner's, or NULL. */
	char *subscriber;
	/*
	 * Of the Destination service that is asked, with its own token, in the place of a
	 * token service: then it is a GET. NULL for all else.
	 */
	char *instance;
	struct secret revision; /* a digest of what the service will go by */
	char *
	    service_url; /* the token service that it asks, or NULL: see token_request_endpoint() */
};

void token_request_done(struct token_request *r);
#define _cleanup_token_request_ _cleanup_(token_request_done)

/* SHA-256 over everything that would be sent and whom it trusts: 0, -ENOMEM or -EIO. */
_must_check_ int token_request_digest(
    const struct token_request *r, unsigned char ret[DIGEST_SHA256_SIZE]);

/*
 * Completes body or headers by the refresh token or code, which is no part of the digest.
 * 0 or -ENOMEM.
 */
_must_check_ int token_request_add_credential(
    struct token_request *r, const char *credential);

/*
 * SHA-256 over where the request goes and for which client: a refresh token is issued by
 * the one to the other (RFC 6749 6) and sent nowhere else. A query of the URL's does not
 * count, as it is the same service that reads it. What a Destination service is asked goes
 * to the token service behind it. 0, -ENOMEM or -EIO.
 */
_must_check_ int token_request_endpoint(
    const struct token_request *r, unsigned char ret[DIGEST_SHA256_SIZE]);

/* Appends a field to the body whose value no text may repeat. 0 or -ENOMEM. */
_must_check_ int token_request_add_secret(
    struct token_request *r, const char *name, const char *value);

/*
 * Has token_request_mask() hide a value; NULL and values too short to tell are left out.
 * 0 or -ENOMEM.
 */
_must_check_ int token_request_hide(struct token_request *r, const char *value);

/* Replaces every hidden value within `text` by asterisks: for what a server said to us. */
void token_request_mask(const struct token_request *r, struct secret *text);
