/* SPDX-License-Identifier: Apache-2.0 */
/* One way to say why. */

#include "reason.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* Names of files and keys may hold anything. */
static void mask_controls(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

int reason_set(char **ret, int error, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(ret, format, ap);
	va_end(ap);
	if (n < 0) {
		*ret = NULL;
		return -ENOMEM;
	}
	mask_controls(*ret);
	return error;
}
