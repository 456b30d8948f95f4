/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The values of a destination's keys. Each function reads one key into `target`, whose
 * type it names, and returns 0, also if the key is absent and `target` untouched; -EINVAL
 * with *ret_why (malloc'd, as of properties_complain()); -ENOMEM. Texts replace what
 * `target` owned.
 */

#include "properties.h"

/* A boolean key that may be absent. */
enum choice {
	CHOICE_ABSENT,
	CHOICE_FALSE,
	CHOICE_TRUE,
};

/* char *: not empty, bounded */
_must_check_ int destination_value_text(
    const struct properties *p, const char *key, void *target, char **ret_why);
/* char *: printable ASCII without white space, as a word on the wire has to be */
_must_check_ int destination_value_word(
    const struct properties *p, const char *key, void *target, char **ret_why);
/* char *, wiped when replaced: any text without control characters, empty too */
_must_check_ int destination_value_password(
    const struct properties *p, const char *key, void *target, char **ret_why);
/* char *: a DNS name or an IP address (RFC 1123 2.1); brackets around an address are dropped */
_must_check_ int destination_value_host(
    const struct properties *p, const char *key, void *target, char **ret_why);
/* char *: the name of a file in certificates/ */
_must_check_ int destination_value_certificate(
    const struct properties *p, const char *key, void *target, char **ret_why);
/*
 * char *: a Cloud Connector's location id, which a SOCKS5 handshake can carry; empty is
 * as absent
 */
_must_check_ int destination_value_location(
    const struct properties *p, const char *key, void *target, char **ret_why);
/* uint16_t: 1 to 65535 */
_must_check_ int destination_value_port(
    const struct properties *p, const char *key, void *target, char **ret_why);
/* uint64_t, microseconds: written in milliseconds, 1 to 600,000 */
_must_check_ int destination_value_msec(
    const struct properties *p, const char *key, void *target, char **ret_why);
/* enum choice */
_must_check_ int destination_value_choice(
    const struct properties *p, const char *key, void *target, char **ret_why);
