/* SPDX-License-Identifier: Apache-2.0 */
/* Mount namespaces for tests; they end with the test's process. */

#include "private-mounts.h"

#include <check.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

bool private_mounts(void)
{
	int flags = CLONE_NEWNS | (geteuid() == 0 ? 0 : CLONE_NEWUSER);

	if (unshare(flags) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		perror("not tested, for want of a mount namespace");
		return false;
	}
	return true;
}

void private_mounts_empty(const char *folder)
{
	ck_assert_int_eq(mount("tmpfs", folder, "tmpfs", 0, "mode=755"), 0);
}

void private_mounts_replace(const char *file, const char *over)
{
	ck_assert_int_eq(mount(file, over, NULL, MS_BIND, NULL), 0);
}
