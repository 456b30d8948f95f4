/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups of services that one forking handler serves: those that the same clients may
 * use, as a socket unit has one setting for all of its sockets. A service's name alone
 * says in which group of these it is, so that one more or less changes that group only.
 */

#include <errno.h>
#include <string.h>

#include "digest.h"
#include "text.h"
#include "unit-files.h"

/* Networks may be chosen so that few digits are those of other clients; 2^64 tries are too many. */
#define CLASS_DIGITS 16

struct member {
	struct service_unit *service;
	char class[CLASS_DIGITS + 1]; /* equal for those with equal access */
	unsigned hash;		      /* of the name */
	unsigned bucket;
};

static int hash_text(const char *text, char ret[DIGEST_SHA256_HEX_SIZE])
{
	return digest_sha256_hex(text, strlen(text), ret);
}

static int describe(struct member *m, struct service_unit *s)
{
	_cleanup_secret_ struct secret access = {0};
	char digest[DIGEST_SHA256_HEX_SIZE];
	int r;

	m->service = s;
	r = unit_text_access(&access, s);
	if (r == 0)
		r = hash_text(secret_str(&access), digest);
	if (r < 0)
		return r;
	memcpy(m->class, digest, CLASS_DIGITS);
	m->class[CLASS_DIGITS] = '\0';
	r = hash_text(s->name, digest);
	digest[8] = '\0';
	m->hash = (unsigned)strtoul(digest, NULL, 16);
	return r;
}

/* Within a class who has been there before comes first. */
static int by_class(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int r = strcmp(x->class, y->class);

	if (r != 0)
		return r;
	if (x->service->is_recorded != y->service->is_recorded)
		return x->service->is_recorded ? -1 : 1;
	return strcmp(x->service->name, y->service->name);
}

/* Whether none of so many groups would be too big; the members get theirs. */
static bool fits(struct member *class, size_t n, unsigned buckets, unsigned *counts)
{
	bool is_fitting = true;

	memset(counts, 0, buckets * sizeof(*counts));
	for (size_t i = 0; i < n; i++) {
		class[i].bucket = class[i].hash % buckets;
		is_fitting &= ++counts[class[i].bucket] <= UNIT_GROUP_SERVICES;
	}
	return is_fitting;
}

