/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a helper for tokens: the calls to the byte, and every answer it may give. */

#include "token.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "deadline.h"
#include "digest.h"
#include "freed-memory.h"
#include "helper-end.h"
#include "repeated-text.h"
#include "scene.h"
#include "varlink.h"

static const struct service my_mail = {.destination = "my-mail"};

#define SOON deadline_in(20 * USEC_PER_SEC)
#define OPENED "{\"parameters\":{}}"
#define TOKEN "{\"parameters\":{\"access_token\":\"to.ken\"}}"
#define ERROR(name) "{\"error\":\"io.maildest.Helper." name "\"}"
#define REASON(name, text)                                                              \
	"{\"error\":\"io.maildest.Helper." name "\",\"parameters\":{\"reason\":\"" text \
	"\"}}"

static void begin(struct helper *h, uint64_t lifetime_sec)
{
	const struct token_request request = {
	    .service = &my_mail, .wants_token = true, .lifetime_sec = lifetime_sec};

	helper_begin(h, SOCK_SEQPACKET, &request, SOON);
}

START_TEST(test_asks_in_one_breath)
{
	_cleanup_helper_ struct helper h;
	_cleanup_secret_ struct secret heard = {0};

	begin(&h, 0);
	ck_assert_str_eq(helper_told(&h, &heard),
	    "{\"method\":\"io.maildest.Helper.OpenSession\",\"parameters\":{\"service\":"
	    "\"my-mail\",\"destination\":\"my-mail\"}}\n"
	    "{\"method\":\"io.maildest.Helper.GetToken\",\"parameters\":{}}\n");
}
END_TEST

START_TEST(test_asks_for_a_lifetime)
{
	_cleanup_helper_ struct helper h;
	_cleanup_secret_ struct secret heard = {0};

	begin(&h, 2100);
	ck_assert_ptr_nonnull(
	    strstr(helper_told(&h, &heard), "\"minimum_lifetime\":2100}"));
}
END_TEST

