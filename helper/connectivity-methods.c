/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the Connectivity proxy is and a JWT for it, for handlers whose mail server is behind
 * a Cloud Connector. The JWT is in the cache like any other token, under the tenant's name
 * and no destination's.
 */

#include "connectivity-methods.h"

#include <errno.h>

#include "connectivity.h"
#include "deadline.h"
#include "lookup.h"
#include "parameters.h"
#include "reply.h"
#include "varlink.h"

/* The proxy's answer to two tokens in a row; the caller's own identity is another thing. */
static int reply_refused_twice(struct secret *out)
{
	const struct cache_answer answer = {.verdict = CACHE_UNAVAILABLE,
	    .reason = "the Connectivity proxy refused a fresh token too; another is not "
		      "asked for within a minute"};

	return reply_answer(out, &answer);
}

static int reply_proxy(struct session *s, const struct cache_answer *answer)
{
	_cleanup_connectivity_proxy_ struct connectivity_proxy proxy = {0};
	_cleanup_free_ char *why = NULL;
	struct varlink_writer v;
	int r;

	r = connectivity_find_proxy(broker_config_dir(s->host->broker), &proxy, &why);
	if (r < 0)
		return why ? reply_error(&s->out, "io.maildest.Helper.InvalidDestination",
				 "reason", why)
			   : r;
	varlink_begin_reply(&v, &s->out);
	json_writer_string(&v.w, "host", proxy.host);
	json_writer_integer(&v.w, "port", proxy.socks5_port);
	json_writer_string(&v.w, "access_token", answer->token);
	json_writer_integer(
	    &v.w, "expires_in", (int64_t)(answer->left_usec / USEC_PER_SEC));
	return varlink_end(&v);
}

/* 1 if the destination is one that the proxy is for; else 0 or -errno. */
static int check_destination(struct session *s)
{
	_cleanup_free_ char *why = NULL;
	struct cache_answer answer;
	int r;

	r = lookup_check_on_premise(broker_places(s->host->broker), &s->binding, &why);
	if (r == 0)
		return 1;
	if (!why)
		return r;
	answer = (struct cache_answer){.reason = why,
	    .verdict =
		lookup_is_shortage(r) ? CACHE_UNAVAILABLE : CACHE_DESTINATION_INVALID};
	r = reply_answer(&s->out, &answer);
	return r < 0 ? r : 0;
}

int connectivity_methods_answer(struct session *s, const struct cache_answer *answer)
{
	s->wants_proxy = false;
	if (answer->verdict == CACHE_TOKEN)
		return reply_proxy(s, answer);
	if (answer->verdict == CACHE_IDENTITY_REFUSED)
		return reply_refused_twice(&s->out);
	return reply_answer(&s->out, answer);
}

int connectivity_methods_get(struct session *s, struct json_value parameters)
{
	static const struct parameter table[] = {{"rejected_sha256", PARAMETER_STRING,
	    false, offsetof(struct broker_question, rejected_sha256)}};
	char name[] = BINDING_CONNECTIVITY_NAME;
	const struct binding binding = {.service = s->binding.service,
	    .destination = name,
	    .tenant = s->binding.tenant};
	struct broker_question q = {.binding = &binding};
	const char *bad = parameters_read(parameters, table, ELEMENTSOF(table), &q);
	struct cache_answer answer;
	int r;

	if (!bad && q.rejected_sha256 && !parameter_is_sha256(q.rejected_sha256))
		bad = table[0].name;
	if (bad)
		return reply_invalid_parameter(&s->out, bad);
	if (!s->is_bound)
		return reply_not_open(&s->out);
	r = check_destination(s);
	if (r <= 0)
		return r;
	s->is_waiting = s->wants_proxy = true;
	r = broker_ask(s->host->broker, &q, &s->waiter, &answer);
	if (r == 0 && answer.verdict == CACHE_WAIT)
		return 0;
	s->is_waiting = false;
	return r < 0 ? r : connectivity_methods_answer(s, &answer);
}
