/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The client's own login where any is accepted: its SASL dialogue (RFC 4422), of which
 * only the form is checked. Who may connect at all is decided elsewhere.
 */

#include "exchange.h"

enum client_login_outcome {
	CLIENT_LOGIN_ACCEPTED,
	CLIENT_LOGIN_CANCELLED,	 /* the client sent "*" */
	CLIENT_LOGIN_MALFORMED,	 /* a response was no base64, or came where none may */
	CLIENT_LOGIN_TOO_LONG,	 /* a response was longer than CLIENT_SASL_MAX */
	CLIENT_LOGIN_UNKNOWN,	 /* there is no such mechanism */
	CLIENT_LOGIN_INCOMPLETE, /* the client ended first */
};

/*
 * Runs the dialogue of `mechanism` (`len` bytes). `initial` is the encoded initial
 * response of `initial_len` bytes or NULL; each challenge goes out as `prompt`, the
 * encoded challenge and CRLF. Returns an outcome, or -errno of the exchange. What the
 * client sends is wiped.
 */
_must_check_ int client_login_run(struct exchange *x, const char *mechanism, size_t len,
    const char *initial, size_t initial_len, const char *prompt);
