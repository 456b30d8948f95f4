/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Within helper-double.c's job: its replies. Each returns 0 or -errno. */

#include "helper-double.h"

#define INTERFACE "io.maildest.Helper."

_must_check_ int helper_reply_nothing(struct helper_double *h);

/* Makes a text of the script a token: an access token, or the one for the proxy. */
_must_check_ int helper_reply_token(
    struct helper_double *h, struct values *v, const char *source);
_must_check_ int helper_reply_proxy(
    struct helper_double *h, struct values *v, const char *source);

/* Whether a client's login is right. */
_must_check_ int helper_reply_verdict(struct helper_double *h, bool accepted);

/* "NAME [REASON]"; the first word of TokenRefused's is the code of RFC 6749 5.2 as well. */
_must_check_ int helper_reply_error(struct helper_double *h, const char *text);

/* Ends the connection, which is an answer too. */
int helper_hang_up(struct helper_double *h);
