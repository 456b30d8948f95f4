/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as text, there and back: inet_pton(3) is strict, and what it accepts is bounded. */

#include "network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "reason.h"

#define PORT_DIGITS_MAX 5
#define LENGTH_DIGITS_MAX 3

static const unsigned char v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

static unsigned bits_of(sa_family_t family)
{
	return family == AF_INET ? 32 : 128;
}

int address_parse(const char *text, struct address *ret)
{
	struct address a = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};

	if (inet_pton(a.family, text, a.bytes) != 1)
		return -EINVAL;
	*ret = a;
	return 0;
}

void address_format(const struct address *a, char ret[static NETWORK_TEXT_MAX])
{
	if (!inet_ntop(a->family, a->bytes, ret, NETWORK_TEXT_MAX))
		ret[0] =
		    '\0'; /* cannot be: the family is one of two, and the room suffices */
}

bool address_equal(const struct address *a, const struct address *b)
{
	return a->family == b->family &&
	       memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool address_is_loopback(const struct address *a)
{
	static const unsigned char loopback[16] = {[15] = 1};

	if (a->family == AF_INET)
		return a->bytes[0] == 127;
	return memcmp(a->bytes, loopback, sizeof(loopback)) == 0;
}

bool address_is_wildcard(const struct address *a)
{
	static const unsigned char none[16];

	return memcmp(a->bytes, none, sizeof(none)) == 0;
}

/* Decimal digits and nothing else, without a leading zero: -EINVAL, or the number. */
static int parse_decimal(const char *text, size_t digits_max, int max)
{
	size_t n = strspn(text, "0123456789");
	int value = 0;

	if (n == 0 || n > digits_max || text[n] || (n > 1 && text[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		value = value * 10 + (text[i] - '0');
	return value <= max ? value : -EINVAL;
}

/* Whether all bits from `bits` on are 0. */
static bool is_clear_beyond(const struct address *a, unsigned bits)
{
	for (unsigned i = bits; i < bits_of(a->family); i++)
		if (a->bytes[i / 8] & (0x80u >> (i % 8)))
			return false;
	return true;
}

int network_parse(const char *text, struct network *ret, char **ret_why)
{
	const char *slash = strchr(text, '/');
	char address[NETWORK_TEXT_MAX];
	struct network n;
	int bits;

	if (strlen(text) >= sizeof(address))
		return reason_set(ret_why, -EINVAL, "is no network");
	memcpy(address, text, strlen(text) + 1);
	if (slash)
		address[slash - text] = '\0';
	if (address_parse(address, &n.address) < 0)
		return reason_set(ret_why, -EINVAL,
		    "is no network: it takes an IP address, as 192.0.2.0/24 or "
		    "2001:db8::/32");
	bits = (int)bits_of(n.address.family);
	if (slash)
		bits = parse_decimal(slash + 1, LENGTH_DIGITS_MAX, bits);
	if (bits < 0)
		return reason_set(ret_why, -EINVAL, "is no network: its length is wrong");
	if (!is_clear_beyond(&n.address, (unsigned)bits))
		return reason_set(ret_why, -EINVAL,
		    "is no network: the address has bits beyond its length");
	n.bits = (unsigned)bits;
	*ret = n;
	return 0;
}

void network_format(const struct network *n, char ret[static NETWORK_TEXT_MAX])
{
	size_t used;

	address_format(&n->address, ret);
	used = strlen(ret);
	(void)snprintf(ret + used, NETWORK_TEXT_MAX - used, "/%u", n->bits); /* fits */
}

static bool has_prefix(const unsigned char *bytes, const struct network *n)
{
	for (unsigned i = 0; i < n->bits; i++) {
		unsigned mask = 0x80u >> (i % 8);

		if ((bytes[i / 8] & mask) != (n->address.bytes[i / 8] & mask))
			return false;
	}
	return true;
}

bool network_contains(const struct network *n, const struct address *a)
{
	if (n->address.family == a->family)
		return has_prefix(a->bytes, n);
	return n->address.family == AF_INET &&
	       memcmp(a->bytes, v4_mapped, sizeof(v4_mapped)) == 0 &&
	       has_prefix(a->bytes + sizeof(v4_mapped), n);
}

/* Splits off a port, if there is one: its text, "" for none, or NULL for bad brackets. */
static const char *split_port(char *text, char **ret_address)
{
	char *end = text[0] == '[' ? strchr(text, ']') : strchr(text, ':');

	*ret_address = text;
	if (text[0] == '[') {
		if (!end || (end[1] != '\0' && end[1] != ':'))
			return NULL;
		*ret_address = text + 1;
		*end++ = '\0';
	} else if (!end || strchr(end + 1, ':')) {
		return ""; /* an IPv6 address without brackets has no port */
	}
	if (*end == '\0')
		return "";
	*end = '\0';
	return end[1] ? end + 1 : NULL;
}

int endpoint_parse(const char *text, struct endpoint *ret, char **ret_why)
{
	char copy[NETWORK_TEXT_MAX], *address;
	struct endpoint e = {.port = 0};
	const char *port;
	int r;

	if (strlen(text) >= sizeof(copy))
		return reason_set(ret_why, -EINVAL, "is no address");
	memcpy(copy, text, strlen(text) + 1);
	port = split_port(copy, &address);
	if (!port || address_parse(address, &e.address) < 0 ||
	    (text[0] == '[' && e.address.family != AF_INET6))
		return reason_set(ret_why, -EINVAL,
		    "is no address: it takes an IP address and, behind a colon, a port, "
		    "as 127.0.0.1:587 or [::1]:587");
	if (*port) {
		r = parse_decimal(port, PORT_DIGITS_MAX, UINT16_MAX);
		if (r <= 0)
			return reason_set(
			    ret_why, -EINVAL, "has no port from 1 to 65535");
		e.port = (uint16_t)r;
	}
	*ret = e;
	return 0;
}

void endpoint_format(const struct endpoint *e, char ret[static NETWORK_TEXT_MAX])
{
	bool brackets = e->address.family == AF_INET6;
	char address[NETWORK_TEXT_MAX];

	address_format(&e->address, address);
	(void)snprintf(ret, NETWORK_TEXT_MAX, "%s%.46s%s:%u", brackets ? "[" : "",
	    address, brackets ? "]" : "", e->port); /* fits */
}
