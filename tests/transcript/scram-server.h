/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The server's half of SCRAM-SHA-256 (RFC 5802, RFC 7677), for a dialogue to speak. */

#include <stdbool.h>

#include "secret.h"

#define SCRAM_SERVER_ITERATIONS "4096"

struct scram_server {
	struct secret first_bare; /* the client's first message without its header */
	struct secret nonce;	  /* the client's, then ours behind it */
	struct secret first;	  /* our first message; made when asked for */
	struct secret final_bare; /* the client's final message without its proof */
};
void scram_server_done(struct scram_server *s);

/* Takes the client's first message, in base64: 0 or -EBADMSG. */
_must_check_ int scram_server_take_first(
    struct scram_server *s, const char *encoded, size_t len);

/* Appends the challenge, in base64. 0 or -errno. */
_must_check_ int scram_server_first(
    struct scram_server *s, const char *iterations, struct secret *out);

/* Takes the client's final message and checks its proof: 0 or -EBADMSG. */
_must_check_ int scram_server_take_final(
    struct scram_server *s, const char *password, const char *encoded, size_t len);

/* Appends the server's signature, in base64. 0 or -errno. */
_must_check_ int scram_server_final(
    const struct scram_server *s, const char *password, struct secret *out);
