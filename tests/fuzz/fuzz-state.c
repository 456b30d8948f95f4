/* SPDX-License-Identifier: Apache-2.0 */
/* The helper's state, as it comes back from the service manager; its digest is made to fit. */

#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "state-layout.h"
#include "state.h"

#define NOW (200000 * USEC_PER_SEC)

static void sign(struct secret *bytes)
{
	struct state_header h;

	if (bytes->len < sizeof(h))
		return;
	memcpy(&h, bytes->data, sizeof(h));
	h.length = bytes->len;
	fuzz_check(digest_sha256(bytes->data + STATE_DIGESTED,
		       bytes->len - STATE_DIGESTED, h.digest) == 0,
	    "there is no digest");
	memcpy(bytes->data, &h, sizeof(h));
}

/* Whatever was read can be written, and be read once more. */
static void carry_over(const struct cache *c, uint64_t generation)
{
	_cleanup_secret_ struct secret bytes = {0};
	struct cache *again = NULL;
	const char *why = NULL;
	unsigned n = 0;

	fuzz_check(state_write(c, generation, NOW, &bytes, &n) == 0, "no memory");
	fuzz_check(n <= cache_entries(c), "there are more entries than there were");
	fuzz_check(
	    state_parse(bytes.data, bytes.len, NOW, &again, &generation, &why) == 0,
	    "what was written is no state");
	fuzz_check(cache_entries(again) == n, "an entry is lost");
	cache_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	_cleanup_secret_ struct secret state = {0};
	struct cache *c = NULL, *restored = NULL;
	uint64_t generation = 0;
	const char *why = NULL;
	int r;

	fuzz_fill(&state, fuzz_input(bytes, n));
	sign(&state);
	r = state_parse(secret_str(&state), state.len, NOW, &c, &generation, &why);
	fuzz_check_why(r, why);
	if (r < 0)
		return 0;
	carry_over(c, generation);
	fuzz_check(cache_new(42, &restored) == 0, "no memory");
	cache_restore(restored, c, NOW);
	while (cache_due(restored, NOW))
		;
	cache_free(restored);
	return 0;
}
