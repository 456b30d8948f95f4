/* SPDX-License-Identifier: Apache-2.0 */
/* A JWT is three base64url texts (RFC 7515 3.1, RFC 4648 5) with dots between them. */

#include "claims.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "log.h"

const char *const claims_shown[] = {"iss", "aud", "sub", "upn", "appid", "azp",
    "client_id", "scp", "scope", "roles", NULL};

/* From the alphabet of URLs to the common one, padded. */
static int decode(const char *text, size_t n, struct secret *ret)
{
	_cleanup_secret_ struct secret common = {0};
	int r = secret_append(&common, text, n);

	for (size_t i = 0; r == 0 && i < n; i++)
		if (common.data[i] == '-')
			common.data[i] = '+';
		else if (common.data[i] == '_')
			common.data[i] = '/';
	while (r == 0 && common.len % 4 != 0)
		r = secret_puts(&common, "=");
	return r < 0 ? r : base64_decode(secret_str(&common), common.len, ret);
}

int claims_parse(const char *token, struct json **ret)
{
	_cleanup_secret_ struct secret payload = {0};
	const char *begin = strchr(token, '.'), *end;
	_cleanup_json_ struct json *json = NULL;
	int r;

	end = begin ? strchr(begin + 1, '.') : NULL;
	if (!end || strchr(end + 1, '.'))
		return -EBADMSG;
	r = decode(begin + 1, (size_t)(end - begin - 1), &payload);
	if (r == 0)
		r = json_parse(secret_str(&payload), payload.len, &json, NULL);
	if (r < 0)
		return r;
	if (json_type(json_root(json)) != JSON_OBJECT)
		return -EBADMSG;
	*ret = TAKE_PTR(json);
	return 0;
}

static int add(struct secret *out, const char *text)
{
	if (!text)
		return 0;
	if (out->len > 0 && secret_puts(out, " ") < 0)
		return -ENOMEM;
	return log_escape(out, text, strlen(text));
}

char *claims_text(const struct json *claims, const char *name)
{
	_cleanup_secret_ struct secret text = {0};
	struct json_value v, element;
	int position = 0;

	if (!json_find(json_root(claims), name, &v))
		return NULL;
	if (json_type(v) != JSON_ARRAY)
		return add(&text, json_text(v)) == 0 && text.len > 0 ? strdup(text.data)
								     : NULL;
	while (json_next_element(v, &position, &element))
		if (add(&text, json_text(element)) < 0)
			return NULL;
	return strdup(secret_str(&text));
}
