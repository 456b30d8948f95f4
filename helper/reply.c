/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies of io.maildest.Helper, written from the cache's answers. Reasons quote files
 * and servers, so they are escaped and cut here, wherever they come from.
 */

#include "reply.h"

#include <errno.h>
#include <string.h>

#include "deadline.h"
#include "log.h"
#include "varlink.h"

/* A reply with one string, which is escaped and cut: it may quote files and servers. */
int reply_error(struct secret *out, const char *error, const char *key, const char *value)
{
	_cleanup_secret_ struct secret text = {0};
	struct varlink_writer v;
	int r;

	r = value ? log_escape(&text, value, strlen(value)) : 0;
	if (r < 0)
		return r;
	varlink_begin_error(&v, out, error);
	if (key)
		json_writer_string(&v.w, key, secret_str(&text));
	return varlink_end(&v);
}

int reply_empty(struct secret *out)
{
	struct varlink_writer v;

	varlink_begin_reply(&v, out);
	return varlink_end(&v);
}

int reply_not_open(struct secret *out)
{
	return reply_error(out, "io.maildest.Helper.SessionNotOpen", NULL, NULL);
}

int reply_invalid_parameter(struct secret *out, const char *name)
{
	return reply_error(
	    out, "org.varlink.service.InvalidParameter", "parameter", name);
}

static int reply_token(struct secret *out, const struct cache_answer *answer)
{
	struct varlink_writer v;

	varlink_begin_reply(&v, out);
	json_writer_string(&v.w, "access_token", answer->token);
	json_writer_integer(
	    &v.w, "expires_in", (int64_t)(answer->left_usec / USEC_PER_SEC));
	return varlink_end(&v);
}

static int reply_unavailable(struct secret *out, const struct cache_answer *answer)
{
	uint64_t sec = (answer->left_usec + USEC_PER_SEC - 1) / USEC_PER_SEC;
	_cleanup_secret_ struct secret reason = {0};
	struct varlink_writer v;
	int r;

	r = log_escape(&reason, answer->reason, strlen(answer->reason));
	if (r < 0)
		return r;
	varlink_begin_error(&v, out, "io.maildest.Helper.TokenServiceUnavailable");
	json_writer_string(&v.w, "reason", secret_str(&reason));
	if (sec > 0)
		json_writer_integer(&v.w, "retry_after", (int64_t)sec);
	return varlink_end(&v);
}

static int reply_refused(struct secret *out, const struct cache_answer *answer)
{
	_cleanup_secret_ struct secret reason = {0};
	struct varlink_writer v;
	int r;

	r = log_escape(&reason, answer->reason, strlen(answer->reason));
	if (r < 0)
		return r;
	varlink_begin_error(&v, out, "io.maildest.Helper.TokenRefused");
	json_writer_string(&v.w, "error", answer->error ? answer->error : "");
	json_writer_string(&v.w, "reason", secret_str(&reason));
	return varlink_end(&v);
}

int reply_answer(struct secret *out, const struct cache_answer *answer)
{
	switch (answer->verdict) {
	case CACHE_TOKEN:
		return reply_token(out, answer);
	case CACHE_WAIT:
		return 0;
	case CACHE_REFUSED:
		return reply_refused(out, answer);
	case CACHE_UNAVAILABLE:
		return reply_unavailable(out, answer);
	case CACHE_DESTINATION_INVALID:
		return reply_error(out, "io.maildest.Helper.InvalidDestination", "reason",
		    answer->reason);
	case CACHE_IDENTITY_REFUSED:
		return reply_error(
		    out, "io.maildest.Helper.IdentityRefused", "reason", answer->reason);
	case CACHE_CREDENTIAL_MISFIT:
		return reply_invalid_parameter(out, "credential");
	case CACHE_FULL:
		return reply_error(
		    out, "io.maildest.Helper.LimitExceeded", "reason", answer->reason);
	}
	return -EINVAL;
}
