/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests of whole lines are compared, all lines each time, so that neither a name nor a
 * beginning can be found out by the clock.
 */

#include "clients.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "deadline.h"
#include "digest.h"
#include "parameters.h"
#include "reason.h"
#include "reply.h"
#include "varlink.h"

struct login {
	const char *user;
	const char *password;
};

static bool is_equal(const unsigned char *a, const unsigned char *b)
{
	volatile unsigned char differences = 0;

	for (size_t i = 0; i < DIGEST_SHA256_SIZE; i++)
		differences = (unsigned char)(differences | (a[i] ^ b[i]));
	return differences == 0;
}

/* Compares one line; blank ones and comments are nobody's. */
static int compare(const char *line, size_t len,
    const unsigned char wanted[DIGEST_SHA256_SIZE], bool *accepted)
{
	unsigned char digest[DIGEST_SHA256_SIZE];
	int r;

	if (len == 0 || *line == '#')
		return 0;
	if (*line == ':' || !memchr(line, ':', len))
		return -EINVAL;
	r = digest_sha256(line, len, digest);
	if (r == 0 && is_equal(digest, wanted))
		*accepted = true;
	return r;
}

static int compare_all(const struct config_file *f,
    const unsigned char wanted[DIGEST_SHA256_SIZE], bool *ret, char **ret_why)
{
	const char *line = secret_str(&f->text), *end = line + f->text.len;
	bool accepted = false;
	int r;

	for (unsigned number = 1; line < end; number++) {
		const char *next = memchr(line, '\n', (size_t)(end - line));
		size_t len = (size_t)((next ? next : end) - line);

		if (len > 0 && line[len - 1] == '\r')
			len--;
		r = compare(line, len, wanted, &accepted);
		if (r == -EINVAL)
			return reason_set(ret_why, r, "%s: line %u: is no user:password",
			    f->path, number);
		if (r < 0)
			return r;
		line = next ? next + 1 : end;
	}
	*ret = accepted;
	return 0;
}

/* The digest of the line that would let them in. */
static int digest_line(
    const char *user, const char *password, unsigned char ret[DIGEST_SHA256_SIZE])
{
	_cleanup_secret_ struct secret line = {0};
	int r;

	r = secret_puts(&line, user);
	if (r == 0)
		r = secret_puts(&line, ":");
	if (r == 0)
		r = secret_puts(&line, password);
	return r < 0 ? r : digest_sha256(line.data, line.len, ret);
}

/* Of root or of this program: what handlers are members of is of no use here. */
static bool is_group_of_ours(gid_t group)
{
	const struct group *g;

	if (group == 0 || group == getegid() || group == getgid())
		return true;
	g = getgrnam("maildest-helper");
	return g && g->gr_gid == group;
}

/* As for any secret, but handlers' group may not read it either. */
static int check_rights(const struct config_file *f, char **ret_why)
{
	if (!f->trusted && (f->st.st_mode & S_IRWXG) && !is_group_of_ours(f->st.st_gid))
		return reason_set(ret_why, -EPERM,
		    "%s: holds passwords and a group that is not the helper's own has "
		    "rights on it: chgrp maildest-helper it",
		    f->path);
	return config_check_private(f, ret_why);
}

int clients_check(const char *config_dir, const char *service, const char *user,
    const char *password, bool *ret_accepted, char **ret_why)
{
	_cleanup_config_ struct config c = CONFIG_INIT;
	_cleanup_config_file_ struct config_file f = {0};
	unsigned char wanted[DIGEST_SHA256_SIZE];
	bool accepted = false;
	int r;

	r = config_open(&c, config_dir, ret_why);
	if (r == 0)
		r = config_read(&c, "clients", service, "", CONFIG_FILE_MAX, &f, ret_why);
	if (r == 0)
		r = check_rights(&f, ret_why);
	if (r == 0)
		r = digest_line(user, password, wanted);
	if (r == 0)
		r = compare_all(&f, wanted, &accepted, ret_why);
	if (r < 0)
		return r;
	/* what could be another's line, or a comment, is nobody's */
	*ret_accepted = accepted && *user && *user != '#' && !strchr(user, ':') &&
			!strpbrk(password, "\r\n");
	return 0;
}

/*
 * Whose refusals count together: those of one client of one service, as the handler has
 * said before it heard a word of it. Nobody else is locked out by them.
 */
static int digest_caller(const struct session *s, unsigned char ret[DIGEST_SHA256_SIZE])
{
	_cleanup_secret_ struct secret text = {0};
	int r;

	r = secret_printf(&text, "%ju %s %s", (uintmax_t)s->uid, s->binding.service,
	    s->client ? s->client : "");
	return r < 0 ? r : digest_sha256(text.data, text.len, ret);
}

/* Whether to let them in, unless so many were refused that nobody is looked at. */
static int answer_login(struct session *s, const struct login *in, char **ret_why)
{
	unsigned char caller[DIGEST_SHA256_SIZE];
	uint64_t now = deadline_boottime();
	struct varlink_writer v;
	bool accepted;
	int r;

	r = digest_caller(s, caller);
	if (r < 0)
		return r;
	if (!flood_has_room(s->host->logins, caller, now))
		return reply_error(&s->out, "io.maildest.Helper.LimitExceeded", "reason",
		    "too many logins of this client were refused within a minute");
	r = clients_check(broker_config_dir(s->host->broker), s->binding.service,
	    in->user, in->password, &accepted, ret_why);
	if (r < 0)
		return r;
	if (!accepted)
		(void)flood_admit(s->host->logins, caller, now); /* there is room */
	varlink_begin_reply(&v, &s->out);
	json_writer_boolean(&v.w, "accepted", accepted);
	return varlink_end(&v);
}

int clients_method(struct session *s, struct json_value parameters)
{
	static const struct parameter table[] = {
	    {"user", PARAMETER_STRING, true, offsetof(struct login, user)},
	    {"password", PARAMETER_STRING, true, offsetof(struct login, password)},
	};
	_cleanup_free_ char *why = NULL;
	struct login in = {0};
	const char *bad = parameters_read(parameters, table, ELEMENTSOF(table), &in);
	int r;

	if (bad)
		return reply_invalid_parameter(&s->out, bad);
	if (!s->is_bound)
		return reply_not_open(&s->out);
	r = answer_login(s, &in, &why);
	return why ? reply_error(
			 &s->out, "io.maildest.Helper.InvalidDestination", "reason", why)
		   : r;
}
