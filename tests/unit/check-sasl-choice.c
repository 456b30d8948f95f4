/* SPDX-License-Identifier: Apache-2.0 */
/* Which mechanism is chosen under which circumstances, and that none of them is unsafe. */

#include "sasl.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"

#define ALL \
	(SASL_XOAUTH2 | SASL_OAUTHBEARER | SASL_PLAIN | SASL_LOGIN | SASL_SCRAM_SHA_256)
#define MECHANISMS 5

/* Is never called: a server is not spoken to before a mechanism is chosen. */
static int fake_login(
    _unused_ struct upstream *u, _unused_ const char *user, _unused_ const char *password)
{
	return -EIO;
}

static const struct protocol with_login = {.login = fake_login};
static const struct protocol without_login = {.login = NULL};

/* For the choice it only counts that there is TLS. */
static struct tls *some_tls(void)
{
	static char something;

	return (struct tls *)(void *)&something;
}

struct circumstances {
	unsigned offered;
	bool oauth, tls, clear_text, login_verb, login_disabled;
	const char *preference;
};

/* The name of what is chosen, or NULL with *ret_why. */
static const char *choose(const struct circumstances *c, char **ret_why)
{
	const struct sasl_credentials credentials = {
	    .user = "user",
	    .password = c->oauth ? NULL : "pass",
	    .token = c->oauth ? "token" : NULL,
	    .preference = c->preference,
	    .clear_text_allowed = c->clear_text,
	};
	struct upstream u = UPSTREAM_INIT;
	const struct sasl_mechanism *m = NULL;
	int r;

	u.capabilities.mechanisms = c->offered;
	u.capabilities.login_disabled = c->login_disabled;
	u.stream.tls = c->tls ? some_tls() : NULL;
	r = sasl_choose(
	    &u, c->login_verb ? &with_login : &without_login, &credentials, &m);
	*ret_why = u.why;
	if (r != (m ? 0 : -EOPNOTSUPP) || (r < 0 && !u.why))
		ck_abort_msg("returned %d", r);
	return m ? sasl_mechanism_name(m) : NULL;
}

