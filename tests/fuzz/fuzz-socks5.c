/* SPDX-License-Identifier: Apache-2.0 */
/* SOCKS5: a line with the method, then host, user, password, JWT and location, a line each;
 * the rest is what the proxy says. */

#include <errno.h>

#include "fuzz.h"
#include "socks5.h"

struct texts {
	char *host, *user, *password, *jwt, *location;
};

static void texts_done(struct texts *t)
{
	free(t->host);
	free(t->user);
	free(t->password);
	free(t->jwt);
	free(t->location);
}

static void check_step(const struct socks5 *s, int r)
{
	if (r == 0)
		fuzz_check(s->need > 0 && s->need <= SOCKS5_NEED_MAX,
		    "so many bytes are in no answer");
	if (r == 1)
		fuzz_check(s->need == 0, "it is connected and wants more");
}

static void run(const struct socks5_request *q, struct fuzz_input *in)
{
	_cleanup_socks5_ struct socks5 s = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	r = socks5_begin(&s, q, &why);
	fuzz_check_why(r, why);
	check_step(&s, r);
	while (r == 0) {
		struct fuzz_input piece = fuzz_take_bytes(in, s.need);

		if (piece.n < s.need)
			return;
		secret_clear(&s.out);
		r = socks5_take(&s, (const unsigned char *)piece.bytes, piece.n, &why);
		fuzz_check_why(r, why);
		check_step(&s, r);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct fuzz_input in = fuzz_input(bytes, n);
	unsigned method = fuzz_choose(&in, 3);
	_cleanup_(texts_done) struct texts t = {0};
	struct socks5_request q = {.method = (enum socks5_method)method, .port = 25};

	(void)fuzz_take_line(&in); /* of the method */
	q.host = t.host = fuzz_text(fuzz_take_line(&in));
	q.user = t.user = fuzz_text(fuzz_take_line(&in));
	q.password = t.password = fuzz_text(fuzz_take_line(&in));
	q.jwt = t.jwt = fuzz_text(fuzz_take_line(&in));
	q.location_id = t.location = fuzz_text(fuzz_take_line(&in));
	run(&q, &in);
	return 0;
}
