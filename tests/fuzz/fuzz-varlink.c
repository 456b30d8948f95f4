/* SPDX-License-Identifier: Apache-2.0 */
/* Varlink's framing: messages that come in pieces of a size, which the first character says. */

#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "varlink.h"

/* What a message calls or answers can be said by us, and is then the same. */
static void say_again(const char *method)
{
	_cleanup_secret_ struct secret out = {0};
	_cleanup_json_ struct json *json = NULL;
	struct varlink_writer w;

	varlink_begin_call(&w, &out, method);
	fuzz_check(varlink_end(&w) == 0, "a method cannot be called");
	fuzz_check(varlink_take(&out, &json) == 1, "a call is no message");
	fuzz_check(strcmp(varlink_method(json), method) == 0, "it is another method");
	fuzz_check(out.len == 0, "a call is more than one message");
}

static void look_at(const struct json *message)
{
	const char *method = varlink_method(message), *error = varlink_error(message);
	struct json_value parameters;

	if (varlink_parameters(message, &parameters) && parameters.json)
		fuzz_check(
		    json_type(parameters) == JSON_OBJECT, "parameters are no object");
	if (method)
		say_again(method);
	if (error)
		fuzz_check(strlen(error) < VARLINK_MESSAGE_MAX, "an error is too long");
}

static int take_all(struct secret *in)
{
	int r;

	do {
		_cleanup_json_ struct json *json = NULL;
		size_t before = in->len;

		r = varlink_take(in, &json);
		fuzz_check(r != 1 || in->len < before, "a message took nothing");
		fuzz_check(r == 1 || !json, "there is a message without one");
		if (r == 1)
			look_at(json);
	} while (r == 1);
	fuzz_check(r == 0 || r == -EBADMSG || r == -EMSGSIZE || r == -ENOMEM,
	    "it fails otherwise than it may");
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const size_t sizes[] = {SIZE_MAX, 1, 2, 3, 7, 16, 64, 4096};
	_cleanup_secret_ struct secret buffer = {0};
	struct fuzz_input in = fuzz_input(bytes, n);
	size_t size = sizes[fuzz_choose(&in, ELEMENTSOF(sizes))];
	int r = 0;

	while (in.n > 0 && r == 0) {
		struct fuzz_input piece = fuzz_take_bytes(&in, size);

		fuzz_check(
		    secret_append(&buffer, piece.bytes, piece.n) == 0, "no memory");
		r = take_all(&buffer);
	}
	return 0;
}
