/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server says until we are logged in, of the protocol that UPSTREAM_PROTOCOL
 * names. The first digit says how we log in (a password, a token, a password without a
 * mechanism, not at all), the rest is the server's words, all of them at once.
 */

#include <string.h>

#include "deadline.h"
#include "protocol.h"
#include "sasl.h"
#include "world.h"

enum way {
	WITH_PASSWORD,
	WITH_TOKEN,
	WITH_COMMAND,
	WITH_STARTTLS,
	WAYS,
};

/* The linker's name for what SCRAM draws. */
int __wrap_scram_new_nonce(struct secret *ret);

int __wrap_scram_new_nonce(struct secret *ret)
{
	return secret_puts(ret, "fuzz");
}

static int log_in(struct upstream *u, enum way way)
{
	const struct protocol *protocol = &UPSTREAM_PROTOCOL;
	const struct sasl_credentials credentials = {
	    .user = "user@example.com",
	    .password = way == WITH_TOKEN ? NULL : "Geheim-4711",
	    .token = way == WITH_TOKEN ? "Geheim-4711-0" : NULL,
	    .host = "mail.example.com",
	    .port = 587,
	    .clear_text_allowed = true,
	};
	const struct sasl_mechanism *mechanism;
	int r;

	if (way == WITH_STARTTLS)
		return protocol->starttls(u);
	if (way == WITH_COMMAND && protocol->login)
		return protocol->login(u, credentials.user, credentials.password);
	r = sasl_choose(u, protocol, &credentials, &mechanism);
	return r < 0 ? r : sasl_login(u, protocol, mechanism, &credentials);
}

static int converse(struct upstream *u, enum way way)
{
	const struct protocol *protocol = &UPSTREAM_PROTOCOL;
	int r;

	r = protocol->greeting(u);
	if (r == 0)
		r = protocol->capabilities(u);
	if (r == 0)
		r = log_in(u, way);
	if (r == 0)
		r = protocol->capabilities(u);
	return r < 0 ? r : protocol->goodbye(u);
}

/* A secret that the server has not said is in no reason. */
static void check_reason(const char *why)
{
	const struct secret *said = &world.peers[WORLD_SERVER].said;

	fuzz_check(fuzz_is_line(why), "a reason is no line");
	fuzz_check(!strstr(why, "Geheim-4711") ||
		       (said->len > 0 && memmem(said->data, said->len, "Geheim", 6)),
	    "a reason has a secret");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct fuzz_input in = fuzz_input(bytes, n);
	enum way way = (enum way)fuzz_choose(&in, WAYS);
	struct upstream u = UPSTREAM_INIT;
	int fd, r;

	world_begin((struct fuzz_input){0});
	fd = world_connect(WORLD_SERVER);
	world_say(WORLD_SERVER, in.n > 0 ? in.bytes : "", in.n);
	fuzz_check(stream_init(&u.stream, fd, fd) == 0, "no descriptor is left");
	u.our_name = "client.example";
	u.login_deadline = deadline_in(20 * USEC_PER_SEC);
	u.reply_timeout_usec = u.write_timeout_usec = 20 * USEC_PER_SEC;
	u.starttls_ahead = way == WITH_STARTTLS;
	r = converse(&u, way);
	fuzz_check(r >= 0 || u.why, "a failure gives no reason");
	if (u.why)
		check_reason(u.why);
	upstream_done(&u);
	world_end();
	return 0;
}
