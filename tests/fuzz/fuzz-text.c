/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign text on its way to the journal: a line with a secret, then the text. */

#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "log.h"
#include "mask.h"
#include "utf8.h"

/* Sequence by sequence: what is one decodes and encodes to itself. */
static void check_utf8(struct fuzz_input text)
{
	bool valid = utf8_is_valid(text.bytes, text.n);
	size_t at = 0, n = 1;

	while (at < text.n && n > 0) {
		n = utf8_sequence(text.bytes + at, text.n - at);
		fuzz_check(
		    n <= 4 && n <= text.n - at, "a sequence is longer than its text");
		at += n;
	}
	fuzz_check(valid == (at == text.n), "a text is valid and its sequences are not");
}

static void check_mask(struct fuzz_input text, struct fuzz_input value)
{
	_cleanup_secret_ struct secret masked = {0};

	fuzz_fill(&masked, text);
	mask_secret(&masked, value.n > 0 ? value.bytes : "", value.n);
	fuzz_check(masked.len == text.n, "masking changes the length");
	if (value.n >= MASK_SECRET_MIN && !memchr(value.bytes, '*', value.n) &&
	    text.n > 0)
		fuzz_check(!memmem(masked.data, masked.len, value.bytes, value.n),
		    "a secret is left");
	for (size_t i = 0; i < text.n; i++)
		fuzz_check(masked.data[i] == '*' || masked.data[i] == text.bytes[i],
		    "masking writes something else than asterisks");
}

/* The last character that still has a place is there whole, be it four bytes of \xNN. */
#define ESCAPED_MAX (LOG_FOREIGN_MAX + 4 * strlen("\\xNN") + strlen("..."))

static void check_escape(struct fuzz_input text,
    int (*escape)(struct secret *out, const char *text, size_t len))
{
	_cleanup_secret_ struct secret escaped = {0};

	fuzz_check(
	    escape(&escaped, text.n > 0 ? text.bytes : "", text.n) == 0, "no memory");
	fuzz_check(strlen(secret_str(&escaped)) == escaped.len, "a NUL is left");
	fuzz_check(fuzz_is_line(secret_str(&escaped)), "a control character is left");
	fuzz_check(utf8_is_valid(secret_str(&escaped), escaped.len), "it is no UTF-8");
	fuzz_check(escaped.len <= ESCAPED_MAX, "it is not cut");
	for (size_t i = 0; escape == log_quote && i < escaped.len; i++)
		fuzz_check(escaped.data[i] != '\\' || escaped.data[i + 1] == 'x',
		    "a backslash of the text is left");
}

/* A datagram of the journal's protocol, read as systemd does: every field is one of ours. */
static void check_fields(const struct secret *datagram)
{
	static const char *const names[] = {"MESSAGE", "MESSAGE_ID", "PRIORITY", "FIELD",
	    "SYSLOG_IDENTIFIER", "SYSLOG_PID"};
	struct fuzz_input rest = {datagram->data, datagram->len};

	while (rest.n > 0) {
		struct fuzz_input name = fuzz_take_line(&rest);
		const char *equals = memchr(name.bytes, '=', name.n);
		size_t len = equals ? (size_t)(equals - name.bytes) : name.n;
		uint64_t size = 0;
		bool known = false;

		for (size_t i = 0; i < ELEMENTSOF(names); i++)
			known |= strlen(names[i]) == len &&
				 memcmp(names[i], name.bytes, len) == 0;
		fuzz_check(known, "a field has been forged");
		if (equals)
			continue;
		fuzz_check(rest.n > sizeof(size), "a field has no length");
		memcpy(&size, fuzz_take_bytes(&rest, sizeof(size)).bytes, sizeof(size));
		fuzz_check(size < rest.n, "a field is longer than its datagram");
		(void)fuzz_take_bytes(&rest, size);
		fuzz_check(
		    *fuzz_take_bytes(&rest, 1).bytes == '\n', "a field has no end");
	}
}

/* The linker's name for what log_open() calls: there is a journal. */
int __wrap_connect(int fd, const void *address, unsigned len);
int __wrap_connect(int fd, const void *address, unsigned len)
{
	return fd >= 0 && address && len > 0 ? 0 : -1;
}

/* One line, as it goes to standard error. */
static void check_line(const struct secret *line)
{
	const char *end = memchr(line->data, '\n', line->len);

	fuzz_check(end == line->data + line->len - 1, "a record is not one line");
}

static void check_record(struct fuzz_input in, const char *target)
{
	_cleanup_secret_ struct secret datagram = {0};
	_cleanup_free_ char *text = fuzz_text(in);
	const struct log_field fields[] = {{"FIELD", text}, {"FIELD", NULL}};

	fuzz_check(setenv("MAILDEST_LOG_TARGET", target, 1) == 0, "no memory");
	log_open("fuzz", -1);
	fuzz_check(log_prepare(&datagram, LOG_PRIORITY_ERROR, NULL, text, fields,
		       ELEMENTSOF(fields)) == 0,
	    "no memory");
	if (strcmp(target, "journal") == 0)
		check_fields(&datagram);
	else
		check_line(&datagram);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct fuzz_input in = fuzz_input(bytes, n);
	struct fuzz_input value = fuzz_take_line(&in);

	check_utf8(in);
	check_mask(in, value);
	check_escape(in, log_escape);
	check_escape(in, log_quote);
	check_record(in, "stderr");
	check_record(in, "journal");
	return 0;
}
