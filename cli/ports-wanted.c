/* SPDX-License-Identifier: Apache-2.0 */
/* Where services listen, and where the installed sockets do. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "installed.h"
#include "ports.h"
#include "services.h"

void ports_wanted_done(struct ports_wanted *w)
{
	free(w->list);
	*w = (struct ports_wanted){0};
}

static bool is_wanted(
    const struct ports_wanted *w, const char *name, const struct endpoint *place)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->list[i].name, name) == 0 &&
		    w->list[i].place.port == place->port &&
		    address_equal(&w->list[i].place.address, &place->address))
			return true;
	return false;
}

/* Of one name, each place once: two units may take turns at it. */
static int want(struct ports_wanted *w, const char *name, const struct endpoint *place)
{
	struct port_wanted *list;

	if (w->are_installed && is_wanted(w, name, place))
		return 0;
	list = reallocarray(w->list, w->n + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	w->list = list;
	list[w->n++] = (struct port_wanted){name, *place};
	return 0;
}

int ports_of_services(const struct services *s, struct ports_wanted *ret)
{
	_cleanup_ports_wanted_ struct ports_wanted w = {0};
	int r = 0;

	for (size_t i = 0; i < s->n && r == 0; i++)
		if (s->list[i].is_served)
			r = want(&w, s->list[i].name, &s->list[i].endpoint);
	if (r < 0)
		return r;
	*ret = w;
	w = (struct ports_wanted){0};
	return 0;
}

static int want_each(struct ports_wanted *w, const struct installed_socket *s)
{
	_cleanup_free_ char *listen = s->listen ? strdup(s->listen) : NULL;
	char *rest = listen, *word;
	struct endpoint place;
	int r = s->listen && !listen ? -ENOMEM : 0;

	while (r == 0 && (word = strsep(&rest, " "))) {
		_cleanup_free_ char *why = NULL;

		if (endpoint_parse(word, &place, &why) == 0) /* else a Unix socket */
			r = want(w, s->service, &place);
	}
	return r;
}

int ports_of_installed(const struct installed *i, struct ports_wanted *ret)
{
	_cleanup_ports_wanted_ struct ports_wanted w = {.are_installed = true};
	int r = 0;

	for (size_t j = 0; j < i->n && r == 0; j++)
		r = want_each(&w, &i->list[j]);
	if (r < 0)
		return r;
	*ret = w;
	w = (struct ports_wanted){0};
	return 0;
}
