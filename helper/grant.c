/* SPDX-License-Identifier: Apache-2.0 */
/* A table of grants. What is sent with them beside the credential is oauth-client.c's. */

#include "grant.h"

#include <string.h>

static const struct {
	const char *type;
	const char *field; /* NULL for none */
} grants[] = {
    [GRANT_CLIENT_CREDENTIALS] = {"client_credentials", NULL},
    [GRANT_REFRESH_TOKEN] = {"refresh_token", "refresh_token"},
    [GRANT_AUTHORIZATION_CODE] = {"authorization_code", "code"},
    [GRANT_RENEWAL] = {"refresh_token", "refresh_token"},
};
_Static_assert(sizeof(grants) / sizeof(grants[0]) == GRANT_MAX, "a row for each");

bool grant_of(enum authentication a, enum grant *ret)
{
	switch (a) {
	case AUTH_CLIENT_CREDENTIALS:
		*ret = GRANT_CLIENT_CREDENTIALS;
		return true;
	case AUTH_REFRESH_TOKEN:
		*ret = GRANT_REFRESH_TOKEN;
		return true;
	case AUTH_AUTHORIZATION_CODE:
		*ret = GRANT_AUTHORIZATION_CODE;
		return true;
	case AUTH_NONE:
	case AUTH_BASIC:
	case AUTHENTICATION_MAX:
		break;
	}
	return false;
}

const char *grant_type(enum grant g)
{
	return grants[g].type;
}

const char *grant_field(enum grant g)
{
	return grants[g].field;
}

/* RFC 6749 4.1.3 and RFC 7636 4.5: both are proof that a code is ours, and of nothing else. */
bool grant_leaves_out(enum grant g, const char *field)
{
	return g == GRANT_RENEWAL && (strcmp(field, "redirect_uri") == 0 ||
					 strcmp(field, "code_verifier") == 0);
}
