/* SPDX-License-Identifier: Apache-2.0 */
/* The dialogue of each mechanism, with a server that follows a script. */

#include "sasl.h"

#include <errno.h>
#include <string.h>

#include "base64.h"
#include "check-program.h"
#include "freed-memory.h"
#include "scram.h"

#define STEPS_MAX 12

/* One answer of the server: a verb's result, and the challenge if that is 1. */
struct step {
	int result;
	const char *challenge; /* what goes on the wire; "first" and "final" under SCRAM
				  stand for what a right server says */
};

/* The server; a test has one. */
static struct {
	bool takes_initial;
	const struct step *steps;
	size_t next;
	struct secret log; /* what it was told, decoded, control characters as ^A */
	struct secret client_first, server_first;
	const char *password;
} server;

static void note(const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int r = (unsigned char)bytes[i] >= 0x20
			    ? secret_append(&server.log, bytes + i, 1)
			    : secret_printf(&server.log, "^%c", bytes[i] + '@');

		ck_assert_int_eq(r, 0);
	}
}

static void note_response(const char *encoded, struct secret *decoded)
{
	ck_assert_int_eq(base64_decode(encoded, strlen(encoded), decoded), 0);
	note("[", 1);
	note(secret_str(decoded), decoded->len);
	note("]", 1);
}

/* What a right server says to the client's first message: its nonce goes on. */
static void say_first(struct secret *out)
{
	const char *nonce = strstr(secret_str(&server.client_first), "r=");

	ck_assert_ptr_nonnull(nonce);
	secret_clear(&server.server_first);
	ck_assert_int_eq(
	    secret_printf(&server.server_first, "%sx,s=c2FsdA==,i=4096", nonce), 0);
	ck_assert_int_eq(
	    base64_encode(server.server_first.data, server.server_first.len, out), 0);
}

/* A second client with the same nonce knows the signature that the first one expects. */
static void say_final(struct secret *out)
{
	const char *nonce = strstr(secret_str(&server.client_first), "r=");
	_cleanup_scram_ struct scram s = {0};
	_cleanup_secret_ struct secret ignored = {0}, text = {0};

	ck_assert_int_eq(secret_puts(&s.nonce, nonce + 2), 0);
	ck_assert_int_eq(scram_first(&s, "user", &ignored), 0);
	ck_assert_int_eq(
	    scram_final(&s, secret_str(&server.server_first), server.password, &ignored),
	    0);
	ck_assert_int_eq(secret_printf(&text, "v=%s", secret_str(&s.server_proof)), 0);
	ck_assert_int_eq(base64_encode(text.data, text.len, out), 0);
}

static int take_step(struct upstream *u, struct secret *challenge)
{
	const struct step *s = &server.steps[server.next++];

	ck_assert_uint_le(server.next, STEPS_MAX);
	if (s->result == -EACCES) {
		u->credentials_refused = true;
		return upstream_fail(u, s->result, "the server said no");
	}
	if (s->result < 0)
		return upstream_fail(u, s->result, "the server failed");
	if (s->result == 1 && strcmp(s->challenge, "first") == 0)
		say_first(challenge);
	else if (s->result == 1 && strcmp(s->challenge, "final") == 0)
		say_final(challenge);
	else if (s->result == 1)
		ck_assert_int_eq(secret_puts(challenge, s->challenge), 0);
	return s->result;
}

static int fake_auth(struct upstream *u, const char *mechanism, const char *initial,
    struct secret *challenge)
{
	note("AUTH ", 5);
	note(mechanism, strlen(mechanism));
	if (initial)
		note_response(initial, &server.client_first);
	return take_step(u, challenge);
}

static int fake_answer(struct upstream *u, const char *encoded, struct secret *challenge)
{
	_cleanup_secret_ struct secret decoded = {0};

	note_response(encoded, &decoded);
	if (server.client_first.len == 0)
		ck_assert_int_eq(secret_append(&server.client_first, secret_str(&decoded),
				     decoded.len),
		    0);
	return take_step(u, challenge);
}

static int fake_login(struct upstream *u, const char *user, const char *password)
{
	_cleanup_secret_ struct secret ignored = {0};

	note("LOGIN ", 6);
	note(user, strlen(user));
	note(" ", 1);
	note(password, strlen(password));
	return take_step(u, &ignored);
}

static bool fake_takes_initial(const struct upstream *u _unused_,
    const char *mechanism _unused_, size_t len _unused_)
{
	return server.takes_initial;
}

static const struct protocol with_login = {
    .name = "FAKE",
    .takes_initial = fake_takes_initial,
    .auth = fake_auth,
    .answer = fake_answer,
    .login = fake_login,
};
static void server_done(void)
{
	secret_done(&server.log);
	secret_done(&server.client_first);
	secret_done(&server.server_first);
}

