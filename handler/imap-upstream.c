/* SPDX-License-Identifier: Apache-2.0 */
/* IMAP towards the mail server: capabilities, STARTTLS, AUTHENTICATE and LOGIN. */

#include "imap.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "imap-response.h"

/* Sends "<tag> <command>" and waits for what ends it. */
static int command(struct upstream *u, const char *text, struct imap_response *ret)
{
	_cleanup_secret_ struct secret line = {0};
	int r;

	r = secret_printf(&line, IMAP_TAG_FORMAT " ", ++u->tag);
	if (r == 0)
		r = secret_concat(&line, text, "\r\n", NULL);
	if (r == 0)
		r = upstream_send(u, &line);
	return r < 0 ? r : imap_read_response(u, ret);
}

static int refuse_response(
    struct upstream *u, int error, const char *what, const struct imap_response *response)
{
	return upstream_fail_quoting(
	    u, error, what, secret_str(&response->text), response->text.len);
}

int imap_greeting(struct upstream *u)
{
	struct line line;
	bool is_preauth;
	int r;

	r = upstream_line(u, IMAP_LINE_MAX, &line);
	if (r < 0)
		return r;
	is_preauth = imap_is_untagged(&line, "PREAUTH");
	if (imap_is_untagged(&line, "OK"))
		r = imap_note_code(u, line.text + 5, line.len > 5 ? line.len - 5 : 0);
	else if (imap_is_untagged(&line, "BYE"))
		return upstream_fail_quoting(
		    u, -EBUSY, "the server refuses service", line.text, line.len);
	else if (is_preauth && u->passes_through && !u->starttls_ahead)
		r = imap_note_code(u, line.text + 10, line.len > 10 ? line.len - 10 : 0);
	else if (is_preauth)
		return upstream_fail_quoting(u, -EPROTO,
		    "the server claims that we are logged in before we are", line.text,
		    line.len);
	else
		return upstream_fail_quoting(
		    u, -EPROTO, "the server sent no IMAP greeting", line.text, line.len);
	if (r == 0)
		r = secret_append(&u->greeting, line.text, line.raw_len);
	upstream_drop_line(u, &line);
	return r;
}

int imap_capabilities(struct upstream *u)
{
	_cleanup_imap_response_ struct imap_response response = {0};
	int r;

	if (u->capabilities.known)
		return 0;
	r = command(u, "CAPABILITY", &response);
	if (r < 0)
		return r;
	/* Exchange says "User is authenticated but not connected" when a mailbox is out of reach */
	if (response.status != IMAP_OK)
		return refuse_response(
		    u, -EBUSY, "the server does not list its capabilities", &response);
	if (!u->capabilities.known)
		return upstream_fail(u, -EPROTO, "the server listed no capabilities");
	return 0;
}

int imap_starttls(struct upstream *u)
{
	_cleanup_imap_response_ struct imap_response response = {0};
	int r;

	r = command(u, "STARTTLS", &response);
	if (r < 0)
		return r;
	if (response.status != IMAP_OK)
		return refuse_response(
		    u, -EBUSY, "the server offered STARTTLS and refuses it", &response);
	return 0;
}

bool imap_takes_initial(
    const struct upstream *u, _unused_ const char *mechanism, _unused_ size_t len)
{
	return u->capabilities.initial_response;
}

/* RFC 5530's codes for a failure that is not the credentials'. */
static bool is_temporary(const struct imap_response *response)
{
	static const char *const codes[] = {
	    "[CONTACTADMIN]", "[INUSE]", "[LIMIT]", "[SERVERBUG]", "[UNAVAILABLE]"};

	for (size_t i = 0; i < ELEMENTSOF(codes); i++)
		if (strncasecmp(
			secret_str(&response->text), codes[i], strlen(codes[i])) == 0)
			return true;
	return false;
}

/* What the end of a login, or its next challenge, means. */
static int login_outcome(
    struct upstream *u, const struct imap_response *response, struct secret *challenge)
{
	int r;

	switch (response->status) {
	case IMAP_CONTINUE:
		if (!challenge)
			break;
		r = secret_append(
		    challenge, secret_str(&response->text), response->text.len);
		return r < 0 ? r : 1;
	case IMAP_OK:
		return imap_note_code(u, secret_str(&response->text), response->text.len);
	case IMAP_NO:
		if (is_temporary(response))
			return refuse_response(
			    u, -EBUSY, "the server cannot log us in now", response);
		u->credentials_refused = true;
		return refuse_response(
		    u, -EACCES, "the server refused the login", response);
	case IMAP_BAD:
		break;
	}
	return refuse_response(
	    u, -EPROTO, "the server did not understand the login", response);
}

int imap_auth(struct upstream *u, const char *mechanism, const char *initial,
    struct secret *challenge)
{
	_cleanup_imap_response_ struct imap_response response = {0};
	_cleanup_secret_ struct secret text = {0};
	int r;

	r = secret_concat(&text, "AUTHENTICATE ", mechanism, initial ? " " : "",
	    initial ? (*initial ? initial : "=") : "", NULL);
	upstream_forget_capabilities(u); /* what held before a login does not after it */
	if (r == 0)
		r = command(u, secret_str(&text), &response);
	return r < 0 ? r : login_outcome(u, &response, challenge);
}

int imap_answer(struct upstream *u, const char *encoded, struct secret *challenge)
{
	_cleanup_imap_response_ struct imap_response response = {0};
	_cleanup_secret_ struct secret line = {0};
	int r;

	r = secret_concat(&line, encoded, "\r\n", NULL);
	upstream_forget_capabilities(u); /* what held before a login does not after it */
	if (r == 0)
		r = upstream_send(u, &line);
	if (r == 0)
		r = imap_read_response(u, &response);
	return r < 0 ? r : login_outcome(u, &response, challenge);
}

/* quoted, RFC 9051 9; control characters are refused when the destination is read */
static int append_quoted(struct secret *out, const char *text)
{
	int r;

	r = secret_append(out, "\"", 1);
	for (; *text && r == 0; text++) {
		if (*text == '"' || *text == '\\')
			r = secret_append(out, "\\", 1);
		if (r == 0)
			r = secret_append(out, text, 1);
	}
	return r < 0 ? r : secret_append(out, "\"", 1);
}

int imap_login(struct upstream *u, const char *user, const char *password)
{
	_cleanup_imap_response_ struct imap_response response = {0};
	_cleanup_secret_ struct secret text = {0};
	size_t secret; /* where the password begins, as it is written */
	int r;

	r = secret_puts(&text, "LOGIN ");
	if (r == 0)
		r = append_quoted(&text, user);
	if (r == 0)
		r = secret_append(&text, " ", 1);
	secret = text.len;
	if (r == 0)
		r = append_quoted(&text, password);
	if (r == 0)
		r = upstream_hide(u, secret_str(&text) + secret);
	upstream_forget_capabilities(u); /* what held before a login does not after it */
	if (r == 0)
		r = command(u, secret_str(&text), &response);
	return r < 0 ? r : login_outcome(u, &response, NULL);
}

int imap_goodbye(struct upstream *u)
{
	_cleanup_imap_response_ struct imap_response response = {0};
	int r;

	r = command(u, "LOGOUT", &response);
	return r == -EBUSY ? 0 : r; /* its BYE */
}
