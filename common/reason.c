/* SPDX-License-Identifier: Apache-2.0 */
/* One way to say why. */

#include "reason.h"

#include <errno.h>
#include <stdarg.h>

#include "text.h"

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

	va_start(ap, format);
	*ret = text_vformat(format, ap);
	va_end(ap);
	if (!*ret)
		return -ENOMEM;
	mask_controls(*ret);
	return error;
}
