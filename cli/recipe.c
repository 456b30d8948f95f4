/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Presets as data: what they know, what they have to ask. A host is known by the kind of
 * protocol; everything else by field.
 */

#include "recipe.h"

#include <errno.h>
#include <string.h>

#include "json-writer.h"
#include "prompt.h"
#include "reason.h"
#include "text.h"

#define BIT(field) (1u << (field))

const char *const recipe_options[FIELD_MAX] = {
    [FIELD_PRESET] = "preset",
    [FIELD_PROTOCOL] = "protocol",
    [FIELD_HOST] = "host",
    [FIELD_PORT] = "port",
    [FIELD_USER] = "user",
    [FIELD_AZURE_TENANT] = "azure-tenant",
    [FIELD_TOKEN_URL] = "token-url",
    [FIELD_CLIENT_ID] = "client-id",
    [FIELD_SCOPE] = "scope",
    [FIELD_LOCATION_ID] = "location-id",
};

static const char *const questions[FIELD_MAX] = {
    [FIELD_PRESET] = "Kind of account: m365, gmail, gmail-oauth, on-premise or password",
    [FIELD_PROTOCOL] = "Protocol: smtp, smtps, imap4, imap4s, pop3 or pop3s",
    [FIELD_HOST] = "Mail server",
    [FIELD_PORT] = "Port",
    [FIELD_USER] = "User, mostly a mail address",
    [FIELD_AZURE_TENANT] = "Directory (tenant) id of the app registration",
    [FIELD_TOKEN_URL] = "Token service's URL",
    [FIELD_CLIENT_ID] = "Client (application) id",
    [FIELD_SCOPE] = "Scope",
    [FIELD_LOCATION_ID] = "Location id of the Cloud Connector",
};

struct preset {
	const char *name;
	const char *authentication, *proxy_type;
	struct {
		const char *kind, *protocol, *host;
	} servers[3]; /* by the first letters of a protocol; the protocol that it has */
	const char *known[FIELD_MAX];
	unsigned asked; /* BIT(enum field) */
	bool wants_secret, wants_password;
	const char *password_question;
};

static const struct preset presets[] = {
    {.name = "gmail",
	.authentication = "BasicAuthentication",
	.proxy_type = "Internet",
	.servers = {{"smtp", "smtp", "smtp.gmail.com"},
	    {"imap", "imap4s", "imap.gmail.com"}, {"pop", "pop3s", "pop.gmail.com"}},
	.asked = BIT(FIELD_PROTOCOL) | BIT(FIELD_HOST) | BIT(FIELD_USER),
	.wants_password = true,
	.password_question = "App password of 16 letters"},
    {.name = "gmail-oauth",
	.authentication = "OAuth2RefreshToken",
	.proxy_type = "Internet",
	.servers = {{"smtp", "smtp", "smtp.gmail.com"},
	    {"imap", "imap4s", "imap.gmail.com"}, {"pop", "pop3s", "pop.gmail.com"}},
	.known = {[FIELD_TOKEN_URL] = "https://oauth2.googleapis.com/token"},
	.asked = BIT(FIELD_PROTOCOL) | BIT(FIELD_HOST) | BIT(FIELD_USER) |
		 BIT(FIELD_CLIENT_ID),
	.wants_secret = true},
    {.name = "m365",
	.authentication = "OAuth2ClientCredentials",
	.proxy_type = "Internet",
	.servers = {{"smtp", "smtp", "smtp.office365.com"},
	    {"imap", "imap4s", "outlook.office365.com"},
	    {"pop", "pop3s", "outlook.office365.com"}},
	.known = {[FIELD_SCOPE] = "https://outlook.office365.com/.default"},
	.asked = BIT(FIELD_PROTOCOL) | BIT(FIELD_HOST) | BIT(FIELD_USER) |
		 BIT(FIELD_AZURE_TENANT) | BIT(FIELD_CLIENT_ID),
	.wants_secret = true},
    {.name = "on-premise",
	.authentication = "BasicAuthentication",
	.proxy_type = "OnPremise",
	.asked = BIT(FIELD_PROTOCOL) | BIT(FIELD_HOST) | BIT(FIELD_USER),
	.wants_password = true},
    {.name = "password",
	.authentication = "BasicAuthentication",
	.proxy_type = "Internet",
	.asked = BIT(FIELD_PROTOCOL) | BIT(FIELD_HOST) | BIT(FIELD_USER),
	.wants_password = true},
};

