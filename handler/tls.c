/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One TLS connection over OpenSSL. Every operation clears the error queue first, and its
 * outcome becomes a -errno in one place, outcome(). Waiting is the caller's business.
 */

#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <string.h>

#include "reason.h"
#include "text.h"
#include "tls-chain.h"
#include "tls-keys.h"
#include "tls-private.h"

/* The strings that describe errors of the cryptography beneath TLS are for nobody here. */
static int init(uint64_t options)
{
	static bool is_done;

	if (is_done)
		return 0;
	options |= OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS;
	if (OPENSSL_init_crypto(options, NULL) != 1 || tls_policy_note_openssl() < 0)
		return -EIO;
	is_done = true;
	return 0;
}

int tls_init(void)
{
	return init(0);
}

int tls_init_without_keys(void)
{
	return init(OPENSSL_INIT_NO_ADD_ALL_CIPHERS);
}

static bool is_ip_address(const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, address) == 1 ||
	       inet_pton(AF_INET6, host, address) == 1;
}

/* SNI carries names only (RFC 6066 3); a certificate names addresses as addresses (RFC 5280). */
static bool set_peer(SSL *ssl, const struct tls_context *context, const char *host)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (is_ip_address(host))
		return !context->policy.check_host ||
		       X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1;
	if (SSL_set_tlsext_host_name(ssl, host) != 1)
		return false;
	X509_VERIFY_PARAM_set_hostflags(param, context->policy.host_flags);
	return !context->policy.check_host ||
	       X509_VERIFY_PARAM_set1_host(param, host, 0) == 1;
}

int tls_new(struct tls_context *context, int fd, const char *host, struct tls **ret)
{
	struct tls *tls;

	tls = calloc(1, sizeof(*tls));
	if (!tls)
		return -ENOMEM;
	tls->context = context;
	tls->ssl = SSL_new(context->ctx);
	if (!tls->ssl || SSL_set_fd(tls->ssl, fd) != 1 ||
	    !set_peer(tls->ssl, context, host)) {
		tls_free(tls);
		ERR_clear_error();
		return -ENOMEM;
	}
	SSL_set_app_data(tls->ssl, tls);
	SSL_set_connect_state(tls->ssl);
	*ret = tls;
	return 0;
}

int tls_use_keys(struct tls *tls, const struct tls_keys *keys)
{
	if (SSL_use_cert_and_key(
		tls->ssl, keys->certificate, keys->key, keys->chain, 1) == 1)
		return 0;
	ERR_clear_error();
	return -EINVAL;
}

void tls_forget_keys(struct tls *tls)
{
	SSL_certs_clear(tls->ssl);
}

struct tls *tls_free(struct tls *tls)
{
	if (tls) {
		SSL_free(tls->ssl);
		tls_drop_sessions(tls);
	}
	free(tls);
	return NULL;
}

/* What an operation that returned `r` <= 0 means: 0 for the peer's end, or -errno. */
static int outcome(struct tls *tls, int r)
{
	int saved = errno;

	switch (SSL_get_error(tls->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		tls->events = POLLIN;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		tls->events = POLLOUT;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		if (saved != 0)
			return -saved;
		tls->truncated = true;
		return 0;
	}
	if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
		tls->truncated = true;
		return 0;
	}
	return -EPROTO;
}

static void prepare(void)
{
	ERR_clear_error();
	errno = 0;
}

/* The first error that has words: TLS says in its own what it could not do for the others. */
static const char *protocol_reason(void)
{
	const char *reason = NULL;
	unsigned long e;

	if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_WRONG_VERSION_NUMBER)
		return "the server does not speak TLS on this port";
	while (!reason && (e = ERR_get_error()) != 0)
		reason = ERR_reason_error_string(e);
	return reason ? reason : "unknown failure";
}

/* Whether the folder of trust anchors has one of this name that may not be read. */
static bool is_denied(const char *folder, const X509_NAME *name)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int ok = 0;
	unsigned long hash = X509_NAME_hash_ex(name, NULL, NULL, &ok);

	path = ok ? text_format("%s/%08lx.0", folder, hash) : NULL;
	if (!path)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 && (errno == EACCES || errno == EPERM);
}

/* Whether that is why nobody vouches for the chain that the server has sent. */
static bool was_denied_anchor(const struct tls *tls)
{
	const STACK_OF(X509) *chain = SSL_get_peer_cert_chain(tls->ssl);

	for (int i = 0; tls->context->anchors && i < sk_X509_num(chain); i++)
		if (is_denied(tls->context->anchors,
			X509_get_issuer_name(sk_X509_value(chain, i))))
			return true;
	return false;
}