/* What the helper says, and what it means. */
static const struct {
	const char *label, *open, *get;
	bool closes;
	int want;
	const char *why; /* NULL: there is a token */
} answers[] = {
    {"a token", OPENED, TOKEN, false, 0, NULL},
    {"a token and more", OPENED,
	"{\"parameters\":{\"x\":[1],\"access_token\":\"to.ken\",\"y\":{}},\"z\":1}",
	false, 0, NULL},
    {"no parameters at first", "{}", TOKEN, false, 0, NULL},
    {"an escape", OPENED, "{\"parameters\":{\"access_token\":\"to\\u002eken\"}}", false,
	0, NULL},
    {"refused destination", REASON("InvalidDestination", "x.json: no"), NULL, false,
	-EINVAL, "the helper cannot use the destination: x.json: no"},
    {"no more", REASON("LimitExceeded", "too many"), NULL, false, -EAGAIN,
	"the helper allows no more requests: too many"},
    {"refused identity", OPENED, REASON("IdentityRefused", "no"), false, -EACCES,
	"the mail server refuses this identity: no"},
    {"refused by the service", OPENED, REASON("TokenRefused", "invalid_client"), false,
	-ENOKEY, "the token service refused the request: invalid_client"},
    {"service unavailable", OPENED, REASON("TokenServiceUnavailable", "503"), false,
	-EAGAIN, "no access token: 503"},
    {"no reason", OPENED, ERROR("TokenRefused"), false, -ENOKEY, "no reason given"},
    {"a reason that is none", OPENED,
	"{\"error\":\"io.maildest.Helper.TokenRefused\",\"parameters\":{\"reason\":7}}",
	false, -ENOKEY, "no reason given"},
    {"parameters that are none", OPENED,
	"{\"error\":\"io.maildest.Helper.TokenRefused\",\"parameters\":7}", false,
	-ENOKEY, "no reason given"},
    {"a foreign reason", OPENED,
	REASON("TokenRefused", "a\\u001b[31m\\r\\nMAILDEST_X=1 %s"), false, -ENOKEY,
	": a\\x1b[31m\\x0d\\x0aMAILDEST_X=1 %s"},
    {"an unknown error", OPENED, ERROR("Unheard"), false, -ENOTCONN,
	"an error of its own"},
    {"an error of varlink", "{\"error\":\"org.varlink.service.MethodNotFound\"}", NULL,
	false, -ENOTCONN, "an error of its own"},
    {"another interface's error", OPENED,
	"{\"error\":\"io.maildest.Helper2.TokenRefused\"}", false, -ENOTCONN,
	"an error of its own"},
    {"an empty error", OPENED, "{\"error\":\"\"}", false, -ENOTCONN,
	"an error of its own"},
    {"no token", OPENED, OPENED, false, -ENOTCONN, "without a token"},
    {"an empty token", OPENED, "{\"parameters\":{\"access_token\":\"\"}}", false,
	-ENOTCONN, "without a token"},
    {"a token that is none", OPENED, "{\"parameters\":{\"access_token\":17}}", false,
	-ENOTCONN, "without a token"},
    {"a null token", OPENED, "{\"parameters\":{\"access_token\":null}}", false, -ENOTCONN,
	"without a token"},
    {"no object", OPENED, "{\"parameters\":[\"to.ken\"]}", false, -ENOTCONN,
	"without a token"},
    {"a line end in the token", OPENED,
	"{\"parameters\":{\"access_token\":\"to\\r\\nken\"}}", false, -ENOTCONN,
	"token is malformed"},
    {"a separator in the token", OPENED,
	"{\"parameters\":{\"access_token\":\"to\\u0001ken\"}}", false, -ENOTCONN,
	"token is malformed"},
    {"a blank in the token", OPENED, "{\"parameters\":{\"access_token\":\"to ken\"}}",
	false, -ENOTCONN, "token is malformed"},
    {"DEL in the token", OPENED, "{\"parameters\":{\"access_token\":\"to\x7fken\"}}",
	false, -ENOTCONN, "token is malformed"},
    {"a letter of another script in the token", OPENED,
	"{\"parameters\":{\"access_token\":\"t\xc3\xb6ken\"}}", false, -ENOTCONN,
	"token is malformed"},
    {"NUL in the token", OPENED, "{\"parameters\":{\"access_token\":\"to\\u0000ken\"}}",
	false, -ENOTCONN, "no varlink message"},
    {"garbage", "hello", NULL, false, -ENOTCONN, "no varlink message"},
    {"half an object", OPENED, "{\"parameters\":{", false, -ENOTCONN,
	"no varlink message"},
    {"an array", OPENED, "[]", false, -ENOTCONN, "no varlink message"},
    {"nothing at all", "", NULL, false, -ENOTCONN, "no varlink message"},
    {"closed at once", NULL, NULL, true, -ENOTCONN, "broke the connection"},
    {"closed in the midst", OPENED, NULL, true, -ENOTCONN, "broke the connection"},
};

static void check_answer(size_t i, size_t piece)
{
	_cleanup_helper_ struct helper h;
	_cleanup_free_ char *why = NULL;
	_cleanup_secret_ struct secret token = {0};
	int r;

	begin(&h, 0);
	if (answers[i].open)
		helper_answer(&h, answers[i].open, piece);
	if (answers[i].get)
		helper_answer(&h, answers[i].get, piece);
	if (answers[i].closes)
		helper_leave(&h);
	r = token_wait(&h.t, SOON, &token, &why);
	if (r != answers[i].want)
		ck_abort_msg(
		    "%s, in pieces of %zu: %d (%s)", answers[i].label, piece, r, why);
	if (answers[i].why ? !why || !strstr(why, answers[i].why) : why != NULL)
		ck_abort_msg("%s: the reason is '%s'", answers[i].label, why);
	if (strcmp(secret_str(&token), r == 0 ? "to.ken" : "") != 0)
		ck_abort_msg(
		    "%s: the token is '%s'", answers[i].label, secret_str(&token));
}

START_TEST(test_answers_in_pieces_of_each_size)
{
	static const size_t pieces[] = {1, 2, 3, 7, 50, SCENE_PACKET_MAX};

	for (size_t i = 0; i < ELEMENTSOF(answers); i++)
		for (size_t k = 0; k < ELEMENTSOF(pieces); k++)
			check_answer(i, pieces[k]);
}
END_TEST

