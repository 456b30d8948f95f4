/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Within token.c's job: the messages to the helper, each appended to `out`. 0, -ENOMEM or -EIO. */

#include "token.h"

_must_check_ int token_call_open(struct secret *out, const struct token_request *q);
_must_check_ int token_call_get_destination(struct secret *out);
_must_check_ int token_call_check_client(
    struct secret *out, const struct token_login *login);
/* `rejected` is the token that the proxy refused, or NULL. */
_must_check_ int token_call_get_proxy(struct secret *out, const struct secret *rejected);
_must_check_ int token_call_get_tls_session(
    struct secret *out, const struct token_request *q);
_must_check_ int token_call_get_token(struct secret *out, const struct token_request *q);
_must_check_ int token_call_reject(
    struct secret *out, const struct token_request *q, const struct secret *token);
_must_check_ int token_call_put_tls_session(
    struct secret *out, const char *context, const struct tls_session *session);
