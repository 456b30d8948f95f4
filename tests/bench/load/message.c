/* SPDX-License-Identifier: Apache-2.0 */
/* A block of text written over and over, and the cheapest way to find the end of DATA. */

#include "message.h"

#include <string.h>

#define LINE "Pack my box with five dozen liquor jugs, sphinx of blue quartz\r\n"
#define LINES_4 LINE LINE LINE LINE
#define LINES_16 LINES_4 LINES_4 LINES_4 LINES_4
#define LINES_64 LINES_16 LINES_16 LINES_16 LINES_16
#define LINES_256 LINES_64 LINES_64 LINES_64 LINES_64
#define BLOCK_KIB ((size_t)64)
#define END_OF_DATA "\r\n.\r\n"
#define END_LEN (sizeof(END_OF_DATA) - 1)

static const char block[] = LINES_256 LINES_256 LINES_256 LINES_256;
_Static_assert(sizeof(block) - 1 == BLOCK_KIB * MESSAGE_KIB, "whole lines a KiB");

int message_write(struct connection *c, size_t kib)
{
	size_t now;
	int r = 0;

	for (; kib > 0 && r == 0; kib -= now) {
		now = MIN_OF(kib, BLOCK_KIB);
		r = connection_write(c, block, now * MESSAGE_KIB);
	}
	return r;
}

/* Keeps the last characters of all that has come. */
static void note_end(char end[static END_LEN], const char *bytes, size_t n)
{
	size_t fresh = MIN_OF(n, END_LEN);

	memmove(end, end + fresh, END_LEN - fresh);
	memcpy(end + END_LEN - fresh, bytes + n - fresh, fresh);
}

int message_skip_data(struct connection *c)
{
	char end[END_LEN] = {0, 0, 0, '\r', '\n'}; /* of the line DATA */
	const char *bytes;
	size_t n;
	int r;

	do {
		r = connection_take(c, SIZE_MAX, &bytes, &n);
		if (r < 0)
			return r;
		note_end(end, bytes, n);
	} while (memcmp(end, END_OF_DATA, END_LEN) != 0);
	return 0;
}
