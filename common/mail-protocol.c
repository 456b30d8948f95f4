/* SPDX-License-Identifier: Apache-2.0 */
/* One table of protocols, looked through by name. */

#include "mail-protocol.h"

#include <errno.h>
#include <string.h>

#include "text.h"

#define EXPECTED "smtp, smtps, imap4, imap4s, pop3 or pop3s"

static const char protocol_key[] = "mail.transport.protocol";

static const struct {
	const char *name, *alias;
	uint16_t port;
	bool tls;
} protocols[] = {
    [MAIL_SMTP] = {"smtp", NULL, 587, false},
    [MAIL_SMTPS] = {"smtps", NULL, 465, true},
    [MAIL_IMAP4] = {"imap4", "imap", 143, false},
    [MAIL_IMAP4S] = {"imap4s", "imaps", 993, true},
    [MAIL_POP3] = {"pop3", NULL, 110, false},
    [MAIL_POP3S] = {"pop3s", NULL, 995, true},
};
_Static_assert(ELEMENTSOF(protocols) == MAIL_PROTOCOL_MAX, "a row for each protocol");

const char *mail_protocol_name(enum mail_protocol p)
{
	return protocols[p].name;
}

uint16_t mail_protocol_port(enum mail_protocol p)
{
	return protocols[p].port;
}

bool mail_protocol_is_tls(enum mail_protocol p)
{
	return protocols[p].tls;
}

int mail_protocol_key(const struct properties *p, enum mail_protocol protocol,
    const char *suffix, char **ret)
{
	const char *other = protocols[protocol].alias;
	_cleanup_free_ char *key = NULL, *alias = NULL;
	struct json_value ignored;

	key = text_format("mail.%s.%s", protocols[protocol].name, suffix);
	alias = other ? text_format("mail.%s.%s", other, suffix) : NULL;
	if (!key || (other && !alias))
		return -ENOMEM;
	*ret = alias && !properties_find(p, key, &ignored, NULL) &&
		       properties_find(p, alias, &ignored, NULL)
		   ? TAKE_PTR(alias)
		   : TAKE_PTR(key);
	return 0;
}

static int find_by_name(const char *name)
{
	for (int i = 0; i < MAIL_PROTOCOL_MAX; i++)
		if (strcmp(protocols[i].name, name) == 0 ||
		    (protocols[i].alias && strcmp(protocols[i].alias, name) == 0))
			return i;
	return -ENOENT;
}

/* Without mail.transport.protocol, the one protocol that has a host. */
static int infer(const struct properties *p, enum mail_protocol *ret, char **ret_why)
{
	struct json_value ignored;
	int found = -1, r;

	for (int i = 0; i < MAIL_PROTOCOL_MAX; i++) {
		_cleanup_free_ char *key = NULL;

		r = mail_protocol_key(p, (enum mail_protocol)i, "host", &key);
		if (r < 0)
			return r;
		if (!properties_find(p, key, &ignored, NULL))
			continue;
		if (found >= 0)
			return properties_complain(p, protocol_key, ret_why,
			    "is missing, and hosts of several protocols are given");
		found = i;
	}
	if (found < 0)
		return properties_complain(
		    p, protocol_key, ret_why, "is missing: " EXPECTED);
	*ret = (enum mail_protocol)found;
	return 0;
}

int mail_protocol_find(
    const struct properties *p, enum mail_protocol *ret, char **ret_why)
{
	const char *text;
	int r;

	r = properties_string(p, protocol_key, &text, ret_why);
	if (r < 0)
		return r;
	if (r == 0)
		return infer(p, ret, ret_why);
	r = find_by_name(text);
	if (r < 0)
		return properties_complain(p, protocol_key, ret_why, "must be " EXPECTED);
	*ret = (enum mail_protocol)r;
	return 0;
}
