/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* All that a policy of TLS is made of: keys, files and the environment. */

#include <check.h>
#include <stdbool.h>
#include <string.h>

#include "config-tree.h"
#include "tls-policy.h"

/* What a digest is made of. */
struct belief {
	struct config_tree tree;
	struct config config;
	struct settings settings;
	struct tls_trust trust;
	const char *host;
};

/* A folder for each: certificates/ the configuration's, destinations/ as the system's. */
static inline void belief_begin(struct belief *b)
{
	_cleanup_free_ char *folder = NULL, *bundle = NULL, *why = NULL;

	*b = (struct belief){
	    .config = CONFIG_INIT,
	    .settings = {.additional_cas = (char *)"extra.pem"},
	    .trust = {.trust_store = (char *)"store.p12",
		.trust_store_password = (char *)"word",
		.trusted_hosts = (char *)"other.example"},
	    .host = "mail.example",
	};
	config_tree_make(&b->tree);
	ck_assert_int_eq(config_open(&b->config, b->tree.path, &why), 0);
	config_tree_puts(&b->tree, "certificates/store.p12", "abc");
	config_tree_puts(&b->tree, "certificates/copy.p12", "abc");
	config_tree_puts(&b->tree, "certificates/extra.pem", "abc");
	config_tree_puts(&b->tree, "certificates/bundle", "abc");
	folder = config_tree_path(&b->tree, "destinations");
	bundle = config_tree_path(&b->tree, "certificates/bundle");
	ck_assert_int_eq(setenv("SSL_CERT_DIR", folder, 1), 0);
	ck_assert_int_eq(setenv("SSL_CERT_FILE", bundle, 1), 0);
}

static inline void belief_done(struct belief *b)
{
	config_done(&b->config);
	config_tree_done(&b->tree);
}
#define _cleanup_belief_ _cleanup_(belief_done)

static inline void belief_digest(
    const struct belief *b, unsigned char ret[DIGEST_SHA256_SIZE])
{
	memset(ret, 0, DIGEST_SHA256_SIZE);
	ck_assert_int_eq(
	    tls_policy_digest(&b->config, &b->settings, &b->trust, b->host, ret), 0);
}

static inline bool belief_is(
    const struct belief *b, const unsigned char was[DIGEST_SHA256_SIZE])
{
	unsigned char now[DIGEST_SHA256_SIZE];

	belief_digest(b, now);
	return memcmp(was, now, sizeof(now)) == 0;
}
