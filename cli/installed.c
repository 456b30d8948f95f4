/* SPDX-License-Identifier: Apache-2.0 */
#include "installed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "manager.h"
#include "places.h"
#include "text.h"

static const struct {
	const char *service, *unit;
} known[] = {
    {"imap", "maildest-imap-forking.socket"},
    {"imap", "maildest-imap.socket"},
    {"pop3", "maildest-pop3-forking.socket"},
    {"pop3", "maildest-pop3.socket"},
    {"smtp", "maildest-smtp-forking.socket"},
    {"smtp", "maildest-smtp.socket"},
};
_Static_assert(ELEMENTSOF(known) == INSTALLED_MAX, "room for each");

static void socket_done(struct installed_socket *s)
{
	free(s->active);
	free(s->listen);
	free(s->result);
}

void installed_done(struct installed *i)
{
	for (size_t j = 0; j < i->n; j++)
		socket_done(&i->list[j]);
	*i = (struct installed){0};
}

bool installed_has(const char *unit)
{
	for (size_t i = 0; i < ELEMENTSOF(known); i++)
		if (strcmp(known[i].unit, unit) == 0)
			return true;
	return false;
}

static bool is_enabled(struct manager *m, const char *path)
{
	_cleanup_free_ char *state = manager_text(m, path, "Unit", "UnitFileState");

	return state && strncmp(state, "enabled", strlen("enabled")) == 0;
}

/* 1 with *ret; 0 if nobody wants it; -ENOMEM. */
static int look(struct manager *m, size_t i, struct installed_socket *ret)
{
	_cleanup_free_ char *path = NULL;
	struct installed_socket s = {.service = known[i].service, .unit = known[i].unit};
	int r = manager_load(m, s.unit, &path);

	if (r < 0)
		return r == -ENOMEM ? r : 0; /* systemd has none of that name */
	s.active = manager_text(m, path, "Unit", "ActiveState");
	if (!s.active)
		return 0;
	if (strcmp(s.active, "inactive") == 0 && !is_enabled(m, path)) {
		socket_done(&s);
		return 0;
	}
	s.listen = manager_listen(m, path);
	s.result = manager_text(m, path, "Socket", "Result");
	*ret = s;
	return 1;
}

int installed_read(struct manager *m, struct installed *ret)
{
	_cleanup_installed_ struct installed all = {0};
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(known) && r >= 0; i++) {
		r = look(m, i, &all.list[all.n]);
		all.n += r > 0;
	}
	if (r < 0)
		return r;
	*ret = all;
	all = (struct installed){0};
	return 0;
}

static bool is_up(const struct installed_socket *s)
{
	return strcmp(s->active, "active") == 0;
}

const char *installed_state(
    const struct installed_socket *s, const struct sockets_seen *sockets)
{
	_cleanup_free_ char *listen = s->listen ? strdup(s->listen) : NULL;
	char *rest = listen, *word;

	if (!is_up(s))
		return s->active;
	while ((word = strsep(&rest, " ")))
		if (!place_is_open(sockets, word))
			return "deaf";
	return "listening";
}

char *installed_explain(const struct installed_socket *s, const char *other)
{
	if (is_up(s))
		return text_format(
		    "%s: its port is not open: systemctl restart %s", s->unit, s->unit);
	if (other)
		return text_format("%s: %s; when that is mended: systemctl restart %s",
		    s->unit, other, s->unit);
	return text_format(
	    "%s: %s; systemctl restart %s, and if that fails: maildest check, "
	    "journalctl -u %s",
	    s->unit, s->result ? s->result : s->active, s->unit, s->unit);
}
