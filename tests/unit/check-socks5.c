/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SOCKS5, byte for byte: what is sent, how much is read, and what each answer of a proxy
 * means. Dialogues are hexadecimal: ">" is what the proxy must be told, "<" what it says,
 * in just the pieces that are to be read.
 */

#include "socks5.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "freed-memory.h"
#include "unhex.h"

#define LINES_MAX 12

static void expect_out(struct socks5 *s, const char *label, const char *want)
{
	unsigned char bytes[1024];
	size_t n = unhex(want, bytes, sizeof(bytes));

	ck_assert_msg(s->out.len == n && memcmp(s->out.data, bytes, n) == 0,
	    "%s: %zu other bytes are sent than '%s'", label, s->out.len, want);
	secret_clear(&s->out);
}

/* Plays a dialogue to its end; returns what the last socks5_take() said. */
static int play(
    struct socks5 *s, const char *label, const char *const *lines, char **ret_why)
{
	unsigned char bytes[1024];
	int r = 0;

	for (; *lines; lines++) {
		ck_assert_msg(r == 0, "%s: it ends before '%s' (%d)", label, *lines, r);
		if (**lines == '>') {
			expect_out(s, label, *lines + 1);
			continue;
		}
		ck_assert_msg(s->out.len == 0, "%s: it sends before '%s'", label, *lines);
		ck_assert_msg(unhex(*lines + 1, bytes, sizeof(bytes)) == s->need,
		    "%s: %zu bytes are read where '%s' comes", label, s->need, *lines);
		r = socks5_take(s, bytes, s->need, ret_why);
	}
	return r;
}

#define AUTH_PLAIN "01 00 00 00 06 65 79 2e 4a 2e 77 00"
#define AUTH_LOCATION \
	"01 00 00 00 06 65 79 2e 4a 2e 77 0c 62 33 4a 73 59 57 35 6b 62 77 3d 3d"
#define CONNECT_NAME "05 01 00 03 0c 6d 61 69 6c 2e 76 69 72 74 75 61 6c 02 4b"
#define CONNECT_ADDRESS "05 01 00 01 0a 00 00 05 00 8f"

START_TEST(test_speaks_the_protocol)
{
	static const struct {
		const char *label;
		struct socks5_request request;
		const char *lines[LINES_MAX];
	} rows[] = {
	    {"JWT and location id",
		{.method = SOCKS5_JWT,
		    .jwt = "ey.J.w",
		    .location_id = "orlando",
		    .host = "mail.virtual",
		    .port = 587},
		{">05 01 80", "<05 80", ">" AUTH_LOCATION, "<01 00", ">" CONNECT_NAME,
		    "<05 00", "<00 01", "<0a 00 00 01 02 03"}},
	    {"JWT without a location id",
		{.method = SOCKS5_JWT, .jwt = "ey.J.w", .host = "10.0.0.5", .port = 143},
		{">05 01 80", "<05 80", ">" AUTH_PLAIN, "<01 00", ">" CONNECT_ADDRESS,
		    "<05 00", "<00 03", "<03", "<61 2e 62 00 19"}},
	    {"an empty location id is none",
		{.method = SOCKS5_JWT,
		    .jwt = "ey.J.w",
		    .location_id = "",
		    .host = "010.0.0.5",
		    .port = 65535},
		{">05 01 80", "<05 80", ">" AUTH_PLAIN, "<01 00",
		    ">05 01 00 03 09 30 31 30 2e 30 2e 30 2e 35 ff ff", "<05 00",
		    "<00 04", "<00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11"}},
	    {"no authentication, an IPv6 host",
		{.method = SOCKS5_NONE, .host = "::1", .port = 143},
		{">05 01 00", "<05 00",
		    ">05 01 00 04 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01 00 8f",
		    "<05 00", "<00 01", "<00 00 00 00 00 00"}},
	    {"an empty name in the reply",
		{.method = SOCKS5_NONE, .host = "a", .port = 1},
		{">05 01 00", "<05 00", ">05 01 00 03 01 61 00 01", "<05 00", "<00 03",
		    "<00", "<00 00"}},
	    {"user and password",
		{.method = SOCKS5_PASSWORD,
		    .user = "me",
		    .password = "pw1",
		    .host = "10.0.0.5",
		    .port = 143},
		{">05 02 00 02", "<05 02", ">01 02 6d 65 03 70 77 31", "<01 00",
		    ">" CONNECT_ADDRESS, "<05 00", "<00 01", "<00 00 00 00 00 00"}},
	    {"user and password that the proxy does not want",
		{.method = SOCKS5_PASSWORD,
		    .user = "me",
		    .password = "pw1",
		    .host = "10.0.0.5",
		    .port = 143},
		{">05 02 00 02", "<05 00", ">" CONNECT_ADDRESS, "<05 00", "<00 01",
		    "<00 00 00 00 00 00"}},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_socks5_ struct socks5 s = {0};
		_cleanup_free_ char *why = NULL;

		ck_assert_int_eq(socks5_begin(&s, &rows[i].request, &why), 0);
		ck_assert_msg(play(&s, rows[i].label, rows[i].lines, &why) == 1,
		    "%s: is not connected: %s", rows[i].label, why);
		ck_assert_msg(s.need == 0 && s.out.len == 0,
		    "%s: it goes on when connected", rows[i].label);
	}
}
END_TEST

