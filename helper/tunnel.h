/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* SOCKS5 (common/socks5.h) on a connected socket, on an sd-event loop: never waits. */

#include <systemd/sd-event.h>

#include "socks5.h"

struct tunnel;

/*
 * Called from the loop once: `error` is 0 if the socket is connected to where it was to
 * be, with nothing of what comes from there read; else what socks5_take() says, -ETIMEDOUT,
 * or another -errno of the socket, and `why` (borrowed) says it in words. The tunnel may
 * be freed within.
 */
typedef void (*tunnel_done_fn)(void *userdata, int error, const char *why);

/*
 * Starts on `fd`, which does not block; it is borrowed and stays open whatever comes, as
 * are the strings of `q`, for the tunnel's life. `until_usec` is of CLOCK_MONOTONIC. 0;
 * -EINVAL with *ret_why as socks5_begin(); -ENOMEM.
 */
_must_check_ int tunnel_start(sd_event *event, int fd, const struct socks5_request *q,
    uint64_t until_usec, tunnel_done_fn done, void *userdata, struct tunnel **ret,
    char **ret_why);

/* Stops, wipes and frees; takes NULL; returns NULL. */
struct tunnel *tunnel_free(struct tunnel *t);
