/* SPDX-License-Identifier: Apache-2.0 */
/* SCRAM-SHA-256: the example of RFC 7677 section 3 to the byte, and what a server may not do. */

#include "scram.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "freed-memory.h"
#include "repeated-text.h"

#define NONCE "rOprNGfwEbeRWgbNEkqO"
#define SERVER_NONCE NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SALT "W22ZaJ0SNY7soEsUEjb6gQ=="
#define SERVER_FIRST "r=" SERVER_NONCE ",s=" SALT ",i=4096"
#define CLIENT_FINAL \
	"c=biws,r=" SERVER_NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define SIGNATURE "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static void begin(struct scram *s, const char *nonce, const char *user)
{
	_cleanup_secret_ struct secret out = {0};

	ck_assert_int_eq(secret_puts(&s->nonce, nonce), 0);
	ck_assert_int_eq(scram_first(s, user, &out), 0);
}

static int answer(const char *server_first, const char *password, struct secret *out)
{
	_cleanup_scram_ struct scram s = {0};

	begin(&s, NONCE, "user");
	return scram_final(&s, server_first, password, out);
}

START_TEST(test_speaks_the_example_of_the_rfc)
{
	_cleanup_scram_ struct scram s = {0};
	_cleanup_secret_ struct secret first = {0}, final = {0};

	ck_assert_int_eq(secret_puts(&s.nonce, NONCE), 0);
	ck_assert_int_eq(scram_first(&s, "user", &first), 0);
	ck_assert_str_eq(secret_str(&first), "n,,n=user,r=" NONCE);
	ck_assert_int_eq(scram_final(&s, SERVER_FIRST, "pencil", &final), 0);
	ck_assert_str_eq(secret_str(&final), CLIENT_FINAL);
	ck_assert_int_eq(scram_verify(&s, "v=" SIGNATURE), 0);
}
END_TEST

START_TEST(test_messages_are_appended)
{
	_cleanup_scram_ struct scram s = {0};
	_cleanup_secret_ struct secret out = {0};

	ck_assert_int_eq(secret_puts(&s.nonce, NONCE), 0);
	ck_assert_int_eq(secret_puts(&out, "<"), 0);
	ck_assert_int_eq(scram_first(&s, "user", &out), 0);
	ck_assert_int_eq(secret_puts(&out, ">"), 0);
	ck_assert_int_eq(scram_final(&s, SERVER_FIRST, "pencil", &out), 0);
	ck_assert_str_eq(secret_str(&out), "<n,,n=user,r=" NONCE ">" CLIENT_FINAL);
}
END_TEST

START_TEST(test_escapes_the_user)
{
	static const struct {
		const char *user, *want;
	} rows[] = {
	    {"user", "n,,n=user,r=" NONCE},
	    {"a,b", "n,,n=a=2Cb,r=" NONCE},
	    {"a=b", "n,,n=a=3Db,r=" NONCE},
	    {",=,", "n,,n==2C=3D=2C,r=" NONCE},
	    {"=2C", "n,,n==3D2C,r=" NONCE},
	    {"a b~!", "n,,n=a b~!,r=" NONCE},
	    {"user@example.com", "n,,n=user@example.com,r=" NONCE},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_scram_ struct scram s = {0};
		_cleanup_secret_ struct secret out = {0};

		ck_assert_int_eq(secret_puts(&s.nonce, NONCE), 0);
		ck_assert_int_eq(scram_first(&s, rows[i].user, &out), 0);
		ck_assert_str_eq(secret_str(&out), rows[i].want);
	}
}
END_TEST

/* What SASLprep (RFC 4013) would change we must not send as it is. */
static const char *const unprepared[] = {"gr\xc3\xbc\xc3\x9f", "\xff", "a\x7f", "\x01",
    "a\tb", "a\n", "\xc2\xa0", "I\xc2\xadX"};

START_TEST(test_refuses_users_beyond_printable_ascii)
{
	for (size_t i = 0; i < ELEMENTSOF(unprepared); i++) {
		_cleanup_scram_ struct scram s = {0};
		_cleanup_secret_ struct secret out = {0};

		ck_assert_int_eq(secret_puts(&s.nonce, NONCE), 0);
		ck_assert_msg(scram_first(&s, unprepared[i], &out) == -EINVAL,
		    "user %zu: is taken", i);
		ck_assert_uint_eq(out.len, 0);
	}
}
END_TEST

START_TEST(test_refuses_passwords_beyond_printable_ascii)
{
	for (size_t i = 0; i < ELEMENTSOF(unprepared); i++) {
		_cleanup_secret_ struct secret out = {0};

		ck_assert_msg(answer(SERVER_FIRST, unprepared[i], &out) == -EINVAL,
		    "password %zu: is taken", i);
		ck_assert_uint_eq(out.len, 0);
	}
}
END_TEST

