/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The journal, in mounts of the test's own: what is logged comes to the test. */

/*
 * Listens where the journal would; a datagram is a record, and nobody waits for one. A
 * descriptor, or -1 where mounts are not allowed: the test then has nothing to say.
 */
int journal_socket(void);
