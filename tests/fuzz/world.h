/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Everybody whom a handler's session deals with, on the far ends of its socket pairs, as
 * one script says it; and the time, which passes only when nobody has anything to say.
 * For programs that are linked with --wrap of poll, clock_gettime and setitimer: whenever
 * the session waits, the script goes on. All of it is one thread, and takes no real time.
 *
 * A script is lines; what a line does says its first character, the rest is its text, in
 * which \r \n \0 \\ stand for bytes. Lines that begin otherwise do nothing.
 *
 *   S C H   server, client, helper says the text, CRLF behind it (the helper: NUL)
 *   s c h   the same, nothing behind it
 *   P p     server, client says the text that follows a digit, 4 to the power of that times
 *   X x     server, client sends no more, and still reads
 *   K k     server, client closes the connection
 *   R r     server, client reads no more, or again
 *   T       nobody says anything until somebody gives up waiting
 *
 * After its last line all send no more; the next time nobody says anything, they close;
 * then time passes.
 */

#include "fuzz.h"

enum world_side {
	WORLD_SERVER,
	WORLD_CLIENT,
	WORLD_HELPER,
	WORLD_SIDES,
};

struct world_peer {
	int fd; /* -1 when closed */
	bool is_deaf;
	bool has_ended;
	unsigned connections;
	struct secret unsent; /* what it has said and nobody had room for */
	struct secret said;   /* all of it, ever */
	struct secret heard;  /* likewise */
};

struct world {
	struct world_peer peers[WORLD_SIDES];
	/* Called when the helper has heard something; NULL: it says what the script says. */
	void (*on_helper)(struct world *w);
};

extern struct world world;

/* Begins with nobody connected; the script is borrowed. */
void world_begin(struct fuzz_input script);
/* Lets go of everything. */
void world_end(void);

/* A new connection of a side, in the place of the one it had: the session's end. */
int world_connect(enum world_side side);

/* A peer speaks, beside the script. */
void world_say(enum world_side side, const char *bytes, size_t n);
void world_close(enum world_side side);

/* Reads what has been said to the peers: before `heard` is looked at. */
void world_listen(void);

/* How much time has passed, in microseconds. */
uint64_t world_elapsed(void);
