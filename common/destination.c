/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a destination's keys to typed values: one table of keys, then the checks that need
 * more than one of them. SAP's spellings of keys and values are here.
 */

#include "destination.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "deadline.h"
#include "destination-value.h"
#include "secret.h"

#define SOCKS_PORT 1080	   /* RFC 1928 3 */
#define SOCKS_TEXT_MAX 255 /* user and password, RFC 1929 2 */

static const char *const proxy_types[] = {
    [PROXY_INTERNET] = "Internet",
    [PROXY_ON_PREMISE] = "OnPremise",
};
_Static_assert(ELEMENTSOF(proxy_types) == PROXY_TYPE_MAX, "a name for each proxy type");

static const char *const authentications[] = {
    [AUTH_NONE] = "NoAuthentication",
    [AUTH_BASIC] = "BasicAuthentication",
    [AUTH_CLIENT_CREDENTIALS] = "OAuth2ClientCredentials",
    [AUTH_REFRESH_TOKEN] = "OAuth2RefreshToken",
    [AUTH_AUTHORIZATION_CODE] = "OAuth2AuthorizationCode",
};
_Static_assert(ELEMENTSOF(authentications) == AUTHENTICATION_MAX, "a name for each");

/* What the table fills before the keys are weighed against each other. */
struct draft {
	struct destination d;
	enum choice login, ssl_enable, starttls_enable, starttls_required, check_identity;
};

const char *authentication_name(enum authentication a)
{
	return authentications[a];
}

bool authentication_is_oauth(enum authentication a)
{
	return a == AUTH_CLIENT_CREDENTIALS || a == AUTH_REFRESH_TOKEN ||
	       a == AUTH_AUTHORIZATION_CODE;
}

/* Keys whose name is fixed, and keys behind "mail.<protocol>."; a later row wins. */
static const struct key {
	const char *name;
	bool per_protocol;
	int (*parse)(
	    const struct properties *p, const char *key, void *target, char **ret_why);
	size_t offset;
} keys[] = {
    {"CloudConnectorLocationId", false, destination_value_location,
	offsetof(struct draft, d.location_id)},
    {"KeyStoreLocation", false, destination_value_certificate,
	offsetof(struct draft, d.key_store)},
    {"KeyStorePassword", false, destination_value_password,
	offsetof(struct draft, d.key_store_password)},
    {"mail.password", false, destination_value_password,
	offsetof(struct draft, d.password)},
    {"mail.user", false, destination_value_text, offsetof(struct draft, d.user)},
    {"auth", true, destination_value_choice, offsetof(struct draft, login)},
    {"auth.mechanisms", true, destination_value_text,
	offsetof(struct draft, d.mechanisms)},
    {"connectiontimeout", true, destination_value_msec,
	offsetof(struct draft, d.connect_timeout_usec)},
    {"host", true, destination_value_host, offsetof(struct draft, d.host)},
    {"localhost", true, destination_value_word, offsetof(struct draft, d.local_host)},
    {"password", true, destination_value_password, offsetof(struct draft, d.password)},
    {"port", true, destination_value_port, offsetof(struct draft, d.port)},
    {"socks.host", true, destination_value_host, offsetof(struct draft, d.socks_host)},
    {"socks.password", true, destination_value_password,
	offsetof(struct draft, d.socks_password)},
    {"socks.port", true, destination_value_port, offsetof(struct draft, d.socks_port)},
    {"socks.user", true, destination_value_text, offsetof(struct draft, d.socks_user)},
    {"ssl.checkserveridentity", true, destination_value_choice,
	offsetof(struct draft, check_identity)},
    {"ssl.enable", true, destination_value_choice, offsetof(struct draft, ssl_enable)},
    {"ssl.trust", true, destination_value_text,
	offsetof(struct draft, d.trust.trusted_hosts)},
    {"starttls.enable", true, destination_value_choice,
	offsetof(struct draft, starttls_enable)},
    {"starttls.required", true, destination_value_choice,
	offsetof(struct draft, starttls_required)},
    {"timeout", true, destination_value_msec,
	offsetof(struct draft, d.reply_timeout_usec)},
    {"user", true, destination_value_text, offsetof(struct draft, d.user)},
    {"writetimeout", true, destination_value_msec,
	offsetof(struct draft, d.write_timeout_usec)},
};

