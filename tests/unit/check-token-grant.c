/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a helper for tokens by what the client brought, try after try on one connection. */

#include "token.h"

#include <errno.h>
#include <string.h>

#include "check-program.h"
#include "digest.h"
#include "freed-memory.h"
#include "helper-end.h"
#include "helper-visits.h"

static const struct service my_mail = {.destination = "my-mail"};

#define SOON deadline_in(20 * USEC_PER_SEC)

#define OPENED "{\"parameters\":{}}"
#define TOKEN "{\"parameters\":{\"access_token\":\"to.ken\"}}"
#define CALL(method, parameters)                                                         \
	"{\"method\":\"io.maildest.Helper." method "\",\"parameters\":{" parameters "}}" \
	"\n"
#define ASKED_OPEN \
	CALL("OpenSession", "\"service\":\"my-mail\",\"destination\":\"my-mail\"")
#define ASKED_TOKEN CALL("GetToken", "\"credential\":\"gr.ant\"")

static const struct token_request request = {.service = &my_mail};

static void begin(struct helper *h)
{
	helper_begin(h, SOCK_SEQPACKET, &request, SOON);
	helper_answer(h, OPENED, SCENE_PACKET_MAX);
}

START_TEST(test_asks_when_there_is_something_to_ask_with)
{
	_cleanup_helper_ struct helper h;
	_cleanup_free_ char *why = NULL;
	_cleanup_secret_ struct secret heard = {0}, token = {0};

	begin(&h);
	ck_assert_str_eq(helper_told(&h, &heard), ASKED_OPEN);
	helper_answer(&h, TOKEN, SCENE_PACKET_MAX);
	ck_assert_int_eq(token_ask(&h.t, "gr.ant", SOON, &why), 0);
	ck_assert_int_eq(token_wait(&h.t, SOON, &token, &why), 0);
	ck_assert_str_eq(helper_told(&h, &heard), ASKED_TOKEN);
	ck_assert_str_eq(secret_str(&token), "to.ken");
	/* and again */
	ck_assert_int_eq(token_ask(&h.t, "other", SOON, &why), 0);
	helper_answer(
	    &h, "{\"parameters\":{\"access_token\":\"two\"}}", SCENE_PACKET_MAX);
	secret_clear(&token);
	ck_assert_int_eq(token_wait(&h.t, SOON, &token, &why), 0);
	ck_assert_str_eq(
	    helper_told(&h, &heard), CALL("GetToken", "\"credential\":\"other\""));
	ck_assert_str_eq(secret_str(&token), "two");
}
END_TEST

START_TEST(test_a_credential_is_escaped)
{
	_cleanup_helper_ struct helper h;
	_cleanup_free_ char *why = NULL;
	_cleanup_secret_ struct secret heard = {0};

	begin(&h);
	ck_assert_int_eq(token_ask(&h.t, "a\"b\\c", SOON, &why), 0);
	ck_assert_str_eq(helper_told(&h, &heard),
	    ASKED_OPEN CALL("GetToken", "\"credential\":\"a\\\"b\\\\c\""));
}
END_TEST

#define REFUSED(code)                                                     \
	"{\"error\":\"io.maildest.Helper.TokenRefused\",\"parameters\":{" \
	"\"error\":" code ",\"reason\":\"no\"}}"

