/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The client's own login, its SASL dialogue (RFC 4422). Where we have logged in, only its
 * form is checked, or, if the service requires a login, user and password; where it carries the
 * client's grant, it is what logs us in. Who may
 * connect at all is decided elsewhere.
 */

#include "exchange.h"

enum client_login_outcome {
	CLIENT_LOGIN_ACCEPTED,
	CLIENT_LOGIN_CANCELLED,	 /* the client sent "*" */
	CLIENT_LOGIN_MALFORMED,	 /* a response was no base64, or came where none may */
	CLIENT_LOGIN_TOO_LONG,	 /* a response was longer than CLIENT_SASL_MAX */
	CLIENT_LOGIN_UNKNOWN,	 /* there is no such mechanism */
	CLIENT_LOGIN_INCOMPLETE, /* the client ended first */
	CLIENT_LOGIN_REFUSED, /* another user, or the grant, identity or password is refused */
	CLIENT_LOGIN_UNAVAILABLE, /* an operator or time can heal it */
};

/* What a client may log in with, the order of preference: "PLAIN LOGIN"; constant. */
const char *client_login_mechanisms(const struct exchange *x);

/*
 * Has user and password checked, where exchange_checks_login(): CLIENT_LOGIN_ACCEPTED,
 * _REFUSED after a pause, _UNAVAILABLE, or -errno.
 */
_must_check_ int client_login_check(
    struct exchange *x, const struct secret *user, const struct secret *password);

/*
 * Runs the dialogue of `mechanism` (`len` bytes). `initial` is the encoded initial
 * response of `initial_len` bytes or NULL; each challenge goes out as `prompt`, the
 * encoded challenge and CRLF. Returns an outcome, or -errno of the exchange; after
 * CLIENT_LOGIN_ACCEPTED exchange_is_open(). What the client sends is wiped.
 */
_must_check_ int client_login_run(struct exchange *x, const char *mechanism, size_t len,
    const char *initial, size_t initial_len, const char *prompt);
