/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which service a socket is: the destination of its name, or what a file says of its
 * address. The file is read again when it has changed; while there is none, or no good
 * one, the last good one counts.
 */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "forking-parent.h"
#include "log.h"
#include "share.h"

const char *forking_name(const struct listener *l)
{
	return l->service ? service_name(l->service) : l->name;
}

bool forking_has_share(const struct parent *p, const struct listener *l)
{
	size_t max = p->children.max, taken = children_count(&p->children), own = 0;
	bool is_alone = true;

	if (share_allows_all(max, taken))
		return true;
	for (unsigned i = 0; i < p->n_listeners; i++) {
		const struct listener *other = &p->listeners[i];

		if (strcmp(forking_name(other), forking_name(l)) == 0)
			own += other->sessions;
		else
			is_alone = false;
	}
	return is_alone || share_allows(max, taken, own);
}

/* Each socket is the destination of its name, with the options that all share. */
static int name_services(struct parent *p)
{
	p->own = calloc(p->n_listeners, sizeof(*p->own));
	if (!p->own)
		return -ENOMEM;
	for (unsigned i = 0; i < p->n_listeners; i++) {
		p->own[i] = p->request.service;
		p->own[i].destination = p->listeners[i].name;
		p->listeners[i].service = &p->own[i];
	}
	return 0;
}

/* After a new file nothing is known of the destinations any more. */
static void find_services(struct parent *p)
{
	for (unsigned i = 0; i < p->n_listeners; i++) {
		struct listener *l = &p->listeners[i];

		l->service = l->place ? service_file_find(&p->file, l->place) : NULL;
		l->looked_at = 0;
		if (!l->service)
			log_message(LOG_PRIORITY_WARNING, "%s: no service listens at %s",
			    p->options->services,
			    l->place ? l->place : "a socket without an address");
	}
}

static int read_file(struct parent *p)
{
	_cleanup_service_file_ struct service_file old = {0};
	_cleanup_free_ char *why = NULL;
	struct service_file file;
	int r;

	r = service_file_read(p->options->services, &file, &why);
	if (r < 0) {
		log_message(LOG_PRIORITY_ERROR, "%s", why ? why : "the services' file");
		return r;
	}
	old = p->file;
	p->file = file;
	find_services(p);
	return 0;
}

int forking_open_services(struct parent *p)
{
	if (!p->options->services)
		return name_services(p);
	for (unsigned i = 0; i < p->n_listeners; i++)
		p->listeners[i].place = service_place(p->listeners[i].fd);
	return read_file(p);
}

void forking_refresh_services(struct parent *p)
{
	struct stat st;

	if (!p->options->services ||
	    !service_file_is_stale(&p->file, p->options->services))
		return;
	if (read_file(p) == 0 || stat(p->options->services, &st) < 0)
		return;
	p->file.st = st; /* said once; the next change is looked at again */
}