void recipe_done(struct recipe *r)
{
	for (size_t i = 0; i < FIELD_MAX; i++)
		free(r->fields[i]);
	secret_done(&r->secret);
	secret_done(&r->password);
	*r = (struct recipe){0};
}

static const struct preset *find_preset(const char *name)
{
	for (size_t i = 0; name && i < ELEMENTSOF(presets); i++)
		if (strcmp(presets[i].name, name) == 0)
			return &presets[i];
	return NULL;
}

static int set(struct recipe *r, enum field field, const char *value)
{
	if (r->fields[field] || !value)
		return 0;
	r->fields[field] = strdup(value);
	return r->fields[field] ? 0 : -ENOMEM;
}

static int ask(struct recipe *r, enum field field, const char *suggestion, char **ret_why)
{
	int k;

	if (r->fields[field])
		return 0;
	if (!prompt_is_possible())
		return suggestion ? set(r, field, suggestion)
				  : reason_set(ret_why, -ENODATA, "--%s= is missing",
					recipe_options[field]);
	k = prompt_ask(questions[field], suggestion, &r->fields[field]);
	return k < 0 ? reason_set(ret_why, k, "there was no answer") : 0;
}

/* "smtp" alone means what the service has; what somebody wrote out stays. */
static const char *find_host(
    const struct preset *p, const char *protocol, const char **ret_protocol)
{
	for (size_t i = 0; i < ELEMENTSOF(p->servers); i++) {
		const char *kind = p->servers[i].kind;

		if (!kind || strncmp(protocol, kind, strlen(kind)) != 0)
			continue;
		*ret_protocol = p->servers[i].protocol;
		return p->servers[i].host;
	}
	return NULL;
}

static int add_server(struct recipe *r, const struct preset *p, char **ret_why)
{
	const char *host, *protocol = NULL;
	int k;

	k = ask(r, FIELD_PROTOCOL, "smtp", ret_why);
	if (k < 0)
		return k;
	host = find_host(p, r->fields[FIELD_PROTOCOL], &protocol);
	/* these services have IMAP and POP3 with TLS from the first byte only */
	if (protocol && strncmp(protocol, "smtp", 4) != 0) {
		free(r->fields[FIELD_PROTOCOL]);
		r->fields[FIELD_PROTOCOL] = NULL;
		k = set(r, FIELD_PROTOCOL, protocol);
	}
	if (k == 0 && host)
		k = set(r, FIELD_HOST, host);
	return k < 0 ? k : ask(r, FIELD_HOST, NULL, ret_why);
}

static int add_token_url(struct recipe *r)
{
	const char *tenant = r->fields[FIELD_AZURE_TENANT];

	if (r->fields[FIELD_TOKEN_URL] || !tenant)
		return 0;
	r->fields[FIELD_TOKEN_URL] =
	    text_format("https://login.microsoftonline.com/%s/oauth2/v2.0/token", tenant);
	if (!r->fields[FIELD_TOKEN_URL])
		return -ENOMEM;
	return 0;
}

static int add_fields(struct recipe *r, const struct preset *p, char **ret_why)
{
	unsigned asked = p->asked;
	int k;

	if (r->fields[FIELD_TOKEN_URL])
		asked &= ~BIT(FIELD_AZURE_TENANT);
	k = add_server(r, p, ret_why);
	for (enum field i = 0; i < FIELD_MAX && k == 0; i++)
		if (p->known[i])
			k = set(r, i, p->known[i]);
		else if (asked & BIT(i))
			k = ask(r, i, NULL, ret_why);
	return k < 0 ? k : add_token_url(r);
}

