/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client says until the relay starts, of the protocol that CLIENT_PROTOCOL names.
 * The first two digits are what stands between it and its mailbox (nothing, its grant, the
 * server) and ClientLogin=; the rest is its words, all of them at once.
 */

#include <errno.h>
#include <string.h>

#include "deadline.h"
#include "exchange.h"
#include "world.h"

#define WORDS "IMAP4rev1\nSTARTTLS\nAUTH=PLAIN\nIDLE\nSIZE 1000\nTOP"

/* What is to be redeemed is visible ASCII. */
static int log_in(struct exchange *x, const struct secret *credential)
{
	fuzz_check(credential->len > 0 && fuzz_is_word(secret_str(credential)) &&
		       strlen(secret_str(credential)) == credential->len,
	    "a credential is no word");
	x->logged_in = credential->len % 2 == 0;
	return x->logged_in ? 0 : -EKEYREVOKED;
}

static int check_login(
    struct exchange *x, const struct secret *user, const struct secret *password)
{
	x->logged_in = user->len > password->len;
	return x->logged_in ? 0 : -EKEYREVOKED;
}

/* Of what was said to the client, no byte breaks a line but at its end. */
static void check_replies(const struct secret *heard)
{
	for (size_t i = 0; i < heard->len; i++) {
		char c = heard->data[i], before = i > 0 ? heard->data[i - 1] : '\0';

		fuzz_check(
		    c != '\0' && (c != '\n' || before == '\r'), "a reply is no line");
	}
}

static void converse(struct exchange *x)
{
	int r;

	r = x->protocol->greet(x);
	if (r == 0)
		r = x->protocol->converse(x);
	fuzz_check(r <= 1, "there is no such end");
	if (x->why)
		fuzz_check(fuzz_is_line(x->why), "a reason is no line");
	if (x->login_why)
		fuzz_check(fuzz_is_line(x->login_why), "a login's reason is no line");
	if (r == 0 && x->access != ACCESS_PASS_THROUGH)
		fuzz_check(exchange_is_open(x), "the relay starts without a login");
	world_listen();
	if (x->access != ACCESS_PASS_THROUGH)
		check_replies(&world.peers[WORLD_CLIENT].heard);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct fuzz_input in = fuzz_input(bytes, n);
	struct upstream u = UPSTREAM_INIT;
	struct stream client = STREAM_INIT;
	int server_fd, client_fd;
	struct exchange x = {
	    .client = &client,
	    .upstream = &u,
	    .access = (enum exchange_access)fuzz_choose(&in, 3),
	    .client_login = (enum client_login)fuzz_choose(&in, CLIENT_LOGIN_MAX),
	    .log_in = log_in,
	    .check_login = check_login,
	    .user = "user@example.com",
	    .protocol = &CLIENT_PROTOCOL,
	    .our_name = "maildest.host.example",
	    .session = "0123456789ab",
	};

	world_begin((struct fuzz_input){0});
	server_fd = world_connect(WORLD_SERVER);
	client_fd = world_connect(WORLD_CLIENT);
	world_say(WORLD_CLIENT, in.n > 0 ? in.bytes : "", in.n);
	fuzz_check(stream_init(&u.stream, server_fd, server_fd) == 0 &&
		       stream_init(&client, client_fd, client_fd) == 0 &&
		       secret_puts(&u.capabilities.words, WORDS) == 0 &&
		       secret_puts(&u.greeting, "* OK 220 ready\r\n") == 0,
	    "no memory");
	u.our_name = "client.example";
	u.login_deadline = deadline_in(20 * USEC_PER_SEC);
	u.reply_timeout_usec = u.write_timeout_usec = 20 * USEC_PER_SEC;
	converse(&x);
	exchange_done(&x);
	upstream_done(&u);
	stream_done(&client);
	world_end();
	return 0;
}
