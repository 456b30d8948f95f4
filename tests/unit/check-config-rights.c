/* SPDX-License-Identifier: Apache-2.0 */
/* Whose rights on files with secrets are tolerated. */

#include "config.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>

#include "check-program.h"
#include "config-tree.h"
#include "private-mounts.h"

/* A uid and gid that is nobody's. */
#define STRANGER 64321

static int check_private(uid_t uid, gid_t gid, mode_t mode, char **ret_why)
{
	struct config_file f = {
	    .st = {.st_uid = uid, .st_gid = gid, .st_mode = S_IFREG | mode},
	    .path = (char *)"/x/smtp.json",
	};

	return config_check_private(&f, ret_why);
}

START_TEST(test_rights_on_secrets)
{
	static const struct {
		const char *label;
		bool ours; /* else root's */
		mode_t mode;
		bool stranger_uid, stranger_gid;
		const char *refused;
	} rows[] = {
	    {"ours alone", true, 0600, false, false, NULL},
	    {"ours, read-only", true, 0400, false, false, NULL},
	    {"ours, our group reads", true, 0640, false, false, NULL},
	    {"ours, our group writes", true, 0660, false, false, NULL},
	    {"root's, our group reads", false, 0640, false, false, NULL},
	    {"root's, no right at all", false, 0, false, false, NULL},
	    {"a strange group without rights", true, 0600, false, true, NULL},
	    {"a strange group reads", true, 0640, false, true, "chgrp"},
	    {"a strange group writes", true, 0620, false, true, "chgrp"},
	    {"others read", true, 0604, false, false, "chmod"},
	    {"others write", true, 0602, false, false, "chmod"},
	    {"others execute", true, 0601, false, false, "chmod"},
	    {"all read", false, 0644, false, false, "chmod"},
	    {"a stranger's", true, 0600, true, false, "belongs neither"},
	    {"a stranger's, open to us", true, 0640, true, false, "belongs neither"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *why = NULL;
		int r = check_private(rows[i].stranger_uid ? STRANGER
				      : rows[i].ours	   ? geteuid()
							   : 0,
		    rows[i].stranger_gid ? STRANGER : getegid(), rows[i].mode, &why);

		ck_assert_msg(r == (rows[i].refused ? -EPERM : 0), "%s: %d, %s",
		    rows[i].label, r, why);
		if (rows[i].refused)
			ck_assert_msg(strstr(why, "/x/smtp.json: ") == why &&
					  strstr(why, rows[i].refused),
			    "%s: the reason is '%s'", rows[i].label, why);
	}
}
END_TEST

START_TEST(test_root_group_and_our_further_groups_may_read_secrets)
{
	static const gid_t groups[] = {STRANGER + 1, STRANGER};
	_cleanup_free_ char *why = NULL;

	ck_assert_int_eq(check_private(0, 0, 0640, &why), 0);
	if (geteuid() != 0)
		return; /* only root may choose its groups */
	ck_assert_int_eq(check_private(0, STRANGER, 0640, &why), -EPERM);
	ck_assert_int_eq(setgroups(ELEMENTSOF(groups), groups), 0);
	ck_assert_int_eq(check_private(0, STRANGER, 0640, &why), 0);
	ck_assert_int_eq(setgroups(0, NULL), 0);
	free(why);
	ck_assert_int_eq(check_private(0, STRANGER, 0640, &why), -EPERM);
}
END_TEST

/* The helper reads files of group maildest, handlers those of maildest-helper never get
 * that far; both names count for everyone. */
START_TEST(test_groups_of_maildest_may_read_secrets)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_free_ char *why = NULL, *group = NULL;

	config_tree_make(&t);
	config_tree_puts(&t, "group",
	    "root:x:0:\nmaildest:x:64001:\nmaildest-helper:x:64002:\nmaildest-x:x:64003:"
	    "\n");
	config_tree_chmod(&t, "group", 0644);
	group = config_tree_path(&t, "group");
	if (!private_mounts())
		return;
	private_mounts_replace(group, "/etc/group");
	ck_assert_int_eq(check_private(0, 64001, 0640, &why), 0);
	ck_assert_int_eq(check_private(0, 64002, 0640, &why), 0);
	ck_assert_int_eq(check_private(0, 64003, 0640, &why), -EPERM);
}
END_TEST

START_TEST(test_rights_are_those_of_what_was_opened)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *why = NULL;

	config_tree_make(&t);
	config_tree_puts(&t, "destinations/a.json", "{}");
	config_tree_puts(&t, "destinations/open.json", "{}");
	config_tree_chmod(&t, "destinations/open.json", 0644);
	config_tree_link(&t, "destinations/link.json", "open.json");
	ck_assert_int_eq(
	    config_tree_read(&t, "destinations", "a", CONFIG_FILE_MAX, &f, &why), 0);
	config_tree_chmod(&t, "destinations/a.json", 0644);
	ck_assert_int_eq(config_check_private(&f, &why), 0);
	config_file_done(&f);
	ck_assert_int_eq(
	    config_tree_read(&t, "destinations", "link", CONFIG_FILE_MAX, &f, &why), 0);
	ck_assert_int_eq(config_check_private(&f, &why), -EPERM);
}
END_TEST

START_TEST(test_only_the_content_counts_in_the_service_managers_places)
{
	static const struct {
		const char *variable, *name;
		int want;
	} rows[] = {
	    {"", "secrets/a", 0},
	    {"/secrets", "secrets/a", 0},
	    {"/secr", "secrets/a", -EPERM},
	    {"/secrets", "secrets/../a", -EPERM},
	    {"/secrets/a", "secrets/a", -EPERM},
	    {"/elsewhere", "secrets/a", -EPERM},
	};
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_free_ char *folder = NULL;

	config_tree_make(&t);
	folder = config_tree_path(&t, "secrets");
	ck_assert_int_eq(mkdir(folder, 0755), 0);
	config_tree_puts(&t, "secrets/a", "x");
	config_tree_puts(&t, "a", "x");
	config_tree_chmod(&t, "secrets/a", 0644);
	config_tree_chmod(&t, "a", 0644);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *variable = NULL, *path = NULL, *why = NULL;
		_cleanup_config_file_ struct config_file f = {0};

		ck_assert_int_gt(
		    asprintf(&variable, "%s%s", t.path, rows[i].variable), 0);
		ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", variable, 1), 0);
		path = config_tree_path(&t, rows[i].name);
		ck_assert_int_eq(config_read_path(path, CONFIG_FILE_MAX, &f, &why), 0);
		ck_assert_msg(config_check_private(&f, &why) == rows[i].want,
		    "%s with $CREDENTIALS_DIRECTORY in %s", rows[i].name,
		    rows[i].variable);
	}
}
END_TEST

START_TEST(test_a_configuration_among_mounted_secrets_is_trusted)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *why = NULL;

	config_tree_make(&t);
	config_tree_puts(&t, "destinations/a.json", "{}");
	config_tree_chmod(&t, "destinations/a.json", 0644);
	ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", t.path, 1), 0);
	ck_assert_int_eq(
	    config_tree_read(&t, "destinations", "a", CONFIG_FILE_MAX, &f, &why), 0);
	ck_assert_int_eq(config_check_private(&f, &why), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_rights_on_secrets,
	    test_root_group_and_our_further_groups_may_read_secrets,
	    test_groups_of_maildest_may_read_secrets,
	    test_rights_are_those_of_what_was_opened,
	    test_only_the_content_counts_in_the_service_managers_places,
	    test_a_configuration_among_mounted_secrets_is_trusted,
	};

	return check_program("config-rights", tests, ELEMENTSOF(tests));
}