static void begin(struct socks5 *s, enum socks5_method method)
{
	const struct socks5_request q = {.method = method,
	    .user = "me",
	    .password = "pw1",
	    .jwt = "ey.J.w",
	    .host = "10.0.0.5",
	    .port = 143};
	char *why;

	ck_assert_int_eq(socks5_begin(s, &q, &why), 0);
	secret_clear(&s->out);
}

/* Brings it to where the CONNECT request has been sent. */
static void begin_connect(struct socks5 *s, enum socks5_method method)
{
	static const char *const lines[][5] = {
	    [SOCKS5_NONE] = {"<05 00", ">" CONNECT_ADDRESS},
	    [SOCKS5_PASSWORD] = {"<05 02", ">01 02 6d 65 03 70 77 31", "<01 00",
		">" CONNECT_ADDRESS},
	    [SOCKS5_JWT] = {"<05 80", ">" AUTH_PLAIN, "<01 00", ">" CONNECT_ADDRESS},
	};
	char *why;

	begin(s, method);
	ck_assert_int_eq(play(s, "begin", lines[method], &why), 0);
}

START_TEST(test_says_what_a_reply_means)
{
	static const struct {
		unsigned char code;
		int ordinary, jwt;
		const char *words, *jwt_words;
	} rows[] = {
	    {0x01, -ECONNRESET, -ECONNRESET, "general failure", "closed"},
	    {0x02, -EINVAL, -EINVAL, "rules", "no mapping"},
	    {0x03, -ENETUNREACH, -ENETUNREACH, "network", "not connected"},
	    {0x04, -EHOSTUNREACH, -EHOSTUNREACH, "host", "internal host"},
	    {0x05, -ECONNREFUSED, -EKEYEXPIRED, "refused", "authentication"},
	    {0x06, -ECONNRESET, -ECONNRESET, "timed out", "timed out"},
	    {0x07, -EINVAL, -EINVAL, "command", "command"},
	    {0x08, -EINVAL, -EINVAL, "address", "address"},
	    {0x09, -ECONNRESET, -ECONNRESET, "unknown", "unknown"},
	    {0xff, -ECONNRESET, -ECONNRESET, "unknown", "unknown"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows) * 2; i++) {
		bool jwt = i % 2 == 1;
		int want = jwt ? rows[i / 2].jwt : rows[i / 2].ordinary;
		const unsigned char reply[] = {5, rows[i / 2].code};
		_cleanup_socks5_ struct socks5 s = {0};
		_cleanup_free_ char *why = NULL;
		int r;

		begin_connect(&s, jwt ? SOCKS5_JWT : SOCKS5_NONE);
		r = socks5_take(&s, reply, s.need, &why);
		ck_assert_msg(
		    r == want, "reply %02x, jwt %d: means %d", reply[1], jwt, r);
		ck_assert_msg(
		    strstr(why, jwt ? rows[i / 2].jwt_words : rows[i / 2].words) &&
			strstr(why, "reply"),
		    "reply %02x, jwt %d: the reason is '%s'", reply[1], jwt, why);
	}
}
END_TEST

