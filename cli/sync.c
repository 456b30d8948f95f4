/* SPDX-License-Identifier: Apache-2.0 */
#include "sync.h"

#include <errno.h>
#include <string.h>

#include "deadline.h"
#include "digest.h"
#include "sync-question.h"
#include "text.h"

#define ASKED ":asked" /* no service's name has a colon */
/* A Destination service may have to be asked first, which has 15 s. */
#define PATIENCE_USEC (20 * USEC_PER_SEC)

/* A round of questions; strings and pointers are borrowed. */
struct round {
	const struct cli *cli;
	const struct config *config;
	struct services *services;
	struct verdicts *verdicts;
	struct state_table refusals; /* of this round, and of who was not asked; owned */
	uint64_t deadline;
	struct instance {
		const char *name;
		bool is_silent;
		size_t n_left; /* services that were not asked for */
	} * list;	       /* owned */
	size_t n;
};

static void round_done(struct round *q)
{
	state_table_done(&q->refusals);
	free(q->list);
}

/* What is noted of the service's instance, NULL without memory. */
static struct instance *find_instance(struct round *q, const struct service_unit *s)
{
	const char *name = service_unit_instance(s, q->services);
	struct instance *list;

	for (size_t i = 0; i < q->n; i++)
		if (strcmp(q->list[i].name, name) == 0)
			return &q->list[i];
	list = reallocarray(q->list, q->n + 1, sizeof(*list));
	if (!list)
		return NULL;
	q->list = list;
	list[q->n] = (struct instance){.name = name};
	return &list[q->n++];
}

/* The row that says which question the protocol answers: "<service>:asked <SHA-256>". */
static char *question_row(const struct service_unit *s)
{
	return text_format("%s" ASKED, s->name);
}

/* Whether the row of the table is of a service as it is now. */
static int is_current(struct services *all, const struct service_unit *s)
{
	_cleanup_free_ char *row = question_row(s);
	char digest[DIGEST_SHA256_HEX_SIZE];
	const char *asked;
	int r;

	if (!row)
		return -ENOMEM;
	asked = state_table_find(&all->protocols, row);
	if (!asked)
		return 1; /* of an earlier version, which did not tell */
	r = sync_question_digest(all, s, digest);
	return r < 0 ? r : strcmp(asked, digest) == 0;
}

/* 1 if a service still needs the row, 0 if not, -errno. */
static int is_needed(struct services *all, const char *row)
{
	size_t n = strcspn(row, ":");

	for (size_t i = 0; i < all->n; i++) {
		const struct service_unit *s = &all->list[i];

		if (strlen(s->name) == n && memcmp(s->name, row, n) == 0)
			return service_unit_instance(s, all) ? is_current(all, s) : 0;
	}
	return 0;
}

/*
 * Drops what is remembered of services that are gone or ask for something else now. With
 * settings in doubt, so is which services there are. 1 if something was dropped, 0, -errno.
 */
static int forget(struct services *all)
{
	_cleanup_state_table_ struct state_table kept = {0};
	bool is_changed;
	int r = 0;

	if (all->warning)
		return 0;
	for (size_t i = 0; i < all->protocols.n && r >= 0; i++) {
		const struct state_row *row = &all->protocols.rows[i];

		r = is_needed(all, row->name);
		if (r > 0)
			r = state_table_set(&kept, row->name, row->value);
	}
	if (r < 0)
		return r;
	is_changed = kept.n != all->protocols.n;
	state_table_done(&all->protocols);
	all->protocols = kept;
	kept = (struct state_table){0};
	return is_changed;
}

/* Sets a row: 1 if that changes it, 0 if not, -errno. */
static int set_row(struct state_table *t, const char *name, const char *value)
{
	const char *known = state_table_find(t, name);
	int r;

	if (known && strcmp(known, value) == 0)
		return 0;
	r = state_table_set(t, name, value);
	return r < 0 ? r : 1;
}

/* Notes a protocol and what it answers: 1 if that is new, 0 if not, -errno. */
static int note(
    struct services *all, const struct service_unit *s, enum mail_protocol protocol)
{
	_cleanup_free_ char *row = question_row(s);
	char digest[DIGEST_SHA256_HEX_SIZE];
	int r, k;

