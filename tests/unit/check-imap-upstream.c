/* SPDX-License-Identifier: Apache-2.0 */
/* IMAP towards a server: greetings, responses of all kinds, capabilities and logins. */

#include "imap.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "protocol-rows.h"

START_TEST(test_greetings)
{
	static const struct {
		const char *said;
		int want;
		const char *why; /* NULL: none */
		bool known;
	} rows[] = {
	    {"* OK ready\r\n", 0, NULL, false},
	    {"* OK\r\n", 0, NULL, false},
	    {"* ok ready\n", 0, NULL, false},
	    {"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n", 0, NULL, true},
	    {"* ok [capability IMAP4rev1] ready\r\n", 0, NULL, true},
	    {"* OK [ALERT] [CAPABILITY IMAP4rev1]\r\n", 0, NULL, false},
	    {"* BYE too many of you\r\n", -EBUSY, "too many of you", false},
	    {"* BYE\r\n", -EBUSY, "refuses service", false},
	    {"* PREAUTH welcome\r\n", -EPROTO, "before we are", false},
	    {"* OKAY\r\n", -EPROTO, "no IMAP greeting", false},
	    {"* NO\r\n", -EPROTO, "no IMAP greeting", false},
	    {"* CAPABILITY IMAP4rev1\r\n", -EPROTO, "no IMAP greeting", false},
	    {"m0 OK\r\n", -EPROTO, "no IMAP greeting", false},
	    {"+ OK\r\n", -EPROTO, "no IMAP greeting", false},
	    {"+OK POP3\r\n", -EPROTO, "no IMAP greeting", false},
	    {"220 SMTP\r\n", -EPROTO, "no IMAP greeting", false},
	    {"*OK ready\r\n", -EPROTO, "no IMAP greeting", false},
	    {"*  OK ready\r\n", -EPROTO, "no IMAP greeting", false},
	    {"*", -ECONNRESET, "closed", false},
	    {"*\r\n", -EPROTO, "no IMAP greeting", false},
	    {"\r\n", -EPROTO, "no IMAP greeting", false},
	    {"* OK rea", -ECONNRESET, "closed", false},
	    {"", -ECONNRESET, "closed", false},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;
		int r;

		scene_server_said(&s, &protocol_imap, rows[i].said, strlen(rows[i].said),
		    SCENE_PACKET_MAX);
		r = imap_greeting(&s.upstream);
		ck_assert_msg(r == rows[i].want, "'%s': %d", rows[i].said, r);
		ck_assert_msg(rows[i].why
				  ? s.upstream.why && strstr(s.upstream.why, rows[i].why)
				  : !s.upstream.why,
		    "'%s': the reason is '%s'", rows[i].said, s.upstream.why);
		ck_assert_msg(s.upstream.capabilities.known == rows[i].known,
		    "'%s': capabilities", rows[i].said);
	}
}
END_TEST

