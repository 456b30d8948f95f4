/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SOCKS5 as a client speaks it, one answer at a time. What a reply code means depends on
 * who gives it: SAP's Connectivity proxy says 05 where its authentication failed, an
 * ordinary proxy where the host refused.
 */

#include "socks5.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base64.h"
#include "reason.h"

#define VERSION 5
#define SUBNEGOTIATION_VERSION 1 /* RFC 1929, and SAP's method alike */
#define COMMAND_CONNECT 1

#define METHOD_NONE 0x00
#define METHOD_PASSWORD 0x02
#define METHOD_JWT 0x80
#define METHOD_NOT_ACCEPTABLE 0xff

#define ADDRESS_IPV4 1
#define ADDRESS_NAME 3
#define ADDRESS_IPV6 4
#define PORT_SIZE sizeof(uint16_t)

#define TEXT_MAX 255 /* whatever else has a length of one byte */

static int add_byte(struct secret *out, unsigned value)
{
	unsigned char byte = (unsigned char)value;

	return secret_append(out, &byte, sizeof(byte));
}

static int add_length_and_text(struct secret *out, const char *text)
{
	int r = add_byte(out, (unsigned)strlen(text));

	return r < 0 ? r : secret_puts(out, text);
}

static int refuse_long(const char *what, const char *text, char **ret_why)
{
	if (text && *text && strlen(text) <= TEXT_MAX)
		return 0;
	return reason_set(ret_why, -EINVAL,
	    "%s must have 1 to 255 bytes to be sent through a SOCKS5 proxy", what);
}

static int check_request(const struct socks5_request *q, char **ret_why)
{
	int r = 0;

	if (q->method == SOCKS5_JWT && (!q->jwt || !*q->jwt))
		return reason_set(
		    ret_why, -EINVAL, "there is no token for the Connectivity proxy");
	if (q->method == SOCKS5_JWT && q->location_id &&
	    strlen(q->location_id) > SOCKS5_LOCATION_ID_MAX)
		return reason_set(ret_why, -EINVAL,
		    "the location id is longer than 189 bytes, which the Connectivity "
		    "proxy's protocol cannot carry");
	if (q->method == SOCKS5_JWT && strchr(q->host, ':'))
		return reason_set(ret_why, -EINVAL,
		    "the host is an IPv6 address, which the Connectivity proxy does not "
		    "take; use the virtual host name of the Cloud Connector");
	if (q->method == SOCKS5_PASSWORD) {
		r = refuse_long("the SOCKS5 user", q->user, ret_why);
		if (r == 0)
			r = refuse_long("the SOCKS5 password", q->password, ret_why);
	}
	return r < 0 ? r : refuse_long("the host name", q->host, ret_why);
}

int socks5_begin(struct socks5 *s, const struct socks5_request *q, char **ret_why)
{
	static const struct {
		unsigned char bytes[4];
		size_t n;
	} greetings[] = {
	    [SOCKS5_NONE] = {{VERSION, 1, METHOD_NONE}, 3},
	    [SOCKS5_PASSWORD] = {{VERSION, 2, METHOD_NONE, METHOD_PASSWORD}, 4},
	    [SOCKS5_JWT] = {{VERSION, 1, METHOD_JWT}, 3},
	};
	int r;

	*s = (struct socks5){.request = *q, .stage = SOCKS5_METHOD, .need = 2};
	r = check_request(q, ret_why);
	if (r < 0)
		return r;
	return secret_append(&s->out, greetings[q->method].bytes, greetings[q->method].n);
}

static int add_address(struct secret *out, const struct socks5_request *q)
{
	struct in6_addr six;
	struct in_addr four;
	int r;

	if (inet_pton(AF_INET, q->host, &four) == 1) {
		r = add_byte(out, ADDRESS_IPV4);
		return r < 0 ? r : secret_append(out, &four, sizeof(four));
	}
	if (inet_pton(AF_INET6, q->host, &six) == 1) {
		r = add_byte(out, ADDRESS_IPV6);
		return r < 0 ? r : secret_append(out, &six, sizeof(six));
	}
	r = add_byte(out, ADDRESS_NAME);
	return r < 0 ? r : add_length_and_text(out, q->host);
}

