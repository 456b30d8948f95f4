/* SPDX-License-Identifier: Apache-2.0 */
/* The digest of what is believed, when the files that hold it change. */

#include "tls-policy.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "belief.h"
#include "check-program.h"
#include "private-mounts.h"

/* Changes a file by `write_it`, as often as its times need to show it: the kernel's clock
 * for them ticks a few times in a hundredth of a second. */
static void change(const struct belief *b, const char *name,
    void (*write_it)(const struct belief *b, const char *name))
{
	_cleanup_free_ char *path = config_tree_path(&b->tree, name);
	struct stat before, after;

	ck_assert_int_eq(stat(path, &before), 0);
	do {
		write_it(b, name);
		ck_assert_int_eq(stat(path, &after), 0);
	} while (before.st_ino == after.st_ino &&
		 before.st_ctim.tv_sec == after.st_ctim.tv_sec &&
		 before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
}

static void rewrite(const struct belief *b, const char *name)
{
	config_tree_puts(&b->tree, name, "xyz");
}

/* The time of writing is set back afterwards. */
static void rewrite_secretly(const struct belief *b, const char *name)
{
	_cleanup_free_ char *path = config_tree_path(&b->tree, name);
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	rewrite(b, name);
	ck_assert_int_eq(
	    utimensat(AT_FDCWD, path, (struct timespec[]){st.st_atim, st.st_mtim}, 0), 0);
}

static void lengthen(const struct belief *b, const char *name)
{
	config_tree_puts(&b->tree, name, "abcabc");
}

/* Another file, of the same size and times, takes its name. */
static void replace(const struct belief *b, const char *name)
{
	_cleanup_free_ char *path = config_tree_path(&b->tree, name),
			    *next = config_tree_path(&b->tree, "next");
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	rewrite(b, "next");
	ck_assert_int_eq(
	    utimensat(AT_FDCWD, next, (struct timespec[]){st.st_atim, st.st_mtim}, 0), 0);
	ck_assert_int_eq(rename(next, path), 0);
}

static void add_file(const struct belief *b, const char *name)
{
	_cleanup_free_ char *file = NULL;

	ck_assert_int_gt(asprintf(&file, "%s/0a1b2c3d.0", name), 0);
	config_tree_puts(&b->tree, file, "abc");
	ck_assert_int_eq(unlinkat(b->config.fd, file, 0), 0);
}

START_TEST(test_changed_files)
{
	static const char *const files[] = {
	    "certificates/store.p12", "certificates/extra.pem", "certificates/bundle"};
	static void (*const ways[])(const struct belief *b, const char *name) = {
	    rewrite, rewrite_secretly, lengthen, replace};

	for (size_t i = 0; i < ELEMENTSOF(files); i++)
		for (size_t k = 0; k < ELEMENTSOF(ways); k++) {
			_cleanup_belief_ struct belief b;
			unsigned char was[DIGEST_SHA256_SIZE];

			belief_begin(&b);
			belief_digest(&b, was);
			change(&b, files[i], ways[k]);
			ck_assert_msg(!belief_is(&b, was),
			    "%s, changed in way %zu: is not noticed", files[i], k);
		}
}
END_TEST

START_TEST(test_a_changed_folder_of_the_system)
{
	_cleanup_belief_ struct belief b;
	unsigned char was[DIGEST_SHA256_SIZE];

	belief_begin(&b);
	belief_digest(&b, was);
	change(&b, "destinations", add_file);
	ck_assert(!belief_is(&b, was));
}
END_TEST

/* A file whose path a link leads to. */
START_TEST(test_a_link_that_leads_elsewhere)
{
	_cleanup_belief_ struct belief b;
	_cleanup_free_ char *link = NULL;
	unsigned char was[DIGEST_SHA256_SIZE];

	belief_begin(&b);
	config_tree_link(&b.tree, "certificates/link", "store.p12");
	b.trust.trust_store = (char *)"link";
	belief_digest(&b, was);
	change(&b, "certificates/store.p12", rewrite);
	ck_assert(!belief_is(&b, was));
	belief_digest(&b, was);
	link = config_tree_path(&b.tree, "certificates/link");
	ck_assert_int_eq(unlink(link), 0);
	config_tree_link(&b.tree, "certificates/link", "copy.p12");
	ck_assert(!belief_is(&b, was));
}
END_TEST

START_TEST(test_additional_authorities_by_path)
{
	_cleanup_belief_ struct belief b;
	_cleanup_free_ char *path = NULL;
	unsigned char was[DIGEST_SHA256_SIZE];

	belief_begin(&b);
	path = config_tree_path(&b.tree, "certificates/extra.pem");
	b.settings.additional_cas = path;
	belief_digest(&b, was);
	ck_assert(belief_is(&b, was));
	change(&b, "certificates/extra.pem", rewrite);
	ck_assert(!belief_is(&b, was));
	belief_digest(&b, was);
	change(&b, "certificates/extra.pem", replace);
	ck_assert(!belief_is(&b, was));
}
END_TEST

START_TEST(test_the_systems_bundle)
{
	static const char bundle[] = "/etc/ssl/certs/ca-certificates.crt";
	_cleanup_belief_ struct belief b = {.config = CONFIG_INIT};
	_cleanup_free_ char *file = NULL;
	unsigned char was[DIGEST_SHA256_SIZE];

	if (access(bundle, F_OK) < 0 || !private_mounts())
		return;
	belief_begin(&b);
	belief_digest(&b, was);
	file = config_tree_path(&b.tree, "certificates/copy.p12");
	private_mounts_replace(file, bundle);
	ck_assert(!belief_is(&b, was));
	belief_digest(&b, was);
	change(&b, "certificates/copy.p12", rewrite);
	ck_assert(!belief_is(&b, was));
}
END_TEST

/* A missing file is the reader's business; that it comes counts. */
START_TEST(test_missing_files_are_no_error)
{
	_cleanup_belief_ struct belief b;
	unsigned char was[DIGEST_SHA256_SIZE];

	belief_begin(&b);
	b.trust.trust_store = (char *)"late.p12";
	b.settings.additional_cas = (char *)"late.pem";
	belief_digest(&b, was);
	ck_assert(belief_is(&b, was));
	config_tree_puts(&b.tree, "certificates/late.pem", "");
	ck_assert(!belief_is(&b, was));
	belief_digest(&b, was);
	config_tree_puts(&b.tree, "certificates/late.p12", "");
	ck_assert(!belief_is(&b, was));
}
END_TEST

/* Where no certificate is looked at, authorities make no difference. */
START_TEST(test_what_does_not_count_unchecked)
{
	_cleanup_belief_ struct belief b;
	unsigned char was[DIGEST_SHA256_SIZE];

	belief_begin(&b);
	b.trust.insecure_trust_all = true;
	belief_digest(&b, was);
	change(&b, "certificates/store.p12", rewrite);
	change(&b, "certificates/extra.pem", rewrite);
	change(&b, "certificates/bundle", rewrite);
	ck_assert(belief_is(&b, was));
	b.trust.trust_store = NULL;
	b.trust.trust_store_password = NULL;
	b.settings.additional_cas = NULL;
	ck_assert_int_eq(unsetenv("SSL_CERT_DIR"), 0);
	ck_assert(belief_is(&b, was));
}
END_TEST

/* Versions, ciphers and key sizes of all programs stand there, and are read once a process. */
static void assert_counts_when_read(
    struct belief *b, unsigned char was[DIGEST_SHA256_SIZE], const char *what)
{
	ck_assert_msg(belief_is(b, was), "%s counts before it has been read", what);
	ck_assert_int_eq(tls_policy_note_openssl(), 0);
	ck_assert_msg(!belief_is(b, was), "%s does not count", what);
	belief_digest(b, was);
}

START_TEST(test_the_hosts_openssl_configuration)
{
	for (unsigned unchecked = 0; unchecked < 2; unchecked++) {
		_cleanup_belief_ struct belief b;
		_cleanup_free_ char *path = NULL;
		unsigned char was[DIGEST_SHA256_SIZE];

		ck_assert_int_eq(unsetenv("OPENSSL_CONF"), 0);
		ck_assert_int_eq(tls_policy_note_openssl(), 0);
		belief_begin(&b);
		b.trust.insecure_trust_all = unchecked;
		belief_digest(&b, was);
		config_tree_puts(&b.tree, "openssl.cnf", "abc");
		path = config_tree_path(&b.tree, "openssl.cnf");
		ck_assert_int_eq(setenv("OPENSSL_CONF", path, 1), 0);
		assert_counts_when_read(&b, was, "another file");
		change(&b, "openssl.cnf", rewrite);
		assert_counts_when_read(&b, was, "a file that is rewritten");
		change(&b, "openssl.cnf", replace);
		assert_counts_when_read(&b, was, "a file that is replaced");
		ck_assert_int_eq(unlink(path), 0);
		assert_counts_when_read(&b, was, "a file that is gone");
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_changed_files,
	    test_a_changed_folder_of_the_system,
	    test_a_link_that_leads_elsewhere,
	    test_additional_authorities_by_path,
	    test_the_systems_bundle,
	    test_missing_files_are_no_error,
	    test_what_does_not_count_unchecked,
	    test_the_hosts_openssl_configuration,
	};

	return check_program("tls-policy-files", tests, ELEMENTSOF(tests));
}
