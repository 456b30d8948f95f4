/* SPDX-License-Identifier: Apache-2.0 */
/* A text that is none fails the test. */

#include "unhex.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

size_t unhex(const char *text, unsigned char *bytes, size_t size)
{
	size_t n = 0;
	unsigned value;

	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		ck_assert_msg(sscanf(text, "%2x", &value) == 1 && n < size,
		    "no hexadecimal: '%s'", text);
		bytes[n++] = (unsigned char)value;
		text += 2;
	}
	return n;
}
