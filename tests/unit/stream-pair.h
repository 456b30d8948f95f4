/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A stream of ours whose other end the test holds. */

#include "deadline.h"
#include "peer.h"
#include "stream.h"

#define SOON deadline_in(20 * USEC_PER_SEC)

/* Our side as a stream, the other as a descriptor. */
struct pair {
	struct stream s;
	int theirs; /* owned; -1 when closed */
};

static inline void begin(struct pair *p, int fds[2])
{
	ck_assert_int_eq(stream_init(&p->s, fds[0], fds[0]), 0);
	p->theirs = fds[1];
}

static inline void begin_unix(struct pair *p)
{
	int fds[2];

	peer_unix_pair(fds);
	begin(p, fds);
}

static inline void leave(struct pair *p)
{
	if (p->theirs >= 0)
		close(p->theirs);
	p->theirs = -1;
}

static inline void pair_done(struct pair *p)
{
	stream_done(&p->s);
	leave(p);
}
#define _cleanup_pair_ _cleanup_(pair_done)
