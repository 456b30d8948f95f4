/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Units of groups: on a disk that is full, in a folder where something is in the way, and of
 * services whose names and networks were chosen to meet others.
 */

#include "unit-files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "check-program.h"
#include "digest.h"
#include "services-tree.h"

/* More than the files of one service have, less than those of many. */
#define FILE_MAX 1500
#define MANY 30

#define RESOURCE(metadata)                                \
	"---\n" SERVICES_API "metadata: {" metadata "}\n" \
	"spec: {destinationRef: {name: smtp}}\n"

/* Group one has a service, group two has many: other clients may use these. */
static void make(struct services_tree *t)
{
	_cleanup_secret_ struct secret text = {0};

	services_tree_make(t);
	config_tree_puts(&t->tree, "maildest.conf", "Activation=grouped\n");
	ck_assert_int_eq(secret_puts(&text, RESOURCE("name: one")), 0);
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(
		    secret_printf(&text, RESOURCE("name: many-%d, namespace: prod"), i),
		    0);
	services_tree_puts(t, "a.yaml", secret_str(&text));
	services_tree_load(t);
	ck_assert_uint_eq(t->services.n, 1 + MANY);
}

static void open_output(const struct services_tree *t, struct unit_folder *ret)
{
	char *path = config_tree_path(&t->tree, "out");

	ck_assert_int_eq(mkdir(path, 0755), 0);
	*ret = (struct unit_folder){
	    .fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .path = path};
	ck_assert_int_ge(ret->fd, 0);
}

static void close_output(struct unit_folder *folder)
{
	(void)close(folder->fd);
	free((char *)folder->path);
}

/* The one service has its units; of the others each says why it has none. */
static void expect_one_group(
    const struct services_tree *t, const struct unit_folder *folder)
{
	const struct service_unit *one = services_tree_find(t, "one");
	_cleanup_free_ char *wants = NULL;

	ck_assert(one->is_served);
	ck_assert_int_gt(asprintf(&wants, UNIT_WANTS "/%s", one->unit), 0);
	ck_assert_int_eq(faccessat(folder->fd, wants, F_OK, AT_SYMLINK_NOFOLLOW), 0);
	for (size_t i = 0; i < t->services.n; i++) {
		const struct service_unit *s = &t->services.list[i];

		if (s == one)
			continue;
		ck_assert_msg(!s->is_served, "%s is said to be served", s->name);
		ck_assert_int_eq(s->verdict.condition, CONDITION_SERVICE_CREATION_FAILED);
		ck_assert_ptr_nonnull(strstr(s->verdict.message, "units of its group"));
	}
}

START_TEST(test_a_full_disk_costs_the_group_that_does_not_fit)
{
	struct rlimit limit = {FILE_MAX, FILE_MAX};
	_cleanup_services_tree_ struct services_tree t;
	struct unit_folder folder;

	make(&t);
	open_output(&t, &folder);
	(void)signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(units_write(&folder, &t.services), 0);
	expect_one_group(&t, &folder);
	close_output(&folder);
}
END_TEST

START_TEST(test_what_is_in_the_way_costs_one_group)
{
	_cleanup_services_tree_ struct services_tree t;
	_cleanup_free_ char *obstacle = NULL;
	struct unit_folder folder;

	make(&t);
	open_output(&t, &folder);
	ck_assert_int_gt(
	    asprintf(&obstacle, "%s.d", services_tree_find(&t, "many-0")->unit), 0);
	ck_assert_int_eq(mkdirat(folder.fd, obstacle, 0755), 0);
	ck_assert_int_eq(units_write(&folder, &t.services), 0);
	expect_one_group(&t, &folder);
	close_output(&folder);
}
END_TEST

/* Of this network and of group maildest-ns-prod the digests of who may begin with six equal digits. */
START_TEST(test_networks_cannot_be_chosen_to_be_of_other_clients)
{
	_cleanup_services_tree_ struct services_tree t;

	services_tree_make(&t);
	config_tree_puts(&t.tree, "maildest.conf", "Activation=grouped\n");
	services_tree_puts(&t, "a.yaml",
	    "---\n" SERVICES_API
	    "metadata: {name: a, annotations: {maildest/listen: 192.0.2.1, "
	    "maildest/allow: 11.172.226.11/32}}\n"
	    "spec: {destinationRef: {name: smtp}, accessControl: {scope: "
	    "clusterWide}}\n" RESOURCE("name: b, namespace: prod"));
	services_tree_load(&t);
	ck_assert_str_ne(
	    services_tree_find(&t, "a")->unit, services_tree_find(&t, "b")->unit);
}
END_TEST