/* Answers to CAPABILITY. */
static const struct {
	const char *label, *said;
	int want;
	unsigned mechanisms;
	bool starttls, sasl_ir, disabled;
	const char *words;
} lists[] = {
    {"plain", "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nm1 OK done\r\n", 0, SASL_PLAIN, false,
	false, false, "IMAP4rev1\nAUTH=PLAIN"},
    {"in the tagged response", "m1 OK [CAPABILITY IMAP4rev1] done\r\n", -EPROTO, 0, false,
	false, false, NULL},
    {"all we know",
	"* CAPABILITY IMAP4rev1 STARTTLS SASL-IR LOGINDISABLED AUTH=XOAUTH2 "
	"AUTH=OAUTHBEARER AUTH=LOGIN AUTH=SCRAM-SHA-256\r\nm1 OK done\r\n",
	0, SASL_XOAUTH2 | SASL_OAUTHBEARER | SASL_LOGIN | SASL_SCRAM_SHA_256, true, true,
	true,
	"IMAP4rev1\nSTARTTLS\nSASL-IR\nLOGINDISABLED\nAUTH=XOAUTH2\nAUTH=OAUTHBEARER\n"
	"AUTH=LOGIN\nAUTH=SCRAM-SHA-256"},
    {"another case", "* capability imap4rev1 starttls sasl-ir auth=plain\r\nm1 ok\r\n", 0,
	SASL_PLAIN, true, true, false, "imap4rev1\nstarttls\nsasl-ir\nauth=plain"},
    {"atoms that only begin so",
	"* CAPABILITY IMAP4rev1 STARTTLSX XSASL-IR LOGINDISABLED2 AUTH= AUTH=PLAINX\r\n"
	"m1 OK done\r\n",
	0, 0, false, false, false,
	"IMAP4rev1\nSTARTTLSX\nXSASL-IR\nLOGINDISABLED2\nAUTH=\nAUTH=PLAINX"},
    {"blanks", "* CAPABILITY IMAP4rev1   IDLE  \r\nm1 OK\r\n", 0, 0, false, false, false,
	"IMAP4rev1\nIDLE"},
    {"a later list replaces an earlier one",
	"* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\n* CAPABILITY IMAP4rev1 IDLE\r\n"
	"m1 OK done\r\n",
	0, 0, false, false, false, "IMAP4rev1\nIDLE"},
    {"in an untagged OK", "* OK [CAPABILITY IMAP4rev1 IDLE] hi\r\nm1 OK done\r\n", 0, 0,
	false, false, false, "IMAP4rev1\nIDLE"},
    {"other data between",
	"* OK still here\r\n* 23 EXISTS\r\n* CAPABILITY IMAP4rev1\r\n* FLAGS (x)\r\n"
	"m1 OK done\r\n",
	0, 0, false, false, false, "IMAP4rev1"},
    {"a literal in other data",
	"* ID (\"name\" {9}\r\nm1 OK no\n \"x\" {0}\r\n)\r\n* CAPABILITY IMAP4rev1\r\n"
	"m1 OK done\r\n",
	0, 0, false, false, false, "IMAP4rev1"},
    {"a list in a literal is none",
	"* X {27}\r\n* CAPABILITY X AUTH=PLAIN\r\n\r\n* CAPABILITY IMAP4rev1\r\n"
	"m1 OK done\r\n",
	0, 0, false, false, false, "IMAP4rev1"},
    {"no list", "m1 OK done\r\n", -EPROTO, 0, false, false, false, NULL},
    {"NO", "m1 NO User is authenticated but not connected.\r\n", -EBUSY, 0, false, false,
	false, NULL},
    {"BAD", "m1 BAD what?\r\n", -EBUSY, 0, false, false, false, NULL},
    {"BYE", "* BYE going down\r\n", -EBUSY, 0, false, false, false, NULL},
    {"another tag", "m2 OK done\r\n", -EPROTO, 0, false, false, false, NULL},
    {"a longer tag", "m11 OK done\r\n", -EPROTO, 0, false, false, false, NULL},
    {"a tag in another case", "M1 OK done\r\n", -EPROTO, 0, false, false, false, NULL},
    {"no status", "m1 \r\n", -EPROTO, 0, false, false, false, NULL},
    {"another status", "m1 OKAY done\r\n", -EPROTO, 0, false, false, false, NULL},
    {"a tag alone", "m1\r\n", -EPROTO, 0, false, false, false, NULL},
    {"garbage", "hello\r\n", -EPROTO, 0, false, false, false, NULL},
    {"an empty line", "\r\n", -EPROTO, 0, false, false, false, NULL},
    {"an asterisk alone", "*\r\n", -EPROTO, 0, false, false, false, NULL},
    {"an end amidst", "* CAPABILITY IMAP4rev1\r\n", -ECONNRESET, 0, false, false, false,
	NULL},
    {"an end in a literal", "* X {9}\r\nabc", -ECONNRESET, 0, false, false, false, NULL},
    {"an end behind a literal", "* X {3}\r\nabc", -ECONNRESET, 0, false, false, false,
	NULL},
    {"a large literal", "* X {65537}\r\nabc", -EPROTO, 0, false, false, false, NULL},
};

static void check_list(size_t i, size_t at, struct scene *s)
{
	const struct capabilities *c = &s->upstream.capabilities;

	if (check_capabilities(
		s, &protocol_imap, lists[i].label, at, lists[i].want, lists[i].words) &&
	    (c->mechanisms != lists[i].mechanisms || c->starttls != lists[i].starttls ||
		c->login_disabled != lists[i].disabled ||
		c->initial_response != lists[i].sasl_ir))
		ck_abort_msg("%s, %zu: is misunderstood", lists[i].label, at);
}

START_TEST(test_reads_capabilities_split_at_each_byte)
{
	for (size_t i = 0; i < ELEMENTSOF(lists); i++)
		check_split_at_each_byte(&protocol_imap, lists[i].said, check_list, i);
}
END_TEST

