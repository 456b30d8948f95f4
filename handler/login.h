/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The order of a login, the same for every protocol: TLS, greeting, capabilities,
 * STARTTLS, SASL. */

#include "destination.h"
#include "protocol.h"
#include "tls.h"

struct tls_keys;

struct login {
	const struct protocol *protocol;
	const struct destination *destination;
	struct tls_context *tls;	  /* borrowed */
	const struct secret *tls_session; /* to resume; NULL or empty for none */
	const struct tls_keys *keys;	  /* our certificate; NULL for none */
	const char *token;		  /* access token, or NULL without OAuth */
	/* Set by login_authenticate(): the one used, constant; NULL before. */
	const char *mechanism;
	/* Called, if not NULL, when a phase begins; for --check. */
	void (*on_phase)(const char *phase, void *userdata);
	void *userdata;
};

/*
 * From a connected upstream, whose stream, deadlines and our_name are set, to one that is
 * as encrypted as the destination wants it and whose capabilities are known. 0; or -errno
 * of the protocol's verbs and of stream_start_tls(), with upstream's phase and why set.
 */
_must_check_ int login_prepare(const struct login *l, struct upstream *u);

/* Then logs in: as above. */
_must_check_ int login_authenticate(struct login *l, struct upstream *u);
