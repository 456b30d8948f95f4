/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Addresses that stay what they are, whoever takes the process over: the filter of system
 * calls (seccomp.h) sees no memory, but it sees pointers. It leaves connect(2) those to the
 * addresses here, and leaves no call that would write, map or unmap where they lie.
 */

#include <netdb.h>
#include <stdint.h>

#include "macro.h"

/* Of a pinned list the sockets' addresses lie so far apart, at so many places, all in use. */
#define DIAL_PIN_STRIDE 256
#define DIAL_PIN_PLACES 16
/*
 * The upper half of all their pointers, and of no other: the kernel maps programs,
 * libraries and what they allocate far above, on both architectures.
 */
#define DIAL_PIN_UPPER 1

/*
 * Copies the addresses that dial_connect() would try into memory of their own, read-only,
 * in the order of its tries. `list` is not needed any more. 0; -EADDRNOTAVAIL if it is
 * empty; or -ENOMEM.
 */
_must_check_ int dial_pin(const struct addrinfo *list, const struct addrinfo **ret);

/* Gives the memory back, which only goes where no filter stands. Takes NULL. */
void dial_unpin(const struct addrinfo **list);
