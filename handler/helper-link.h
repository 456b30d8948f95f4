/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The one connection of a session to maildest-helper: varlink calls out, replies in, in
 * order. What the calls mean is token.h's.
 */

#include <stdbool.h>
#include <stdint.h>

#include "json.h"
#include "secret.h"

#define HELPER_INTERFACE "io.maildest.Helper."

struct helper_link {
	int fd; /* owned; -1 when closed */
	struct secret input;
	bool broken; /* the helper has gone, which another connection may mend */
};
#define HELPER_LINK_INIT \
	{                \
		.fd = -1 \
	}

void helper_link_done(struct helper_link *l);

/*
 * Connects to the helper's socket `path`, whose listener must be root's or our own user's
 * (SO_PEERCRED): 0; -EAGAIN if its queue is full; -ENOTCONN if it cannot be reached or is
 * not trusted. Both with *ret_why (malloc'd).
 */
_must_check_ int helper_link_connect(
    struct helper_link *l, const char *path, char **ret_why);

/* Sends whole calls: 0; -ENOTCONN with *ret_why. */
_must_check_ int helper_link_send(
    struct helper_link *l, const struct secret *calls, uint64_t deadline, char **ret_why);

/* Sends what goes without waiting, for calls that nothing depends on. */
void helper_link_send_now(struct helper_link *l, const struct secret *calls);

/*
 * Waits for the next reply, an error of the interface included: 0; -EAGAIN when the
 * deadline has passed; -ENOTCONN if the helper is gone (l->broken) or sent no varlink
 * message; with *ret_why.
 */
_must_check_ int helper_link_receive(
    struct helper_link *l, uint64_t deadline, struct json **ret, char **ret_why);

/* The -errno that an error reply means to a session (refusal.h), with *ret_why: its words. */
int helper_link_explain(const struct json *reply, char **ret_why);

/* A string in a reply's parameters; NULL if it is not there. Borrowed. */
const char *helper_link_string(const struct json *reply, const char *key);
/* The same of a number; -1 if it is not there. */
int64_t helper_link_integer(const struct json *reply, const char *key);
