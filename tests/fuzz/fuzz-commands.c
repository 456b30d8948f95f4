/* SPDX-License-Identifier: Apache-2.0 */
/* One line of a client, as IMAP's and SMTP's commands are taken apart. */

#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "imap-command.h"
#include "imap.h"
#include "smtp-brackets.h"

static void try_literal(struct fuzz_input in)
{
	uint64_t len = 0;
	bool plus = false;

	if (imap_announces_literal(in.bytes, in.n, &len, &plus))
		fuzz_check(
		    in.bytes[in.n - 1] == '}', "a literal is not announced at the end");
}

static void take_arguments(struct imap_command *c)
{
	int r = 0;

	while (r == 0 && !imap_command_is_at_end(c)) {
		_cleanup_secret_ struct secret value = {0};
		size_t before = c->at;

		r = imap_command_take_astring(c, &value);
		fuzz_check(r < 0 || c->at > before, "an argument is nothing");
		fuzz_check(c->at <= c->text.len, "an argument goes beyond its command");
	}
}

static void try_command(struct fuzz_input in)
{
	_cleanup_imap_command_ struct imap_command c = {0};

	if (!imap_command_parse(in.bytes, in.n, &c)) {
		fuzz_check(c.tag_len <= in.n, "a tag goes beyond its line");
		return;
	}
	fuzz_check(c.tag_len > 0 && c.name_len > 0 && c.name_at > c.tag_len &&
		       c.name_at + c.name_len <= in.n,
	    "tag and name are not where they say");
	fuzz_fill(&c.text, in);
	c.at = c.name_at + c.name_len;
	take_arguments(&c);
}

/* Brackets are put once; nothing else changes but blanks before the address. */
static void try_brackets(struct fuzz_input in)
{
	_cleanup_secret_ struct secret once = {0}, twice = {0};
	struct line line = {in.bytes, in.n, in.n}, again;

	fuzz_check(smtp_brackets_add(&line, &once) == 0, "no memory");
	again = (struct line){secret_str(&once), once.len, once.len};
	fuzz_check(smtp_brackets_add(&again, &twice) == 0, "no memory");
	fuzz_check(twice.len == once.len &&
		       (once.len == 0 || memcmp(once.data, twice.data, once.len) == 0),
	    "brackets are put twice");
	fuzz_check(once.len <= in.n + 2, "more than brackets has been put");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	_cleanup_secret_ struct secret text = {0};
	struct fuzz_input in = fuzz_input(bytes, n);

	fuzz_fill(&text, in); /* a line is never NULL */
	in.bytes = secret_str(&text);
	try_literal(in);
	try_command(in);
	try_brackets(in);
	return 0;
}