#define CHOSEN 252
/* The power of two that 254 services would be split into at most. */
#define BUCKETS_MAX 512

static bool is_in_first_bucket(const char *name)
{
	char digest[DIGEST_SHA256_HEX_SIZE];

	ck_assert_int_eq(digest_sha256_hex(name, strlen(name), digest), 0);
	digest[8] = '\0';
	return strtoul(digest, NULL, 16) % BUCKETS_MAX == 0;
}

/* A resource of as many tenants as no number of groups can part; "a_t0" is never one. */
static void put_chosen_names(const struct services_tree *t)
{
	_cleanup_secret_ struct secret text = {0};
	char name[32];

	ck_assert_int_eq(
	    secret_puts(&text,
		"---\n" SERVICES_API "metadata: {name: a, annotations: {"
		"transparent-proxy.connectivity.api.sap/tenant-subdomains: '["),
	    0);
	for (int i = 0, n = 0; n < CHOSEN; i++) {
		ck_assert_int_gt(snprintf(name, sizeof(name), "a_t%d", i), 0);
		if (!is_in_first_bucket(name))
			continue;
		ck_assert_int_eq(
		    secret_printf(&text, "%s\"%s\"", n ? "," : "", name + 2), 0);
		n++;
	}
	ck_assert_int_eq(
	    secret_puts(&text, "]'}}\nspec: {destinationRef: {name: smtp}}\n"), 0);
	services_tree_puts(t, "a.yaml", secret_str(&text));
}

START_TEST(test_names_cannot_be_chosen_to_cost_others_their_units)
{
	_cleanup_free_ char *why = NULL, *old = NULL;
	_cleanup_services_tree_ struct services_tree t;
	char met[16] = "old"; /* and the name of one whom they are chosen to meet */
	size_t n = 0;

	for (int i = 0; !is_in_first_bucket(met); i++)
		ck_assert_int_gt(snprintf(met, sizeof(met), "z%d", i), 0);
	ck_assert_int_gt(
	    asprintf(&old, RESOURCE("name: old") RESOURCE("name: %s"), met), 0);
	services_tree_make(&t);
	config_tree_puts(&t.tree, "maildest.conf", "Activation=grouped\n");
	services_tree_puts(&t, "z.yaml", old);
	services_tree_load(&t);
	ck_assert_int_eq(services_record(&t.config, &t.services, &why), 0);
	put_chosen_names(&t);
	services_tree_load(&t);
	ck_assert_ptr_nonnull(services_tree_find(&t, "old")->unit);
	ck_assert_msg(
	    services_tree_find(&t, met)->unit, "who is new has the place of %s", met);
	for (size_t i = 0; i < t.services.n; i++) {
		const struct service_unit *s = &t.services.list[i];

		n += s->is_served;
		ck_assert(s->is_served == (s->unit != NULL));
		if (!s->is_served)
			ck_assert_ptr_nonnull(strstr(s->verdict.message, "another name"));
	}
	ck_assert_uint_eq(n, UNIT_GROUP_SERVICES + 1);
}
END_TEST

START_TEST(test_words_that_systemd_would_expand_make_no_unit)
{
	static const char *const words[] = {
	    "", "%n", "$HOME", "a b", "a\nExecStart=b", "\"", "\\", "a;b", "\303\244"};

	for (size_t i = 0; i < ELEMENTSOF(words); i++) {
		_cleanup_secret_ struct secret text = {0};
		char word[32];
		char *const arguments[] = {word};

		(void)snprintf(word, sizeof(word), "%s", words[i]); /* fits */
		ck_assert_msg(unit_text_command(&text, arguments, 1) == -EINVAL,
		    "'%s' stands in a command", words[i]);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_a_full_disk_costs_the_group_that_does_not_fit,
	    test_what_is_in_the_way_costs_one_group,
	    test_networks_cannot_be_chosen_to_be_of_other_clients,
	    test_names_cannot_be_chosen_to_cost_others_their_units,
	    test_words_that_systemd_would_expand_make_no_unit,
	};

	return check_program("unit-groups", tests, ELEMENTSOF(tests));
}
