/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The framing of varlink (https://varlink.org): JSON objects, each ended by a NUL byte,
 * on a stream socket. Both ends use this module; neither does it any I/O.
 */

#include "json-writer.h"
#include "json.h"
#include "secret.h"

/* The longest message either side accepts, NUL included: a 64 KiB credential, escaped. */
#define VARLINK_MESSAGE_MAX ((size_t)256 * 1024)

/*
 * Takes the first complete message off the front of `in`. Returns 1 and the document, 0
 * if more bytes are needed, -EMSGSIZE if the message is longer than VARLINK_MESSAGE_MAX,
 * -EBADMSG if it is no JSON object, -ENOMEM.
 */
_must_check_ int varlink_take(struct secret *in, struct json **ret);

/* The "parameters" object of a message; false if it is there but no object. Absent:
 * *ret.json NULL. */
bool varlink_parameters(const struct json *message, struct json_value *ret);

/* "method" of a call or "error" of a reply: borrowed, NULL if absent or no string. */
const char *varlink_method(const struct json *message);
const char *varlink_error(const struct json *message);

/*
 * Each begins a message whose parameters the caller then adds to `w` with
 * json_writer_*(); varlink_end() closes it with its NUL and returns 0 or the first error;
 * after an error `out` is as before the message.
 */
struct varlink_writer {
	struct json_writer w;
	size_t start;
};

void varlink_begin_call(struct varlink_writer *v, struct secret *out, const char *method);
/* One that gets no reply. */
void varlink_begin_oneway_call(
    struct varlink_writer *v, struct secret *out, const char *method);
void varlink_begin_reply(struct varlink_writer *v, struct secret *out);
void varlink_begin_error(struct varlink_writer *v, struct secret *out, const char *error);
_must_check_ int varlink_end(struct varlink_writer *v);
