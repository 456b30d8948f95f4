/* SPDX-License-Identifier: Apache-2.0 */
/* What this host calls itself, whatever it is called: UTS and mount namespaces of the
 * test's own play other hosts. */

#include "hostname.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "check-program.h"
#include "config-tree.h"
#include "peer.h"
#include "private-mounts.h"
#include "repeated-text.h"

/* Letters, digits and hyphens between dots; no hyphen or dot at an end (RFC 5321 4.1.2). */
static bool is_domain(const char *name)
{
	size_t label = 0;

	for (const char *c = name;; c++) {
		if (*c == '.' || *c == '\0') {
			if (label == 0 || label > 63 || c[-1] == '-')
				return false;
			if (*c == '\0')
				return c - name <= 255;
			label = 0;
			continue;
		}
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789-",
			*c) ||
		    (label == 0 && *c == '-'))
			return false;
		label++;
	}
}

START_TEST(test_the_name_is_a_domain)
{
	_cleanup_free_ char *name = NULL;
	bool qualified;

	ck_assert_int_eq(hostname_get(true, &name, &qualified), 0);
	ck_assert_msg(is_domain(name), "'%s'", name);
	ck_assert_msg(!qualified || strchr(name, '.'), "'%s'", name);
}
END_TEST

/* False where the kernel does not let us be another host. */
static bool be_called(const char *name)
{
	if (unshare(CLONE_NEWUTS) < 0) {
		perror("not tested, for want of a UTS namespace");
		return false;
	}
	ck_assert_int_eq(sethostname(name, strlen(name)), 0);
	return true;
}

/* Names are looked up in this text alone. */
static bool hosts_are(const struct config_tree *t, const char *hosts)
{
	_cleanup_free_ char *file = config_tree_path(t, "hosts");
	_cleanup_free_ char *nss = config_tree_path(t, "nsswitch.conf");

	if (!private_mounts())
		return false;
	config_tree_puts(t, "hosts", hosts);
	config_tree_puts(t, "nsswitch.conf", "hosts: files\n");
	private_mounts_replace(file, "/etc/hosts");
	private_mounts_replace(nss, "/etc/nsswitch.conf");
	return true;
}

/* Each in a process of its own: a namespace cannot be left. */
static int name_host(int fd, void *data)
{
	/* the host's name, the file of hosts, any text if that is not to be asked */
	const char *const *texts = data;
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_free_ char *name = NULL;
	bool qualified;

	config_tree_make(&t);
	if (!hosts_are(&t, texts[1]) || !be_called(texts[0]))
		return write(fd, "?", 1) == 1 ? 0 : 1;
	if (hostname_get(!texts[2], &name, &qualified) < 0 ||
	    dprintf(fd, "%d%s", qualified, name) < 0)
		return 1;
	return 0;
}

/* False where that cannot be tried; `want` NULL: any domain. */
static bool expect_name(const char *texts[], const char *want, bool qualified)
{
	char said[256];
	ssize_t n;
	pid_t peer;
	int fds[2];

	peer_unix_pair(fds);
	peer = peer_start(name_host, fds[1], -1, texts);
	n = read(fds[0], said, sizeof(said) - 1);
	ck_assert_int_ge(n, 1);
	said[n] = '\0';
	ck_assert_int_eq(peer_verdict(peer), 0);
	close(fds[0]);
	if (*said == '?')
		return false;
	ck_assert_msg(is_domain(said + 1), "'%s': '%s' is no domain", texts[0], said + 1);
	ck_assert_msg(
	    !want || (strcmp(said + 1, want) == 0 && (*said == '1') == qualified),
	    "'%s': '%s', %c", texts[0], said + 1, *said);
	return true;
}

