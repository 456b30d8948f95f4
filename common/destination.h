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
#include "properties.h"
#include "tls-trust.h"

/* Jakarta Mail's and SAP's names; the s protocols start TLS with the first byte. */
enum mail_protocol {
	MAIL_SMTP,
	MAIL_SMTPS,
	MAIL_IMAP4,
	MAIL_IMAP4S,
	MAIL_POP3,
	MAIL_POP3S,
	MAIL_PROTOCOL_MAX,
};

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
	bool
	    clear_text_allowed; /* starttls.enable and .required are both false in so many words */
	struct tls_trust trust;
	char *
	    key_store; /* KeyStoreLocation: our certificate for the server; a name in certificates/ */
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

/* "smtp", "imap4s", ...; as in mail.transport.protocol. */
const char *mail_protocol_name(enum mail_protocol p);
/* SAP's default port: 587, 465, 143, 993, 110, 995. */
uint16_t mail_protocol_port(enum mail_protocol p);
/* "BasicAuthentication", ... */
const char *authentication_name(enum authentication a);
/* Whether the login upstream needs an access token. */
bool authentication_is_oauth(enum authentication a);

/* More would be a mistake; layers for secrets are to be left. */
#define DESTINATION_FRAGMENTS_MAX 4

/* Which files make a destination. Strings borrowed. */
struct destination_source {
	const char *name;
	const char *tenant;   /* NULL: none; a DNS label */
	const char *fragment; /* NULL: none; names with ',' between, the last one wins */
	bool fragment_optional; /* without it, the destination alone will do */
};

/* Whether a text is the names of 1 to DESTINATION_FRAGMENTS_MAX fragments, ',' between them. */
bool destination_fragments_are_valid(const char *names);

/*
 * Reads destinations/<tenant>/<name>.json, or without one destinations/<name>.json, and
 * lays fragments/<fragment>.json on top, in their order; checks who may read what holds
 * secrets. `p` gets the files as its bottom layers, and p->is_tenants. 0, or -errno with *ret_why (malloc'd)
 * naming file, key and reason; -ENOENT if one is missing.
 */
_must_check_ int destination_load(const struct config *c,
    const struct destination_source *source, struct properties *p, char **ret_why);

/*
 * The protocol alone: mail.transport.protocol, or the only one that has a host. 0; -EINVAL
 * with *ret_why; -ENOMEM.
 */
_must_check_ int destination_protocol(
    const struct properties *p, enum mail_protocol *ret, char **ret_why);

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
