/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What fuzz targets share. A target is one function over bytes that somebody else chose:
 * it has to come back, and whatever it checks holds for all inputs. Built with libFuzzer
 * it is a fuzzer; else replay.c is its main program, which runs the files of a corpus.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "secret.h"

/* The target's one function, as libFuzzer calls it: always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* Ends the program with a sentence about what does not hold. */
_Noreturn void fuzz_fail(const char *file, int line, const char *sentence);
#define fuzz_check(condition, sentence) \
	((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, sentence))

/* What is left of an input; borrowed, not NUL-terminated. */
struct fuzz_input {
	const char *bytes;
	size_t n;
};

struct fuzz_input fuzz_input(const uint8_t *bytes, size_t n);

/* Takes what stands before the next `separator` off the input, and that; without one, all. */
struct fuzz_input fuzz_take(struct fuzz_input *in, const char *separator);
struct fuzz_input fuzz_take_line(struct fuzz_input *in);
/* At most `n` bytes. */
struct fuzz_input fuzz_take_bytes(struct fuzz_input *in, size_t n);

/* Takes a character, as a choice among `n`; digits mean what they say. 0 without any. */
unsigned fuzz_choose(struct fuzz_input *in, unsigned n);

/* Up to the first NUL, NUL-terminated, malloc'd. */
char *fuzz_text(struct fuzz_input in);
/* Into an empty buffer. */
void fuzz_fill(struct secret *ret, struct fuzz_input in);

/* Whether a text is one line: without control characters. */
bool fuzz_is_line(const char *text);
/* Whether it is visible ASCII. */
bool fuzz_is_word(const char *text);
/* Checks that a failure says why (and then in one line), and a success nothing. */
void fuzz_check_why(int error, const char *why);

/* The lowest descriptor that is free: the same before and after, unless one leaks. */
int fuzz_free_fd(void);
