/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to standard error, and what a failure means to who called. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "terminal.h"
#include "text.h"

static const struct {
	int error;
	enum cli_status status;
} classes[] = {
    {EINVAL, CLI_CONFIGURATION},
    {EBADMSG, CLI_CONFIGURATION},
    {EFBIG, CLI_CONFIGURATION},
    {EISDIR, CLI_CONFIGURATION},
    {EXDEV, CLI_CONFIGURATION},
    {ENOENT, CLI_NOTHING},
    {ENOTDIR, CLI_CONFIGURATION},
    {ELOOP, CLI_CONFIGURATION},
    {EACCES, CLI_REFUSED},
    {ENOKEY, CLI_REFUSED},
    {EKEYREVOKED, CLI_REFUSED},
    {EKEYEXPIRED, CLI_REFUSED},
    {EPERM, CLI_ACCESS},
    {EREMOTE, CLI_ACCESS},
    {EAGAIN, CLI_NETWORK},
    {EADDRNOTAVAIL, CLI_NETWORK},
    {EKEYREJECTED, CLI_NETWORK},
    {EREMOTEIO, CLI_NETWORK},
    {EBUSY, CLI_NETWORK},
    {EOPNOTSUPP, CLI_NETWORK},
    {EPROTO, CLI_NETWORK},
    {ECONNREFUSED, CLI_NETWORK},
    {EHOSTUNREACH, CLI_NETWORK},
    {ENETUNREACH, CLI_NETWORK},
    {ECONNRESET, CLI_NETWORK},
    {EPIPE, CLI_NETWORK},
    {ETIMEDOUT, CLI_NETWORK},
};

enum cli_status cli_status_of(int error)
{
	if (error >= 0)
		return CLI_OK;
	for (size_t i = 0; i < ELEMENTSOF(classes); i++)
		if (classes[i].error == -error)
			return classes[i].status;
	return CLI_FAILED;
}

void cli_complain(const char *format, ...)
{
	_cleanup_secret_ struct secret escaped = {0};
	_cleanup_free_ char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = text_vformat(format, arguments);
	va_end(arguments);
	if (!text || terminal_escape(&escaped, text, strlen(text)) < 0)
		secret_done(&escaped);
	/* nobody to tell if it fails */
	(void)fprintf(stderr, "maildest: %s\n",
	    escaped.len > 0 ? secret_str(&escaped) : strerror(ENOMEM));
}

int cli_fail(int error, const char *why)
{
	cli_complain("%s", why ? why : strerror(-error));
	/* a server's refusal is its session's to tell */
	return error == -EACCES ? CLI_ACCESS : (int)cli_status_of(error);
}