static int parse_keys(const struct properties *p, struct draft *draft, char **ret_why)
{
	int r;

	for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
		_cleanup_free_ char *name = NULL;

		if (keys[i].per_protocol)
			r = mail_protocol_key(p, draft->d.protocol, keys[i].name, &name);
		else
			r = (name = strdup(keys[i].name)) ? 0 : -ENOMEM;
		if (r < 0)
			return r;
		r = keys[i].parse(p, name, (char *)draft + keys[i].offset, ret_why);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The index of a key's value in `names`, `missing` if it is absent, or -errno. */
static int parse_enum(const struct properties *p, const char *key,
    const char *const *names, int n, int missing, const char *expected, char **ret_why)
{
	const char *text;
	int r;

	r = properties_string(p, key, &text, ret_why);
	if (r <= 0)
		return r < 0 ? r : missing;
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], text) == 0)
			return i;
	return properties_complain(p, key, ret_why, "must be %s", expected);
}

static int parse_kind(const struct properties *p, struct destination *d, char **ret_why)
{
	const char *type = "";
	struct json_value ignored;
	int r;

	r = properties_string(p, "Type", &type, ret_why);
	if (r < 0)
		return r;
	if (strcmp(type, "MAIL") != 0)
		return properties_complain(p, "Type", ret_why, "must be MAIL");
	r = mail_protocol_find(p, &d->protocol, ret_why);
	if (r < 0)
		return r;
	r = parse_enum(p, "ProxyType", proxy_types, PROXY_TYPE_MAX, PROXY_INTERNET,
	    "Internet or OnPremise", ret_why);
	if (r < 0)
		return r;
	d->proxy_type = (enum proxy_type)r;
	r = parse_enum(p, "Authentication", authentications, AUTHENTICATION_MAX,
	    properties_find(p, "mail.password", &ignored, NULL) ? AUTH_BASIC
								: AUTHENTICATION_MAX,
	    "BasicAuthentication, OAuth2ClientCredentials, OAuth2RefreshToken, "
	    "OAuth2AuthorizationCode or NoAuthentication",
	    ret_why);
	if (r == AUTHENTICATION_MAX)
		return properties_complain(p, "Authentication", ret_why, "is missing");
	if (r < 0)
		return r;
	d->authentication = (enum authentication)r;
	return 0;
}

/* Complains of a key behind "mail.<protocol>.". */
static int complain_of(const struct properties *p, enum mail_protocol protocol,
    const char *suffix, char **ret_why, const char *reason)
{
	_cleanup_free_ char *key = NULL;

	if (mail_protocol_key(p, protocol, suffix, &key) < 0)
		return -ENOMEM;
	return properties_complain(p, key, ret_why, "%s", reason);
}

static int check_tls(const struct properties *p, struct draft *draft, char **ret_why)
{
	struct destination *d = &draft->d;
	bool internet = d->proxy_type == PROXY_INTERNET;
	bool implicit = draft->ssl_enable == CHOICE_ABSENT
			    ? mail_protocol_is_tls(d->protocol)
			    : draft->ssl_enable == CHOICE_TRUE;
	bool enable = draft->starttls_enable == CHOICE_ABSENT
			  ? internet
			  : draft->starttls_enable == CHOICE_TRUE;
	bool required = draft->starttls_required == CHOICE_ABSENT
			    ? internet
			    : draft->starttls_required == CHOICE_TRUE;

	d->clear_text_allowed = draft->starttls_enable == CHOICE_FALSE &&
				draft->starttls_required == CHOICE_FALSE;
	if (implicit)
		d->tls_mode = TLS_IMPLICIT;
	else if (required && draft->starttls_enable == CHOICE_FALSE)
		return complain_of(p, d->protocol, "starttls.enable", ret_why,
		    "is false, but encryption is required: give starttls.required=false "
		    "too if the session shall go on without");
	else if (required)
		d->tls_mode = TLS_STARTTLS_REQUIRED;
	else
		d->tls_mode = enable ? TLS_STARTTLS_IF_OFFERED : TLS_NEVER;
	if (draft->check_identity == CHOICE_FALSE)
		d->trust.verification = HOST_VERIFY_NONE;
	return 0;
}

