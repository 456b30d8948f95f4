/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The destinations that whole sessions are played with, none of which ever gets TLS. */

#include <stdbool.h>

#include "secret.h"

#define SESSION_PROTOCOLS 3
#define SESSION_KINDS 10

struct session_kind {
	const char *name;
	const char *keys;    /* JSON members, "<p>" for the protocol's name */
	bool needs_tls;	     /* nothing secret may leave, as there is none */
	bool passes_through; /* the server's own words are the client's */
	bool has_proxy;
};

extern const struct session_kind session_kinds[SESSION_KINDS];

/* "smtp", "imap4", "pop3" */
const char *session_protocol_name(unsigned protocol);

/* Appends the destination's JSON text. */
void session_destination(
    unsigned protocol, const struct session_kind *kind, struct secret *ret);
