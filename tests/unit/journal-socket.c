/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing else is in /run then. */

#include "journal-socket.h"

#include <check.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "private-mounts.h"

int journal_socket(void)
{
	static const struct sockaddr_un address = {
	    .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};
	int fd;

	if (!private_mounts())
		return -1;
	private_mounts_empty("/run");
	if (mkdir("/run/systemd", 0755) < 0 || mkdir("/run/systemd/journal", 0755) < 0) {
		perror("not tested, for want of a folder of the journal's");
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}