START_TEST(test_what_a_refusal_means)
{
	static const struct {
		const char *label, *credential, *says;
		int want;
	} rows[] = {
	    {"the grant", "gr.ant", REFUSED("\"invalid_grant\""), -EKEYREVOKED},
	    {"without a grant", NULL, REFUSED("\"invalid_grant\""), -ENOKEY},
	    {"our client", "gr.ant", REFUSED("\"invalid_client\""), -ENOKEY},
	    {"another case", "gr.ant", REFUSED("\"INVALID_GRANT\""), -ENOKEY},
	    {"no code", "gr.ant", REFUSED("null"), -ENOKEY},
	    {"a code that is none", "gr.ant", REFUSED("[\"invalid_grant\"]"), -ENOKEY},
	    {"not now", "gr.ant",
		"{\"error\":\"io.maildest.Helper.TokenServiceUnavailable\","
		"\"parameters\":"
		"{\"error\":\"invalid_grant\"}}",
		-EAGAIN},
	    {"too many", "gr.ant", "{\"error\":\"io.maildest.Helper.LimitExceeded\"}",
		-EAGAIN},
	    {"the identity", "gr.ant",
		"{\"error\":\"io.maildest.Helper.IdentityRefused\"}", -EACCES},
	    {"the destination", "gr.ant",
		"{\"error\":\"io.maildest.Helper.InvalidDestination\"}", -EINVAL},
	    {"varlink's", "gr.ant",
		"{\"error\":\"org.varlink.service.InvalidParameter\"}", -ENOTCONN},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_helper_ struct helper h;
		_cleanup_free_ char *why = NULL;
		_cleanup_secret_ struct secret token = {0};
		int r;

		begin(&h);
		helper_answer(&h, rows[i].says, SCENE_PACKET_MAX);
		ck_assert_int_eq(token_ask(&h.t, rows[i].credential, SOON, &why), 0);
		r = token_wait(&h.t, SOON, &token, &why);
		ck_assert_msg(
		    r == rows[i].want && why, "%s: %d (%s)", rows[i].label, r, why);
		ck_assert_uint_eq(token.len, 0);
	}
}
END_TEST

START_TEST(test_a_rejected_token_is_named_with_its_credential)
{
	char hash[DIGEST_SHA256_HEX_SIZE];
	_cleanup_helper_ struct helper h;
	_cleanup_free_ char *why = NULL, *want = NULL;
	_cleanup_secret_ struct secret heard = {0}, token = {0};

	begin(&h);
	helper_answer(&h, TOKEN, SCENE_PACKET_MAX);
	ck_assert_int_eq(token_ask(&h.t, "gr.ant", SOON, &why), 0);
	ck_assert_int_eq(token_wait(&h.t, SOON, &token, &why), 0);
	(void)helper_told(&h, &heard);
	ck_assert_int_eq(token_reject(&h.t, &token, SOON, &why), 0);
	ck_assert_int_eq(digest_sha256_hex("to.ken", 6, hash), 0);
	ck_assert_int_gt(
	    asprintf(&want,
		CALL("RejectToken", "\"token_sha256\":\"%s\",\"credential\":\"gr.ant\""),
		hash),
	    0);
	ck_assert_str_eq(helper_told(&h, &heard), want);
}
END_TEST

/* What a helper says visit by visit: where "OPENED" stands alone, it dies before its answer. */
static void check_visits(const char *label, const char *const says[HELPER_VISITS_MAX])
{
	_cleanup_helper_visits_ struct helper_visits v = {.asked = ASKED_OPEN};
	struct token_request q = request;
	struct token_source t;
	_cleanup_secret_ struct secret token = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	memcpy(v.says, says, sizeof(v.says));
	v.asked_then = ASKED_TOKEN;
	helper_visits_begin(&v, 8);
	helper_visits_start(&v);
	q.path = v.path;
	ck_assert_int_eq(token_open(&t, &q, SOON, &why), 0);
	r = token_ask(&t, "gr.ant", SOON, &why);
	if (r == 0)
		r = token_wait(&t, SOON, &token, &why);
	ck_assert_msg(r == 0 && !why, "the helper dies %s: %d (%s)", label, r, why);
	ck_assert_str_eq(secret_str(&token), "to.ken");
	token_source_done(&t);
	helper_visits_finish(&v);
}

#define LAST OPENED "\n" TOKEN "\n"

