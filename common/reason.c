/* SPDX-License-Identifier: Apache-2.0 */
/* One way to say why. */

#include "reason.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int reason_set(char **ret, int error, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(ret, format, ap);
	va_end(ap);
	if (n >= 0)
		return error;
	*ret = NULL;
	return -ENOMEM;
}