/* Names can be chosen so that no number of groups will do; that costs the last ones. */
static int leave_out(struct member *class, size_t n, unsigned buckets, unsigned *counts)
{
	memset(counts, 0, buckets * sizeof(*counts));
	for (size_t i = 0; i < n; i++) {
		if (++counts[class[i].bucket] <= UNIT_GROUP_SERVICES)
			continue;
		class[i].service->is_served = false;
		if (verdict_set(&class[i].service->verdict,
			CONDITION_SERVICE_CREATION_FAILED,
			"its group has %d services already, which is as many as one may "
			"have: give it another name",
			UNIT_GROUP_SERVICES) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

/* The smallest power of two will do. */
static int split_class(struct member *class, size_t n)
{
	_cleanup_free_ unsigned *counts = NULL;
	unsigned most = 1;

	while (most < 2 * n)
		most *= 2;
	counts = calloc(most, sizeof(*counts));
	if (!counts)
		return -ENOMEM;
	for (unsigned buckets = 1; buckets <= most; buckets *= 2)
		if (fits(class, n, buckets, counts))
			return 0;
	return leave_out(class, n, most, counts);
}

static int split_classes(struct member *members, size_t n)
{
	size_t first = 0;
	int r;

	for (size_t i = 1; i <= n; i++) {
		if (i < n && strcmp(members[i].class, members[first].class) == 0)
			continue;
		r = split_class(&members[first], i - first);
		if (r < 0)
			return r;
		first = i;
	}
	return 0;
}

static int name_unit(const struct member *m)
{
	m->service->unit =
	    text_format("maildest-group-%s-%u.socket", m->class, m->bucket);
	return m->service->unit ? 0 : -ENOMEM;
}

int unit_groups_name(struct services *s)
{
	_cleanup_free_ struct member *members = calloc(s->n + 1, sizeof(*members));
	size_t n = 0;
	int r = 0;

	if (!members)
		return -ENOMEM;
	for (size_t i = 0; i < s->n && r == 0; i++)
		if (s->list[i].is_served)
			r = describe(&members[n++], &s->list[i]);
	if (r < 0 || n == 0)
		return r;
	qsort(members, n, sizeof(*members), by_class);
	r = split_classes(members, n);
	for (size_t i = 0; i < n && r == 0; i++)
		if (members[i].service->is_served)
			r = name_unit(&members[i]);
	return r;
}

/* "--service=NAME ... -- DESTINATION ADDRESS PATH": what --services= of the handler reads. */
static int add_line(struct secret *out, const struct service_unit *s)
{
	char address[NETWORK_TEXT_MAX];
	int r = 0;

	for (size_t i = 0; i < s->n_arguments && r == 0; i++)
		r = secret_printf(out, "%s ", s->arguments[i]);
	endpoint_format(&s->endpoint, address);
	return r < 0 ? r : secret_printf(out, "%s %s\n", address, s->socket);
}

static int write_service(const struct unit_folder *folder, const char *group)
{
	_cleanup_secret_ struct secret text = {0};
	_cleanup_free_ char *unit = NULL, *option = NULL;
	int r;

	if (!(unit = text_format("%s.service", group)) ||
	    !(option = text_format("--services=%s/%s.services", folder->path, group)))
		return -ENOMEM;
	r = secret_printf(&text,
	    "[Unit]\nDescription=maildest sessions of "
	    "%s\nPartOf=%s.socket\n\n[Service]\n",
	    group, group);
	if (r == 0)
		r = unit_text_command(&text, &option, 1);
	return r < 0 ? r
		     : unit_write(folder, unit, "svc-forking.service", secret_str(&text));
}

static int write_socket(const struct unit_folder *folder, const char *unit,
    struct service_unit *const *members, size_t n)
{
	_cleanup_secret_ struct secret text = {0};
	int r;

	r = secret_printf(
	    &text, "[Unit]\nDescription=maildest services, %zu of them\n\n[Socket]\n", n);
	for (size_t i = 0; i < n && r == 0; i++)
		r = unit_text_listen(&text, members[i]);
	if (r == 0)
		r = unit_text_access(&text, members[0]);
	if (r == 0)
		r = unit_write(folder, unit, "svc-forking.socket", secret_str(&text));
	return r < 0 ? r : unit_want(folder, unit);
}

static int write_list(const struct unit_folder *folder, const char *group,
    struct service_unit *const *members, size_t n)
{
	_cleanup_secret_ struct secret text = {0};
	_cleanup_free_ char *file = NULL;
	int r = 0;

	if (!(file = text_format("%s.services", group)))
		return -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++)
		r = add_line(&text, members[i]);
	return r < 0 ? r : unit_write_file(folder, file, secret_str(&text));
}

/* Members of one group, sorted by name. */
static int write_group(
    const struct unit_folder *folder, struct service_unit *const *members, size_t n)
{
	const char *unit = members[0]->unit;
	_cleanup_free_ char *group = strndup(unit, strcspn(unit, "."));
	int r;

	if (!group)
		return -ENOMEM;
	r = write_list(folder, group, members, n);
	if (r == 0)
		r = write_service(folder, group);
	return r < 0 ? r : write_socket(folder, unit, members, n);
}

static int by_unit_and_name(const void *a, const void *b)
{
	const struct service_unit *x = *(struct service_unit *const *)a,
				  *y = *(struct service_unit *const *)b;
	int r = strcmp(x->unit, y->unit);

	return r != 0 ? r : strcmp(x->name, y->name);
}

/* One group that cannot be written does not cost the others. */
static int try_group(
    const struct unit_folder *folder, struct service_unit **members, size_t n)
{
	int r = write_group(folder, members, n);

	if (r >= 0 || r == -ENOMEM)
		return r;
	for (size_t i = 0; i < n; i++) {
		members[i]->is_served = false;
		if (verdict_set(&members[i]->verdict, CONDITION_SERVICE_CREATION_FAILED,
			"the units of its group cannot be written: %s",
			strerror(-r)) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

int unit_groups_write(const struct unit_folder *folder, struct services *s)
{
	_cleanup_free_ struct service_unit **served = calloc(s->n + 1, sizeof(*served));
	size_t n = 0, first = 0;
	int r = 0;

	if (!served)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].is_served && !s->list[i].is_left_out)
			served[n++] = &s->list[i];
	qsort(served, n, sizeof(struct service_unit *), by_unit_and_name);
	for (size_t i = 1; i <= n && r == 0; i++) {
		if (i < n && strcmp(served[i]->unit, served[first]->unit) == 0)
			continue;
		r = try_group(folder, &served[first], i - first);
		first = i;
	}
	return r;
}
