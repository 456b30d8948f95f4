/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The order of a login, the same for every protocol: TLS, greeting, capabilities,
 * STARTTLS, SASL. */

#include "destination.h"
#include "protocol.h"
#include "tls.h"

struct login {
	const struct protocol *protocol;
	const struct destination *destination;
	struct tls_context *tls;	  /* borrowed */
	const struct secret *tls_session; /* to resume; NULL or empty for none */
	const char *token;		  /* access token, or NULL without OAuth */
	/* Set by login_run(): the one used, constant; NULL before. */
	const char *mechanism;
	/* Called, if not NULL, when a phase begins; for --check. */
	void (*on_phase)(const char *phase, void *userdata);
	void *userdata;
};

/*
 * Logs in on a connected upstream whose stream, deadlines and our_name are set. 0; or
 * -errno of the protocol's verbs and of stream_start_tls(), with upstream's phase and why
 * set.
 */
_must_check_ int login_run(struct login *l, struct upstream *u);
