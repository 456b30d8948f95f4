/* SPDX-License-Identifier: Apache-2.0 */
#include "prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "reason.h"

#define SECRET_MAX ((size_t)48 * 1024)

bool prompt_is_possible(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

/* A byte at a time: what follows the line is for the next question. */
static int read_line(int fd, struct secret *ret)
{
	char c;
	ssize_t n;

	for (;;) {
		n = read(fd, &c, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ECANCELED;
		if (c == '\n')
			return 0;
		if (ret->len >= SECRET_MAX || secret_append(ret, &c, 1) < 0)
			return -E2BIG;
	}
}

int prompt_ask(const char *question, const char *preset, char **ret)
{
	_cleanup_secret_ struct secret line = {0};
	int r;

	do {
		secret_clear(&line);
		(void)fprintf(stderr, "%s%s%s%s: ", question, preset ? " [" : "",
		    preset ? preset : "", preset ? "]" : ""); /* seen, or not */
		r = read_line(STDIN_FILENO, &line);
		if (r < 0)
			return r;
	} while (line.len == 0 && !preset);
	*ret = strdup(line.len > 0 ? line.data : preset);
	return *ret ? 0 : -ENOMEM;
}

int prompt_ask_secret(const char *question, struct secret *ret)
{
	struct termios before, silent;
	int r = 0;

	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return -errno;
	silent = before;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) < 0)
		return -errno;
	while (r == 0 && ret->len == 0) {
		(void)fprintf(stderr, "%s (not shown): ", question); /* seen, or not */
		r = read_line(STDIN_FILENO, ret);
		(void)fputc('\n', stderr);
	}
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before); /* as it was, or lost anyway */
	return r;
}

static int read_all(int fd, struct secret *ret)
{
	ssize_t n = 1;

	while (n > 0 && ret->len <= SECRET_MAX) {
		if (secret_reserve(ret, 4096) < 0)
			return -ENOMEM;
		n = read(fd, ret->data + ret->len, 4096);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			ret->len += (size_t)n;
		ret->data[ret->len] = '\0';
		if (n < 0)
			n = 1; /* interrupted */
	}
	return 0;
}

int prompt_read_secret(const char *path, struct secret *ret, char **ret_why)
{
	bool is_input = strcmp(path, "-") == 0;
	_cleanup_close_ int fd =
	    is_input ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r = fd < 0 ? -errno : read_all(fd, ret);

	if (r < 0)
		return reason_set(ret_why, r, "%s: %s", path, strerror(-r));
	while (ret->len > 0 && strchr("\r\n", ret->data[ret->len - 1]))
		ret->data[--ret->len] = '\0';
	if (ret->len == 0 || ret->len != strcspn(ret->data, "\r\n") ||
	    ret->len > SECRET_MAX)
		return reason_set(ret_why, -EINVAL, "%s: is no secret of one line", path);
	return 0;
}
