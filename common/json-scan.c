/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of RFC 8259, walked once from left to right; recursion is bounded by
 * JSON_DEPTH_MAX. */

#include "json-scan.h"

#include <stdint.h>
#include <string.h>

#include "json.h"
#include "macro.h"
#include "utf8.h"

/* A walk over the text by the grammar. */
struct scan {
	const char *text;
	size_t len, at;
	unsigned depth;
	const char *reason; /* set by the first failure */
};

static bool scan_fail(struct scan *s, const char *reason)
{
	if (!s->reason)
		s->reason = reason;
	return false;
}

static char scan_peek(const struct scan *s)
{
	return s->at < s->len ? s->text[s->at] : '\0';
}

static void scan_space(struct scan *s)
{
	while (s->at < s->len && strchr(" \t\r\n", s->text[s->at]) && s->text[s->at])
		s->at++;
}

static bool scan_hex4(struct scan *s, uint32_t *ret)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++, s->at++) {
		char c = scan_peek(s);

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return scan_fail(
			    s, "has a \\u that four hexadecimal digits do not follow");
	}
	*ret = value;
	return true;
}

/* Behind "\u": one code point, two escapes where the first is a surrogate. */
static bool scan_unicode(struct scan *s, uint32_t *ret)
{
	uint32_t high, low;

	if (!scan_hex4(s, &high))
		return false;
	if (high == 0)
		return scan_fail(s, "has a NUL character in a string");
	*ret = high;
	if (high < 0xd800 || high > 0xdfff)
		return true;
	if (high > 0xdbff || scan_peek(s) != '\\' || s->len - s->at < 2 ||
	    s->text[s->at + 1] != 'u')
		return scan_fail(s, "has half a surrogate pair");
	s->at += 2;
	if (!scan_hex4(s, &low))
		return false;
	if (low < 0xdc00 || low > 0xdfff)
		return scan_fail(s, "has half a surrogate pair");
	*ret = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	return true;
}

/* Behind a backslash. */
static bool scan_escape(struct scan *s, uint32_t *ret)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char c = scan_peek(s);
	const char *p;

	if (c == 'u') {
		s->at++;
		return scan_unicode(s, ret);
	}
	p = c ? strchr(from, c) : NULL;
	if (!p)
		return scan_fail(s, "has an unknown escape in a string");
	s->at++;
	*ret = (unsigned char)to[p - from];
	return true;
}

/* One character of a string that is no escape: its length, or 0. */
static size_t scan_plain(struct scan *s)
{
	size_t n;

	if ((unsigned char)scan_peek(s) < 0x20) {
		(void)scan_fail(s, s->at < s->len ? "has a control character in a string"
						  : "ends within a string");
		return 0;
	}
	n = utf8_sequence(s->text + s->at, s->len - s->at);
	if (n == 0)
		(void)scan_fail(s, "is not valid UTF-8");
	return n;
}

static bool scan_string(struct scan *s)
{
	uint32_t ignored;
	size_t n;

	s->at++;
	while (scan_peek(s) != '"') {
		if (scan_peek(s) == '\\') {
			s->at++;
			if (!scan_escape(s, &ignored))
				return false;
			continue;
		}
		n = scan_plain(s);
		if (n == 0)
			return false;
		s->at += n;
	}
	s->at++;
	return true;
}

static bool scan_digits(struct scan *s)
{
	size_t from = s->at;

	while (scan_peek(s) >= '0' && scan_peek(s) <= '9')
		s->at++;
	return s->at > from || scan_fail(s, "has a malformed number");
}

static bool scan_number(struct scan *s)
{
	if (scan_peek(s) == '-')
		s->at++;
	if (scan_peek(s) == '0')
		s->at++;
	else if (!scan_digits(s))
		return false;
	if (scan_peek(s) == '.') {
		s->at++;
		if (!scan_digits(s))
			return false;
	}
	if ((scan_peek(s) | 0x20) == 'e') {
		s->at++;
		if (scan_peek(s) == '+' || scan_peek(s) == '-')
			s->at++;
		if (!scan_digits(s))
			return false;
	}
	return true;
}

static bool scan_word(struct scan *s)
{
	static const char *const words[] = {"true", "false", "null"};

	for (size_t i = 0; i < ELEMENTSOF(words); i++) {
		size_t n = strlen(words[i]);

		if (s->len - s->at >= n && memcmp(s->text + s->at, words[i], n) == 0) {
			s->at += n;
			return true;
		}
	}
	if (scan_peek(s) == '<')
		return scan_fail(
		    s, "has an unquoted <placeholder> where a value belongs");
	return scan_fail(
	    s, s->at < s->len ? "has something that is no JSON value" : "ends too early");
}

static bool scan_value(struct scan *s);

static bool scan_member(struct scan *s, char closing)
{
	scan_space(s);
	if (closing == '}') {
		if (scan_peek(s) != '"')
			return scan_fail(
			    s, s->at < s->len ? "has something other than a key in quotes"
					      : "ends too early");
		if (!scan_string(s))
			return false;
		scan_space(s);
		if (scan_peek(s) != ':')
			return scan_fail(s, "has a key without a value");
		s->at++;
	}
	return scan_value(s);
}

static bool scan_container(struct scan *s, char closing)
{
	if (++s->depth > JSON_DEPTH_MAX)
		return scan_fail(s, "is nested too deeply");
	s->at++;
	scan_space(s);
	if (scan_peek(s) == closing) {
		s->at++;
		s->depth--;
		return true;
	}
	for (;;) {
		if (!scan_member(s, closing))
			return false;
		scan_space(s);
		if (scan_peek(s) == closing)
			break;
		if (scan_peek(s) != ',')
			return scan_fail(
			    s, s->at < s->len ? "lacks a comma" : "ends too early");
		s->at++;
	}
	s->at++;
	s->depth--;
	return true;
}

static bool scan_value(struct scan *s)
{
	char c;

	scan_space(s);
	c = scan_peek(s);
	if (c == '{')
		return scan_container(s, '}');
	if (c == '[')
		return scan_container(s, ']');
	if (c == '"')
		return scan_string(s);
	if (c == '-' || (c >= '0' && c <= '9'))
		return scan_number(s);
	return scan_word(s);
}

static bool scan_document(struct scan *s)
{
	if (s->len >= 3 && memcmp(s->text, "\xef\xbb\xbf", 3) == 0)
		return scan_fail(s, "begins with a byte order mark: save it without one");
	scan_space(s);
	if (s->at == s->len)
		return scan_fail(s, "is empty");
	if (!scan_value(s))
		return false;
	scan_space(s);
	return s->at == s->len || scan_fail(s, "goes on after its end");
}

bool json_scan(const char *text, size_t len, size_t *ret_at, const char **ret_reason)
{
	struct scan s = {.text = text, .len = len};

	if (scan_document(&s))
		return true;
	*ret_at = s.at;
	*ret_reason = s.reason;
	return false;
}

size_t json_unescape(char *text, size_t len)
{
	struct scan s = {.text = text, .len = len};
	size_t out = 0;
	uint32_t c;

	while (s.at < len) {
		if (text[s.at] != '\\') {
			text[out++] = text[s.at++];
			continue;
		}
		s.at++;
		if (scan_escape(&s, &c))
			out += utf8_encode(c, text + out);
	}
	return out;
}
