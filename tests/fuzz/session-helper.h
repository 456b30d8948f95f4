/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * maildest-helper as a session sees it, on the world's third side, for programs that are
 * linked with --wrap=helper_link_connect. It answers each call, as its mode says; a script
 * may say more.
 */

#include "world.h"

/* What all secrets of the session's own have in them. */
#define SESSION_NEEDLE "Geheim-4711"

enum session_helper_mode {
	HELPER_GIVES,	/* whatever is asked for; a different token after a refused one */
	HELPER_REPEATS, /* the same token again */
	HELPER_REFUSES, /* for good */
	HELPER_IS_BUSY, /* not now */
	HELPER_IS_SILENT, /* but for what the script says */
	HELPER_HANGS_UP,  /* at the first call */
	HELPER_IS_ABSENT,
	HELPER_MODES,
};

/* To be called after world_begin(). */
void session_helper_begin(enum session_helper_mode mode);
