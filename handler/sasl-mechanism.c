/* SPDX-License-Identifier: Apache-2.0 */
#include "sasl-mechanism.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "saslname.h"

void sasl_session_done(struct sasl_session *s)
{
	scram_done(&s->scram);
	secret_done(&s->failure);
}

/* A challenge after the token is the server's way to say no (Google's XOAUTH2, RFC 7628 3.2.2). */
static int note_refusal(struct sasl_session *s, const struct secret *challenge)
{
	s->refused = true;
	return secret_append(&s->failure, secret_str(challenge), challenge->len);
}

static int respond_xoauth2(
    struct sasl_session *s, const struct secret *challenge, struct secret *out)
{
	if (challenge)
		return note_refusal(s, challenge); /* answered by an empty line */
	return secret_concat(
	    out, "user=", s->c->user, "\001auth=Bearer ", s->c->token, "\001\001", NULL);
}

static int respond_oauthbearer(
    struct sasl_session *s, const struct secret *challenge, struct secret *out)
{
	int r;

	if (challenge) {
		r = note_refusal(s, challenge);
		return r < 0 ? r : secret_puts(out, "\001");
	}
	r = secret_puts(out, "n,a=");
	if (r == 0)
		r = saslname_append(out, s->c->user);
	if (r == 0)
		r = secret_printf(
		    out, ",\001host=%s\001port=%u\001", s->c->host, (unsigned)s->c->port);
	if (r == 0)
		r = secret_concat(out, "auth=Bearer ", s->c->token, "\001\001", NULL);
	return r;
}

static int respond_plain(
    struct sasl_session *s, const struct secret *challenge, struct secret *out)
{
	int r;

	if (challenge)
		return -EPROTO;
	r = secret_append(out, "", 1); /* no authorization identity (RFC 4616 2) */
	if (r == 0)
		r = secret_append(out, s->c->user, strlen(s->c->user) + 1);
	return r < 0 ? r : secret_puts(out, s->c->password);
}

/* The prompts are free text, so only their order counts. */
static int respond_login(
    struct sasl_session *s, _unused_ const struct secret *challenge, struct secret *out)
{
	switch (s->step) {
	case 0:
		return secret_puts(out, s->c->user);
	case 1:
		return secret_puts(out, s->c->password);
	}
	return -EPROTO;
}

static int respond_scram(
    struct sasl_session *s, const struct secret *challenge, struct secret *out)
{
	int r;

	switch (s->step) {
	case 0:
		r = scram_new_nonce(&s->scram.nonce);
		return r < 0 ? r : scram_first(&s->scram, s->c->user, out);
	case 1:
		return scram_final(&s->scram, secret_str(challenge), s->c->password, out);
	case 2:
		r = scram_verify(&s->scram, secret_str(challenge));
		s->server_proved = r == 0;
		return r;
	}
	return -EPROTO;
}

/* In the order we prefer them. */
const struct sasl_mechanism sasl_mechanisms[] = {
    {"XOAUTH2", SASL_XOAUTH2, true, false, true, 1, respond_xoauth2},
    {"OAUTHBEARER", SASL_OAUTHBEARER, true, false, true, 1, respond_oauthbearer},
    {"PLAIN", SASL_PLAIN, false, true, true, 1, respond_plain},
    {"LOGIN", SASL_LOGIN, false, true, false, 2, respond_login},
    {"SCRAM-SHA-256", SASL_SCRAM_SHA_256, false, false, true, 1, respond_scram},
};
_Static_assert(ELEMENTSOF(sasl_mechanisms) == SASL_MECHANISMS, "as the header says");

const struct sasl_mechanism *sasl_mechanism_find(const char *name, size_t len)
{
	for (size_t i = 0; i < SASL_MECHANISMS; i++)
		if (strlen(sasl_mechanisms[i].name) == len &&
		    strncasecmp(sasl_mechanisms[i].name, name, len) == 0)
			return &sasl_mechanisms[i];
	return NULL;
}

unsigned sasl_mechanism_bit(const char *name, size_t len)
{
	const struct sasl_mechanism *m = sasl_mechanism_find(name, len);

	return m ? m->bit : 0;
}

const char *sasl_mechanism_name(const struct sasl_mechanism *m)
{
	return m->name;
}
