/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * IPv4 and IPv6 addresses, with a port or as networks, read strictly and written in one
 * form only. No names, no zones, no shorthands of inet_aton(3).
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "macro.h"

/* "[", an IPv6 address, "]:", a port or "/", a length, and NUL. */
#define NETWORK_TEXT_MAX 64

/* Invariant: bytes beyond the family's 4 or 16 are 0, so that equal ones compare equal. */
struct address {
	sa_family_t family; /* AF_INET or AF_INET6 */
	unsigned char bytes[16];
};

/* Invariant: the bits of the address beyond `bits` are 0. */
struct network {
	struct address address;
	unsigned bits; /* at most 32 or 128 */
};

struct endpoint {
	struct address address;
	uint16_t port; /* 0: none was given */
};

/* "192.0.2.1", "2001:db8::1": 0, or -EINVAL. */
_must_check_ int address_parse(const char *text, struct address *ret);
void address_format(const struct address *a, char ret[static NETWORK_TEXT_MAX]);
bool address_equal(const struct address *a, const struct address *b);
/* 127.0.0.0/8 or ::1 */
bool address_is_loopback(const struct address *a);
/* 0.0.0.0 or :: */
bool address_is_wildcard(const struct address *a);

/*
 * "192.0.2.0/24", "2001:db8::/32", or an address alone, which is a network of one. 0; or
 * -EINVAL with *ret_why (malloc'd), also if the address has bits beyond the length.
 */
_must_check_ int network_parse(const char *text, struct network *ret, char **ret_why);
/* Always with the length. */
void network_format(const struct network *n, char ret[static NETWORK_TEXT_MAX]);
/* An IPv4 network also holds its addresses as IPv6 sockets show them (::ffff:192.0.2.1). */
bool network_contains(const struct network *n, const struct address *a);

/*
 * "192.0.2.1", "192.0.2.1:587", "2001:db8::1", "[2001:db8::1]:587". 0, or -EINVAL with
 * *ret_why (malloc'd).
 */
_must_check_ int endpoint_parse(const char *text, struct endpoint *ret, char **ret_why);
/* As ListenStream= has it; the endpoint must have a port. */
void endpoint_format(const struct endpoint *e, char ret[static NETWORK_TEXT_MAX]);
