/* SPDX-License-Identifier: Apache-2.0 */
/* The order of a session, the same for both protocols. */

#include "session.h"

#include <string.h>

#define HOST "localhost"

/* user=bench, auth=Bearer token */
const char session_xoauth2[] = "dXNlcj1iZW5jaAFhdXRoPUJlYXJlciB0b2tlbgEB";

const struct dialogue *session_dialogue(const char *name)
{
	static const struct dialogue *const all[] = {&smtp_dialogue, &imap_dialogue};

	for (size_t i = 0; i < ELEMENTSOF(all); i++)
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	return NULL;
}

SSL_CTX *session_context(const char *authority)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (!context || SSL_CTX_load_verify_file(context, authority) != 1) {
		SSL_CTX_free(context);
		return NULL;
	}
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	return context;
}

static int start_tls(struct connection *c, const struct target *t)
{
	int r;

	r = t->dialogue->greet(c);
	if (r == 0)
		r = t->dialogue->ask_for_tls(c);
	if (r == 0)
		r = connection_connect_tls(c, t->context, HOST);
	return r < 0 ? r : t->dialogue->greet_again(c);
}

static int get_ready(struct connection *c, const struct target *t)
{
	int r = 0;

	if (t->tls == TARGET_IMPLICIT)
		r = connection_connect_tls(c, t->context, HOST);
	if (r == 0)
		r = t->tls == TARGET_STARTTLS ? start_tls(c, t) : t->dialogue->greet(c);
	if (r == 0 && t->tls != TARGET_PLAIN)
		r = t->dialogue->log_in(c);
	return r;
}

int session_begin(struct connection *c, const struct target *t)
{
	int r;

	c->fd = -1;
	c->ssl = NULL;
	r = connection_dial(c, t->port);
	if (r == 0)
		r = get_ready(c, t);
	return r < 0 ? r : t->dialogue->mail(c, t->kib);
}

int session_end(struct connection *c, const struct target *t)
{
	return t->dialogue->leave(c);
}
