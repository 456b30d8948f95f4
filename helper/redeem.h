/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A client's credential on its way to the token service and back: with what the request is
 * made, and what its answer means for the next one. What came for a code or a refresh token
 * is kept before it is used.
 *
 * A code that is on its way has been noted as posted. It stays so, and is never posted
 * again, if a token came for it, or if nobody knows what the service has made of it: no
 * answer, one that makes no sense, a failure of the service's own; as long as the note is
 * there, that is: it makes room for a thousand newer ones, goes unused like any record
 * (rotation.h), and when the destination is forgotten. The note goes at once, and who
 * presents the code again has it posted again, in these cases:
 *
 *   the request never left us, or came no further     as soon as requests are made again,
 *   than the Connectivity proxy, which refused it     which is a matter of seconds
 *   the service said by a code of RFC 6749 5.2 that   after 10 minutes if that was
 *   it gives no token, or XSUAA that there is no      invalid_grant, else after one
 *   such tenant
 *
 * A Destination service that refuses our own token is asked again at once with a fresh one:
 * it has not looked at the code either.
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