static const struct sasl_credentials password = {
    .user = "user", .password = "pass", .host = "mail.example", .port = 587};
static const struct sasl_credentials token = {
    .user = "us,er", .token = "to.ken", .host = "mail.example", .port = 587};

/* Runs a login by the mechanism; the upstream is the caller's. */
static int login(struct upstream *u, const char *name, const struct sasl_credentials *c,
    bool takes_initial, const struct step *steps)
{
	struct sasl_credentials wanted = *c;
	const struct sasl_mechanism *m;

	server_done();
	memset(&server, 0, sizeof(server));
	server.takes_initial = takes_initial;
	server.steps = steps;
	server.password = c->password;
	wanted.preference = name;
	u->capabilities.mechanisms = sasl_mechanism_bit(name, strlen(name));
	wanted.clear_text_allowed = true;
	ck_assert_int_eq(sasl_choose(u, &with_login, &wanted, &m), 0);
	return sasl_login(u, &with_login, m, &wanted);
}

START_TEST(test_dialogues)
{
#define USER_BEARER "user=us,er^Aauth=Bearer to.ken^A^A"
#define NAMED_BEARER "n,a=us=2Cer,^Ahost=mail.example^Aport=587^Aauth=Bearer to.ken^A^A"
	static const struct {
		const char *label, *mechanism;
		bool oauth, takes_initial;
		struct step steps[STEPS_MAX];
		int want;
		const char *log, *why;
	} rows[] = {
	    {"XOAUTH2", "XOAUTH2", true, true, {{0, NULL}}, 0,
		"AUTH XOAUTH2[" USER_BEARER "]", NULL},
	    {"XOAUTH2 without an initial response", "XOAUTH2", true, false,
		{{1, ""}, {0, NULL}}, 0, "AUTH XOAUTH2[" USER_BEARER "]", NULL},
	    {"XOAUTH2 refused with a report", "XOAUTH2", true, true,
		{{1, "eyJzdGF0dXMiOiI0MDAifQ=="}, {-EACCES, NULL}}, -EACCES,
		"AUTH XOAUTH2[" USER_BEARER "][]",
		"the server said no: '{\"status\":\"400\"}'"},
	    {"XOAUTH2 refused with a report in plain text", "XOAUTH2", true, true,
		{{1, "no such \001token"}, {-EACCES, NULL}}, -EACCES,
		"AUTH XOAUTH2[" USER_BEARER "][]", "'no such \\x01token'"},
	    {"XOAUTH2 refused without a report", "XOAUTH2", true, true, {{-EACCES, NULL}},
		-EACCES, "AUTH XOAUTH2[" USER_BEARER "]", "the server said no"},
	    {"XOAUTH2 refused with an empty report", "XOAUTH2", true, true,
		{{1, ""}, {-EACCES, NULL}}, -EACCES, "AUTH XOAUTH2[" USER_BEARER "][]",
		"the server said no"},
	    {"XOAUTH2 accepted after a report", "XOAUTH2", true, true,
		{{1, "e30="}, {0, NULL}}, -EPROTO, "AUTH XOAUTH2[" USER_BEARER "][]",
		"after it had refused it"},
	    {"XOAUTH2, busy after a report", "XOAUTH2", true, true,
		{{1, "e30="}, {-EBUSY, NULL}}, -EBUSY, "AUTH XOAUTH2[" USER_BEARER "][]",
		"the server failed"},
	    {"OAUTHBEARER", "OAUTHBEARER", true, true, {{0, NULL}}, 0,
		"AUTH OAUTHBEARER[" NAMED_BEARER "]", NULL},
	    {"OAUTHBEARER refused with a report", "OAUTHBEARER", true, true,
		{{1, "e30="}, {-EACCES, NULL}}, -EACCES,
		"AUTH OAUTHBEARER[" NAMED_BEARER "][^A]", "'{}'"},
	    {"PLAIN", "PLAIN", false, true, {{0, NULL}}, 0, "AUTH PLAIN[^@user^@pass]",
		NULL},
	    {"PLAIN without an initial response", "PLAIN", false, false,
		{{1, ""}, {0, NULL}}, 0, "AUTH PLAIN[^@user^@pass]", NULL},
	    {"PLAIN after a talkative challenge", "PLAIN", false, false,
		{{1, "Go ahead"}, {0, NULL}}, 0, "AUTH PLAIN[^@user^@pass]", NULL},
	    {"PLAIN refused", "PLAIN", false, true, {{-EACCES, NULL}}, -EACCES,
		"AUTH PLAIN[^@user^@pass]", "the server said no"},
	    {"PLAIN accepted before it was made", "PLAIN", false, false, {{0, NULL}},
		-EPROTO, "AUTH PLAIN", "was not made"},
	    {"PLAIN with another challenge", "PLAIN", false, true, {{1, ""}, {0, NULL}},
		-EPROTO, "AUTH PLAIN[^@user^@pass]", "not one of PLAIN"},
	    {"PLAIN, server gone", "PLAIN", false, true, {{-ECONNRESET, NULL}},
		-ECONNRESET, "AUTH PLAIN[^@user^@pass]", "the server failed"},
	    {"LOGIN", "LOGIN", false, true,
		{{1, "VXNlcm5hbWU6"}, {1, "UGFzc3dvcmQ6"}, {0, NULL}}, 0,
		"AUTH LOGIN[user][pass]", NULL},
	    {"LOGIN with prompts in plain text", "LOGIN", false, false,
		{{1, "User:"}, {1, ""}, {0, NULL}}, 0, "AUTH LOGIN[user][pass]", NULL},
	    {"LOGIN refused after the user", "LOGIN", false, true,
		{{1, "VXNlcm5hbWU6"}, {-EACCES, NULL}}, -EACCES, "AUTH LOGIN[user]",
		"the server said no"},
	    {"LOGIN with a third prompt", "LOGIN", false, true,
		{{1, ""}, {1, ""}, {1, ""}, {0, NULL}}, -EPROTO, "AUTH LOGIN[user][pass]",
		"not one of LOGIN"},
	    {"SCRAM accepted at once", "SCRAM-SHA-256", false, true, {{0, NULL}}, -EPROTO,
		NULL, "did not prove"},
	    {"SCRAM accepted without the server's proof", "SCRAM-SHA-256", false, true,
		{{1, "first"}, {0, NULL}}, -EPROTO, NULL, "did not prove"},
	    {"SCRAM", "SCRAM-SHA-256", false, true,
		{{1, "first"}, {1, "final"}, {0, NULL}}, 0, NULL, NULL},
	    {"SCRAM without an initial response", "SCRAM-SHA-256", false, false,
		{{1, ""}, {1, "first"}, {1, "final"}, {0, NULL}}, 0, NULL, NULL},
	    {"SCRAM with one challenge more", "SCRAM-SHA-256", false, true,
		{{1, "first"}, {1, "final"}, {1, ""}, {0, NULL}}, -EPROTO, NULL,
		"not one of SCRAM-SHA-256"},
	    {"SCRAM, refused", "SCRAM-SHA-256", false, true,
		{{1, "first"}, {-EACCES, NULL}}, -EACCES, NULL, "the server said no"},
	    {"SCRAM, another's proof", "SCRAM-SHA-256", false, true,
		{{1, "first"},
		    {1, "dj1BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE9"},
		    {0, NULL}},
		-EPROTO, NULL, "not one of SCRAM-SHA-256"},
	    {"SCRAM, another's nonce", "SCRAM-SHA-256", false, true,
		{{1, "cj14LHM9YzJGc2RBPT0saT00MDk2"}, {0, NULL}}, -EPROTO, NULL,
		"not one of SCRAM-SHA-256"},
	    {"SCRAM, an error", "SCRAM-SHA-256", false, true,
		{{1, "ZT1vdGhlci1lcnJvcg=="}, {0, NULL}}, -EPROTO, NULL,
		"not one of SCRAM-SHA-256"},
	    {"SCRAM, no base64", "SCRAM-SHA-256", false, true,
		{{1, "r=x,s=c2FsdA==,i=4096"}, {0, NULL}}, -EPROTO, NULL,
		"not one of SCRAM-SHA-256"},
	    {"SCRAM, empty challenge", "SCRAM-SHA-256", false, true, {{1, ""}, {0, NULL}},
		-EPROTO, NULL, "not one of SCRAM-SHA-256"},
	};
#undef USER_BEARER
#undef NAMED_BEARER

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_upstream_ struct upstream u = UPSTREAM_INIT;
		int r = login(&u, rows[i].mechanism, rows[i].oauth ? &token : &password,
		    rows[i].takes_initial, rows[i].steps);

		ck_assert_msg(r == rows[i].want, "%s: %d (%s)", rows[i].label, r, u.why);
		ck_assert_msg(rows[i].why ? u.why && strstr(u.why, rows[i].why) : !u.why,
		    "%s: the reason is '%s'", rows[i].label, u.why);
		ck_assert_msg(
		    !rows[i].log || strcmp(rows[i].log, secret_str(&server.log)) == 0,
		    "%s: the server was told '%s'", rows[i].label,
		    secret_str(&server.log));
		ck_assert_msg(u.credentials_refused == (r == -EACCES),
		    "%s: blames the credentials wrongly", rows[i].label);
	}
	server_done();
}
END_TEST

