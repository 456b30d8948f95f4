/* SPDX-License-Identifier: Apache-2.0 */
/* Where services listen: addresses as recorded, as annotated, or next to be recorded. */

#include <errno.h>
#include <string.h>

#include "addresses.h"
#include "digest.h"
#include "services-private.h"
#include "text.h"

/* Such that the path fits a sockaddr_un (unix(7): 107 bytes and a NUL). */
#define SOCKET_NAME_MAX 79
#define SOCKET_NAME_HEAD 60
#define SOCKET_NAME_DIGITS 12

static int set_socket(struct service_unit *s)
{
	char digest[DIGEST_SHA256_HEX_SIZE];

	if (strlen(s->name) <= SOCKET_NAME_MAX)
		s->socket = text_format(SERVICES_SOCKETS "/%s.sock", s->name);
	else if (digest_sha256_hex(s->name, strlen(s->name), digest) == 0)
		s->socket = text_format(SERVICES_SOCKETS "/%.*s_%.*s.sock",
		    SOCKET_NAME_HEAD, s->name, SOCKET_NAME_DIGITS, digest);
	return s->socket ? 0 : -ENOMEM;
}

static uint16_t choose_port(const struct service_unit *s)
{
	if (s->resource->has_listen && s->resource->listen.port)
		return s->resource->listen.port;
	if (s->resource->port)
		return s->resource->port;
	return mail_protocol_port(s->protocol);
}

/* Addresses that are given already: 0 or -ENOMEM. */
static void take_known(struct services *s, struct addresses *a)
{
	struct address address;

	for (size_t i = 0; i < s->addresses.n; i++)
		if (address_parse(s->addresses.rows[i].value, &address) == 0)
			(void)addresses_take(a, &address); /* two may have it */
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].resource->has_listen)
			(void)addresses_take(/* chosen ones may be equal */
			    a, &s->list[i].resource->listen.address);
}

/* Who has an address that is recorded for two, by somebody's hand: the first; 0 or -ENOMEM. */
static int drop_doubles(struct services *all)
{
	struct addresses *seen = addresses_new();
	struct address address;
	int r = 0;

	if (!seen)
		return -ENOMEM;
	for (size_t i = 0; i < all->n && r == 0; i++) {
		struct service_unit *s = &all->list[i];
		const char *recorded = state_table_find(&all->addresses, s->name);

		if (!recorded || s->resource->has_listen ||
		    address_parse(recorded, &address) < 0 ||
		    addresses_take(seen, &address))
			continue;
		r = service_unit_warn(&s->warning,
		    "another service has its recorded address %s too: it gets a new one",
		    recorded);
		state_table_remove(&all->addresses, s->name);
	}
	addresses_free(seen);
	return r;
}

/* Whether it is known where the service listens; if so, it is set. */
static bool set_known_address(struct services *all, struct service_unit *s)
{
	const char *recorded = state_table_find(&all->addresses, s->name);

	s->is_recorded = true;
	if (s->resource->has_listen) {
		s->endpoint.address = s->resource->listen.address;
		return true;
	}
	if (recorded && address_parse(recorded, &s->endpoint.address) == 0 &&
	    address_is_loopback(&s->endpoint.address))
		return true;
	s->is_recorded = false;
	return false;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct service_unit *const *)a)->name,
	    (*(struct service_unit *const *)b)->name);
}

static int give_address(struct addresses *a, struct service_unit *s)
{
	int r = addresses_give(a, s->name, &s->endpoint.address);

	if (r == 0)
		return 0;
	s->is_served = false;
	r = verdict_set(&s->verdict, CONDITION_SERVICE_CREATION_FAILED,
	    "no address is left in 127.88.0.0/16");
	return r == -ENOMEM ? r : 0;
}

