/* SPDX-License-Identifier: Apache-2.0 */
/* Who may connect from this host: users, groups, and who is neither. */

#include "access.h"

#include "access-visit.h"
#include "check-program.h"

START_TEST(test_by_loopback_the_user_database_decides)
{
	static const struct {
		uid_t uid;
		struct service service;
		const char *setting;
		int want;
		const char *said;
	} rows[] = {
	    {0, ROOT, NULL, 0, NULL},
	    {0, GROUP("mail-users"), NULL, 0, NULL},
	    {0, GROUP("no-such-group"), NULL, 0, NULL},
	    {ALICE, GROUP("mail-users"), NULL, 0, NULL},
	    {BOB, GROUP("mail-users"), NULL, 0, NULL},
	    {CAROL, GROUP("mail-users"), NULL, -EREMOTE,
		"uid 4003 (carol) is not in the group 'mail-users', whose members may "
		"connect; usermod -aG mail-users carol"},
	    {CAROL, GROUP("others"), NULL, 0, NULL},
	    {GHOST, GROUP("mail-users"), NULL, -EREMOTE, "uid 4004 is not in the group"},
	    {GHOST, GROUP("others"), NULL, -EREMOTE, "uid 4004"},
	    {GHOST, EVERYONE, NULL, 0, NULL},
	    {ALICE, ROOT, NULL, -EREMOTE, "neither root"},
	    {ALICE, GROUP("no-such-group"), NULL, -EREMOTE, "does not exist"},
	    {ALICE, SETTING, NULL, -EREMOTE, "'maildest-clients', whose members"},
	    {ALICE, SETTING, "mail-users", 0, NULL},
	    {CAROL, SETTING, "mail-users", -EREMOTE, "Clients= in maildest.conf"},
	    {GHOST, SETTING, "everyone", 0, NULL},
	    {0, SETTING, "mail-users", 0, NULL},
	};
	static const enum place loopback[] = {IPV4, IPV6, MAPPED};

	if (!set_up())
		return;
	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		for (size_t k = 0; k < ELEMENTSOF(loopback); k++)
			check_visits(&(struct visit){loopback[k], STAYS, rows[i].uid,
					 true, rows[i].service, rows[i].setting,
					 rows[i].want, rows[i].said},
			    1);
	config_tree_done(&tree);
}
END_TEST

START_TEST(test_by_a_unix_socket_its_process_decides)
{
	static const struct visit rows[] = {
	    {UNIX, STAYS, 0, false, ROOT, NULL, 0, NULL},
	    {UNIX, STAYS, CAROL, true, GROUP("mail-users"), NULL, 0, NULL},
	    {UNIX, STAYS, GHOST, true, GROUP("mail-users"), NULL, 0, NULL},
	    {UNIX, STAYS, GHOST, false, GROUP("others"), NULL, 0, NULL},
	    {UNIX, STAYS, ALICE, false, GROUP("mail-users"), NULL, -EREMOTE,
		"uid 4001 is not in the group 'mail-users'"},
	    {UNIX, STAYS, GHOST, false, EVERYONE, NULL, 0, NULL},
	    {UNIX, STAYS, ALICE, true, ROOT, NULL, -EREMOTE, "neither root"},
	    {UNIX, STAYS, ALICE, true, GROUP("none"), NULL, -EREMOTE, "does not exist"},
	    {UNIX, SENDS_AND_CLOSES, CAROL, true, GROUP("mail-users"), NULL, 0, NULL},
	    {UNIX, SENDS_AND_CLOSES, ALICE, false, GROUP("mail-users"), NULL, -EREMOTE,
		NULL},
	};

	if (!set_up())
		return;
	check_visits(rows, ELEMENTSOF(rows));
	config_tree_done(&tree);
}
END_TEST

/* The kernel shows uid 0 for a socket that nobody has open any more: it is not root's. */
START_TEST(test_who_has_gone_is_nobody)
{
	static const struct visit rows[] = {
	    {IPV4, SHUTS, ALICE, false, GROUP("mail-users"), NULL, 0, NULL},
	    {IPV4, SHUTS, CAROL, false, GROUP("mail-users"), NULL, -EREMOTE, "carol"},
	    {IPV4, SENDS_AND_CLOSES, ALICE, false, GROUP("mail-users"), NULL, -EREMOTE,
		"no process of this host"},
	    {IPV4, SENDS_AND_CLOSES, CAROL, false, GROUP("mail-users"), NULL, -EREMOTE,
		"no process of this host"},
	    {IPV4, SENDS_AND_CLOSES, CAROL, false, ROOT, NULL, -EREMOTE, "no process"},
	    {IPV6, SENDS_AND_CLOSES, CAROL, false, ROOT, NULL, -EREMOTE, "no process"},
	    {IPV4, SENDS_AND_CLOSES, 0, false, ROOT, NULL, -EREMOTE, "no process"},
	    {IPV4, CLOSES, CAROL, false, ROOT, NULL, -ECONNABORTED, "gone"},
	    {IPV4, CLOSES, 0, false, ROOT, NULL, -ECONNABORTED, "gone"},
	    {IPV4, SENDS_AND_CLOSES, CAROL, false, EVERYONE, NULL, 0, NULL},
	};

	if (!set_up())
		return;
	check_visits(rows, ELEMENTSOF(rows));
	config_tree_done(&tree);
}
END_TEST

START_TEST(test_pipes_are_whoever_started_us)
{
	const struct service service = ROOT;
	const struct settings settings = {0};
	_cleanup_free_ char *why = NULL;
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(access_check(fds[0], &service, &settings, &why), 0);
	(void)close(fds[0]);
	(void)close(fds[1]);
}
END_TEST

START_TEST(test_our_own_user_may)
{
	const struct service service = ROOT;
	const struct settings settings = {0};
	_cleanup_free_ char *why = NULL;
	int fds[2];

	if (geteuid() == 0)
		ck_assert_int_eq(setresuid(CAROL, CAROL, CAROL), 0);
	peer_tcp_pair(fds);
	ck_assert_int_eq(access_check(fds[0], &service, &settings, &why), 0);
	(void)close(fds[0]);
	(void)close(fds[1]);
}
END_TEST

/* All services have that user: by it, a destination would lead into any other. */
START_TEST(test_another_handler_may_not)
{
	const struct service services[] = {ROOT, GROUP("mail-users"), EVERYONE};
	const struct settings settings = {0};
	_cleanup_free_ char *why = NULL;
	int fds[2];

	if (!set_up())
		return;
	ck_assert_int_eq(setresuid(SERVICE, SERVICE, SERVICE), 0);
	peer_tcp_pair(fds);
	for (size_t i = 0; i < ELEMENTSOF(services); i++) {
		free(why);
		why = NULL;
		ck_assert_int_eq(
		    access_check(fds[0], &services[i], &settings, &why), -EREMOTE);
		ck_assert_msg(
		    strstr(why, "another session of maildest") != NULL, "%s", why);
	}
	(void)close(fds[0]);
	(void)close(fds[1]);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_by_loopback_the_user_database_decides,
	    test_by_a_unix_socket_its_process_decides,
	    test_who_has_gone_is_nobody,
	    test_pipes_are_whoever_started_us,
	    test_our_own_user_may,
	    test_another_handler_may_not,
	};

	return check_program("access", tests, ELEMENTSOF(tests));
}
