/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What has replaced the credentials of clients. A token service may answer a refresh token
 * with a new one and count the old one as used up (RFC 6749 6), and a code has a refresh
 * token only if one came with its tokens; the client goes on presenting what it has. So
 * for each client (a realm and a credential, see cache.h) there may be a record: the refresh
 * token to present instead, or that the credential is a code that has been posted. It counts
 * for every destination of the realm, as the token service knows of none of them; so the
 * exchanges of one client must go one after the other (turns.h). Two tenants whose clients
 * present the same refresh token know nothing of each other: each needs one of its own. A
 * destination that is given another token service or clientId finds no record there: what
 * its clients present goes out as it is.
 *
 * What a kill or a power failure does to a rotation, step by step:
 *
 *   before the request is sent          nothing has happened
 *   while it is on its way, or its      the record is the old one; whether the service still
 *   answer is, or until the new         takes the token in it is its own grace period's matter:
 *   record has been renamed             nobody on this side can know the new one
 *   until the folder is synchronised    killed: the new record; power failed: one of both, whole;
 *                                       if the old one, it is as above
 *   from then on                        the new record
 *
 * The access token is handed out at the end, so that whoever has seen it can rely on the
 * record. The helper does not end while a credential is on its way, if it is asked to end
 * (broker_is_redeeming()). A code is noted before it is posted: if we are killed then, it
 * is not posted again. When else it may be, redeem.h says.
 *
 * Of several destinations that are asked at once, all but one have presented nothing yet
 * when we are killed: it is as if they came later, to the record as it is then. A code
 * whose tokens are lost is lost for all of them.
 *
 * Everybody waits while a folder is synchronised; that is a matter of milliseconds and
 * happens once in a token's life.
 *
 * A record that cannot be read is never passed over: to present the older token would have
 * the service revoke all of them (RFC 9700 4.14.2). A folder that cannot be written to
 * costs nobody his token: records wait in the cache, sealed as they are, outlive us in its
 * state, and are written as soon as that is possible.
 *
 * A record that is not used is deleted after ROTATION_UNUSED_SEC, which only the wall clock
 * can tell, and that may be wrong: a host without a battery starts with the time of its
 * image. So nothing goes at the start, nor before the clock has been watched for
 * ROTATION_WATCH_SEC: to go right by CLOCK_BOOTTIME, and to see the record unused for that
 * time too. A clock that is set forward meanwhile renews whatever seems unused by it. What
 * is left: a helper that is killed just when the clock has been set right, and a client
 * that then keeps away for a week. A helper that never lives for a week deletes nothing.
 */

#include <systemd/sd-event.h>

#include "cache.h"

#define ROTATION_UNUSED_SEC (INT64_C(90) * 24 * 60 * 60)
#define ROTATION_WATCH_SEC (INT64_C(7) * 24 * 60 * 60)

struct rotation;

/*
 * `state_dir` as rotation_folder() takes it, `cache` borrowed. Cleans the folder if there
 * is one; it is made when it is first needed. 0 or -errno.
 */
_must_check_ int rotation_new(
    sd_event *event, struct cache *cache, const char *state_dir, struct rotation **ret);
/* Tries a last time to write what could not be written; takes NULL; returns NULL. */
struct rotation *rotation_free(struct rotation *r);

/* To be called when the cache has been restored: it may have records to be written. */
void rotation_resume(struct rotation *r);

/* Whether there is a record of the key's client. */
bool rotation_knows(const struct rotation *r, const struct cache_key *key);

/*
 * What is to be presented instead of an entry's credential: 1 and the token appended to
 * `ret`, empty for a code that has been posted; 0 if there is no record; -EBADMSG with
 * *ret_why (malloc'd) if there is one that does not open; -ENOMEM; another -errno with
 * *ret_why if it cannot be read now.
 */
_must_check_ int rotation_load(
    struct rotation *r, const struct cache_entry *e, struct secret *ret, char **ret_why);

/*
 * Makes `token` (empty for a code about to be posted) the record of an entry's client. 0:
 * it is kept, in the folder or, with a word in the journal, in the cache; -errno if not even
 * there, which is told too.
 */
int rotation_keep(struct rotation *r, struct cache_entry *e, const char *token);

/* Notes that the record of an entry's client was of use. */
void rotation_use(struct rotation *r, const struct cache_entry *e);

/* Forgets the record of an entry's client: its code was not posted, or is none. */
void rotation_forget(struct rotation *r, const struct cache_entry *e);
