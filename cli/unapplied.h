/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* In one sentence, how the sockets differ from what is configured. */

#include "macro.h"

struct cli;
struct services;

/*
 * By systemd's word and its files, as whoever asks may not see the host's sockets. Sets
 * *ret to the sentence (malloc'd), or NULL: all are as they shall be, or it is not the
 * system's configuration. 0, or -errno: -ENOTCONN where systemd cannot be asked.
 */
_must_check_ int unapplied_find(const struct cli *c, struct services *s, char **ret);