START_TEST(test_answers_split_at_each_byte)
{
	static const char both[] = OPENED "\0" TOKEN;

	for (size_t at = 1; at < sizeof(both); at++) {
		_cleanup_helper_ struct helper h;
		_cleanup_free_ char *why = NULL;
		_cleanup_secret_ struct secret token = {0};

		begin(&h, 0);
		scene_say(h.fd, both, at, SCENE_PACKET_MAX);
		scene_say(h.fd, both + at, sizeof(both) - at, SCENE_PACKET_MAX);
		ck_assert_int_eq(token_wait(&h.t, SOON, &token, &why), 0);
		ck_assert_str_eq(secret_str(&token), "to.ken");
	}
}
END_TEST

START_TEST(test_a_helper_that_says_nothing)
{
	static const char *const said[] = {NULL, OPENED};

	for (size_t i = 0; i < ELEMENTSOF(said); i++) {
		_cleanup_helper_ struct helper h;
		_cleanup_free_ char *why = NULL;
		_cleanup_secret_ struct secret token = {0};

		begin(&h, 0);
		if (said[i])
			helper_answer(&h, said[i], SCENE_PACKET_MAX);
		scene_say(h.fd, "{", 1, 1);
		ck_assert_int_eq(
		    token_wait(&h.t, deadline_in(5000), &token, &why), -EAGAIN);
		ck_assert_ptr_nonnull(strstr(why, "in time"));
	}
}
END_TEST

START_TEST(test_answers_have_a_bound)
{
	static const struct {
		size_t letters;
		int want;
	} rows[] = {{64 * 1024, 0}, {VARLINK_MESSAGE_MAX - 100, 0},
	    {VARLINK_MESSAGE_MAX, -ENOTCONN}, {2 * VARLINK_MESSAGE_MAX, -ENOTCONN}};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_helper_ struct helper h;
		_cleanup_free_ char *why = NULL;
		_cleanup_secret_ struct secret token = {0}, said = {0};
		int r;

		begin(&h, 0);
		helper_answer(&h, OPENED, SCENE_PACKET_MAX);
		ck_assert_int_eq(
		    secret_puts(&said, "{\"parameters\":{\"access_token\":\""), 0);
		repeated_text(&said, "x", rows[i].letters);
		ck_assert_int_eq(secret_puts(&said, "\"}}"), 0);
		helper_answer(&h, said.data, SCENE_PACKET_MAX);
		r = token_wait(&h.t, SOON, &token, &why);
		ck_assert_msg(r == rows[i].want, "%zu: %d (%s)", rows[i].letters, r, why);
		ck_assert_uint_eq(token.len, r == 0 ? rows[i].letters : 0);
	}
}
END_TEST

START_TEST(test_a_huge_reason_is_cut)
{
	_cleanup_helper_ struct helper h;
	_cleanup_free_ char *why = NULL;
	_cleanup_secret_ struct secret token = {0}, said = {0};

	begin(&h, 0);
	helper_answer(&h, OPENED, SCENE_PACKET_MAX);
	ck_assert_int_eq(
	    secret_puts(&said, "{\"error\":\"io.maildest.Helper.TokenRefused\","
			       "\"parameters\":{\"reason\":\""),
	    0);
	repeated_text(&said, "\\n", 10000);
	ck_assert_int_eq(secret_puts(&said, "\"}}"), 0);
	helper_answer(&h, said.data, SCENE_PACKET_MAX);
	ck_assert_int_eq(token_wait(&h.t, SOON, &token, &why), -ENOKEY);
	ck_assert_uint_lt(strlen(why), 1200);
	ck_assert_ptr_nonnull(strstr(why, "..."));
}
END_TEST

