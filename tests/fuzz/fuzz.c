/* SPDX-License-Identifier: Apache-2.0 */
/* Inputs in parts, and what is checked of many results. */

#include "fuzz.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

/*
 * Memory that is given out has nothing of what it was, as far as AddressSanitizer goes: a
 * secret that is found in it when it is freed is not one of the fuzzer's own inputs.
 */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "max_malloc_fill_size=1073741824";
}

_Noreturn void fuzz_fail(const char *file, int line, const char *sentence)
{
	(void)fprintf(stderr, "%s:%d: %s\n", file, line, sentence); /* no way but this */
	abort();
}

struct fuzz_input fuzz_input(const uint8_t *bytes, size_t n)
{
	return (struct fuzz_input){(const char *)bytes, n};
}

struct fuzz_input fuzz_take_bytes(struct fuzz_input *in, size_t n)
{
	struct fuzz_input taken = {in->bytes, MIN_OF(n, in->n)};

	if (taken.n > 0) {
		in->bytes += taken.n;
		in->n -= taken.n;
	}
	return taken;
}

struct fuzz_input fuzz_take(struct fuzz_input *in, const char *separator)
{
	size_t len = strlen(separator);
	const char *at = in->n > 0 ? memmem(in->bytes, in->n, separator, len) : NULL;
	struct fuzz_input taken =
	    fuzz_take_bytes(in, at ? (size_t)(at - in->bytes) : in->n);

	if (at)
		(void)fuzz_take_bytes(in, len); /* goes */
	return taken;
}

struct fuzz_input fuzz_take_line(struct fuzz_input *in)
{
	return fuzz_take(in, "\n");
}

unsigned fuzz_choose(struct fuzz_input *in, unsigned n)
{
	struct fuzz_input one = fuzz_take_bytes(in, 1);

	return one.n > 0 ? (unsigned)((unsigned char)*one.bytes - '0') % n : 0;
}

char *fuzz_text(struct fuzz_input in)
{
	char *text = in.n > 0 ? strndup(in.bytes, in.n) : strdup("");

	fuzz_check(text, "no memory");
	return text;
}

void fuzz_fill(struct secret *ret, struct fuzz_input in)
{
	fuzz_check(secret_append(ret, in.n > 0 ? in.bytes : "", in.n) == 0, "no memory");
}

bool fuzz_is_line(const char *text)
{
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return false;
	return true;
}

bool fuzz_is_word(const char *text)
{
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c >= 0x7f)
			return false;
	return true;
}

void fuzz_check_why(int error, const char *why)
{
	if (error >= 0) {
		fuzz_check(!why, "a success gives a reason for failing");
		return;
	}
	if (error == -ENOMEM)
		return;
	fuzz_check(why && *why, "a failure gives no reason");
	fuzz_check(fuzz_is_line(why), "a reason is no line");
	fuzz_check(utf8_is_valid(why, strlen(why)), "a reason is no UTF-8");
}

int fuzz_free_fd(void)
{
	int fd = dup(STDERR_FILENO);

	fuzz_check(fd >= 0, "no descriptor is left");
	(void)close(fd); /* its number is what counts */
	return fd;
}
