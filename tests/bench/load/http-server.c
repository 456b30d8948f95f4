/* SPDX-License-Identifier: Apache-2.0 */
/* A token service that issues a new token for each POST, whatever it says, and counts. */

#include "upstream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json-writer.h"

#define LENGTH_HEADER "Content-Length:"

/* Reads a request: its method's first letter, or -errno. */
static int read_request(struct connection *c)
{
	size_t length = 0;
	char *line;
	int r, method;

	r = connection_line(c, &line);
	if (r < 0)
		return r;
	method = *line;
	for (;;) {
		r = connection_line(c, &line);
		if (r < 0)
			return r;
		if (!*line)
			break;
		if (strncasecmp(line, LENGTH_HEADER, strlen(LENGTH_HEADER)) == 0)
			length = strtoul(line + strlen(LENGTH_HEADER), NULL, 10);
	}
	r = connection_skip(c, length);
	return r < 0 ? r : method;
}

static void write_token(struct upstream *u, struct json_writer *w)
{
	_cleanup_secret_ struct secret token = {0};

	if (secret_printf(&token, "token-%lu", atomic_fetch_add(&u->token_requests, 1)))
		w->error = -ENOMEM;
	json_writer_string(w, "access_token", secret_str(&token));
	json_writer_string(w, "token_type", "Bearer");
	json_writer_integer(w, "expires_in", 3600);
}

static void write_counters(struct upstream *u, struct json_writer *w)
{
	json_writer_integer(w, "logins", (int64_t)u->logins);
	json_writer_integer(w, "messages", (int64_t)u->messages);
	json_writer_integer(w, "token_requests", (int64_t)u->token_requests);
}

static int answer(struct visit *v, int method)
{
	_cleanup_secret_ struct secret body = {0};
	struct json_writer w = {.out = &body};
	int r;

	json_writer_open(&w, NULL, '{');
	(method == 'P' ? write_token : write_counters)(v->upstream, &w);
	json_writer_close(&w, '}');
	r = json_writer_end(&w);
	if (r < 0)
		return r;
	return connection_printf(&v->connection,
	    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    body.len, body.data);
}

int http_serve(struct visit *v)
{
	int r;

	do {
		r = read_request(&v->connection);
		if (r > 0)
			r = answer(v, r);
	} while (r == 0);
	return r;
}