static int add_secret(const char *file, const char *option, const char *question,
    struct secret *ret, char **ret_why)
{
	int k;

	if (file)
		return prompt_read_secret(file, ret, ret_why);
	if (!prompt_is_possible())
		return reason_set(ret_why, -ENODATA, "--%s= is missing", option);
	k = prompt_ask_secret(question, ret);
	return k < 0 ? reason_set(ret_why, k, "there was no answer") : 0;
}

int recipe_complete(
    struct recipe *r, const char *secret_file, const char *password_file, char **ret_why)
{
	const struct preset *p;
	int k;

	k = ask(r, FIELD_PRESET, "password", ret_why);
	if (k < 0)
		return k;
	p = find_preset(r->fields[FIELD_PRESET]);
	if (!p)
		return reason_set(ret_why, -EINVAL,
		    "there is no such preset: m365, gmail, gmail-oauth, on-premise, "
		    "password");
	k = add_fields(r, p, ret_why);
	if (k == 0 && p->wants_secret)
		k = add_secret(secret_file, "secret-file", "Client secret (its value)",
		    &r->secret, ret_why);
	if (k == 0 && p->wants_password)
		k = add_secret(password_file, "password-file",
		    p->password_question ? p->password_question : "Password",
		    &r->password, ret_why);
	return k;
}

/* A member, if there is a value. */
static void write_field(struct json_writer *w, const char *key, const char *value)
{
	if (value)
		json_writer_string(w, key, value);
}

/* "mail.<protocol>.<what>" */
static void write_of_protocol(
    struct json_writer *w, const struct recipe *r, const char *what, const char *value)
{
	_cleanup_free_ char *key = NULL;

	if (!value)
		return;
	key = text_format("mail.%s.%s", r->fields[FIELD_PROTOCOL], what);
	if (!key) {
		w->error = -ENOMEM;
		return;
	}
	json_writer_string(w, key, value);
}

static int end(struct json_writer *w, char **ret_why)
{
	int k;

	json_writer_close(w, '}');
	k = json_writer_end(w);
	if (k == -EILSEQ)
		return reason_set(ret_why, -EINVAL, "an answer is no UTF-8");
	return k < 0 ? k : secret_puts(w->out, "\n");
}

int recipe_write(const struct recipe *r, struct secret *out, char **ret_why)
{
	const struct preset *p = find_preset(r->fields[FIELD_PRESET]);
	struct json_writer w = {.out = out};

	json_writer_open(&w, NULL, '{');
	json_writer_string(&w, "Name", r->name);
	json_writer_string(&w, "Type", "MAIL");
	json_writer_string(&w, "ProxyType", p->proxy_type);
	json_writer_string(&w, "Authentication", p->authentication);
	write_field(&w, "CloudConnectorLocationId", r->fields[FIELD_LOCATION_ID]);
	json_writer_string(&w, "mail.transport.protocol", r->fields[FIELD_PROTOCOL]);
	write_of_protocol(&w, r, "host", r->fields[FIELD_HOST]);
	write_of_protocol(&w, r, "port", r->fields[FIELD_PORT]);
	write_field(&w, "mail.user", r->fields[FIELD_USER]);
	if (r->password.len > 0)
		json_writer_string(&w, "mail.password", secret_str(&r->password));
	write_field(&w, "tokenServiceURL", r->fields[FIELD_TOKEN_URL]);
	write_field(&w, "clientId", r->fields[FIELD_CLIENT_ID]);
	write_field(&w, "scope", r->fields[FIELD_SCOPE]);
	return end(&w, ret_why);
}

int recipe_write_secrets(const struct recipe *r, struct secret *out, char **ret_why)
{
	struct json_writer w = {.out = out};

	if (r->secret.len == 0)
		return 0;
	json_writer_open(&w, NULL, '{');
	json_writer_string(&w, "clientSecret", secret_str(&r->secret));
	return end(&w, ret_why);
}