/* In the order of names, so that the files' order does not matter. */
static int give_addresses(struct services *all, struct addresses *a)
{
	_cleanup_free_ struct service_unit **without =
	    calloc(all->n + 1, sizeof(*without));
	size_t n = 0;
	int r = 0;

	if (!without)
		return -ENOMEM;
	for (size_t i = 0; i < all->n; i++)
		if (all->list[i].is_served && !set_known_address(all, &all->list[i]))
			without[n++] = &all->list[i];
	qsort(without, n, sizeof(struct service_unit *), by_name);
	for (size_t i = 0; i < n && r == 0; i++)
		r = give_address(a, without[i]);
	return r;
}

/* Whether both cannot be listened on at once. */
static bool collide(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && a->address.family == b->address.family &&
	       (address_equal(&a->address, &b->address) ||
		   address_is_wildcard(&a->address) || address_is_wildcard(&b->address));
}

/* Whether it had that very address and port before, as far as is recorded. */
static bool has_had_place(const struct services *all, const struct service_unit *s)
{
	const char *recorded = state_table_find(&all->places, s->name);
	char text[NETWORK_TEXT_MAX];

	endpoint_format(&s->endpoint, text);
	return recorded && strcmp(recorded, text) == 0;
}

static int refuse_place(struct service_unit *s, const struct service_unit *other)
{
	int r;

	s->is_served = false;
	r = verdict_set(&s->verdict, CONDITION_SERVICE_CREATION_FAILED,
	    "its address and port are those of service %s already", other->name);
	return r == -ENOMEM ? r : 0;
}

/* Of two that collide the later one is wrong, or with `of_old` the one that is newly there. */
static int check_endpoint(struct services *all, size_t chosen, bool of_old)
{
	int r = 0;

	for (size_t i = 0; i < all->n && r == 0; i++) {
		struct service_unit *later = &all->list[MAX_OF(i, chosen)];
		struct service_unit *first = &all->list[MIN_OF(i, chosen)];
		bool is_first_old, is_later_old;

		if (i == chosen || !later->is_served || !first->is_served ||
		    !collide(&later->endpoint, &first->endpoint))
			continue;
		is_first_old = has_had_place(all, first);
		is_later_old = has_had_place(all, later);
		if (!of_old || (is_first_old && !is_later_old))
			r = refuse_place(later, first);
		else if (is_later_old && !is_first_old)
			r = refuse_place(first, later);
	}
	return r;
}

/*
 * Only addresses that somebody has chosen can collide, so only these are compared with all:
 * first with who has been there before, so that no new file takes anybody's port.
 */
static int check_endpoints(struct services *s, bool of_old)
{
	int r = 0;

	for (size_t i = 0; i < s->n && r == 0; i++)
		if (s->list[i].resource->has_listen)
			r = check_endpoint(s, i, of_old);
	return r;
}

/* As apply noted it, of this very port. */
static int set_left_out(const struct services *all, struct service_unit *s)
{
	const char *place = state_table_find(&all->left_out, s->name);
	char text[NETWORK_TEXT_MAX];

	if (!place || !s->is_served)
		return 0;
	endpoint_format(&s->endpoint, text);
	s->is_left_out = strcmp(place, text) == 0;
	if (!s->is_left_out)
		return 0;
	return service_unit_warn(&s->warning,
	    "left out, as another program had its port %s when maildest apply looked",
	    text);
}

int services_set_places(struct services *s)
{
	struct addresses *a = addresses_new();
	int r;

	if (!a)
		return -ENOMEM;
	r = drop_doubles(s);
	take_known(s, a);
	if (r == 0)
		r = give_addresses(s, a);
	addresses_free(a);
	for (size_t i = 0; i < s->n && r == 0; i++) {
		s->list[i].endpoint.port = choose_port(&s->list[i]);
		r = set_socket(&s->list[i]);
	}
	if (r == 0)
		r = check_endpoints(s, true);
	if (r == 0)
		r = check_endpoints(s, false);
	for (size_t i = 0; i < s->n && r == 0; i++)
		r = set_left_out(s, &s->list[i]);
	return r;
}
