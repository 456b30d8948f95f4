/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a failure looks like: to the client a reply it can act on, in the journal a class
 * with a priority. Never a permanent code for what a corrected configuration would cure,
 * or queueing programs would bounce mail. The server's own words go to the journal only.
 */

#include <stdbool.h>

#include "log.h"

/*
 * The -errno of a session and what they mean here:
 *  -EINVAL         the configuration is unusable
 *  -ENOTCONN       the helper cannot be reached, or died
 *  -ENOKEY         the token service refused for good, or the server refuses each token
 *  -EAGAIN         no token now
 *  -EADDRNOTAVAIL  the server's name has no address
 *  -EKEYREJECTED   the server's certificate is not believed
 *  -EACCES         the server refused the login
 *  -EKEYREVOKED    the token service refused the client's refresh token or code
 *  -EBADMSG        the client's login was malformed, or for another user
 *  -EKEYEXPIRED    the proxy refused our authentication
 *  -EREMOTEIO      the proxy broke its protocol
 *  -EBUSY          the server refuses service, but not for good
 *  -EOPNOTSUPP     the server lacks what the destination needs
 *  -EPROTO         the server broke the protocol
 *  -ECONNREFUSED, -ECONNRESET, -EHOSTUNREACH, -ENETUNREACH, -EPIPE, -ETIMEDOUT
 *                  the network
 *  -ECONNABORTED   the client went away
 *  -EPERM          what connected is no client of this protocol
 *  -EREMOTE        the client may not connect
 *  -EOVERFLOW      the client made too many errors
 *  -ETIME          the client said nothing for too long
 *  -EUSERS         no process can be had for the session
 *  -ESHUTDOWN      the server ended the session in its own words
 */
struct refusal {
	int error;
	const char *result; /* MAILDEST_RESULT */
	enum log_priority priority;
	const char *message_id;
	bool silent;	/* the client is told nothing: it is gone, or has been told */
	bool permanent; /* SMTP 554 instead of 421 */
	const char *enhanced;  /* RFC 3463, without its class: "3.5" */
	const char *imap_code; /* RFC 5530, or NULL */
	const char *text;      /* for the client: which of our parts failed */
};

/* The row of a -errno; unknown ones are ours to mend ("internal"). */
const struct refusal *refusal_find(int error);