START_TEST(test_says_what_else_is_wrong)
{
	static const struct {
		const char *label;
		enum socks5_method method;
		bool connect; /* from behind the CONNECT request on */
		const char *lines[LINES_MAX];
		int want;
		const char *words;
	} rows[] = {
	    {"version 4 in the greeting", SOCKS5_JWT, false, {"<04 80"}, -EPROTO,
		"version is 4"},
	    {"HTTP, ordinary", SOCKS5_NONE, false, {"<48 54"}, -EPROTO, "no SOCKS5"},
	    {"no acceptable method, JWT", SOCKS5_JWT, false, {"<05 ff"}, -EKEYEXPIRED,
		"token"},
	    {"no authentication, JWT", SOCKS5_JWT, false, {"<05 00"}, -EKEYEXPIRED,
		"method 00"},
	    {"no acceptable method, none", SOCKS5_NONE, false, {"<05 ff"}, -EKEYEXPIRED,
		"no user is set"},
	    {"no acceptable method, password", SOCKS5_PASSWORD, false, {"<05 ff"},
		-EKEYEXPIRED, "neither"},
	    {"a method not offered", SOCKS5_NONE, false, {"<05 02"}, -EPROTO,
		"not offered"},
	    {"JWT's method not offered", SOCKS5_PASSWORD, false, {"<05 80"}, -EPROTO,
		"not offered"},
	    {"JWT refused", SOCKS5_JWT, false, {"<05 80", ">" AUTH_PLAIN, "<01 01"},
		-EKEYEXPIRED, "01 01"},
	    {"JWT refused in another version", SOCKS5_JWT, false,
		{"<05 80", ">" AUTH_PLAIN, "<05 00"}, -EKEYEXPIRED, "05 00"},
	    {"password refused", SOCKS5_PASSWORD, false,
		{"<05 02", ">01 02 6d 65 03 70 77 31", "<01 ff"}, -EKEYEXPIRED,
		"user and password"},
	    {"version 4 in the reply", SOCKS5_JWT, true, {"<04 00"}, -EPROTO,
		"version is 4"},
	    {"version 0 in the reply", SOCKS5_NONE, true, {"<00 5a"}, -EPROTO,
		"version is 0"},
	    {"an unknown type of address", SOCKS5_JWT, true, {"<05 00", "<00 02"},
		-EPROTO, "type (02)"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_socks5_ struct socks5 s = {0};
		_cleanup_free_ char *why = NULL;
		int r;

		if (rows[i].connect)
			begin_connect(&s, rows[i].method);
		else
			begin(&s, rows[i].method);
		r = play(&s, rows[i].label, rows[i].lines, &why);
		ck_assert_msg(r == rows[i].want, "%s: means %d", rows[i].label, r);
		ck_assert_msg(strstr(why, rows[i].words), "%s: the reason is '%s'",
		    rows[i].label, why);
	}
}
END_TEST

static const char *repeat(char c, size_t n)
{
	static char text[300];

	ck_assert_uint_lt(n, sizeof(text));
	memset(text, c, n);
	text[n] = '\0';
	return text;
}

static int begin_with(struct socks5_request q, char **ret_why)
{
	_cleanup_socks5_ struct socks5 s = {0};

	if (q.method == SOCKS5_JWT && !q.jwt)
		q.jwt = "ey.J.w";
	if (!q.host)
		q.host = "mail.virtual";
	q.port = 25;
	return socks5_begin(&s, &q, ret_why);
}

START_TEST(test_refuses_what_cannot_be_sent)
{
	const struct {
		const char *label;
		struct socks5_request request;
		const char *words;
	} rows[] = {
	    {"190 bytes of location id",
		{.method = SOCKS5_JWT, .location_id = strdup(repeat('l', 190))}, "189"},
	    {"256 bytes of host",
		{.method = SOCKS5_JWT, .host = strdup(repeat('h', 256))}, "255"},
	    {"256 bytes of host, ordinary",
		{.method = SOCKS5_NONE, .host = strdup(repeat('h', 256))}, "255"},
	    {"no host", {.method = SOCKS5_NONE, .host = strdup("")}, "host"},
	    {"an IPv6 literal on-premise",
		{.method = SOCKS5_JWT, .host = strdup("2001:db8::1")}, "IPv6"},
	    {"an empty JWT", {.method = SOCKS5_JWT, .jwt = ""}, "token"},
	    {"no user", {.method = SOCKS5_PASSWORD, .password = "p"}, "user"},
	    {"an empty user", {.method = SOCKS5_PASSWORD, .user = "", .password = "p"},
		"user"},
	    {"an empty password",
		{.method = SOCKS5_PASSWORD, .user = "u", .password = ""}, "password"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *why = NULL;
		int r = begin_with(rows[i].request, &why);

		ck_assert_msg(r == -EINVAL, "%s: is accepted", rows[i].label);
		ck_assert_msg(strstr(why, rows[i].words), "%s: the reason is '%s'",
		    rows[i].label, why);
		free((char *)rows[i].request.location_id);
		free((char *)rows[i].request.host);
	}
}
END_TEST

START_TEST(test_sends_the_longest_texts)
{
	struct socks5_request q = {.method = SOCKS5_JWT, .port = 25, .jwt = "ey.J.w"};
	_cleanup_free_ char *location = strdup(repeat('l', 189));
	_cleanup_free_ char *host = strdup(repeat('h', 255));
	static const unsigned char accepted[] = {5, 0x80}, good[] = {1, 0};
	_cleanup_socks5_ struct socks5 s = {0};
	char *why;

	q.location_id = location;
	q.host = host;
	ck_assert_int_eq(socks5_begin(&s, &q, &why), 0);
	secret_clear(&s.out);
	ck_assert_int_eq(socks5_take(&s, accepted, 2, &why), 0);
	ck_assert_uint_eq(s.out.len, 5 + 6 + 1 + 252);
	ck_assert_uint_eq((unsigned char)s.out.data[11], 252);
	secret_clear(&s.out);
	ck_assert_int_eq(socks5_take(&s, good, 2, &why), 0);
	ck_assert_uint_eq(s.out.len, 4 + 1 + 255 + 2);
	ck_assert_uint_eq((unsigned char)s.out.data[4], 255);
}
END_TEST

START_TEST(test_the_length_of_a_long_jwt_has_four_bytes)
{
	struct socks5_request q = {.method = SOCKS5_JWT, .host = "a", .port = 25};
	static const unsigned char accepted[] = {5, 0x80};
	_cleanup_free_ char *jwt = malloc(0x12346);
	_cleanup_socks5_ struct socks5 s = {0};
	char *why;

	ck_assert_ptr_nonnull(jwt);
	memset(jwt, 'j', 0x12345);
	jwt[0x12345] = '\0';
	q.jwt = jwt;
	ck_assert_int_eq(socks5_begin(&s, &q, &why), 0);
	secret_clear(&s.out);
	ck_assert_int_eq(socks5_take(&s, accepted, 2, &why), 0);
	ck_assert_int_eq(memcmp(s.out.data, "\1\0\1\x23\x45j", 6), 0);
	ck_assert_uint_eq(s.out.len, 5 + 0x12345 + 1);
}
END_TEST

START_TEST(test_secrets_are_wiped)
{
	static const unsigned char accepted[] = {5, 0x80};
	struct socks5_request q = {
	    .method = SOCKS5_JWT, .jwt = "hunter2.J.w", .host = "a", .port = 25};
	struct socks5 s = {0};
	char *why;

	freed_memory_watch("hunter2");
	ck_assert_int_eq(socks5_begin(&s, &q, &why), 0);
	secret_clear(&s.out);
	ck_assert_int_eq(socks5_take(&s, accepted, 2, &why), 0);
	socks5_done(&s);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_speaks_the_protocol,
	    test_says_what_a_reply_means,
	    test_says_what_else_is_wrong,
	    test_refuses_what_cannot_be_sent,
	    test_sends_the_longest_texts,
	    test_the_length_of_a_long_jwt_has_four_bytes,
	    test_secrets_are_wiped,
	};

	return check_program("socks5", tests, ELEMENTSOF(tests));
}
