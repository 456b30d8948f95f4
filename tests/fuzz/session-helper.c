/* SPDX-License-Identifier: Apache-2.0 */
/* Calls in, answers out, in order. */

#include "session-helper.h"

#include <errno.h>
#include <string.h>

#include "helper-link.h"
#include "reason.h"
#include "varlink.h"

static struct {
	enum session_helper_mode mode;
	unsigned tokens; /* handed out */
	size_t at;	 /* of what has been heard, that which is answered */
} helper;

/* The linker's name for the session's way to it. */
int __wrap_helper_link_connect(struct helper_link *l, const char *path, char **ret_why);

static void answer_token(struct varlink_writer *v, struct secret *out)
{
	char token[] = SESSION_NEEDLE "-0";

	token[sizeof(token) - 2] = (char)('0' + helper.tokens % 10);
	if (helper.mode != HELPER_REPEATS)
		helper.tokens++;
	varlink_begin_reply(v, out);
	json_writer_string(&v->w, "host", "127.0.0.1");
	json_writer_integer(&v->w, "port", 20004);
	json_writer_string(&v->w, "access_token", token);
	json_writer_boolean(&v->w, "accepted", true);
}

static void answer_error(struct varlink_writer *v, struct secret *out, const char *name)
{
	varlink_begin_error(v, out, name);
	json_writer_string(&v->w, "error", "invalid_grant");
	json_writer_string(&v->w, "reason", "the script has it so");
}

static void answer(const struct json *call)
{
	_cleanup_secret_ struct secret out = {0};
	const char *method = varlink_method(call);
	bool is_plain = strstr(method, "OpenSession") || strstr(method, "GetTlsSession");
	struct varlink_writer v;

	if (strstr(method, "PutTlsSession"))
		return; /* wants none */
	if (is_plain)
		varlink_begin_reply(&v, &out);
	else if (helper.mode == HELPER_REFUSES)
		answer_error(&v, &out, HELPER_INTERFACE "TokenRefused");
	else if (helper.mode == HELPER_IS_BUSY)
		answer_error(&v, &out, HELPER_INTERFACE "TokenServiceUnavailable");
	else
		answer_token(&v, &out);
	fuzz_check(varlink_end(&v) == 0, "no memory");
	world_say(WORLD_HELPER, secret_str(&out), out.len);
}

/* Every call is one of varlink, whatever comes from outside. */
static void on_helper(struct world *w)
{
	const struct secret *heard = &w->peers[WORLD_HELPER].heard;
	const char *end;

	if (helper.mode == HELPER_HANGS_UP) {
		world_close(WORLD_HELPER);
		helper.mode = HELPER_GIVES;
		helper.at = heard->len;
		return;
	}
	while ((end = memchr(heard->data + helper.at, '\0', heard->len - helper.at))) {
		size_t n = (size_t)(end - heard->data) - helper.at;
		_cleanup_json_ struct json *call = NULL;

		fuzz_check(json_parse(heard->data + helper.at, n, &call, NULL) == 0 &&
			       varlink_method(call),
		    "the helper is called with what is no call");
		helper.at += n + 1;
		if (helper.mode != HELPER_IS_SILENT)
			answer(call);
	}
}

void session_helper_begin(enum session_helper_mode mode)
{
	helper.mode = mode;
	helper.tokens = 0;
	helper.at = 0;
	world.on_helper = on_helper;
}

int __wrap_helper_link_connect(struct helper_link *l, const char *path, char **ret_why)
{
	(void)path; /* there is one helper only */
	if (helper.mode == HELPER_IS_ABSENT)
		return reason_set(ret_why, -ENOTCONN, "the script has no helper");
	l->fd = world_connect(WORLD_HELPER);
	return 0;
}
