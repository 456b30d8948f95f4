/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The mail protocols by the names that destinations have for them (mail.transport.protocol,
 * of SAP and Jakarta Mail), and the spelling of the keys that belong to one of them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "properties.h"

/* The s protocols start TLS with the first byte. */
enum mail_protocol {
	MAIL_SMTP,
	MAIL_SMTPS,
	MAIL_IMAP4,
	MAIL_IMAP4S,
	MAIL_POP3,
	MAIL_POP3S,
	MAIL_PROTOCOL_MAX,
};

/* "smtp", "imap4s", ...; constant. */
const char *mail_protocol_name(enum mail_protocol p);
/* SAP's default port: 587, 465, 143, 993, 110, 995. */
uint16_t mail_protocol_port(enum mail_protocol p);
/* Whether TLS starts with the first byte, unless a key says otherwise. */
bool mail_protocol_is_tls(enum mail_protocol p);

/*
 * A destination's protocol: mail.transport.protocol, or the only one that has a host. 0;
 * -EINVAL with *ret_why (malloc'd), as of properties_complain(); -ENOMEM.
 */
_must_check_ int mail_protocol_find(
    const struct properties *p, enum mail_protocol *ret, char **ret_why);

/*
 * The key "mail.<protocol>.<suffix>" as the destination spells it: mail.imap4.host, or by
 * the alias mail.imap.host if it has that one alone. *ret is malloc'd. 0 or -ENOMEM.
 */
_must_check_ int mail_protocol_key(const struct properties *p,
    enum mail_protocol protocol, const char *suffix, char **ret);