START_TEST(test_reads_capabilities_byte_by_byte)
{
	for (size_t i = 0; i < ELEMENTSOF(lists); i++)
		check_byte_by_byte(&protocol_imap, lists[i].said, check_list, i);
}
END_TEST

START_TEST(test_known_capabilities_are_not_asked_for)
{
	_cleanup_scene_ struct scene s;
	_cleanup_secret_ struct secret heard = {0};

	scene_begin(&s, &protocol_imap);
	scene_server_says(&s, "* OK [CAPABILITY IMAP4rev1] hi\r\n");
	ck_assert_int_eq(imap_greeting(&s.upstream), 0);
	ck_assert_int_eq(imap_capabilities(&s.upstream), 0);
	ck_assert_str_eq(scene_heard(s.server_fd, &heard), "");
	upstream_forget_capabilities(&s.upstream);
	scene_server_says(&s, "* CAPABILITY IMAP4rev1\r\nm1 OK\r\n");
	ck_assert_int_eq(imap_capabilities(&s.upstream), 0);
	ck_assert_str_eq(scene_heard(s.server_fd, &heard), "m1 CAPABILITY\r\n");
}
END_TEST

START_TEST(test_nothing_but_capabilities_comes_before_tls)
{
	static const struct {
		const char *said;
		int want;
	} rows[] = {
	    {"* CAPABILITY IMAP4rev1\r\nm1 OK\r\n", 0},
	    {"* 1 EXISTS\r\nm1 OK\r\n", -EPROTO},
	    {"* OK hi\r\nm1 OK\r\n", -EPROTO},
	    {"* PREAUTH hi\r\nm1 OK\r\n", -EPROTO},
	    {"* ID {3}\r\nabc\r\nm1 OK\r\n", -EPROTO},
	    {"* BYE\r\n", -EBUSY},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scene_ struct scene s;
		int r;

		scene_server_said(&s, &protocol_imap, rows[i].said, strlen(rows[i].said),
		    SCENE_PACKET_MAX);
		s.upstream.starttls_ahead = true;
		r = imap_starttls(&s.upstream);
		ck_assert_msg(r == rows[i].want, "'%s': %d", rows[i].said, r);
	}
}
END_TEST

