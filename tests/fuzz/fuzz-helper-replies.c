/* SPDX-License-Identifier: Apache-2.0 */
/* What a helper answers to a session's calls, all of it at once, a line for each message. */

#include <errno.h>
#include <string.h>

#include "deadline.h"
#include "token.h"
#include "world.h"

#define PATIENCE_USEC (5 * USEC_PER_SEC)

/* The linker's name for the way to another helper: there is none. */
int __wrap_helper_link_connect(struct helper_link *l, const char *path, char **ret_why);

int __wrap_helper_link_connect(struct helper_link *l, const char *path, char **ret_why)
{
	(void)l; /* stays as it is */
	*ret_why = strdup(path);
	return -ENOTCONN;
}

/* Each step by itself may fail; those behind it are tried nevertheless. */
static void check_step(int r, char **why)
{
	if (r < 0 && r != -ENOMEM)
		fuzz_check(*why && fuzz_is_line(*why), "a failure gives no reason");
	free(*why);
	*why = NULL;
}

static void ask_all(struct token_source *t, uint64_t deadline)
{
	static const struct token_login login = {"user", "password"};
	_cleanup_secret_ struct secret token = {0}, other = {0};
	char *why = NULL;

	check_step(token_wait_destination(t, deadline, &why), &why);
	check_step(token_wait_proxy(t, deadline, &why), &why);
	check_step(token_wait(t, deadline, &token, &why), &why);
	if (token.len > 0) {
		check_step(token_reject(t, &token, deadline, &why), &why);
		check_step(token_wait(t, deadline, &other, &why), &why);
	}
	if (t->proxy.host)
		check_step(token_reject_proxy(t, deadline, &why), &why);
	check_step(token_check_client(t, &login, deadline, &why), &why);
}

static void say_all(struct fuzz_input in)
{
	while (in.n > 0) {
		struct fuzz_input line = fuzz_take_line(&in);

		world_say(WORLD_HELPER, line.n > 0 ? line.bytes : "", line.n);
		world_say(WORLD_HELPER, "", 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const struct service service = {.destination = "x"};
	_cleanup_token_source_ struct token_source t = TOKEN_SOURCE_INIT;
	const struct token_request request = {
	    .path = "no other helper",
	    .service = &service,
	    .wants_destination = true,
	    .tls_context =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	    .wants_proxy = true,
	    .wants_token = true,
	};
	uint64_t deadline;
	char *why = NULL;
	int fd;

	world_begin((struct fuzz_input){0});
	deadline = deadline_in(PATIENCE_USEC);
	fd = world_connect(WORLD_HELPER);
	say_all(fuzz_input(bytes, n));
	check_step(token_open_fd(&t, fd, &request, deadline, &why), &why);
	ask_all(&t, deadline);
	world_end();
	return 0;
}