START_TEST(test_no_server_can_go_on_asking)
{
	static const struct step steps[STEPS_MAX] = {{1, "e30="}, {1, "e30="},
	    {1, "e30="}, {1, "e30="}, {1, "e30="}, {1, "e30="}, {1, "e30="}, {1, "e30="},
	    {1, "e30="}, {1, "e30="}, {1, "e30="}, {0, NULL}};
	static const char *const names[] = {"XOAUTH2", "OAUTHBEARER"};

	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		_cleanup_upstream_ struct upstream u = UPSTREAM_INIT;

		ck_assert_int_eq(login(&u, names[i], &token, true, steps), -EPROTO);
		ck_assert_ptr_nonnull(strstr(u.why, "does not end"));
		ck_assert_uint_eq(server.next, 9);
	}
	server_done();
}
END_TEST

START_TEST(test_the_login_command_stands_in_for_the_mechanism)
{
	static const struct step steps[] = {{0, NULL}};
	_cleanup_upstream_ struct upstream u = UPSTREAM_INIT;
	const struct sasl_mechanism *m;
	struct sasl_credentials c = password;

	c.clear_text_allowed = true;
	server.steps = steps;
	ck_assert_int_eq(sasl_choose(&u, &with_login, &c, &m), 0);
	ck_assert_int_eq(sasl_login(&u, &with_login, m, &c), 0);
	ck_assert_str_eq(secret_str(&server.log), "LOGIN user pass");
	server_done();
}
END_TEST