START_TEST(test_a_helper_that_dies_is_asked_again)
{
	static const struct {
		const char *label, *says[HELPER_VISITS_MAX];
	} rows[] = {
	    {"not at all", {LAST}},
	    {"at once", {"", LAST}},
	    {"before it answers", {OPENED "\n", LAST}},
	    {"within its answer", {OPENED "\n{\"par", LAST}},
	    {"again and again", {OPENED "\n", "", "!", OPENED "\n{", LAST}},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		check_visits(rows[i].label, rows[i].says);
}
END_TEST

/* Asks with a credential: what token_wait() said within the time. */
static int ask(
    struct token_source *t, const char *credential, uint64_t usec, struct secret *token)
{
	_cleanup_free_ char *why = NULL;
	int r;

	secret_clear(token);
	r = token_ask(t, credential, deadline_in(usec), &why);
	return r < 0 ? r : token_wait(t, deadline_in(usec), token, &why);
}

/* Answers each visitor's first question late, or never: says it when the visitor has gone. */
static int answer_the_last(int listener, _unused_ void *data)
{
	static const char last[] = OPENED "\0" TOKEN;
	char bytes[4096];

	for (unsigned i = 0;; i++) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			return 1;
		if (i == TOKEN_CALL_MAX + 1)
			return send(fd, last, sizeof(last), MSG_NOSIGNAL) ==
					   (ssize_t)sizeof(last) &&
				       read(fd, bytes, sizeof(bytes)) > 0
				   ? 0
				   : 2;
		while (read(fd, bytes, sizeof(bytes)) > 0)
			;
		close(fd);
	}
}

/* However many answers never came, none of them is taken for a later question's. */
START_TEST(test_an_answer_that_never_came_is_forgotten)
{
	_cleanup_helper_visits_ struct helper_visits v = {0};
	struct token_request q = request;
	struct token_source t;
	_cleanup_secret_ struct secret token = {0};
	_cleanup_free_ char *why = NULL;
	pid_t pid;

	helper_visits_begin(&v, 8);
	q.path = v.path;
	pid = peer_start(answer_the_last, v.listener, -1, NULL);
	v.listener = -1;
	ck_assert_int_eq(token_open(&t, &q, SOON, &why), 0);
	for (unsigned i = 0; i < TOKEN_CALL_MAX + 1; i++)
		ck_assert_int_eq(ask(&t, "gr.ant", 5000, &token), -EAGAIN);
	ck_assert_int_eq(ask(&t, "other", 20 * USEC_PER_SEC, &token), 0);
	ck_assert_str_eq(secret_str(&token), "to.ken");
	token_source_done(&t);
	ck_assert_int_eq(peer_verdict(pid), 0);
}
END_TEST

/* Which token was rejected, only that connection knew; the next question is one for all. */
START_TEST(test_after_a_rejection_that_failed)
{
	_cleanup_helper_visits_ struct helper_visits v = {
	    .says = {LAST, LAST}, .asked = ASKED_OPEN ASKED_TOKEN};
	struct token_request q = request;
	struct token_source t;
	_cleanup_secret_ struct secret token = {0}, other = {0};
	_cleanup_free_ char *why = NULL;

	q.wants_token = true;
	q.credential = "gr.ant";
	helper_visits_begin(&v, 8);
	helper_visits_start(&v);
	q.path = v.path;
	ck_assert_int_eq(token_open(&t, &q, SOON, &why), 0);
	ck_assert_int_eq(token_wait(&t, SOON, &token, &why), 0);
	if (token_reject(&t, &token, SOON, &why) == 0)
		ck_assert_int_eq(token_wait(&t, SOON, &other, &why), -ENOTCONN);
	ck_assert_ptr_nonnull(why);
	ck_assert_uint_eq(other.len, 0);
	ck_assert_int_eq(ask(&t, "gr.ant", 20 * USEC_PER_SEC, &other), 0);
	ck_assert_str_eq(secret_str(&other), "to.ken");
	token_source_done(&t);
	helper_visits_finish(&v);
}
END_TEST

START_TEST(test_credentials_do_not_stay_in_freed_memory)
{
	static const char *const says[HELPER_VISITS_MAX] = {OPENED "\n", LAST};
	static const char *const secrets[] = {"gr.ant", "to.ken"};

	for (size_t i = 0; i < ELEMENTSOF(secrets); i++) {
		freed_memory_watch(secrets[i]);
		check_visits("before it answers", says);
		ck_assert_msg(freed_memory_hits() == 0, "'%s' is found", secrets[i]);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_asks_when_there_is_something_to_ask_with,
	    test_a_credential_is_escaped,
	    test_what_a_refusal_means,
	    test_a_rejected_token_is_named_with_its_credential,
	    test_a_helper_that_dies_is_asked_again,
	    test_an_answer_that_never_came_is_forgotten,
	    test_after_a_rejection_that_failed,
	    test_credentials_do_not_stay_in_freed_memory,
	};

	return check_program("token-grant", tests, ELEMENTSOF(tests));
}
