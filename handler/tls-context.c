/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom to believe. Debian's bundle file costs 20 ms of processor time a process, its
 * hashed directory nothing, as certificates are looked up there one by one; so the
 * directory it is.
 */

#include "tls-context.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

#include "reason.h"
#include "tls-anchors.h"
#include "tls-private.h"

/* Four full records. */
#define READ_BUFFER_SIZE ((size_t)66 * 1024)

void tls_context_forget(struct tls_context *c)
{
	while (c->n_unread > 0)
		config_file_done(&c->unread[--c->n_unread].file);
}

struct tls_context *tls_context_free(struct tls_context *c)
{
	if (c) {
		tls_context_forget(c);
		SSL_CTX_free(c->ctx);
	}
	free(c);
	return NULL;
}

const char *tls_context_anchors(const struct tls_context *c)
{
	return c->anchors;
}

/* The reason names the file; OpenSSL's own words say less than that. */
static int unusable(char **ret_why, const char *path)
{
	ERR_clear_error();
	return reason_set(ret_why, -EINVAL, "%s: has no usable certificates", path);
}

static int load_system_anchors(struct tls_context *c, char **ret_why)
{
	SSL_CTX *ctx = c->ctx;
	const char *directory = tls_policy_system_directory();
	const char *bundle = getenv("SSL_CERT_FILE");

	if (bundle && *bundle && SSL_CTX_load_verify_file(ctx, bundle) != 1)
		return unusable(ret_why, bundle);
	if (tls_anchors_are_hashed(directory)) {
		c->anchors = directory;
		return SSL_CTX_load_verify_dir(ctx, directory) == 1
			   ? 0
			   : unusable(ret_why, directory);
	}
	for (size_t i = 0; tls_policy_system_bundles[i]; i++)
		if (SSL_CTX_load_verify_file(ctx, tls_policy_system_bundles[i]) == 1)
			return 0;
	ERR_clear_error();
	return 0; /* no system anchors: what the destination names may be enough */
}

static int read_named(struct tls_context *c, const struct config *config,
    const char *name, const char *password, char **ret_why)
{
	struct tls_unread *unread = &c->unread[c->n_unread];
	int r;

	r = tls_anchors_read_file(config, name, &unread->file, ret_why);
	if (r < 0)
		return r;
	unread->password = password;
	c->n_unread++;
	return 0;
}

static int read_anchors(struct tls_context *c, const struct config *config,
    const struct settings *settings, const struct tls_trust *trust, char **ret_why)
{
	int r;

	r = load_system_anchors(c, ret_why);
	if (r == 0 && settings->additional_cas)
		r = read_named(c, config, settings->additional_cas, NULL, ret_why);
	if (r == 0 && trust->trust_store)
		r = read_named(
		    c, config, trust->trust_store, trust->trust_store_password, ret_why);
	return r;
}

static int add(X509_STORE *store, const struct tls_unread *unread, char **ret_why)
{
	_cleanup_tls_anchors_ STACK_OF(X509) *stack = NULL;
	int r;

	r = tls_anchors_parse(&unread->file, unread->password, &stack, ret_why);
	for (int i = 0; r == 0 && i < sk_X509_num(stack); i++)
		if (X509_STORE_add_cert(store, sk_X509_value(stack, i)) != 1)
			r = -ENOMEM;
	return r;
}

int tls_context_load(struct tls_context *c, char **ret_why)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < c->n_unread; i++)
		r = add(SSL_CTX_get_cert_store(c->ctx), &c->unread[i], ret_why);
	if (r == 0)
		tls_context_forget(c);
	return r;
}

/* The server shows a certificate: whom to believe has to be known now. */
static int verify(X509_STORE_CTX *check, void *context)
{
	_cleanup_free_ char *why = NULL;

	if (tls_context_load(context, &why) == 0)
		return X509_verify_cert(check) > 0;
	X509_STORE_CTX_set_error(check, X509_V_ERR_UNSPECIFIED);
	return 0;
}

static SSL_CTX *new_policy(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				  SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
	/* a record's header and body, and the next records, with one read(2) */
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, READ_BUFFER_SIZE);
	/* kept by whoever asks for it, in tls-resume.c, not in a process that will end */
	SSL_CTX_set_session_cache_mode(
	    ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, tls_on_new_session);
	return ctx;
}

int tls_context_prepare(const struct config *config, const struct settings *settings,
    const struct tls_trust *trust, const char *host, struct tls_context **ret,
    char **ret_why)
{
	_cleanup_tls_context_ struct tls_context *c = NULL;
	int r;

	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->ctx = new_policy();
	if (!c->ctx)
		return -ENOMEM;
	c->policy = tls_policy_of(trust, host);
	if (!c->policy.insecure) {
		r = read_anchors(c, config, settings, trust, ret_why);
		if (r < 0)
			return r;
		SSL_CTX_set_cert_verify_callback(c->ctx, verify, c);
	}
	SSL_CTX_set_verify(
	    c->ctx, c->policy.insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	*ret = TAKE_PTR(c);
	return 0;
}

int tls_context_new(const struct config *config, const struct settings *settings,
    const struct tls_trust *trust, const char *host, struct tls_context **ret,
    char **ret_why)
{
	_cleanup_tls_context_ struct tls_context *c = NULL;
	int r;

	r = tls_context_prepare(config, settings, trust, host, &c, ret_why);
	if (r == 0)
		r = tls_context_load(c, ret_why);
	if (r == 0)
		*ret = TAKE_PTR(c);
	return r;
}