static int disbelieved(const struct tls *tls, long verify, char **ret_why)
{
	bool is_unknown = verify == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
	_cleanup_free_ char *issuer = is_unknown ? tls_chain_issuer(tls) : NULL;

	return reason_set(ret_why, -EKEYREJECTED,
	    "the server's certificate is not believed: %s%s%s%s%s",
	    X509_verify_cert_error_string(verify), issuer ? " (that of '" : "",
	    issuer ? issuer : "", issuer ? "')" : "",
	    was_denied_anchor(tls)
		? " (one that may have issued it is in the folder of trust anchors, but "
		  "cannot be read there: it lacks the right, or is a link to where no "
		  "session may read; copy it, or name it in AdditionalCAs=)"
		: "");
}

/*
 * A host's openssl.cnf may allow ciphers without a certificate, for which nobody is asked
 * whom to believe, and without encryption (ALL, COMPLEMENTOFALL). A resumed session has the
 * cipher of its first.
 */
static int check_cipher(const struct tls *tls, char **ret_why)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(tls->ssl);

	if (SSL_CIPHER_get_cipher_nid(cipher) == NID_undef)
		return reason_set(ret_why, -EKEYREJECTED,
		    "openssl.cnf allows %s, which encrypts nothing", tls_cipher(tls));
	if (SSL_CIPHER_get_auth_nid(cipher) == NID_auth_null &&
	    !tls->context->policy.insecure)
		return reason_set(ret_why, -EKEYREJECTED,
		    "the server has shown no certificate: openssl.cnf allows %s",
		    tls_cipher(tls));
	return 0;
}

int tls_handshake(struct tls *tls, char **ret_why)
{
	long verify;
	int r;

	prepare();
	r = SSL_do_handshake(tls->ssl);
	if (r == 1)
		return check_cipher(tls, ret_why);
	r = outcome(tls, r);
	if (r == -EAGAIN)
		return r;
	/* first, as an anchor that cannot be read may leave an error of the system's (3.0.20) */
	verify = SSL_get_verify_result(tls->ssl);
	if (!tls->context->policy.insecure && verify != X509_V_OK)
		return disbelieved(tls, verify, ret_why);
	if (r == -EPROTO)
		return reason_set(
		    ret_why, r, "the TLS handshake failed: %s", protocol_reason());
	return reason_set(ret_why, -ECONNRESET, "the TLS handshake failed: %s",
	    r == 0 ? "the server closed the connection" : strerror(-r));
}

short tls_events(const struct tls *tls)
{
	return tls->events;
}

static ssize_t read_record(struct tls *tls, void *buffer, size_t n)
{
	size_t done = 0;
	int r;

	prepare();
	r = SSL_read_ex(tls->ssl, buffer, n, &done);
	return r == 1 ? (ssize_t)done : outcome(tls, r);
}

/*
 * As many records as have come with one read(2). OpenSSL tells once what is wrong with
 * one, so that is kept until what came before it has been taken.
 */
ssize_t tls_read(struct tls *tls, void *buffer, size_t n)
{
	ssize_t got = 0, more = tls->failure;
	char *rest = buffer;

	if (more < 0)
		return more;
	do {
		more = read_record(tls, rest + got, n - (size_t)got);
		if (more > 0)
			got += more;
	} while (more > 0 && (size_t)got < n && tls_has_pending(tls));
	if (more < 0 && more != -EAGAIN)
		tls->failure = (int)more;
	return got > 0 ? got : more;
}

ssize_t tls_write(struct tls *tls, const void *bytes, size_t n)
{
	size_t done = 0;
	int r;

	prepare();
	r = SSL_write_ex(tls->ssl, bytes, n, &done);
	if (r == 1)
		return (ssize_t)done;
	r = outcome(tls, r);
	return r == 0 ? -EPIPE : r;
}

int tls_close(struct tls *tls)
{
	int r;

	prepare();
	r = SSL_shutdown(tls->ssl);
	if (r >= 0)
		return 0;
	r = outcome(tls, r);
	return r == -EAGAIN ? r : -EPIPE;
}

bool tls_has_pending(const struct tls *tls)
{
	return SSL_has_pending(tls->ssl) == 1;
}

bool tls_is_truncated(const struct tls *tls)
{
	return tls->truncated;
}

bool tls_is_established(const struct tls *tls)
{
	return SSL_is_init_finished(tls->ssl);
}

bool tls_is_half_closable(const struct tls *tls)
{
	return SSL_version(tls->ssl) >= TLS1_3_VERSION;
}

bool tls_is_verified(const struct tls *tls)
{
	return !tls->context->policy.insecure && tls->context->policy.check_host;
}

const char *tls_version(const struct tls *tls)
{
	return SSL_get_version(tls->ssl);
}

const char *tls_cipher(const struct tls *tls)
{
	return SSL_get_cipher_name(tls->ssl);
}
