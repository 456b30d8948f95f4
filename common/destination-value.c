/* SPDX-License-Identifier: Apache-2.0 */
/* One key each: its bounds, its characters, its type. What keys mean together is
 * destination.c's. */

#include "destination-value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "config.h"
#include "deadline.h"
#include "dns-name.h"
#include "secret.h"
#include "socks5.h"
#include "text.h"

#define USER_MAX 1024 /* far above RFC 5321 4.5.3.1's 64 + 1 + 255 */
#define TIMEOUT_MAX_MSEC (600 * 1000)

static int replace(void *target, const char *text)
{
	char **place = target, *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	(void)secret_free_string(*place);
	*place = copy;
	return 0;
}

int destination_value_text(
    const struct properties *p, const char *key, void *target, char **ret_why)
{
	const char *text;
	int r;

	r = properties_string(p, key, &text, ret_why);
	if (r <= 0)
		return r;
	if (!*text || strlen(text) > USER_MAX)
		return properties_complain(
		    p, key, ret_why, *text ? "is too long" : "is empty");
	return replace(target, text);
}

int destination_value_word(
    const struct properties *p, const char *key, void *target, char **ret_why)
{
	const char *text;
	int r;

	r = properties_string(p, key, &text, ret_why);
	if (r <= 0)
		return r;
	if (!text_is_visible(text))
		return properties_complain(
		    p, key, ret_why, "must be one word of printable ASCII");
	return destination_value_text(p, key, target, ret_why);
}

int destination_value_password(
    const struct properties *p, const char *key, void *target, char **ret_why)
{
	const char *text;
	int r;

	r = properties_secret(p, key, &text, ret_why);
	if (r <= 0)
		return r;
	if (text_has_control(text))
		return properties_complain(p, key, ret_why, "has a control character");
	return replace(target, text);
}

/* What may be asked of a resolver; with a colon, only an address. */
static bool is_host(const char *text)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789-._";
	size_t n = strlen(text);
	struct in6_addr ignored;

	if (strchr(text, ':'))
		return inet_pton(AF_INET6, text, &ignored) == 1;
	return n > 0 && n <= DNS_NAME_MAX && strspn(text, allowed) == n;
}

int destination_value_host(
    const struct properties *p, const char *key, void *target, char **ret_why)
{
	_cleanup_free_ char *host = NULL;
	const char *text;
	size_t n;
	bool bracketed;
	int r;

	r = properties_string(p, key, &text, ret_why);
	if (r <= 0)
		return r;
	n = strlen(text);
	bracketed = n > 2 && text[0] == '[' && text[n - 1] == ']';
	host = bracketed ? strndup(text + 1, n - 2) : strdup(text);
	if (!host)
		return -ENOMEM;
	if (!is_host(host))
		return properties_complain(p, key, ret_why,
		    "must be a host name or an IP address, without a port");
	return replace(target, host);
}

int destination_value_certificate(
    const struct properties *p, const char *key, void *target, char **ret_why)
{
	const char *text;
	int r;

	r = properties_string(p, key, &text, ret_why);
	if (r <= 0)
		return r;
	if (!config_certificate_name_is_valid(text))
		return properties_complain(
		    p, key, ret_why, "must be the name of a file in certificates/");
	return replace(target, text);
}

int destination_value_location(
    const struct properties *p, const char *key, void *target, char **ret_why)
{
	const char *text;
	int r;

	r = properties_string(p, key, &text, ret_why);
	if (r <= 0 || !*text)
		return r < 0 ? r : 0;
	if (strlen(text) > SOCKS5_LOCATION_ID_MAX)
		return properties_complain(
		    p, key, ret_why, "is longer than %d bytes", SOCKS5_LOCATION_ID_MAX);
	return replace(target, text);
}

int destination_value_port(
    const struct properties *p, const char *key, void *target, char **ret_why)
{
	int64_t port;
	int r;

	r = properties_number(p, key, 1, 65535, &port, ret_why);
	if (r > 0)
		*(uint16_t *)target = (uint16_t)port;
	return r < 0 ? r : 0;
}

int destination_value_msec(
    const struct properties *p, const char *key, void *target, char **ret_why)
{
	int64_t msec;
	int r;

	r = properties_number(p, key, 1, TIMEOUT_MAX_MSEC, &msec, ret_why);
	if (r > 0)
		*(uint64_t *)target = (uint64_t)msec * USEC_PER_MSEC;
	return r < 0 ? r : 0;
}

int destination_value_choice(
    const struct properties *p, const char *key, void *target, char **ret_why)
{
	bool value;
	int r;

	r = properties_boolean(p, key, &value, ret_why);
	if (r > 0)
		*(enum choice *)target = value ? CHOICE_TRUE : CHOICE_FALSE;
	return r < 0 ? r : 0;
}