/* What a verb's responses mean; `sent` is what the verb says. */
static const struct {
	struct verb_row row;
	const char *words; /* what is advertised then */
} verbs[] = {
    {{"starttls", "m1 OK go\r\n", 0, false, "m1 STARTTLS\r\n"}, ""},
    {{"starttls", "m1 NO\r\n", -EBUSY, false, "m1 STARTTLS\r\n"}, ""},
    {{"starttls", "m1 BAD\r\n", -EBUSY, false, "m1 STARTTLS\r\n"}, ""},
    {{"starttls", "+ go\r\n", -EBUSY, false, "m1 STARTTLS\r\n"}, ""},
    {{"starttls", "", -ECONNRESET, false, "m1 STARTTLS\r\n"}, ""},
    {{"auth", "m1 OK in\r\n", 0, false, "m1 AUTHENTICATE PLAIN AGEAYg==\r\n"}, ""},
    {{"auth", "m1 OK [CAPABILITY IMAP4rev1 IDLE] in\r\n", 0, false,
	 "m1 AUTHENTICATE PLAIN AGEAYg==\r\n"},
	"IMAP4rev1\nIDLE"},
    {{"auth", "* CAPABILITY IMAP4rev1 QUOTA\r\nm1 OK in\r\n", 0, false,
	 "m1 AUTHENTICATE PLAIN AGEAYg==\r\n"},
	"IMAP4rev1\nQUOTA"},
    {{"auth", "* CAPABILITY IMAP4rev1 QUOTA\r\nm1 OK [CAPABILITY IMAP4rev1] in\r\n", 0,
	 false, "m1 AUTHENTICATE PLAIN AGEAYg==\r\n"},
	"IMAP4rev1"},
    {{"auth", "+ \r\n", 1, false, "m1 AUTHENTICATE PLAIN AGEAYg==\r\n"}, ""},
    {{"auth", "+\r\n", 1, false, "m1 AUTHENTICATE PLAIN AGEAYg==\r\n"}, ""},
    {{"auth", "m1 NO wrong\r\n", -EACCES, true, "m1 AUTHENTICATE PLAIN AGEAYg==\r\n"},
	""},
    {{"auth", "m1 NO [AUTHENTICATIONFAILED] wrong\r\n", -EACCES, true,
	 "m1 AUTHENTICATE PLAIN AGEAYg==\r\n"},
	""},
    {{"auth", "m1 NO\r\n", -EACCES, true, "m1 AUTHENTICATE PLAIN AGEAYg==\r\n"}, ""},
    {{"auth", "m1 NO [UNAVAILABLE] later\r\n", -EBUSY, false,
	 "m1 AUTHENTICATE PLAIN AGEAYg==\r\n"},
	""},
    {{"auth", "m1 NO [inuse] later\r\n", -EBUSY, false,
	 "m1 AUTHENTICATE PLAIN AGEAYg==\r\n"},
	""},
    {{"auth", "m1 NO [LIMIT] later\r\n", -EBUSY, false,
	 "m1 AUTHENTICATE PLAIN AGEAYg==\r\n"},
	""},
    {{"auth", "m1 BAD what?\r\n", -EPROTO, false, "m1 AUTHENTICATE PLAIN AGEAYg==\r\n"},
	""},
    {{"auth", "* BYE enough\r\n", -EBUSY, false, "m1 AUTHENTICATE PLAIN AGEAYg==\r\n"},
	""},
    {{"auth", "", -ECONNRESET, false, "m1 AUTHENTICATE PLAIN AGEAYg==\r\n"}, ""},
    {{"auth, empty", "m1 OK\r\n", 0, false, "m1 AUTHENTICATE PLAIN =\r\n"}, ""},
    {{"auth, none", "+ VXNlcm5hbWU6\r\n", 1, false, "m1 AUTHENTICATE LOGIN\r\n"}, ""},
    {{"login", "m1 OK in\r\n", 0, false, "m1 LOGIN \"us er\" \"a\\\"b\\\\c\"\r\n"}, ""},
    {{"login", "m1 NO wrong\r\n", -EACCES, true,
	 "m1 LOGIN \"us er\" \"a\\\"b\\\\c\"\r\n"},
	""},
    {{"login", "+ go on\r\n", -EPROTO, false, "m1 LOGIN \"us er\" \"a\\\"b\\\\c\"\r\n"},
	""},
    {{"login, empty", "m1 OK in\r\n", 0, false, "m1 LOGIN \"\" \"\"\r\n"}, ""},
    {{"goodbye", "* BYE bye\r\nm1 OK\r\n", 0, false, "m1 LOGOUT\r\n"}, ""},
    {{"goodbye", "m1 OK\r\n", 0, false, "m1 LOGOUT\r\n"}, ""},
    {{"goodbye", "", -ECONNRESET, false, "m1 LOGOUT\r\n"}, ""},
};

static int run_verb(struct upstream *u, const char *verb, struct secret *challenge)
{
	if (strcmp(verb, "starttls") == 0)
		return imap_starttls(u);
	if (strcmp(verb, "auth") == 0)
		return imap_auth(u, "PLAIN", "AGEAYg==", challenge);
	if (strcmp(verb, "auth, empty") == 0)
		return imap_auth(u, "PLAIN", "", challenge);
	if (strcmp(verb, "auth, none") == 0)
		return imap_auth(u, "LOGIN", NULL, challenge);
	if (strcmp(verb, "login") == 0)
		return imap_login(u, "us er", "a\"b\\c");
	if (strcmp(verb, "login, empty") == 0)
		return imap_login(u, "", "");
	return imap_goodbye(u);
}

START_TEST(test_what_responses_mean_to_each_verb)
{
	for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
		_cleanup_scene_ struct scene s;

		(void)check_verb(
		    &s, &protocol_imap, &verbs[i].row, run_verb); /* all told */
		ck_assert_str_eq(
		    secret_str(&s.upstream.capabilities.words), verbs[i].words);
	}
}
END_TEST

START_TEST(test_what_was_advertised_before_a_login_is_forgotten)
{
	_cleanup_scene_ struct scene s;
	_cleanup_secret_ struct secret challenge = {0};

	scene_begin(&s, &protocol_imap);
	scene_server_says(&s, "* OK [CAPABILITY IMAP4rev1 AUTH=LOGIN SASL-IR] hi\r\n");
	ck_assert_int_eq(imap_greeting(&s.upstream), 0);
	ck_assert(imap_takes_initial(&s.upstream, "PLAIN", 10));
	scene_server_says(&s, "+ \r\n");
	ck_assert_int_eq(imap_auth(&s.upstream, "LOGIN", NULL, &challenge), 1);
	scene_server_says(&s, "m1 OK in\r\n");
	ck_assert_int_eq(imap_answer(&s.upstream, "dXNlcg==", &challenge), 0);
	ck_assert(!s.upstream.capabilities.known);
	ck_assert_str_eq(secret_str(&s.upstream.capabilities.words), "");
}
END_TEST

