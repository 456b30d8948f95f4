/* SPDX-License-Identifier: Apache-2.0 */
/* What a Destination service answers to "find": a line with the status, then the body. */

#include <string.h>

#include "find-reply.h"
#include "fuzz.h"
#include "json.h"
#include "properties.h"

/* What was found is what the handler can read. */
static void look_at_destination(const struct secret *destination)
{
	_cleanup_properties_ struct properties p = {0};
	_cleanup_json_ struct json *json = NULL;
	_cleanup_free_ char *why = NULL;
	struct json_value v;
	const char *key;
	int position = 0;

	fuzz_check(json_parse(destination->data, destination->len, &json, NULL) == 0,
	    "a destination is no JSON");
	while (json_next_member(json_root(json), &position, &key, &v))
		fuzz_check(json_string(v) != NULL, "a destination has more than texts");
	fuzz_check(
	    properties_add(&p, destination->data, destination->len, "x", &why) == 0,
	    "a destination cannot be read");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct fuzz_input in = fuzz_input(bytes, n);
	_cleanup_free_ char *status = fuzz_text(fuzz_take_line(&in));
	_cleanup_find_reply_ struct find_reply reply = {0};

	fuzz_check(find_reply_parse(strtol(status, NULL, 10), in.n > 0 ? in.bytes : "",
		       in.n, &reply) == 0,
	    "no memory");
	if (reply.kind == FOUND)
		look_at_destination(&reply.destination);
	else
		fuzz_check(
		    reply.reason.len > 0 && fuzz_is_line(secret_str(&reply.reason)),
		    "a failure gives no reason");
	return 0;
}