static int ask_to_connect(struct socks5 *s)
{
	static const unsigned char start[] = {VERSION, COMMAND_CONNECT, 0};
	uint16_t port = htons(s->request.port);
	int r;

	s->stage = SOCKS5_REPLY;
	s->need = 2;
	r = secret_append(&s->out, start, sizeof(start));
	if (r == 0)
		r = add_address(&s->out, &s->request);
	return r < 0 ? r : secret_append(&s->out, &port, sizeof(port));
}

static int send_password(struct socks5 *s)
{
	int r;

	s->stage = SOCKS5_AUTHENTICATION;
	s->need = 2;
	r = add_byte(&s->out, SUBNEGOTIATION_VERSION);
	if (r == 0)
		r = add_length_and_text(&s->out, s->request.user);
	return r < 0 ? r : add_length_and_text(&s->out, s->request.password);
}

static int send_jwt(struct socks5 *s)
{
	const struct socks5_request *q = &s->request;
	const char *location = q->location_id ? q->location_id : "";
	uint32_t length = htonl((uint32_t)strlen(q->jwt));
	_cleanup_secret_ struct secret encoded = {0};
	int r;

	s->stage = SOCKS5_AUTHENTICATION;
	s->need = 2;
	r = base64_encode(location, strlen(location), &encoded);
	if (r == 0)
		r = add_byte(&s->out, SUBNEGOTIATION_VERSION);
	if (r == 0)
		r = secret_append(&s->out, &length, sizeof(length));
	if (r == 0)
		r = secret_puts(&s->out, q->jwt);
	return r < 0 ? r : add_length_and_text(&s->out, secret_str(&encoded));
}

static int refuse_version(unsigned version, char **ret_why)
{
	return reason_set(ret_why, -EPROTO,
	    "no SOCKS5 proxy answers there: its version is %u instead of 5", version);
}

static int refuse_method(const struct socks5 *s, unsigned method, char **ret_why)
{
	if (s->request.method == SOCKS5_JWT)
		return reason_set(ret_why, -EKEYEXPIRED,
		    "the Connectivity proxy does not accept authentication by token "
		    "(it chose method %02x instead of 80)",
		    method);
	if (method == METHOD_NOT_ACCEPTABLE)
		return reason_set(ret_why, -EKEYEXPIRED,
		    s->request.method == SOCKS5_PASSWORD
			? "the SOCKS5 proxy accepts neither a user with password nor none"
			: "the SOCKS5 proxy wants an authentication, and no user is set");
	return reason_set(ret_why, -EPROTO,
	    "the SOCKS5 proxy chose method %02x, which it was not offered", method);
}

static int take_method(struct socks5 *s, const unsigned char *bytes, char **ret_why)
{
	if (bytes[0] != VERSION)
		return refuse_version(bytes[0], ret_why);
	if (s->request.method == SOCKS5_JWT && bytes[1] == METHOD_JWT)
		return send_jwt(s);
	if (s->request.method == SOCKS5_PASSWORD && bytes[1] == METHOD_PASSWORD)
		return send_password(s);
	if (s->request.method != SOCKS5_JWT && bytes[1] == METHOD_NONE)
		return ask_to_connect(s);
	return refuse_method(s, bytes[1], ret_why);
}

static int take_authentication(
    struct socks5 *s, const unsigned char *bytes, char **ret_why)
{
	if (bytes[0] == SUBNEGOTIATION_VERSION && bytes[1] == 0)
		return ask_to_connect(s);
	if (s->request.method == SOCKS5_JWT)
		return reason_set(ret_why, -EKEYEXPIRED,
		    "the Connectivity proxy refused our token (it answered %02x %02x)",
		    bytes[0], bytes[1]);
	return reason_set(
	    ret_why, -EKEYEXPIRED, "the SOCKS5 proxy refused the user and password");
}

struct meaning {
	int error;
	const char *text;
};

