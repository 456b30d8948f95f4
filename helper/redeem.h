/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A client's credential on its way to the token service and back: with what the request is
 * made, and what its answer means for the next one. A code is posted once, whatever
 * happens; what came for it, or for a refresh token, is kept before it is used.
 */

#include "fetch.h"
#include "lookup.h"
#include "rotation.h"
#include "token-reply.h"

/*
 * Completes the request of an entry by its client's credential or what has replaced it; a
 * used code's request becomes that of a refresh token, if one came for it. 0; -ENOMEM;
 * else with *ret_why (malloc'd): -EKEYREVOKED a code that was used and left nothing;
 * -EKEYREJECTED there is a record that cannot be opened; -EINVAL the destination is wrong;
 * another -errno: not now.
 */
_must_check_ int redeem_prepare(struct rotation *rotation,
    const struct lookup_places *places, struct cache_entry *e,
    struct token_request *request, char **ret_why);

/* What an answer means for the credential. */
enum redeemed {
	REDEEMED,	  /* it was good */
	REDEEM_UNCHANGED, /* it may be tried again, as far as it was not refused */
	REDEEM_LOST,	  /* it was a code, and nobody knows what has become of it */
};

/*
 * Keeps what came, before any of it is used. `token` has been filled from the reply, unless
 * that is a failure.
 */
enum redeemed redeem_settle(struct rotation *rotation, struct cache_entry *e,
    const struct fetch_reply *reply, const struct token_reply *token);