	r = row ? sync_question_digest(all, s, digest) : -ENOMEM;
	if (r < 0)
		return r;
	r = set_row(&all->protocols, s->name, mail_protocol_name(protocol));
	k = r < 0 ? r : set_row(&all->protocols, row, digest);
	return k < 0 ? k : r || k;
}

/* What was said last stays for who is not asked now. */
static int leave(struct round *q, struct instance *instance, const struct service_unit *s)
{
	const char *refusal = state_table_find(&q->services->refusals, s->name);

	instance->n_left++;
	return refusal ? state_table_set(&q->refusals, s->name, refusal) : 0;
}

/* A service that is away at the moment is no fault of those whose protocol is known. */
static int note_refusal(
    struct round *q, const struct service_unit *s, int error, const char *why)
{
	verdicts_add_result(q->verdicts, "service", s->name, error, why);
	if (error == -EAGAIN && s->knows_protocol)
		return 0;
	return services_add_refusal(&q->refusals, s->name, why ? why : strerror(-error));
}

static bool is_same(const struct state_table *a, const struct state_table *b)
{
	for (size_t i = 0; i < a->n && a->n == b->n; i++)
		if (strcmp(a->rows[i].name, b->rows[i].name) != 0 ||
		    strcmp(a->rows[i].value, b->rows[i].value) != 0)
			return false;
	return a->n == b->n;
}

/* With settings in doubt, so is who is to be asked. */
static int record_refusals(struct round *q, char **ret_why)
{
	if (q->services->warning || is_same(&q->refusals, &q->services->refusals))
		return 0;
	return services_record_refusals(q->config, &q->refusals, ret_why);
}

/* Asks for one service and records at once what is new. -errno: nothing can be recorded. */
static int ask_for(struct round *q, const struct service_unit *s, char **ret_why)
{
	struct instance *instance = find_instance(q, s);
	_cleanup_free_ char *why = NULL;
	enum mail_protocol protocol;
	int r;

	if (!instance)
		return -ENOMEM;
	if (instance->is_silent || deadline_now() >= q->deadline)
		return leave(q, instance, s);
	r = sync_ask(
	    q->cli, s, MIN_OF(q->deadline, deadline_in(PATIENCE_USEC)), &protocol, &why);
	if (r == -EAGAIN && deadline_now() >= q->deadline)
		return leave(q, instance, s); /* it had less time than others */
	if (r < 0) {
		instance->is_silent = r == -EAGAIN;
		return note_refusal(q, s, r, why);
	}
	r = note(q->services, s, protocol);
	return r > 0 ? services_record_protocols(
			   q->config, &q->services->protocols, ret_why)
		     : r;
}

/* One line for each instance, however many services it has. */
static void say_left(const struct round *q)
{
	for (size_t i = 0; i < q->n; i++) {
		const struct instance *instance = &q->list[i];
		_cleanup_free_ char *reason = NULL;

		if (instance->n_left == 0)
			continue;
		reason = text_format(
		    instance->is_silent
			? "is not available: %zu more of its services not asked for"
			: "%zu of its services not asked for: the time was over",
		    instance->n_left);
		verdicts_add(
		    q->verdicts, "instance", instance->name, VERDICT_WARNING, reason);
	}
}

/* Begins anywhere, so that the same ones are not left over each time. */
int sync_protocols(const struct cli *c, const struct config *config, struct services *s,
    uint64_t deadline, struct verdicts *v, char **ret_why)
{
	_cleanup_(round_done) struct round q = {.cli = c,
	    .config = config,
	    .services = s,
	    .verdicts = v,
	    .deadline = deadline};
	size_t first = s->n > 0 ? (size_t)(deadline_now() % s->n) : 0;
	int r;

	r = forget(s);
	if (r > 0)
		r = services_record_protocols(config, &s->protocols, ret_why);
	for (size_t i = 0; i < s->n && r == 0; i++) {
		const struct service_unit *one = &s->list[(first + i) % s->n];

		if (service_unit_instance(one, s))
			r = ask_for(&q, one, ret_why);
	}
	say_left(&q);
	return r < 0 ? r : record_refusals(&q, ret_why);
}
