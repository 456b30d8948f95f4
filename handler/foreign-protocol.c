/* SPDX-License-Identifier: Apache-2.0 */
#include "foreign-protocol.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "macro.h"

#define TLS_HANDSHAKE 0x16 /* ContentType of a ClientHello, RFC 8446 5.1 */

bool foreign_is_tls(unsigned char first)
{
	return first == TLS_HANDSHAKE;
}

static bool has_prefix(const char *text, size_t len, const char *prefix)
{
	size_t n = strlen(prefix);

	return len >= n && strncasecmp(text, prefix, n) == 0;
}

/*
 * How a request line (RFC 9112 3) begins, seen before its end: any word, then a path or a
 * URL, which no command and no tag is followed by; or a method, then "*" or an authority.
 */
static bool begins_like_http(const char *text, size_t len)
{
	static const char *const methods[] = {"CONNECT ", "DELETE ", "GET ", "HEAD ",
	    "OPTIONS ", "PATCH ", "POST ", "PRI ", "PUT ", "TRACE "};
	const char *space = len ? memchr(text, ' ', len) : NULL, *target;
	size_t left;

	if (!space || space == text || space + 1 == text + len)
		return false;
	target = space + 1;
	left = len - (size_t)(target - text);
	if (*target == '/' || has_prefix(target, left, "http://") ||
	    has_prefix(target, left, "https://"))
		return true;
	for (size_t i = 0; i < ELEMENTSOF(methods); i++)
		if (strncmp(text, methods[i], MIN_OF(len, strlen(methods[i]))) == 0 &&
		    !isalpha((unsigned char)*target))
			return true;
	return false;
}

/* " HTTP/1.1" at the end of a line: nothing else ends so, whatever its first word is. */
static bool ends_like_http(const char *text, size_t len)
{
	static const char version[] = " HTTP/";
	size_t n = strlen(version);

	for (size_t tail = n + 1; tail <= n + 3 && tail < len; tail++)
		if (has_prefix(text + len - tail, tail, version))
			return true;
	return false;
}

bool foreign_is_http(const char *text, size_t len, bool whole)
{
	return begins_like_http(text, len) || (whole && ends_like_http(text, len));
}