static const struct meaning ordinary[] = {
    [1] = {-ECONNRESET, "general failure of the SOCKS5 proxy"},
    [2] = {-EINVAL, "the SOCKS5 proxy's rules do not allow this host and port"},
    [3] = {-ENETUNREACH, "the SOCKS5 proxy does not reach the network of the host"},
    [4] = {-EHOSTUNREACH, "the SOCKS5 proxy does not reach the host"},
    [5] = {-ECONNREFUSED, "the host refused the SOCKS5 proxy's connection"},
    [6] = {-ECONNRESET, "the SOCKS5 proxy's attempt to connect timed out"},
    [7] = {-EINVAL, "the SOCKS5 proxy does not know the command to connect"},
    [8] = {-EINVAL, "the SOCKS5 proxy does not take this type of address"},
};

static const struct meaning on_premise[] = {
    [1] = {-ECONNRESET,
	"general failure of the Connectivity proxy, or the host closed the connection"},
    [2] = {-EINVAL, "the Cloud Connector's access control has no mapping for this "
		    "virtual host and port, or forbids it"},
    [3] = {-ENETUNREACH, "the Cloud Connector is not connected to the subaccount, or "
			 "there is none with this location id"},
    [4] = {-EHOSTUNREACH, "the Cloud Connector cannot reach the internal host"},
    [5] = {-EKEYEXPIRED, "authentication failure: the Connectivity proxy refused our "
			 "token"},
    [6] = {-ECONNRESET, "the Connectivity proxy's attempt timed out"},
    [7] = {-EINVAL, "the Connectivity proxy does not know the command to connect"},
    [8] = {-EINVAL, "the Connectivity proxy does not take this type of address"},
};
_Static_assert(ELEMENTSOF(ordinary) == ELEMENTSOF(on_premise), "the same codes");

static int take_reply(struct socks5 *s, const unsigned char *bytes, char **ret_why)
{
	const struct meaning *table =
	    s->request.method == SOCKS5_JWT ? on_premise : ordinary;
	unsigned code = bytes[1];

	if (bytes[0] != VERSION)
		return refuse_version(bytes[0], ret_why);
	if (code >= ELEMENTSOF(ordinary))
		return reason_set(
		    ret_why, -ECONNRESET, "unknown SOCKS5 reply %02x", code);
	if (code != 0)
		return reason_set(ret_why, table[code].error, "%s (SOCKS5 reply %02x)",
		    table[code].text, code);
	s->stage = SOCKS5_ADDRESS_TYPE;
	s->need = 2;
	return 0;
}

static int take_address_type(struct socks5 *s, unsigned type, char **ret_why)
{
	s->stage = SOCKS5_ADDRESS;
	switch (type) {
	case ADDRESS_IPV4:
		s->need = sizeof(struct in_addr) + PORT_SIZE;
		return 0;
	case ADDRESS_IPV6:
		s->need = sizeof(struct in6_addr) + PORT_SIZE;
		return 0;
	case ADDRESS_NAME:
		s->stage = SOCKS5_ADDRESS_LENGTH;
		s->need = 1;
		return 0;
	}
	return reason_set(ret_why, -EPROTO,
	    "the SOCKS5 proxy's reply has an address of an unknown type (%02x)", type);
}

int socks5_take(struct socks5 *s, const unsigned char *bytes, size_t n, char **ret_why)
{
	assert(n == s->need && n > 0);

	switch (s->stage) {
	case SOCKS5_METHOD:
		return take_method(s, bytes, ret_why);
	case SOCKS5_AUTHENTICATION:
		return take_authentication(s, bytes, ret_why);
	case SOCKS5_REPLY:
		return take_reply(s, bytes, ret_why);
	case SOCKS5_ADDRESS_TYPE: /* after a reserved byte */
		return take_address_type(s, bytes[1], ret_why);
	case SOCKS5_ADDRESS_LENGTH:
		s->stage = SOCKS5_ADDRESS;
		s->need = bytes[0] + PORT_SIZE;
		return 0;
	case SOCKS5_ADDRESS:
	case SOCKS5_CONNECTED:
		break;
	}
	s->stage = SOCKS5_CONNECTED;
	s->need = 0;
	return 1;
}

void socks5_done(struct socks5 *s)
{
	secret_done(&s->out);
	*s = (struct socks5){0};
}