START_TEST(test_the_login_command_takes_only_ascii)
{
	static const char *const texts[] = {"gr\xc3\xbc\xc3\x9f", "\x80", "a\xff"};
	static const struct step steps[] = {{0, NULL}};

	for (size_t i = 0; i < 2 * ELEMENTSOF(texts); i++) {
		_cleanup_upstream_ struct upstream u = UPSTREAM_INIT;
		const struct sasl_mechanism *m;
		struct sasl_credentials c = password;

		c.clear_text_allowed = true;
		*(i % 2 ? &c.user : &c.password) = texts[i / 2];
		server.steps = steps;
		ck_assert_int_eq(sasl_choose(&u, &with_login, &c, &m), 0);
		ck_assert_int_eq(sasl_login(&u, &with_login, m, &c), -EOPNOTSUPP);
		ck_assert_ptr_nonnull(strstr(u.why, "ASCII"));
		ck_assert_str_eq(secret_str(&server.log), "");
		server_done();
	}
}
END_TEST

START_TEST(test_scram_says_what_it_cannot_do)
{
	static const struct {
		const char *user, *password;
		bool first_goes_out;
	} rows[] = {
	    {"gr\xc3\xbc\xc3\x9f", "pass", false},
	    {"user", "gr\xc3\xbc\xc3\x9f", true},
	};
	static const struct step steps[] = {{1, "first"}, {0, NULL}};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_upstream_ struct upstream u = UPSTREAM_INIT;
		const struct sasl_credentials c = {
		    .user = rows[i].user, .password = rows[i].password};

		ck_assert_int_eq(
		    login(&u, "SCRAM-SHA-256", &c, true, steps), -EOPNOTSUPP);
		ck_assert_ptr_nonnull(strstr(u.why, "printable ASCII"));
		ck_assert_uint_eq(server.next, rows[i].first_goes_out);
	}
	server_done();
}
END_TEST

START_TEST(test_no_secret_stays_in_freed_memory)
{
	static const struct {
		const char *mechanism, *pattern;
		bool oauth;
	} rows[] = {
	    {"XOAUTH2", "to.ken", true},
	    {"XOAUTH2", "UJlYXJlciB0by5rZW", true},
	    {"OAUTHBEARER", "to.ken", true},
	    {"PLAIN", "user", false},
	    {"PLAIN", "AHVzZXIAcGFzcw", false},
	};
	static const struct step steps[] = {{0, NULL}};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_upstream_ struct upstream u = UPSTREAM_INIT;

		freed_memory_watch(rows[i].pattern);
		ck_assert_int_eq(login(&u, rows[i].mechanism,
				     rows[i].oauth ? &token : &password, true, steps),
		    0);
		ck_assert_msg(freed_memory_hits() == 0, "%s: leaves '%s'",
		    rows[i].mechanism, rows[i].pattern);
		freed_memory_watch(NULL);
	}
	server_done();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_dialogues,
	    test_no_server_can_go_on_asking,
	    test_the_login_command_stands_in_for_the_mechanism,
	    test_the_login_command_takes_only_ascii,
	    test_scram_says_what_it_cannot_do,
	    test_no_secret_stays_in_freed_memory,
	};

	return check_program("sasl", tests, ELEMENTSOF(tests));
}
