/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults first, then what the script changes. */

#include "stage-files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "destination.h"
#include "json-writer.h"
#include "text.h"

#define KEYS_MAX 48
#define MARK ".<p>."

/* The destination while it is put together; all strings owned. */
struct keys {
	char *names[KEYS_MAX], *values[KEYS_MAX];
	size_t n;
};

static void keys_done(struct keys *k)
{
	for (size_t i = 0; i < k->n; i++) {
		free(k->names[i]);
		free(k->values[i]);
	}
}

const char *stage_destination(const struct stage *s)
{
	return script_setting(s->script, "protocol", "smtp");
}

/* "mail.<p>.host" with the protocol's name in it; malloc'd. */
static char *spell_key(const char *name, size_t n, const char *protocol)
{
	const char *mark = memmem(name, n, MARK, strlen(MARK));
	size_t front = mark ? (size_t)(mark - name) : n;
	const char *rest = mark ? mark + strlen(MARK) : name + n;
	char *spelt;

	if (asprintf(&spelt, "%.*s%s%s%s%.*s", (int)front, name, mark ? "." : "",
		mark ? protocol : "", mark ? "." : "", (int)(name + n - rest), rest) < 0)
		return NULL;
	return spelt;
}

static size_t find_key(const struct keys *k, const char *name)
{
	size_t i = 0;

	while (i < k->n && strcmp(k->names[i], name) != 0)
		i++;
	return i;
}

static void remove_key(struct keys *k, size_t i)
{
	free(k->names[i]);
	free(k->values[i]);
	k->n--;
	k->names[i] = k->names[k->n];
	k->values[i] = k->values[k->n];
}

/* "NAME=VALUE", or "-NAME". */
static int apply(struct keys *k, const char *text, const char *protocol)
{
	const char *equals = strchrnul(text, '=');
	const char *from = text[0] == '-' ? text + 1 : text;
	_cleanup_free_ char *name = NULL;
	size_t i;

	name = spell_key(from, (size_t)(equals - from), protocol);
	if (!name)
		return -ENOMEM;
	i = find_key(k, name);
	if (i < k->n)
		remove_key(k, i);
	if (text[0] == '-')
		return 0;
	if (k->n == KEYS_MAX || !*equals)
		return -EINVAL;
	k->names[k->n] = TAKE_PTR(name);
	k->values[k->n] = strdup(equals + 1);
	return k->values[k->n++] ? 0 : -ENOMEM;
}

static const char *const defaults[] = {
    "Type=MAIL",
    "ProxyType=Internet",
    "mail.<p>.host=127.0.0.1",
    "mail.<p>.localhost=client.example",
    "mail.user=user@example.com",
    "mail.password=Geheim-4711",
    "TrustStoreLocation=ca.pem",
};

/* What a setting "authentication" changes of them. */
static const struct {
	const char *name, *key;
	bool token;
} authentications[] = {
    {"", "Authentication=BasicAuthentication", false},
    {"token", "Authentication=OAuth2ClientCredentials", true},
    {"refresh", "Authentication=OAuth2RefreshToken", true},
    {"code", "Authentication=OAuth2AuthorizationCode", true},
    {"none", "Authentication=NoAuthentication", false},
};

static const char *const token_defaults[] = {
    "-mail.password",
    "clientId=a-client",
    "tokenServiceURL=https://tokens.example/oauth/token",
};

static int apply_authentication(
    struct keys *k, const struct stage *s, const char *protocol)
{
	const char *name = script_setting(s->script, "authentication", "");
	bool token = false;
	int r = -EINVAL;

	for (size_t i = 0; i < ELEMENTSOF(authentications); i++)
		if (strcmp(name, authentications[i].name) == 0) {
			token = authentications[i].token;
			r = apply(k, authentications[i].key, protocol);
		}
	for (size_t i = 0; i < ELEMENTSOF(token_defaults) && token && r == 0; i++)
		r = apply(k, token_defaults[i], protocol);
	return r;
}

static int apply_defaults(struct keys *k, const struct stage *s, const char *protocol)
{
	_cleanup_free_ char *transport = NULL;
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(defaults) && r == 0; i++)
		r = apply(k, defaults[i], protocol);
	if (r == 0)
		r = apply_authentication(k, s, protocol);
	if (r == 0 && asprintf(&transport, "mail.transport.protocol=%s", protocol) < 0) {
		transport = NULL;
		return -ENOMEM;
	}
	return r < 0 ? r : apply(k, transport, protocol);
}

/* A text of a setting, with its escapes and values; malloc'd. */
static int expand(const struct step *step, const char *source, char **ret)
{
	_cleanup_text_ struct text text = {0};
	struct values none = {.user = "", .password = "", .token = "", .each = ""};
	const char *why;
	int r;

	r = text_expand(source, TEXT_TO_SEND, &none, &text, &why);
	if (r < 0)
		return script_complain(step, "%s", why);
	*ret = strndup(secret_str(&text.bytes), text.bytes.len - 2); /* its CRLF */
	return *ret ? 0 : -ENOMEM;
}

