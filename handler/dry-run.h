/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* --check: the path of a session without a client, each step printed with its time. */

#include "session.h"

/*
 * Reads the destination, gets a token, connects, logs in and says goodbye to the server;
 * prints to standard output. Returns an exit status: 0 if all of it worked, 1 if not.
 */
int dry_run(const struct session_request *request);
