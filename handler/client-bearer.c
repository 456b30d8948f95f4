/* SPDX-License-Identifier: Apache-2.0 */
/* Fields between octets 01, each checked before it is taken; what is unknown is passed over. */

#include "client-bearer.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define SEPARATOR '\1'

void client_bearer_done(struct client_bearer *b)
{
	secret_done(&b->user);
	secret_done(&b->credential);
}

static int complain(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EBADMSG;
}

/* A field's value if it has that name: "auth=". */
static const char *value_of(const char *field, size_t len, const char *name, size_t *ret)
{
	size_t n = strlen(name);

	if (len < n || strncasecmp(field, name, n) != 0)
		return NULL;
	*ret = len - n;
	return field + n;
}

static int take_user(
    struct client_bearer *b, const char *text, size_t len, const char **ret_why)
{
	if (len == 0 || b->user.len > 0)
		return complain(ret_why, "names no user, or two");
	return secret_append(&b->user, text, len);
}

/* "Bearer <credential>" (RFC 6750 2.1) */
static int take_auth(
    struct client_bearer *b, const char *text, size_t len, const char **ret_why)
{
	static const char scheme[] = "Bearer ";
	size_t n = strlen(scheme);

	if (len <= n || strncasecmp(text, scheme, n) != 0 || b->credential.len > 0)
		return complain(ret_why, "has no 'auth=Bearer' with something behind it");
	for (size_t i = n; i < len; i++)
		if (text[i] <= 0x20 || text[i] >= 0x7f)
			return complain(ret_why,
			    "has a bearer with characters that no token has");
	return secret_append(&b->credential, text + n, len - n);
}

static int take_field(
    struct client_bearer *b, const char *field, size_t len, const char **ret_why)
{
	const char *value;
	size_t n;

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)field[i] < 0x20 || field[i] == 0x7f)
			return complain(ret_why, "has a control character in a field");
	value = value_of(field, len, "user=", &n);
	if (value)
		return take_user(b, value, n, ret_why);
	value = value_of(field, len, "auth=", &n);
	return value ? take_auth(b, value, n, ret_why) : 0;
}

/* Each field with its separator, then another separator, then nothing. */
static int take_fields(
    struct client_bearer *b, const char *text, size_t len, const char **ret_why)
{
	const char *end = text + len;
	int r = 0;

	while (r == 0) {
		const char *stop =
		    text < end ? memchr(text, SEPARATOR, (size_t)(end - text)) : NULL;

		if (!stop)
			return complain(
			    ret_why, "does not end with two octets 01 behind its fields");
		if (stop == text)
			return stop + 1 == end
				   ? 0
				   : complain(
					 ret_why, "goes on behind its two octets 01");
		r = take_field(b, text, (size_t)(stop - text), ret_why);
		text = stop + 1;
	}
	return r;
}

/* SAP's pages print the octet as four characters; who copies them gets a hint. */
static bool has_printed_separator(const struct secret *response)
{
	return strstr(secret_str(response), "\\x01") != NULL;
}

static int finish(const struct secret *response, int error, struct client_bearer *b,
    struct client_bearer *ret, const char **ret_why)
{
	if (error == 0 && b->credential.len == 0)
		error = complain(ret_why, "has no 'auth=Bearer' with something behind it");
	if (error == -EBADMSG && has_printed_separator(response))
		*ret_why = "has the text \\x01 where the octet 01 belongs";
	if (error < 0)
		return error;
	*ret = *b;
	*b = (struct client_bearer){0};
	return 0;
}

int client_bearer_parse_xoauth2(
    const struct secret *response, struct client_bearer *ret, const char **ret_why)
{
	_cleanup_client_bearer_ struct client_bearer b = {0};
	int r;

	r = take_fields(&b, secret_str(response), response->len, ret_why);
	if (r == 0 && b.user.len == 0)
		r = complain(ret_why, "names no user");
	return finish(response, r, &b, ret, ret_why);
}

/* A saslname: "," and "=" are written "=2C" and "=3D" (RFC 5801 4). */
static int take_authzid(
    struct client_bearer *b, const char *text, size_t len, const char **ret_why)
{
	int r = len > 0 ? 0 : complain(ret_why, "names an empty user");

	for (size_t i = 0; r == 0 && i < len; i++) {
		bool escaped = text[i] == '=';

		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f ||
		    (escaped && (len - i < 3 || (strncasecmp(text + i, "=2C", 3) != 0 &&
						    strncasecmp(text + i, "=3D", 3) != 0))))
			return complain(ret_why, "names a malformed user");
		if (escaped) {
			r = secret_append(&b->user, text[i + 1] == '2' ? "," : "=", 1);
			i += 2;
		} else {
			r = secret_append(&b->user, &text[i], 1);
		}
	}
	return r;
}

/* "n,a=user," or "y,,": channel binding is not for a leg without TLS. */
static int take_gs2_header(
    struct client_bearer *b, const char *text, size_t len, const char **ret_why)
{
	if (len < 3 || (text[0] != 'n' && text[0] != 'y') || text[1] != ',' ||
	    text[len - 1] != ',')
		return complain(ret_why, "does not begin with a GS2 header as 'n,,'");
	if (len == 3)
		return 0;
	if (strncmp(text + 2, "a=", 2) != 0)
		return complain(ret_why, "does not begin with a GS2 header as 'n,,'");
	return take_authzid(b, text + 4, len - 5, ret_why);
}

int client_bearer_parse_oauthbearer(
    const struct secret *response, struct client_bearer *ret, const char **ret_why)
{
	_cleanup_client_bearer_ struct client_bearer b = {0};
	const char *text = secret_str(response), *stop;
	size_t header;
	int r;

	stop = response->len ? memchr(text, SEPARATOR, response->len) : NULL;
	header = stop ? (size_t)(stop - text) : response->len;
	r = take_gs2_header(&b, text, header, ret_why);
	if (r == 0 && !stop)
		r = complain(ret_why, "has no fields");
	if (r == 0)
		r = take_fields(&b, stop + 1, response->len - header - 1, ret_why);
	return finish(response, r, &b, ret, ret_why);
}