START_TEST(test_reads_the_challenge_strictly)
{
#define R "r=" SERVER_NONCE
#define S ",s=" SALT
	static const struct {
		const char *label, *challenge;
		int want;
	} rows[] = {
	    {"as in the RFC", R S ",i=4096", 0},
	    {"most iterations", R S ",i=100000", 0},
	    {"an extension behind", R S ",i=4096,x=new", 0},
	    {"empty", "", -EBADMSG},
	    {"nonce of another", "r=xOprNGfwEbeRWgbNEkqO123" S ",i=4096", -EBADMSG},
	    {"nonce in another case", "r=ROprNGfwEbeRWgbNEkqO123" S ",i=4096", -EBADMSG},
	    {"our nonce and no more", "r=" NONCE S ",i=4096", -EBADMSG},
	    {"our nonce cut", "r=rOprNGfwEbeRWgbNEkq" S ",i=4096", -EBADMSG},
	    {"our nonce inside", "r=x" NONCE S ",i=4096", -EBADMSG},
	    {"nonce with a line break", R "\r\n" S ",i=4096", -EBADMSG},
	    {"empty nonce", "r=" S ",i=4096", -EBADMSG},
	    {"no nonce", "s=" SALT ",i=4096", -EBADMSG},
	    {"mandatory extension", "m=ext," R S ",i=4096", -EBADMSG},
	    {"mandatory extension inside", R ",m=ext" S ",i=4096", -EBADMSG},
	    {"an error", "e=other-error", -EBADMSG},
	    {"only a nonce", R, -EBADMSG},
	    {"other order", "s=" SALT "," R ",i=4096", -EBADMSG},
	    {"upper case", "R=" SERVER_NONCE S ",i=4096", -EBADMSG},
	    {"empty salt", R ",s=,i=4096", -EBADMSG},
	    {"no salt", R ",i=4096", -EBADMSG},
	    {"salt that is no base64", R ",s=W22ZaJ0SNY7soEsU*jb6gQ==,i=4096", -EBADMSG},
	    {"salt without padding", R ",s=W22ZaJ0SNY7soEsUEjb6gQ,i=4096", -EBADMSG},
	    {"salt with padding amidst", R ",s=W2==aJ0S,i=4096", -EBADMSG},
	    {"fewer iterations", R S ",i=4095", -EBADMSG},
	    {"more iterations", R S ",i=100001", -EBADMSG},
	    {"a million iterations", R S ",i=1000000", -EBADMSG},
	    {"overflowing iterations", R S ",i=4294971392", -EBADMSG},
	    {"no iterations", R S, -EBADMSG},
	    {"empty iterations", R S ",i=", -EBADMSG},
	    {"zero", R S ",i=0", -EBADMSG},
	    {"zero in front", R S ",i=04096", -EBADMSG},
	    {"sign", R S ",i=+4096", -EBADMSG},
	    {"minus", R S ",i=-4096", -EBADMSG},
	    {"blank in front", R S ",i= 4096", -EBADMSG},
	    {"blank behind", R S ",i=4096 ", -EBADMSG},
	    {"hexadecimal", R S ",i=0x1000", -EBADMSG},
	};
#undef R
#undef S

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_secret_ struct secret out = {0};
		int r = answer(rows[i].challenge, "pencil", &out);

		ck_assert_msg(r == rows[i].want, "%s: %d", rows[i].label, r);
		ck_assert_msg((out.len > 0) == (r == 0), "%s: '%s'", rows[i].label,
		    secret_str(&out));
	}
}
END_TEST

/* The proof is over everything that both sides said. */
START_TEST(test_the_proof_depends_on_each_part)
{
	static const struct {
		const char *label, *challenge, *password;
	} rows[] = {
	    {"password", SERVER_FIRST, "pencil2"},
	    {"empty password", SERVER_FIRST, ""},
	    {"nonce", "r=" NONCE "x,s=" SALT ",i=4096", "pencil"},
	    {"salt", "r=" SERVER_NONCE ",s=AAAA,i=4096", "pencil"},
	    {"iterations", "r=" SERVER_NONCE ",s=" SALT ",i=4097", "pencil"},
	    {"extension", SERVER_FIRST ",x=new", "pencil"},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_secret_ struct secret out = {0};
		const char *proof;

		ck_assert_int_eq(answer(rows[i].challenge, rows[i].password, &out), 0);
		proof = strstr(secret_str(&out), ",p=");
		ck_assert_msg(proof && strlen(proof) == strlen(",p=") + 44,
		    "%s: no proof", rows[i].label);
		ck_assert_msg(
		    !strstr(CLIENT_FINAL, proof), "%s: the same proof", rows[i].label);
	}
}
END_TEST

