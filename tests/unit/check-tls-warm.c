/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL made ready: that it succeeds, wherever and how often, and leaves nothing. */

#include "tls-warm.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <string.h>

#include "apart.h"
#include "aside.h"
#include "check-program.h"
#include "tls-peer.h"

#define HOST "mail.example"

static int warm(_unused_ void *argument)
{
	return tls_warm();
}

START_TEST(test_succeeds_as_often_as_it_is_called)
{
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(tls_warm(), 0);
		ck_assert_int_eq(tls_warm_thread(), 0);
		ck_assert_int_eq(aside_run(warm, NULL), 0);
	}
	ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

START_TEST(test_leaves_no_descriptors)
{
	int before, after;

	ck_assert_int_eq(tls_warm(), 0); /* what the library keeps, it keeps once */
	before = dup(STDERR_FILENO);
	close(before);
	ck_assert_int_eq(tls_warm(), 0);
	ck_assert_int_eq(tls_warm_thread(), 0);
	after = dup(STDERR_FILENO);
	ck_assert_int_eq(after, before);
	close(after);
}
END_TEST

/* What it believed was its own certificate, and no context made later has it. */
START_TEST(test_changes_nothing_for_connections)
{
	static const struct {
		bool right;
		int version, want;
	} rows[] = {
	    {true, TLS1_2_VERSION, 0},
	    {true, TLS1_3_VERSION, 0},
	    {false, TLS1_3_VERSION, -EKEYREJECTED},
	    {true, TLS1_1_VERSION, -EPROTO},
	};

	ck_assert_int_eq(aside_run(warm, NULL), 0);
	ck_assert_int_eq(tls_warm_thread(), 0);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const struct certificate_contents self_signed = {"localhost", "localhost",
		    "DNS:" HOST, -CERTIFICATE_DAY, CERTIFICATE_DAY};
		_cleanup_tls_peer_ struct tls_peer p;
		_cleanup_tls_context_ struct tls_context *c = NULL;
		_cleanup_free_ char *why = NULL;
		struct stream s = STREAM_INIT;
		int r, verdict;

		tls_peer_begin(&p);
		p.max_version = rows[i].version;
		if (!rows[i].right)
			tls_peer_certify(&p, &self_signed, p.key);
		r = tls_peer_handshake(&p, NULL, HOST, &s, &c, &why, &verdict);
		ck_assert_msg(r == rows[i].want, "%zu: %d (%s)", i, r, why);
		stream_done(&s);
		if (r == 0)
			ck_assert_int_eq(peer_verdict(verdict), 0);
	}
}
END_TEST

/* A host whose policy for all programs is `row`. */
static const char *warm_under(const void *row)
{
	_cleanup_config_tree_ struct config_tree tree = {0};
	_cleanup_free_ char *path = NULL;
	_cleanup_secret_ struct secret text = {0};
	int r;

	config_tree_make(&tree);
	path = config_tree_path(&tree, "openssl.cnf");
	if (secret_printf(&text,
		"openssl_conf = init\n[init]\nssl_conf = ssl\n"
		"[ssl]\nsystem_default = policy\n[policy]\n%s\n",
		(const char *)row) < 0)
		return "there is no memory";
	config_tree_write(&tree, "openssl.cnf", text.data, text.len);
	if (setenv("OPENSSL_CONF", path, 1) < 0)
		return "the test cannot set its environment";
	r = tls_warm();
	if (r == 0)
		r = tls_warm_thread();
	return r == 0 ? NULL : "it fails";
}

START_TEST(test_succeeds_under_a_hosts_policy)
{
	static const char *const policies[] = {"", "MinProtocol = TLSv1.2",
	    "MinProtocol = TLSv1.3", "MaxProtocol = TLSv1.2"};

	for (size_t i = 0; i < ELEMENTSOF(policies); i++)
		apart(policies[i], warm_under, policies[i]);
}
END_TEST

/* Tells its parent bytes that nobody else may get. */
static int draw(int fd, _unused_ void *data)
{
	unsigned char bytes[32];

	return RAND_bytes(bytes, 16) == 1 && RAND_priv_bytes(bytes + 16, 16) == 1 &&
		       write(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes)
		   ? 0
		   : 1;
}

START_TEST(test_processes_forked_later_share_no_randomness)
{
	unsigned char drawn[8][32];

	ck_assert_int_eq(tls_warm(), 0);
	ck_assert_int_eq(tls_warm_thread(), 0);
	for (unsigned i = 0; i < ELEMENTSOF(drawn); i++) {
		int fds[2];
		pid_t peer;

		peer_unix_pair(fds);
		peer = peer_start(draw, fds[1], -1, NULL);
		ck_assert_int_eq(read(fds[0], drawn[i], sizeof(drawn[i])), 32);
		ck_assert_int_eq(peer_verdict(peer), 0);
		close(fds[0]);
		for (unsigned k = 0; k < i; k++)
			ck_assert(memcmp(drawn[i], drawn[k], 16) != 0 &&
				  memcmp(drawn[i] + 16, drawn[k] + 16, 16) != 0);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_succeeds_as_often_as_it_is_called,
	    test_succeeds_under_a_hosts_policy,
	    test_leaves_no_descriptors,
	    test_changes_nothing_for_connections,
	    test_processes_forked_later_share_no_randomness,
	};

	return check_program("tls-warm", tests, ELEMENTSOF(tests));
}
