/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A handshake of TLS 1.3 and one of 1.2 between two ends in one process, over a pair of
 * BIOs, with a certificate made for the occasion and verified as a server's would be.
 */

#include "tls-warm.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>

/* Flights a handshake has at most, with room. */
#define TURNS_MAX 16
#define CERTIFICATE_SEC 3600

static void ctx_freep(SSL_CTX **ctx)
{
	SSL_CTX_free(*ctx);
}
#define _cleanup_ctx_ _cleanup_(ctx_freep)

static void ssl_freep(SSL **ssl)
{
	SSL_free(*ssl);
}
#define _cleanup_ssl_ _cleanup_(ssl_freep)

static void key_freep(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}
#define _cleanup_key_ _cleanup_(key_freep)

static void x509_freep(X509 **certificate)
{
	X509_free(*certificate);
}
#define _cleanup_x509_ _cleanup_(x509_freep)

/* Self-signed, for "localhost". */
static X509 *new_certificate(EVP_PKEY *key)
{
	_cleanup_x509_ X509 *x = X509_new();
	X509_NAME *name = x ? X509_get_subject_name(x) : NULL;
	static const unsigned char host[] = "localhost";

	if (!x || X509_set_version(x, X509_VERSION_3) != 1 ||
	    ASN1_INTEGER_set(X509_get_serialNumber(x), 1) != 1 ||
	    !X509_gmtime_adj(X509_getm_notBefore(x), -CERTIFICATE_SEC) ||
	    !X509_gmtime_adj(X509_getm_notAfter(x), CERTIFICATE_SEC) ||
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, host, -1, -1, 0) != 1 ||
	    X509_set_issuer_name(x, name) != 1 || X509_set_pubkey(x, key) != 1 ||
	    X509_sign(x, key, EVP_sha256()) <= 0)
		return NULL;
	return TAKE_PTR(x);
}

static SSL_CTX *new_server(EVP_PKEY *key, X509 *certificate)
{
	_cleanup_ctx_ SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx || SSL_CTX_use_certificate(ctx, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, key) != 1)
		return NULL;
	return TAKE_PTR(ctx);
}

static SSL_CTX *new_client(X509 *anchor)
{
	_cleanup_ctx_ SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx || X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), anchor) != 1)
		return NULL;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return TAKE_PTR(ctx);
}

/* Two connected ends: each reads what the other writes. */
static bool connect_ends(SSL *client, SSL *server)
{
	BIO *near, *far;

	if (BIO_new_bio_pair(&near, 0, &far, 0) != 1)
		return false;
	SSL_set_bio(client, near, near);
	SSL_set_bio(server, far, far);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	return true;
}

/* The handshake, and a byte behind it, with which TLS 1.3's tickets are read too. */
static bool converse(SSL *client, SSL *server)
{
	char byte = 'x';

	for (unsigned i = 0; i < TURNS_MAX; i++) {
		bool near = SSL_do_handshake(client) == 1;
		bool far = SSL_do_handshake(server) == 1;

		if (near && far)
			return SSL_write(server, &byte, 1) == 1 &&
			       SSL_read(client, &byte, 1) == 1 &&
			       SSL_write(client, &byte, 1) == 1 &&
			       SSL_read(server, &byte, 1) == 1;
	}
	return false;
}

static bool shake_hands(SSL_CTX *client_ctx, SSL_CTX *server_ctx, int version)
{
	_cleanup_ssl_ SSL *client = SSL_new(client_ctx), *server = SSL_new(server_ctx);

	return client && server && SSL_set_max_proto_version(client, version) == 1 &&
	       SSL_set1_host(client, "localhost") == 1 && connect_ends(client, server) &&
	       converse(client, server);
}

int tls_warm(void)
{
	_cleanup_key_ EVP_PKEY *key = NULL;
	_cleanup_x509_ X509 *certificate = NULL;
	_cleanup_ctx_ SSL_CTX *client = NULL, *server = NULL;
	bool done = false;

	if (OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS, NULL) != 1)
		return -EIO;
	key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	certificate = key ? new_certificate(key) : NULL;
	server = certificate ? new_server(key, certificate) : NULL;
	client = certificate ? new_client(certificate) : NULL;
	/* a host's policy may allow only one of the two */
	if (client && server) {
		done = shake_hands(client, server, TLS1_3_VERSION);
		done |= shake_hands(client, server, TLS1_2_VERSION);
	}
	ERR_clear_error();
	return done ? 0 : -EIO;
}

int tls_warm_thread(void)
{
	unsigned char byte;

	/* the generators' first use is dear; after a fork they only seed themselves anew */
	if (RAND_bytes(&byte, 1) != 1 || RAND_priv_bytes(&byte, 1) != 1)
		return -EIO;
	ERR_clear_error();
	return 0;
}