START_TEST(test_each_command_has_a_tag_of_its_own)
{
	_cleanup_scene_ struct scene s;
	_cleanup_secret_ struct secret heard = {0};

	scene_begin(&s, &protocol_imap);
	scene_server_says(&s, "* CAPABILITY IMAP4rev1\r\nm1 OK\r\nm2 OK\r\n");
	ck_assert_int_eq(imap_capabilities(&s.upstream), 0);
	ck_assert_int_eq(imap_starttls(&s.upstream), 0);
	ck_assert_str_eq(
	    scene_heard(s.server_fd, &heard), "m1 CAPABILITY\r\nm2 STARTTLS\r\n");
	scene_server_says(&s, "m2 OK\r\n");
	ck_assert_int_eq(imap_starttls(&s.upstream), -EPROTO);
}
END_TEST

START_TEST(test_responses_have_bounds)
{
	static const struct bound_row rows[] = {
	    {"lines", "", "* 1 EXISTS\r\n", IMAP_LINES_MAX - 2,
		"* CAPABILITY X\r\nm1 OK\r\n", 0},
	    {"too many lines", "", "* 1 EXISTS\r\n", IMAP_LINES_MAX,
		"* CAPABILITY X\r\nm1 OK\r\n", -EPROTO},
	    {"too many literals", "* X ", "{0}\r\n", IMAP_LINES_MAX + 1,
		"\r\n* CAPABILITY X\r\nm1 OK\r\n", -EPROTO},
	    {"a line", "* CAPABILITY ", "x", IMAP_LINE_MAX - 15, "\r\nm1 OK\r\n", 0},
	    {"a long line", "* CAPABILITY ", "x", IMAP_LINE_MAX - 14, "\r\nm1 OK\r\n",
		-EPROTO},
	    {"a literal", "* X {65536}\r\n", "x", 65536,
		"\r\n* CAPABILITY X\r\nm1 OK\r\n", 0},
	};

	check_bounds(&protocol_imap, rows, ELEMENTSOF(rows));
}
END_TEST

START_TEST(test_clients_see_what_is_theirs)
{
	static const struct {
		const char *words, *want;
	} rows[] = {
	    {"", ""},
	    {"IMAP4rev1", "IMAP4rev1"},
	    {"IMAP4rev1\nIDLE\nX-Y", "IMAP4rev1 IDLE X-Y"},
	    {"IMAP4rev1\nSTARTTLS\nLOGINDISABLED\nSASL-IR\nUNAUTHENTICATE", "IMAP4rev1"},
	    {"starttls\nimap4rev1\nlogindisabled", "imap4rev1"},
	    {"AUTH=PLAIN\nauth=xoauth2\nAUTH=\nIMAP4rev1", "IMAP4rev1"},
	    {"LOGIN-REFERRALS\nMAILBOX-REFERRALS\nIDLE", "IDLE"},
	    {"STARTTLSX\nAUTHX\nSASL-IR2\nXSTARTTLS",
		"STARTTLSX AUTHX SASL-IR2 XSTARTTLS"},
	    {"AUTH=PLAIN", ""},
	    {"%s\n%n", "%s %n"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_secret_ struct secret out = {0};
		_cleanup_secret_ struct secret words = {0};
		struct capabilities c = {0};

		ck_assert_int_eq(secret_puts(&words, rows[i].words), 0);
		c.words = words;
		ck_assert_int_eq(secret_puts(&out, "["), 0);
		ck_assert_int_eq(imap_visible_capabilities(&c, &out), 0);
		ck_assert_str_eq(secret_str(&out) + 1, rows[i].want);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_greetings,
	    test_reads_capabilities_split_at_each_byte,
	    test_reads_capabilities_byte_by_byte,
	    test_known_capabilities_are_not_asked_for,
	    test_nothing_but_capabilities_comes_before_tls,
	    test_what_responses_mean_to_each_verb,
	    test_what_was_advertised_before_a_login_is_forgotten,
	    test_each_command_has_a_tag_of_its_own,
	    test_responses_have_bounds,
	    test_clients_see_what_is_theirs,
	};

	return check_program("imap-upstream", tests, ELEMENTSOF(tests));
}
