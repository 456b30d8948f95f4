/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The SASL mechanisms that we speak: PLAIN (RFC 4616), LOGIN (draft-murchison-sasl-login),
 * SCRAM-SHA-256 (RFC 7677), OAUTHBEARER (RFC 7628) and Google's XOAUTH2. Each turns
 * challenges into responses, and knows nothing of lines, tags or base64.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scram.h"
#include "secret.h"
#include "upstream.h"

struct sasl_credentials {
	const char *user;     /* UTF-8 without control characters */
	const char *password; /* NULL for OAuth */
	const char *token;    /* access token, NULL without OAuth */
	const char *host;     /* OAUTHBEARER names them (RFC 7628 3.1) */
	uint16_t port;
	/* mail.<protocol>.auth.mechanisms: names between spaces, or NULL */
	const char *preference;
	bool clear_text_allowed; /* a password may cross an unencrypted connection */
};

/* One login under way. */
struct sasl_session {
	const struct sasl_credentials *c;
	unsigned step; /* responses given so far, the initial one included */
	bool refused;  /* a failure challenge came: only the refusal itself is missing */
	struct scram scram;
	bool server_proved;
	struct secret failure; /* what the failure challenge said, for the journal */
};

void sasl_session_done(struct sasl_session *s);
#define _cleanup_sasl_session_ _cleanup_(sasl_session_done)

struct sasl_mechanism {
	const char *name;      /* "XOAUTH2" */
	unsigned bit;	       /* SASL_*, upstream.h */
	bool oauth;	       /* takes a token, else a password */
	bool exposes_password; /* to whoever reads the connection */
	bool client_first;     /* has an initial response (RFC 4422 5) */
	unsigned responses;    /* that a login needs at least */
	/* Appends the response to a challenge (NULL for the initial one): 0 or -errno. */
	int (*respond)(
	    struct sasl_session *s, const struct secret *challenge, struct secret *out);
};

/* In the order we prefer them. */
#define SASL_MECHANISMS 5
extern const struct sasl_mechanism sasl_mechanisms[SASL_MECHANISMS];

/* Compared without case; NULL for one that we do not speak. */
const struct sasl_mechanism *sasl_mechanism_find(const char *name, size_t len);

/* "XOAUTH2"; constant. */
const char *sasl_mechanism_name(const struct sasl_mechanism *m);

/* The bit of a mechanism that we speak, compared without case; 0 for others. */
unsigned sasl_mechanism_bit(const char *name, size_t len);