START_TEST(test_names_of_hosts)
{
	static const struct {
		const char *name, *hosts, *want; /* NULL: any domain */
		bool qualified;
	} rows[] = {
	    {"mail.example.com", "", "mail.example.com", true},
	    {"mail", "127.0.1.1 mail.example.com mail\n", "mail.example.com", true},
	    {"mail", "127.0.1.1 mail mail.example.com\n", "mail", false},
	    {"mail", "", "mail", false},
	    {"mail", "127.0.1.1 mail.example.com. mail\n", NULL, false},
	    {"mail", "127.0.1.1 localhost.localdomain mail\n", "mail", false},
	    {"localhost", "127.0.0.1 localhost\n", "localhost", false},
	    {"localhost.localdomain", "", "localhost.localdomain", false},
	    {"my_host.example.com", "", "localhost", false},
	    {"bad name", "", "localhost", false},
	    {"", "", "localhost", false},
	    {"-x.example.com", "", "localhost", false},
	    {".example.com", "", "localhost", false},
	    {"x..example.com", "", "localhost", false},
	    {"x.example.com-", "", "localhost", false},
	    {"x-.example.com", "", "localhost", false},
	    {"x.-example.com", "", "localhost", false},
	    {"x.example.com.", "", NULL, false},
	    {"gr\xc3\xbc\xc3\x9f.example.com", "", "localhost", false},
	    {"a\r\nb.c", "", "localhost", false},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		const char *texts[] = {rows[i].name, rows[i].hosts, NULL};

		if (!expect_name(texts, rows[i].want, rows[i].qualified))
			return;
	}
}
END_TEST

START_TEST(test_names_that_are_not_resolved)
{
	const char *bare[] = {"mail", "127.0.1.1 mail.example.com mail\n", "as it is"};
	const char *full[] = {"mail.example.com", "", "as it is"};
	const char *none[] = {"-x.example.com", "", "as it is"};

	(void)(expect_name(bare, "mail", false) &&
	       expect_name(full, "mail.example.com", true) &&
	       expect_name(none, "localhost", false));
}
END_TEST

START_TEST(test_a_name_of_the_greatest_length)
{
	_cleanup_secret_ struct secret long_name = {0};
	_cleanup_free_ char *name = NULL;
	bool qualified;

	repeated_text(&long_name, "x", 61);
	ck_assert_int_eq(secret_puts(&long_name, ".de"), 0);
	if (!be_called(long_name.data))
		return;
	ck_assert_int_eq(hostname_get(true, &name, &qualified), 0);
	ck_assert_str_eq(name, long_name.data);
	ck_assert(qualified);
}
END_TEST

START_TEST(test_addresses_as_literals)
{
	_cleanup_free_ char *literal = NULL;
	int fds[2];

	peer_tcp_pair(fds);
	ck_assert_int_eq(hostname_address_literal(fds[0], &literal), 0);
	ck_assert_str_eq(literal, "[127.0.0.1]");
}
END_TEST

START_TEST(test_addresses_of_ipv6_as_literals)
{
	static const struct {
		const char *address, *want;
	} rows[] = {{"::1", "[IPv6:::1]"}, {"::", "[IPv6:::]"}};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		struct sockaddr_in6 address = {.sin6_family = AF_INET6};
		_cleanup_close_ int fd = socket(AF_INET6, SOCK_DGRAM, 0);
		_cleanup_free_ char *literal = NULL;

		ck_assert_int_eq(
		    inet_pton(AF_INET6, rows[i].address, &address.sin6_addr), 1);
		if (fd < 0 ||
		    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
			perror("not tested, for want of IPv6");
			return;
		}
		ck_assert_int_eq(hostname_address_literal(fd, &literal), 0);
		ck_assert_str_eq(literal, rows[i].want);
	}
}
END_TEST

START_TEST(test_sockets_without_an_address_have_a_literal_too)
{
	_cleanup_free_ char *literal = NULL, *none = NULL;
	int fds[2];

	peer_unix_pair(fds);
	ck_assert_int_eq(hostname_address_literal(fds[0], &literal), 0);
	ck_assert_str_eq(literal, "[127.0.0.1]");
	ck_assert_int_eq(hostname_address_literal(-1, &none), -EBADF);
	ck_assert_ptr_null(none);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_the_name_is_a_domain,
	    test_names_of_hosts,
	    test_names_that_are_not_resolved,
	    test_a_name_of_the_greatest_length,
	    test_addresses_as_literals,
	    test_addresses_of_ipv6_as_literals,
	    test_sockets_without_an_address_have_a_literal_too,
	};

	return check_program("hostname", tests, ELEMENTSOF(tests));
}