static int check_required(
    const struct properties *p, const struct destination *d, char **ret_why)
{
	if (!d->host)
		return complain_of(p, d->protocol, "host", ret_why, "is missing");
	if (d->login && !d->user)
		return properties_complain(p, "mail.user", ret_why, "is missing");
	if (d->login && d->authentication == AUTH_BASIC && !d->password)
		return properties_complain(p, "mail.password", ret_why,
		    "is missing (for an empty password write an empty string)");
	return 0;
}

static int check_proxy(
    const struct properties *p, const struct destination *d, char **ret_why)
{
	bool on_premise = d->proxy_type == PROXY_ON_PREMISE;

	if (on_premise && mail_protocol_is_tls(d->protocol))
		return properties_complain(p, "mail.transport.protocol", ret_why,
		    "must be smtp, imap4 or pop3 with ProxyType OnPremise");
	if (on_premise && d->socks_host)
		return complain_of(p, d->protocol, "socks.host", ret_why,
		    "is for ProxyType Internet: OnPremise has the Connectivity proxy");
	if (on_premise && strchr(d->host, ':'))
		return complain_of(p, d->protocol, "host", ret_why,
		    "is an IPv6 address, which a Cloud Connector cannot reach");
	if (d->socks_user &&
	    (!d->socks_password || strlen(d->socks_user) > SOCKS_TEXT_MAX ||
		strlen(d->socks_password) > SOCKS_TEXT_MAX))
		return complain_of(p, d->protocol, "socks.user", ret_why,
		    "needs socks.password beside it, both of 255 bytes at most");
	return 0;
}

int destination_parse(
    const char *name, const struct properties *p, struct destination *ret, char **ret_why)
{
	struct draft draft = {
	    .d =
		{
		    .connect_timeout_usec = 10 * USEC_PER_SEC,
		    .reply_timeout_usec = 20 * USEC_PER_SEC,
		    .write_timeout_usec = 60 * USEC_PER_SEC,
		},
	};
	int r;

	r = parse_kind(p, &draft.d, ret_why);
	if (r < 0)
		return r;
	draft.d.port = mail_protocol_port(draft.d.protocol);
	draft.d.socks_port = SOCKS_PORT;
	draft.d.name = strdup(name);
	r = draft.d.name ? tls_trust_parse(p, &draft.d.trust, ret_why) : -ENOMEM;
	if (r == 0)
		r = parse_keys(p, &draft, ret_why);
	if (r == 0)
		r = check_tls(p, &draft, ret_why);
	draft.d.login =
	    draft.login != CHOICE_FALSE && draft.d.authentication != AUTH_NONE;
	if (r == 0)
		r = check_required(p, &draft.d, ret_why);
	if (r == 0)
		r = check_proxy(p, &draft.d, ret_why);
	if (r < 0) {
		destination_done(&draft.d);
		return r;
	}
	if (draft.d.authentication != AUTH_BASIC)
		draft.d.password = secret_free_string(draft.d.password);
	*ret = draft.d;
	return 0;
}

void destination_forget_secrets(struct destination *d)
{
	d->password = secret_free_string(d->password);
	d->key_store_password = secret_free_string(d->key_store_password);
	d->socks_password = secret_free_string(d->socks_password);
	d->trust.trust_store_password = secret_free_string(d->trust.trust_store_password);
}

void destination_done(struct destination *d)
{
	destination_forget_secrets(d);
	free(d->name);
	free(d->host);
	free(d->user);
	free(d->mechanisms);
	tls_trust_done(&d->trust);
	free(d->key_store);
	free(d->location_id);
	free(d->socks_host);
	free(d->socks_user);
	free(d->local_host);
	*d = (struct destination){0};
}
