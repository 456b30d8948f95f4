/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The client's side of SOCKS5 (RFC 1928) up to the established connection: without
 * authentication, with user and password (RFC 1929), and with SAP's method 0x80, which
 * carries a JWT and a Cloud Connector's location id (SAP: "Using the TCP Protocol for Cloud
 * Applications"). Pure, no I/O: the caller moves the bytes, and reads exactly as many as
 * are asked for, since the server's first words may follow in the same segment.
 */

#include <stdint.h>

#include "secret.h"

/* Bytes of a location id, whose base64 has its length in one byte: 189 make 252. */
#define SOCKS5_LOCATION_ID_MAX 189

/* No answer needs more bytes at once: a name of 255 with its port. */
#define SOCKS5_NEED_MAX 257

enum socks5_method {
	SOCKS5_NONE,	 /* offers 00 */
	SOCKS5_PASSWORD, /* offers 00 and 02; the proxy chooses */
	SOCKS5_JWT,	 /* offers 80: the Connectivity proxy */
};

/* Whom to reach as whom. Strings borrowed, NUL-terminated, until socks5_done(). */
struct socks5_request {
	enum socks5_method method;
	const char *user, *password; /* SOCKS5_PASSWORD: 1 to 255 bytes each */
	const char *jwt;	     /* SOCKS5_JWT: compact form, no "Bearer " */
	const char *location_id;     /* SOCKS5_JWT: NULL or "" for none */
	const char *host;	     /* sent unresolved; no brackets; 1 to 255 bytes */
	uint16_t port;
};

/* What the proxy is to send next. */
enum socks5_stage {
	SOCKS5_METHOD,
	SOCKS5_AUTHENTICATION,
	SOCKS5_REPLY,
	SOCKS5_ADDRESS_TYPE,
	SOCKS5_ADDRESS_LENGTH,
	SOCKS5_ADDRESS,
	SOCKS5_CONNECTED,
};

struct socks5 {
	struct secret out; /* to be sent now; the caller sends all of it and clears it */
	size_t need;	   /* how many bytes to read next, never more; 0 once connected */
	struct socks5_request request;
	enum socks5_stage stage;
};

/*
 * Starts: `out` and `need` are set. 0; -EINVAL with *ret_why (malloc'd) for what cannot be
 * sent: a location id of more than 189 bytes (its base64 has a length of one byte), a host
 * that is empty or longer than 255 bytes, an IPv6 literal with SOCKS5_JWT, an empty JWT,
 * a user or password that is empty or longer than 255 bytes; -ENOMEM.
 */
_must_check_ int socks5_begin(
    struct socks5 *s, const struct socks5_request *q, char **ret_why);

/*
 * Takes what the proxy sent, `n` bytes, exactly s->need. 0 to go on (send `out`, read
 * `need`); 1 if connected; on failure *ret_why (malloc'd) says what an operator should
 * know of it, and the errno what it means:
 *   -EPROTO        this is no SOCKS5 proxy, or a broken one
 *   -EKEYEXPIRED   our authentication was refused; with a JWT, another one may do
 *   -EINVAL        something to configure: no mapping for the host in the Cloud Connector,
 *                  the proxy's rules, a command or address type it does not know
 *   -ENETUNREACH   no way to the network; with a JWT: the Cloud Connector is not connected
 *   -EHOSTUNREACH  the host cannot be reached from there
 *   -ECONNREFUSED  the host refused the connection (never with a JWT, whose reply 05 is an
 *                  authentication failure)
 *   -ECONNRESET    any other failure
 *   -ENOMEM
 */
_must_check_ int socks5_take(
    struct socks5 *s, const unsigned char *bytes, size_t n, char **ret_why);

/* Wipes; the struct may be used again. */
void socks5_done(struct socks5 *s);
#define _cleanup_socks5_ _cleanup_(socks5_done)
