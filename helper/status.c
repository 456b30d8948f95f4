/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status: numbers, and one line for each token held. There may be a thousand, each with a
 * reason and long names, but a reply is one message: reasons are cut to their share of
 * it, and what still does not fit is counted instead of told.
 */

#include "status.h"

#include <string.h>

#include "deadline.h"
#include "remote.h"
#include "text.h"
#include "varlink.h"

/* For what stands around the list, and the entry that is the last to fit. */
#define RESERVED_SIZE ((size_t)8 * 1024)
#define LIST_SIZE_MAX (VARLINK_MESSAGE_MAX - RESERVED_SIZE)
/* Names are left to the other half of each share. */
#define REASON_LENGTH(entries) (LIST_SIZE_MAX / (entries) / 2)

/* A reason of at most `max` bytes, in whole characters. It was escaped when it came. */
static void write_reason(struct json_writer *w, const char *reason, size_t max)
{
	_cleanup_secret_ struct secret cut = {0};

	if (strlen(reason) <= max) {
		json_writer_string(w, "reason", reason);
		return;
	}
	while (max > 0 && (reason[max] & 0xc0) == 0x80) /* within a character */
		max--;
	if (secret_append(&cut, reason, max) == 0 && secret_puts(&cut, "...") == 0)
		json_writer_string(w, "reason", secret_str(&cut));
}

static void write_view(
    struct json_writer *w, const struct cache_view *view, size_t reason_max)
{
	json_writer_open(w, NULL, '{');
	json_writer_string(w, "destination", view->binding->destination);
	if (view->binding->tenant)
		json_writer_string(w, "tenant", view->binding->tenant);
	if (view->binding->instance)
		json_writer_string(w, "instance", view->binding->instance);
	json_writer_string(w, "state", view->state);
	if (view->has_token)
		json_writer_integer(
		    w, "expires_in", (int64_t)(view->left_usec / USEC_PER_SEC));
	json_writer_integer(w, "waiters", view->waiters);
	if (view->reason)
		write_reason(w, view->reason, reason_max);
	json_writer_close(w, '}');
}

/* Writes the list, most recently used first; returns how many found no room. */
static unsigned write_tokens(struct varlink_writer *v, const struct cache *c)
{
	const struct cache_entry *position = NULL;
	const unsigned entries = cache_entries(c);
	uint64_t now = deadline_boottime();
	struct cache_view view;
	unsigned n = 0;

	json_writer_open(&v->w, "tokens", '[');
	while (v->w.out->len - v->start < LIST_SIZE_MAX &&
	       cache_next_view(c, &position, now, &view)) {
		write_view(&v->w, &view, REASON_LENGTH(entries));
		n++;
	}
	json_writer_close(&v->w, ']');
	return entries - n;
}

int status_reply(const struct session_host *host, struct secret *out)
{
	const struct stats *stats = host->stats;
	uint64_t uptime = deadline_boottime() - stats->started_usec;
	struct varlink_writer v;
	unsigned left_out;

	varlink_begin_reply(&v, out);
	json_writer_string(&v.w, "version", MAILDEST_VERSION);
	json_writer_integer(&v.w, "uptime", (int64_t)(uptime / USEC_PER_SEC));
	left_out = write_tokens(&v, broker_cache(host->broker));
	json_writer_integer(&v.w, "tokens_left_out", left_out);
	json_writer_integer(&v.w, "tls_sessions", tls_sessions_count(host->tls_sessions));
	json_writer_integer(&v.w, "sessions", stats->sessions);
	json_writer_integer(&v.w, "token_requests", (int64_t)stats->token_requests);
	json_writer_integer(&v.w, "token_failures", (int64_t)stats->token_failures);
	json_writer_integer(
	    &v.w, "destinations", remote_count(broker_remote(host->broker)));
	json_writer_integer(
	    &v.w, "destination_requests", (int64_t)stats->destination_requests);
	json_writer_integer(
	    &v.w, "refused_connections", (int64_t)stats->refused_connections);
	return varlink_end(&v);
}

char *status_line(const struct session_host *host)
{
	const unsigned sessions = host->stats->sessions;
	const unsigned tokens = cache_tokens(broker_cache(host->broker));
	const char *failure = broker_last_failure(host->broker);
	char *text;

	text = text_format("STATUS=%u token%s, %u session%s%s%s", tokens,
	    tokens == 1 ? "" : "s", sessions, sessions == 1 ? "" : "s",
	    failure ? ", last failure: " : "", failure ? failure : "");
	if (!text)
		return NULL;
	return text;
}
