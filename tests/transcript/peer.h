/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The runner's end of a connection: the client, or the mail server. What it sends is
 * queued and leaves when the other side takes it, so that a dialogue written one line
 * after the other cannot block itself.
 */

#include <openssl/ssl.h>
#include <stdbool.h>

#include "secret.h"

/* How a connection ends from this side. */
enum peer_end {
	PEER_STAYS,
	PEER_HALF_CLOSES, /* close_notify, or the end of one direction */
	PEER_CLOSES,	  /* with close_notify under TLS */
	PEER_CUTS,	  /* without it */
	PEER_RESETS,	  /* TCP only */
};

struct peer {
	const char *name;   /* "the client"; constant */
	int fd;		    /* owned; -1 when closed */
	SSL *ssl;	    /* owned; NULL in plain text */
	struct secret in;   /* received and not yet consumed */
	struct secret seen; /* all that was ever received */
	struct secret out;  /* not yet sent */
	enum peer_end then; /* once all is sent */
	bool ended;	    /* the other side will send no more */
	bool reset;	    /* ... because it broke the connection */
	bool notified;	    /* ... and said so by close_notify */
	bool broken;	    /* nothing can be sent any more */
	short events;	    /* what TLS waits for */
};
#define PEER_INIT        \
	{                \
		.fd = -1 \
	}

void peer_done(struct peer *p);

/* Queues bytes: 0 or -ENOMEM. */
_must_check_ int peer_send(struct peer *p, const void *bytes, size_t n);

/* Ends the connection as soon as everything is sent. */
void peer_end(struct peer *p, enum peer_end how);

/* Sends what can be sent now, and then ends if it is to end. */
void peer_flush(struct peer *p);

/* Whether something is still to be sent. */
bool peer_has_output(const struct peer *p);

/* Reads once without waiting: true if bytes or the end came; else poll for p->events. */
bool peer_fill(struct peer *p);

/* One step of a handshake as server: 0, -EAGAIN to poll for p->events, -EPROTO. */
_must_check_ int peer_handshake(struct peer *p, SSL_CTX *ctx);