static int collect_keys(const struct stage *s, struct keys *k)
{
	const char *protocol = stage_destination(s);
	int r;

	r = apply_defaults(k, s, protocol);
	for (size_t i = 0; i < s->script->n && r == 0; i++) {
		const struct step *step = &s->script->steps[i];
		_cleanup_free_ char *text = NULL;

		if (step->kind != STEP_SETTING || strcmp(step->key, "destination") != 0)
			continue;
		r = expand(step, step->text, &text);
		if (r == 0)
			r = apply(k, text, protocol);
		if (r == -EINVAL)
			return script_complain(step, "this must be KEY=VALUE or -KEY");
	}
	return r;
}

static int write_file(const struct stage *s, const char *name, const char *text)
{
	_cleanup_free_ char *path = stage_path(s, name);
	_cleanup_close_ int fd = -1;
	size_t n = strlen(text);

	if (!path)
		return -ENOMEM;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	return write(fd, text, n) == (ssize_t)n ? 0 : -EIO;
}

static int write_destination(const struct stage *s, const struct keys *k)
{
	_cleanup_secret_ struct secret json = {0};
	struct json_writer w = {.out = &json};
	_cleanup_free_ char *name = NULL;
	int r;

	json_writer_open(&w, NULL, '{');
	for (size_t i = 0; i < k->n; i++)
		json_writer_string(&w, k->names[i], k->values[i]);
	json_writer_close(&w, '}');
	r = json_writer_end(&w);
	if (r < 0)
		return r;
	if (asprintf(&name, "destinations/%s.json", stage_destination(s)) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	return write_file(s, name, secret_str(&json));
}

static int write_settings(const struct stage *s)
{
	_cleanup_secret_ struct secret text = {0};
	int r = 0;

	for (size_t i = 0; i < s->script->n && r == 0; i++) {
		const struct step *step = &s->script->steps[i];

		if (step->kind == STEP_SETTING && strcmp(step->key, "setting") == 0)
			r = secret_printf(&text, "%s\n", step->text);
	}
	if (r < 0 || text.len == 0)
		return r;
	return write_file(s, "maildest.conf", secret_str(&text));
}

static int write_extra_files(const struct stage *s)
{
	int r = 0;

	for (size_t i = 0; i < s->script->n && r == 0; i++) {
		const struct step *step = &s->script->steps[i];
		_cleanup_free_ char *name = NULL, *text = NULL;
		const char *space;

		if (step->kind != STEP_SETTING || strcmp(step->key, "file") != 0)
			continue;
		space = strchrnul(step->text, ' ');
		name = strndup(step->text, (size_t)(space - step->text));
		if (!name)
			return -ENOMEM;
		r = expand(step, *space ? space + 1 : space, &text);
		if (r == 0)
			r = write_file(s, name, text);
	}
	return r;
}

static int write_certificates(const struct stage *s)
{
	_cleanup_secret_ struct secret pem = {0};
	int r;

	r = certificates_append_ca(s->certificates, &pem);
	if (r == 0)
		r = write_file(s, "certificates/ca.pem", secret_str(&pem));
	if (r == 0) /* makes the folder look hashed: the system's bundle stays unread */
		r = write_file(s, "anchors/00000000.0", "");
	return r;
}

/* A key's value, "" if it is not there; malloc'd. */
static char *value_of(const struct stage *s, const struct keys *k, const char *name)
{
	_cleanup_free_ char *spelt = spell_key(name, strlen(name), stage_destination(s));
	size_t i = spelt ? find_key(k, spelt) : k->n;

	return spelt ? strdup(i < k->n ? k->values[i] : "") : NULL;
}

static char *default_port(const char *protocol)
{
	char *port = NULL;

	for (int i = 0; i < MAIL_PROTOCOL_MAX && !port; i++) {
		enum mail_protocol p = (enum mail_protocol)i;

		if (strcmp(mail_protocol_name(p), protocol) == 0 &&
		    asprintf(&port, "%u", (unsigned)mail_protocol_port(p)) < 0)
			return NULL;
	}
	return port;
}

static int note_values(struct stage *s, const struct keys *k)
{
	s->host = value_of(s, k, "mail.<p>.host");
	s->user = value_of(s, k, "mail.user");
	s->password = value_of(s, k, "mail.password");
	s->port = value_of(s, k, "mail.<p>.port");
	if (s->port && !*s->port) {
		free(s->port);
		s->port = default_port(stage_destination(s));
	}
	return s->host && s->user && s->password && s->port ? 0 : -ENOMEM;
}

int stage_write_files(struct stage *s)
{
	static const char *const folders[] = {"destinations", "certificates", "anchors"};
	_cleanup_(keys_done) struct keys keys = {0};
	int r;

	for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
		_cleanup_free_ char *path = stage_path(s, folders[i]);

		if (!path || mkdir(path, 0700) < 0)
			return path ? -errno : -ENOMEM;
	}
	r = collect_keys(s, &keys);
	if (r == 0)
		r = note_values(s, &keys);
	if (r == 0)
		r = write_destination(s, &keys);
	if (r == 0)
		r = write_settings(s);
	if (r == 0)
		r = write_certificates(s);
	return r < 0 ? r : write_extra_files(s);
}

static int remove_one(const char *path, _unused_ const struct stat *st, _unused_ int type,
    _unused_ struct FTW *at)
{
	(void)remove(path); /* what cannot be removed stays below the temporary folder */
	return 0;
}

void stage_remove_files(const struct stage *s)
{
	if (s->folder)
		(void)nftw(s->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
