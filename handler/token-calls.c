/* SPDX-License-Identifier: Apache-2.0 */
/* The handler's calls of io.maildest.Helper as messages. */

#include "token-calls.h"

#include "base64.h"
#include "digest.h"
#include "varlink.h"

int token_call_open(struct secret *out, const struct token_request *q)
{
	const struct service *s = q->service;
	const struct {
		const char *name, *value;
	} optional[] = {
	    {"tenant", s->tenant},
	    {"fragment", s->fragment},
	    {"fragment_level", s->fragment_level},
	    {"instance", s->instance},
	    {"level", s->level},
	    {"chain", s->chain},
	    {"client", q->client},
	};
	struct varlink_writer v;

	varlink_begin_call(&v, out, HELPER_INTERFACE "OpenSession");
	json_writer_string(&v.w, "service", service_name(s));
	json_writer_string(&v.w, "destination", s->destination);
	for (size_t i = 0; i < ELEMENTSOF(optional); i++)
		if (optional[i].value)
			json_writer_string(&v.w, optional[i].name, optional[i].value);
	if (s->fragment_optional)
		json_writer_boolean(&v.w, "fragment_optional", true);
	if (s->n_variables > 0)
		json_writer_open(&v.w, "chain_variables", '{');
	for (size_t i = 0; i < s->n_variables; i++)
		json_writer_string(&v.w, s->variables[i].name, s->variables[i].value);
	if (s->n_variables > 0)
		json_writer_close(&v.w, '}');
	return varlink_end(&v);
}

int token_call_get_destination(struct secret *out)
{
	struct varlink_writer v;

	varlink_begin_call(&v, out, HELPER_INTERFACE "GetDestination");
	return varlink_end(&v);
}

int token_call_check_client(struct secret *out, const struct token_login *login)
{
	struct varlink_writer v;

	varlink_begin_call(&v, out, HELPER_INTERFACE "CheckClient");
	json_writer_string(&v.w, "user", login->user);
	json_writer_string(&v.w, "password", login->password);
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