START_TEST(test_the_server_must_prove_itself)
{
	static const struct {
		const char *label, *final;
		int want;
	} rows[] = {
	    {"right", "v=" SIGNATURE, 0},
	    {"right, with an extension", "v=" SIGNATURE ",x=1", 0},
	    {"empty", "", -EBADMSG},
	    {"empty value", "v=", -EBADMSG},
	    {"another's", "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", -EBADMSG},
	    {"last character",
		"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=", -EBADMSG},
	    {"cut", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4", -EBADMSG},
	    {"longer", "v=" SIGNATURE "=", -EBADMSG},
	    {"text behind", "v=" SIGNATURE " x", -EBADMSG},
	    {"extension in front", "x=1,v=" SIGNATURE, -EBADMSG},
	    {"blank in front", " v=" SIGNATURE, -EBADMSG},
	    {"upper case", "V=" SIGNATURE, -EBADMSG},
	    {"error", "e=invalid-proof", -EBADMSG},
	    {"error with the signature", "e=" SIGNATURE, -EBADMSG},
	};
	_cleanup_scram_ struct scram s = {0};
	_cleanup_secret_ struct secret out = {0};

	begin(&s, NONCE, "user");
	ck_assert_int_eq(scram_final(&s, SERVER_FIRST, "pencil", &out), 0);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		int r = scram_verify(&s, rows[i].final);

		ck_assert_msg(r == rows[i].want, "%s: %d", rows[i].label, r);
	}
}
END_TEST

START_TEST(test_nothing_proves_a_server_before_the_final_message)
{
	_cleanup_scram_ struct scram s = {0};
	_cleanup_secret_ struct secret out = {0};

	ck_assert_int_eq(scram_verify(&s, "v="), -EBADMSG);
	begin(&s, NONCE, "user");
	ck_assert_int_eq(scram_verify(&s, "v="), -EBADMSG);
	ck_assert_int_eq(scram_verify(&s, "v=" SIGNATURE), -EBADMSG);
	ck_assert_int_eq(scram_final(&s, "r=wrong", "pencil", &out), -EBADMSG);
	ck_assert_int_eq(scram_verify(&s, "v="), -EBADMSG);
}
END_TEST

START_TEST(test_nonces_are_fresh_printable_and_without_a_comma)
{
	_cleanup_secret_ struct secret a = {0}, b = {0};

	ck_assert_int_eq(scram_new_nonce(&a), 0);
	ck_assert_int_eq(scram_new_nonce(&b), 0);
	ck_assert_uint_ge(a.len, 24);
	ck_assert_str_ne(secret_str(&a), secret_str(&b));
	for (size_t i = 0; i < a.len; i++)
		ck_assert(a.data[i] > 0x20 && a.data[i] < 0x7f && a.data[i] != ',');
}
END_TEST

START_TEST(test_long_names_and_passwords_work)
{
	_cleanup_scram_ struct scram s = {0};
	_cleanup_secret_ struct secret user = {0}, first = {0}, out = {0};

	repeated_text(&user, "=,", 5000);
	ck_assert_int_eq(secret_puts(&s.nonce, NONCE), 0);
	ck_assert_int_eq(scram_first(&s, secret_str(&user), &first), 0);
	ck_assert_uint_eq(first.len, strlen("n,,n=,r=" NONCE) + 6 * 5000);
	ck_assert_int_eq(scram_final(&s, SERVER_FIRST, secret_str(&user), &out), 0);
}
END_TEST

START_TEST(test_no_proof_stays_in_freed_memory)
{
	struct scram s = {0};
	struct secret out = {0};

	freed_memory_watch("6rriTRBi23WpRR");
	begin(&s, NONCE, "user");
	ck_assert_int_eq(scram_final(&s, SERVER_FIRST, "pencil", &out), 0);
	scram_done(&s);
	secret_done(&out);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_speaks_the_example_of_the_rfc,
	    test_messages_are_appended,
	    test_escapes_the_user,
	    test_refuses_users_beyond_printable_ascii,
	    test_refuses_passwords_beyond_printable_ascii,
	    test_reads_the_challenge_strictly,
	    test_the_proof_depends_on_each_part,
	    test_the_server_must_prove_itself,
	    test_nothing_proves_a_server_before_the_final_message,
	    test_nonces_are_fresh_printable_and_without_a_comma,
	    test_long_names_and_passwords_work,
	    test_no_proof_stays_in_freed_memory,
	};

	return check_program("scram", tests, ELEMENTSOF(tests));
}
