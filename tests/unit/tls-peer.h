/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A TLS server in a process of its own, and a client's context that believes its
 * authority. Servers are given what to do after the handshake. */

#include <openssl/ssl.h>
#include <signal.h>

#include "certificates.h"
#include "config-tree.h"
#include "deadline.h"
#include "peer.h"
#include "stream.h"
#include "tls-context.h"

/* What a server's process ends with where there was no handshake. */
#define TLS_PEER_NO_HANDSHAKE 77

struct tls_peer {
	EVP_PKEY *key, *outsider;
	X509 *ca, *certificate; /* the server's, replaced by tls_peer_certify() */
	struct config_tree tree;
	int max_version;	       /* of the server; 0: the newest */
	int (*play)(SSL *ssl, int fd); /* a verdict; NULL: leaves at once */
};

static inline void tls_peer_certify(
    struct tls_peer *p, const struct certificate_contents *c, EVP_PKEY *signer)
{
	X509_free(p->certificate);
	p->certificate = certificate_make(c, p->key, signer);
}

static inline void tls_peer_begin(struct tls_peer *p)
{
	_cleanup_secret_ struct secret pem = {0};
	_cleanup_free_ char *path = NULL;

	signal(SIGPIPE, SIG_IGN);
	*p = (struct tls_peer){.key = certificate_key(), .outsider = certificate_key()};
	p->ca = certificate_of_ca(NULL, p->key, p->key);
	p->certificate =
	    certificate_of_ca("DNS:mail.example,IP:127.0.0.1,IP:::1", p->key, p->key);
	config_tree_make(&p->tree);
	certificate_to_pem(p->ca, &pem);
	config_tree_write(&p->tree, "certificates/ca.pem", pem.data, pem.len);
	/* looks like the system's folder and holds nothing */
	config_tree_puts(&p->tree, "certificates/00000000.0", "");
	path = config_tree_path(&p->tree, "certificates");
	ck_assert_int_eq(setenv("SSL_CERT_DIR", path, 1), 0);
	ck_assert_int_eq(unsetenv("SSL_CERT_FILE"), 0);
}

static inline void tls_peer_done(struct tls_peer *p)
{
	X509_free(p->ca);
	X509_free(p->certificate);
	EVP_PKEY_free(p->key);
	EVP_PKEY_free(p->outsider);
	config_tree_done(&p->tree);
}
#define _cleanup_tls_peer_ _cleanup_(tls_peer_done)

static inline struct tls_context *tls_peer_context(
    const struct tls_peer *p, const struct tls_trust *trust, const char *host)
{
	const struct tls_trust usual = {.trust_store = (char *)"ca.pem"};
	const struct settings settings = {0};
	_cleanup_config_ struct config config = CONFIG_INIT;
	_cleanup_free_ char *why = NULL;
	struct tls_context *c;

	ck_assert_int_eq(config_open(&config, p->tree.path, &why), 0);
	ck_assert_int_eq(
	    tls_context_new(&config, &settings, trust ? trust : &usual, host, &c, &why),
	    0);
	return c;
}

static inline int tls_peer_serve(int fd, void *data)
{
	const struct tls_peer *p = data;
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	SSL *ssl;
	int verdict;

	SSL_CTX_set_security_level(ctx, 0); /* old versions, to see them refused */
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, p->max_version);
	if (SSL_CTX_use_certificate(ctx, p->certificate) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, p->key) != 1)
		return 99;
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) != 1)
		verdict = TLS_PEER_NO_HANDSHAKE;
	else
		verdict = p->play ? p->play(ssl, fd) : 0;
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	return verdict;
}

/* Starts the server; `s` becomes a client's plain connection to it. */
static inline pid_t tls_peer_start(struct tls_peer *p, struct stream *s)
{
	int fds[2];
	pid_t pid;

	peer_unix_pair(fds);
	pid = peer_start(tls_peer_serve, fds[1], -1, p);
	ck_assert_int_eq(stream_init(s, fds[0], fds[0]), 0);
	return pid;
}

/*
 * Starts the server and shakes hands with it, by a context for `trust`, which may be
 * NULL. 0, the stream being the caller's and *ret_verdict the process to ask for one; or
 * what stream_start_tls() returned, and the verdict.
 */
static inline int tls_peer_handshake(struct tls_peer *p, const struct tls_trust *trust,
    const char *host, struct stream *s, struct tls_context **ret_context, char **ret_why,
    int *ret_verdict)
{
	pid_t peer;
	int r;

	*ret_context = tls_peer_context(p, trust, host);
	peer = tls_peer_start(p, s);
	r = stream_start_tls(s, *ret_context, &(struct tls_hello){.host = host},
	    deadline_in(20 * USEC_PER_SEC), ret_why);
	if (r < 0) {
		stream_done(s);
		*ret_verdict = peer_verdict(peer);
	} else {
		*ret_verdict = (int)peer;
	}
	return r;
}
