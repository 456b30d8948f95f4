/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Whose connections belong together: what is refused to one client is not to count against others. */

#include <stddef.h>

/* "uid 4294967295", or an address; with its NUL. */
#define ACCESS_CALLER_SIZE ((size_t)48)

/*
 * A name for the peer of a connected descriptor that is the same for all its connections
 * and nobody else's: of a program of this host its user ("uid 1000"), of another host its
 * address, of an IPv6 one the first 64 bits of it, as it has all that begin so. "" for
 * those that cannot be told apart: pipes, and who is gone. Who may connect is
 * access_check()'s business.
 */
void access_caller(int fd, char ret[ACCESS_CALLER_SIZE]);