START_TEST(test_mechanisms_are_known_by_whole_names_in_any_case)
{
	static const struct {
		const char *name;
		unsigned want;
	} rows[] = {
	    {"XOAUTH2", SASL_XOAUTH2},
	    {"xoauth2", SASL_XOAUTH2},
	    {"OAuthBearer", SASL_OAUTHBEARER},
	    {"PLAIN", SASL_PLAIN},
	    {"plain", SASL_PLAIN},
	    {"LOGIN", SASL_LOGIN},
	    {"SCRAM-SHA-256", SASL_SCRAM_SHA_256},
	    {"SCRAM-SHA-256-PLUS", 0},
	    {"SCRAM-SHA-1", 0},
	    {"SCRAM-SHA-25", 0},
	    {"PLAI", 0},
	    {"PLAIN ", 0},
	    {"PLAINX", 0},
	    {"CRAM-MD5", 0},
	    {"NTLM", 0},
	    {"XOAUTH", 0},
	    {"", 0},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		ck_assert_msg(sasl_mechanism_bit(rows[i].name, strlen(rows[i].name)) ==
				  rows[i].want,
		    "'%s': is taken for something else", rows[i].name);
	ck_assert_uint_eq(sasl_mechanism_bit("PLAINX", 5), SASL_PLAIN);
}
END_TEST

START_TEST(test_chooses_in_order)
{
	static const struct {
		const char *label;
		struct circumstances c;
		const char *want;
	} rows[] = {
	    {"OAuth, all", {ALL, true, true, false, true, false, NULL}, "XOAUTH2"},
	    {"OAuth, bearer alone",
		{SASL_OAUTHBEARER, true, true, false, true, false, NULL}, "OAUTHBEARER"},
	    {"OAuth, passwords alone",
		{SASL_PLAIN | SASL_LOGIN | SASL_SCRAM_SHA_256, true, true, false, true,
		    false, NULL},
		NULL},
	    {"OAuth, none", {0, true, true, true, true, false, NULL}, NULL},
	    {"OAuth, preferred",
		{ALL, true, true, false, true, false, "OAUTHBEARER XOAUTH2"},
		"OAUTHBEARER"},
	    {"OAuth, preference for a password",
		{ALL, true, true, true, true, false, "PLAIN LOGIN"}, NULL},
	    {"password, all", {ALL, false, true, false, true, false, NULL}, "PLAIN"},
	    {"password, all but PLAIN",
		{ALL & ~SASL_PLAIN, false, true, false, true, false, NULL}, "LOGIN"},
	    {"password, SCRAM and no LOGIN verb",
		{SASL_SCRAM_SHA_256, false, true, false, false, false, NULL},
		"SCRAM-SHA-256"},
	    {"password, SCRAM and LOGIN disabled",
		{SASL_SCRAM_SHA_256, false, true, false, true, true, NULL},
		"SCRAM-SHA-256"},
	    {"password, tokens alone",
		{SASL_XOAUTH2 | SASL_OAUTHBEARER, false, true, true, false, false, NULL},
		NULL},
	    {"password, LOGIN verb alone", {0, false, true, false, true, false, NULL},
		"LOGIN"},
	    {"password, LOGIN disabled", {0, false, true, false, true, true, NULL}, NULL},
	    {"password, AUTH=LOGIN though LOGIN is disabled",
		{SASL_LOGIN, false, true, false, true, true, NULL}, "LOGIN"},
	    {"no TLS, all", {ALL, false, false, false, true, false, NULL},
		"SCRAM-SHA-256"},
	    {"no TLS, no SCRAM",
		{SASL_PLAIN | SASL_LOGIN, false, false, false, true, false, NULL}, NULL},
	    {"no TLS, allowed, all", {ALL, false, false, true, true, false, NULL},
		"SCRAM-SHA-256"},
	    {"no TLS, allowed, no SCRAM",
		{SASL_PLAIN | SASL_LOGIN, false, false, true, true, false, NULL},
		"PLAIN"},
	    {"no TLS, preference", {ALL, false, false, false, true, false, "PLAIN LOGIN"},
		NULL},
	    {"no TLS, allowed, preference",
		{ALL, false, false, true, true, false, "LOGIN PLAIN"}, "LOGIN"},
	    {"preference in another case",
		{ALL, false, true, false, true, false, "scram-sha-256 plain"},
		"SCRAM-SHA-256"},
	    {"unknown ones in the preference",
		{ALL, false, true, false, true, false, "NTLM DIGEST-MD5 LOGIN"}, "LOGIN"},
	    {"preferred one is not offered",
		{SASL_PLAIN, false, true, false, false, false, "LOGIN PLAIN"}, "PLAIN"},
	    {"nothing preferred is offered",
		{SASL_PLAIN, false, true, false, false, false, "LOGIN"}, NULL},
	    {"preference of several blanks",
		{ALL, false, true, false, true, false, "  LOGIN  "}, "LOGIN"},
	    {"empty preference", {ALL, false, true, false, true, false, ""}, NULL},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *why = NULL;
		const char *name = choose(&rows[i].c, &why);

		ck_assert_msg(
		    rows[i].want ? name && strcmp(name, rows[i].want) == 0 : !name,
		    "%s: %s", rows[i].label, name ? name : "none");
	}
}
END_TEST

/* What must hold under all circumstances, whatever the order is. */
static void judge(const struct circumstances *c)
{
	_cleanup_free_ char *why = NULL;
	const char *name = choose(c, &why);
	unsigned bit = name ? sasl_mechanism_bit(name, strlen(name)) : 0;
	unsigned oauth = SASL_XOAUTH2 | SASL_OAUTHBEARER;
	bool by_verb = bit == SASL_LOGIN && c->login_verb && !c->login_disabled;
	const char *wrong = NULL;

	if (c->oauth && (bit & ~oauth))
		wrong = "OAuth falls back to a password";
	else if (!c->oauth && (bit & oauth))
		wrong = "a password goes as a token";
	else if (bit && !(bit & c->offered) && !by_verb)
		wrong = "is not offered";
	else if ((bit & (SASL_PLAIN | SASL_LOGIN)) && !c->tls && !c->clear_text)
		wrong = "shows the password to the network";
	else if (!bit && c->oauth && !c->preference && (c->offered & oauth))
		wrong = "a mechanism for OAuth is passed over";
	else if (!bit && !c->oauth && !c->preference && c->tls && (c->offered & ~oauth))
		wrong = "a mechanism for passwords is passed over";
	if (wrong)
		ck_abort_msg("offered %#x, OAuth %d, TLS %d, clear text %d, LOGIN %d, "
			     "disabled %d, preference %s: %s (%s)",
		    c->offered, c->oauth, c->tls, c->clear_text, c->login_verb,
		    c->login_disabled, c->preference, wrong, name);
}

START_TEST(test_no_choice_is_ever_unsafe)
{
	static const char *const preferences[] = {
	    NULL, "PLAIN", "LOGIN XOAUTH2", "XOAUTH2 PLAIN LOGIN", "SCRAM-SHA-256"};

	for (unsigned bits = 0; bits < 1u << (MECHANISMS + 5); bits++)
		for (size_t i = 0; i < ELEMENTSOF(preferences); i++) {
			unsigned flags = bits >> MECHANISMS;
			const struct circumstances c = {
			    .offered = bits & ALL,
			    .oauth = flags & 1,
			    .tls = flags & 2,
			    .clear_text = flags & 4,
			    .login_verb = flags & 8,
			    .login_disabled = flags & 16,
			    .preference = preferences[i],
			};

			judge(&c);
		}
}
END_TEST

START_TEST(test_says_what_is_offered_where_nothing_fits)
{
	static const struct {
		struct circumstances c;
		const char *said, *also;
	} rows[] = {
	    {{0, false, true, false, false, false, NULL}, "a password;", ": none"},
	    {{SASL_PLAIN, true, true, false, false, false, NULL}, "an OAuth token;",
		": PLAIN"},
	    {{SASL_PLAIN | SASL_LOGIN, false, false, false, false, false, NULL},
		"without TLS", ": PLAIN LOGIN"},
	    {{SASL_PLAIN, false, true, false, false, false, "LOGIN"},
		"mail.<protocol>.auth.mechanisms", ": PLAIN"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *why = NULL;

		ck_assert_ptr_null(choose(&rows[i].c, &why));
		ck_assert_msg(strstr(why, rows[i].said) && strstr(why, rows[i].also),
		    "the reason is '%s'", why);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_mechanisms_are_known_by_whole_names_in_any_case,
	    test_chooses_in_order,
	    test_no_choice_is_ever_unsafe,
	    test_says_what_is_offered_where_nothing_fits,
	};

	return check_program("sasl-choice", tests, ELEMENTSOF(tests));
}
