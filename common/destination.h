/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A MAIL destination as SAP's pages write it (keys of "SMTP", "IMAP" and "POP3" in the
 * SAP Connectivity documentation), with the further mail.* keys of Jakarta Mail, as typed
 * values. What a token request needs is read by the helper from the same properties.
 */

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "mail-protocol.h"
#include "properties.h"
#include "tls-trust.h"

enum proxy_type {
	PROXY_INTERNET,
	PROXY_ON_PREMISE,
	PROXY_TYPE_MAX,
};

enum authentication {
	AUTH_NONE,
	AUTH_BASIC,
	AUTH_CLIENT_CREDENTIALS,
	AUTH_REFRESH_TOKEN,
	AUTH_AUTHORIZATION_CODE,
	AUTHENTICATION_MAX,
};

enum tls_mode {
	TLS_NEVER,
	TLS_STARTTLS_IF_OFFERED,
	TLS_STARTTLS_REQUIRED,
	TLS_IMPLICIT,
};

struct destination {
	char *name;
	enum mail_protocol protocol;
	enum proxy_type proxy_type;
	enum authentication authentication;
	bool login; /* mail.<p>.auth: whether we log in at all */
	char *host; /* a DNS name or an address without brackets */
	uint16_t port;
	char *user;
	char *password;	  /* secret; NULL unless BasicAuthentication */
	char *mechanisms; /* mail.<p>.auth.mechanisms, or NULL */
	enum tls_mode tls_mode;
	/* starttls.enable and .required are both false in so many words */
	bool clear_text_allowed;
	struct tls_trust trust;
	/* KeyStoreLocation: our certificate for the server; a name in certificates/ */
	char *key_store;
	char *key_store_password; /* secret */
	char *location_id;	  /* CloudConnectorLocationId, or NULL */
	char *socks_host; /* mail.<p>.socks.host: an ordinary SOCKS5 proxy, or NULL */
	uint16_t socks_port;
	char *socks_user;
	char *socks_password; /* secret */
	uint64_t connect_timeout_usec;
	uint64_t reply_timeout_usec;
	uint64_t write_timeout_usec;
	char *local_host; /* mail.<p>.localhost, our name in EHLO, or NULL */
};

/* "BasicAuthentication", ... */
const char *authentication_name(enum authentication a);
/* Whether the login upstream needs an access token. */
bool authentication_is_oauth(enum authentication a);

/* Which files make a destination. Strings borrowed. */
struct destination_source {
	const char *name;
	const char *tenant;   /* NULL: none; a DNS label */
	const char *fragment; /* NULL: none; names with ',' between, the last one wins */
	bool fragment_optional; /* without it, the destination alone will do */
};

/*
 * Reads destinations/<tenant>/<name>.json, or without one destinations/<name>.json, and
 * lays fragments/<fragment>.json on top, in their order; checks who may read what holds
 * secrets. `p` gets the files as its bottom layers, and p->is_tenants. 0, or -errno with
 * *ret_why (malloc'd) naming file, key and reason; -ENOENT if one is missing.
 */
_must_check_ int destination_load(const struct config *c,
    const struct destination_source *source, struct properties *p, char **ret_why);

/*
 * Turns properties into a destination, all keys checked, alone and together. 0; -EINVAL
 * with *ret_why (malloc'd) naming file, key and reason; -ENOMEM.
 */
_must_check_ int destination_parse(const char *name, const struct properties *p,
    struct destination *ret, char **ret_why);

/* Wipes what is secret in it: what needs that has been done. */
void destination_forget_secrets(struct destination *d);

void destination_done(struct destination *d);
#define _cleanup_destination_ _cleanup_(destination_done)
