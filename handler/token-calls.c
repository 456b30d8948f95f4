/* SPDX-License-Identifier: Apache-2.0 */
/* The handler's calls of io.maildest.Helper as messages. */

#include "token-calls.h"

#include "base64.h"
#include "digest.h"
#include "varlink.h"

int token_call_open(struct secret *out, const struct token_request *q)
{
	struct varlink_writer v;

	varlink_begin_call(&v, out, HELPER_INTERFACE "OpenSession");
	json_writer_string(&v.w, "service", q->destination);
	json_writer_string(&v.w, "destination", q->destination);
	if (q->tenant)
		json_writer_string(&v.w, "tenant", q->tenant);
	return varlink_end(&v);
}

/* `rejected` is the token that a proxy refused, or NULL. */
int token_call_get_proxy(struct secret *out, const struct secret *rejected)
{
	char hash[DIGEST_SHA256_HEX_SIZE];
	struct varlink_writer v;
	int r = 0;

	if (rejected)
		r = digest_sha256_hex(rejected->data, rejected->len, hash);
	if (r < 0)
		return r;
	varlink_begin_call(&v, out, HELPER_INTERFACE "GetConnectivityProxy");
	if (rejected)
		json_writer_string(&v.w, "rejected_sha256", hash);
	return varlink_end(&v);
}

int token_call_get_tls_session(struct secret *out, const struct token_request *q)
{
	struct varlink_writer v;

	varlink_begin_call(&v, out, HELPER_INTERFACE "GetTlsSession");
	json_writer_string(&v.w, "context", q->tls_context);
	return varlink_end(&v);
}

int token_call_get_token(struct secret *out, const struct token_request *q)
{
	struct varlink_writer v;

	varlink_begin_call(&v, out, HELPER_INTERFACE "GetToken");
	if (q->lifetime_sec > 0)
		json_writer_integer(&v.w, "minimum_lifetime", (int64_t)q->lifetime_sec);
	if (q->credential)
		json_writer_string(&v.w, "credential", q->credential);
	return varlink_end(&v);
}

int token_call_reject(
    struct secret *out, const struct token_request *q, const struct secret *token)
{
	char hash[DIGEST_SHA256_HEX_SIZE];
	struct varlink_writer v;
	int r;

	r = digest_sha256_hex(token->data, token->len, hash);
	if (r < 0)
		return r;
	varlink_begin_call(&v, out, HELPER_INTERFACE "RejectToken");
	json_writer_string(&v.w, "token_sha256", hash);
	if (q->credential)
		json_writer_string(&v.w, "credential", q->credential);
	return varlink_end(&v);
}

int token_call_put_tls_session(
    struct secret *out, const char *context, const struct tls_session *session)
{
	_cleanup_secret_ struct secret text = {0};
	struct varlink_writer v;
	int r;

	r = base64_encode(session->bytes.data, session->bytes.len, &text);
	if (r < 0)
		return r;
	varlink_begin_oneway_call(&v, out, HELPER_INTERFACE "PutTlsSession");
	json_writer_string(&v.w, "context", context);
	json_writer_string(&v.w, "session", secret_str(&text));
	json_writer_integer(&v.w, "lifetime", (int64_t)session->lifetime_sec);
	json_writer_boolean(&v.w, "single_use", session->single_use);
	return varlink_end(&v);
}