START_TEST(test_a_rejected_token_is_named_by_its_hash)
{
	char hash[DIGEST_SHA256_HEX_SIZE];
	_cleanup_helper_ struct helper h;
	_cleanup_free_ char *why = NULL;
	_cleanup_secret_ struct secret token = {0}, other = {0}, heard = {0};

	begin(&h, 0);
	helper_answer(&h, OPENED, SCENE_PACKET_MAX);
	helper_answer(&h, TOKEN, SCENE_PACKET_MAX);
	ck_assert_int_eq(token_wait(&h.t, SOON, &token, &why), 0);
	(void)helper_told(&h, &heard);
	ck_assert_int_eq(token_reject(&h.t, &token, SOON, &why), 0);
	ck_assert_int_eq(digest_sha256_hex("to.ken", 6, hash), 0);
	ck_assert_ptr_nonnull(strstr(
	    helper_told(&h, &heard), "\"method\":\"io.maildest.Helper.RejectToken\""));
	ck_assert_ptr_nonnull(strstr(secret_str(&heard), hash));
	ck_assert_ptr_null(strstr(secret_str(&heard), "to.ken"));
	helper_answer(
	    &h, "{\"parameters\":{\"access_token\":\"other\"}}", SCENE_PACKET_MAX);
	ck_assert_int_eq(token_wait(&h.t, SOON, &other, &why), 0);
	ck_assert_str_eq(secret_str(&other), "other");
}
END_TEST

START_TEST(test_nothing_to_wait_for)
{
	_cleanup_helper_ struct helper h;
	_cleanup_free_ char *why = NULL;
	_cleanup_secret_ struct secret token = {0};

	begin(&h, 0);
	helper_answer(&h, OPENED, SCENE_PACKET_MAX);
	helper_answer(&h, TOKEN, SCENE_PACKET_MAX);
	ck_assert_int_eq(token_wait(&h.t, SOON, &token, &why), 0);
	ck_assert_int_lt(token_wait(&h.t, SOON, &token, &why), 0);
	ck_assert_str_eq(secret_str(&token), "to.ken");
}
END_TEST

START_TEST(test_a_helper_that_is_gone_when_a_token_is_rejected)
{
	_cleanup_helper_ struct helper h;
	_cleanup_free_ char *why = NULL;
	_cleanup_secret_ struct secret token = {0};

	begin(&h, 0);
	helper_leave(&h);
	ck_assert_int_eq(secret_puts(&token, "x"), 0);
	ck_assert_int_eq(token_reject(&h.t, &token, SOON, &why), -ENOTCONN);
	ck_assert_ptr_nonnull(strstr(why, "cannot speak to the helper"));
}
END_TEST

START_TEST(test_a_helper_that_does_not_listen)
{
	static const struct token_request request = {
	    .service = &my_mail, .wants_token = true};
	static char noise[SCENE_PACKET_MAX];
	_cleanup_token_source_ struct token_source t = TOKEN_SOURCE_INIT;
	_cleanup_free_ char *why = NULL;
	int fds[2];

	ck_assert_int_eq(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	while (write(fds[0], noise, sizeof(noise)) > 0)
		;
	ck_assert_int_eq(
	    token_open_fd(&t, fds[0], &request, deadline_in(5000), &why), -ENOTCONN);
	ck_assert_ptr_nonnull(why);
	close(fds[1]);
}
END_TEST

START_TEST(test_tokens_do_not_stay_in_freed_memory)
{
	struct helper h;
	_cleanup_free_ char *why = NULL;
	struct secret token = {0};

	freed_memory_watch("to.ken");
	begin(&h, 0);
	helper_answer(&h, OPENED, SCENE_PACKET_MAX);
	helper_answer(&h, TOKEN, 5);
	ck_assert_int_eq(token_wait(&h.t, SOON, &token, &why), 0);
	ck_assert_int_eq(token_reject(&h.t, &token, SOON, &why), 0);
	secret_done(&token);
	helper_done(&h);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_asks_in_one_breath,
	    test_asks_for_a_lifetime,
	    test_answers_in_pieces_of_each_size,
	    test_answers_split_at_each_byte,
	    test_a_helper_that_says_nothing,
	    test_answers_have_a_bound,
	    test_a_huge_reason_is_cut,
	    test_a_rejected_token_is_named_by_its_hash,
	    test_nothing_to_wait_for,
	    test_a_helper_that_is_gone_when_a_token_is_rejected,
	    test_a_helper_that_does_not_listen,
	    test_tokens_do_not_stay_in_freed_memory,
	};

	return check_program("token", tests, ELEMENTSOF(tests));
}
