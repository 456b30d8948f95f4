/* SPDX-License-Identifier: Apache-2.0 */
/* Who is let in, and whose rights on the file with the passwords are tolerated. */

#include "clients.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check-program.h"
#include "config-tree.h"
#include "private-mounts.h"

#define GROUP_HANDLERS 64001
#define GROUP_HELPER 64002
#define GROUP_STRANGERS 64003

static void make_tree(struct config_tree *t)
{
	_cleanup_free_ char *folder = NULL;

	config_tree_make(t);
	folder = config_tree_path(t, "clients");
	ck_assert_int_eq(mkdir(folder, 0755), 0);
	config_tree_puts(t, "clients/s", "# app:x\n\napp:pass:word\r\nb:\n");
}

START_TEST(test_who_is_let_in)
{
	static const struct {
		const char *user, *password;
		bool accepted;
	} rows[] = {
	    {"app", "pass:word", true},
	    {"b", "", true},
	    {"app", "pass:wor", false},
	    {"app:pass", "word", false},
	    {"# app", "x", false},
	    {"b", "\n", false},
	    {"", "", false},
	};
	_cleanup_config_tree_ struct config_tree t = {0};

	make_tree(&t);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *why = NULL;
		bool accepted = !rows[i].accepted;

		ck_assert_msg(clients_check(t.path, "s", rows[i].user, rows[i].password,
				  &accepted, &why) == 0,
		    "%s", why);
		ck_assert_msg(accepted == rows[i].accepted, "user '%s', password '%s'",
		    rows[i].user, rows[i].password);
	}
}
END_TEST

START_TEST(test_rights_are_the_helpers_alone)
{
	static const struct {
		gid_t group;
		mode_t mode;
		const char *refused;
	} rows[] = {
	    {0, 0640, NULL},
	    {GROUP_HELPER, 0640, NULL},
	    {GROUP_HANDLERS, 0600, NULL},
	    {GROUP_HANDLERS, 0640, "chgrp maildest-helper"},
	    {GROUP_HANDLERS, 0620, "chgrp maildest-helper"},
	    {GROUP_STRANGERS, 0640, "chgrp maildest-helper"},
	    {GROUP_HELPER, 0644, "chmod o="},
	};
	static const gid_t groups[] = {GROUP_HANDLERS};
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_free_ char *group = NULL, *path = NULL;

	if (geteuid() != 0)
		return; /* only root may give files to groups that it is not in */
	make_tree(&t);
	config_tree_puts(
	    &t, "group", "root:x:0:\nmaildest:x:64001:\nmaildest-helper:x:64002:\n");
	config_tree_chmod(&t, "group", 0644);
	group = config_tree_path(&t, "group");
	path = config_tree_path(&t, "clients/s");
	if (!private_mounts())
		return;
	private_mounts_replace(group, "/etc/group");
	/* as the helper is a member of the handlers' group */
	ck_assert_int_eq(setgroups(ELEMENTSOF(groups), groups), 0);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *why = NULL;
		bool accepted;
		int r;

		ck_assert_int_eq(chown(path, 0, rows[i].group), 0);
		ck_assert_int_eq(chmod(path, rows[i].mode), 0);
		r = clients_check(t.path, "s", "app", "pass:word", &accepted, &why);
		ck_assert_msg(r == (rows[i].refused ? -EPERM : 0),
		    "group %u, mode %o: %d, %s", rows[i].group, rows[i].mode, r, why);
		ck_assert_msg(
		    !rows[i].refused || strstr(why, rows[i].refused), "%s", why);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_who_is_let_in, test_rights_are_the_helpers_alone};

	return check_program("clients", tests, ELEMENTSOF(tests));
}
