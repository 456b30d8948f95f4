/* SPDX-License-Identifier: Apache-2.0 */
/* A TLS session to be resumed, as it comes from the helper: DER, behind the moment until
 * which it counts, which is put there. */

#include <errno.h>
#include <string.h>
#include <time.h>

#include "fuzz.h"
#include "tls-context.h"

/* The linker's name for the clock that it goes by: samples stay young. */
time_t __wrap_time(time_t *ret);

#define NOW INT64_C(1795353700)

time_t __wrap_time(time_t *ret)
{
	if (ret)
		*ret = NOW;
	return NOW;
}

static struct tls_context *make_context(void)
{
	static const struct tls_trust trust = {.insecure_trust_all = true};
	struct config config = CONFIG_INIT;
	struct settings settings = {0};
	struct tls_context *context = NULL;
	char *why = NULL;

	fuzz_check(tls_init() == 0 && tls_context_new(&config, &settings, &trust, "h",
					  &context, &why) == 0,
	    "OpenSSL is not usable");
	return context;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static struct tls_context *context; /* one for all inputs */
	unsigned char until[8] = {0};
	_cleanup_secret_ struct secret session = {0};
	struct tls *tls = NULL;

	if (!context)
		context = make_context();
	for (unsigned i = 0; i < sizeof(until); i++)
		until[i] = (unsigned char)((uint64_t)(NOW + 60) >> (56 - 8 * i));
	fuzz_check(secret_append(&session, until, sizeof(until)) == 0, "no memory");
	fuzz_fill(&session, fuzz_input(bytes, n));
	fuzz_check(tls_new(context, -1, "mail.example.com", &tls) == 0, "no memory");
	fuzz_check(tls_offer_session(tls, &session) == tls_has_offered(tls),
	    "it is not told whether a session is offered");
	tls_free(tls);
	return 0;
}
