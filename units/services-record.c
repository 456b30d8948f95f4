/* SPDX-License-Identifier: Apache-2.0 */
/* What the tools remember so that the generator finds it: see service-state.h. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base64.h"
#include "owner.h"
#include "reason.h"
#include "resource-json.h"
#include "services-private.h"
#include "text.h"

#define COPIES "services/"
#define NO_SETTINGS "# there is no maildest.conf\n"

/* Whether both say the same. */
static bool are_equal(const struct state_table *a, const struct state_table *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->rows[i].name, b->rows[i].name) != 0 ||
		    strcmp(a->rows[i].value, b->rows[i].value) != 0)
			return false;
	return true;
}

static int record_left_out(const struct config *c, struct services *s, char **ret_why)
{
	_cleanup_state_table_ struct state_table now = {0};
	char text[NETWORK_TEXT_MAX];
	int r = 0;

	for (size_t i = 0; i < s->n && r == 0; i++) {
		if (!s->list[i].is_left_out)
			continue;
		endpoint_format(&s->list[i].endpoint, text);
		r = state_table_set(&now, s->list[i].name, text);
	}
	if (r < 0 || are_equal(&now, &s->left_out))
		return r;
	state_table_done(&s->left_out);
	s->left_out = now;
	now = (struct state_table){0};
	return state_table_write(c, SERVICES_LEFT_OUT, &s->left_out, ret_why);
}

/* What files say, and what they said when they could be read. */
static int record_found(const struct config *c, struct services *s, char **ret_why)
{
	_cleanup_state_table_ struct state_table now = {0};
	int r = 0;

	for (size_t i = 0; i < s->n && r == 0; i++) {
		const struct service_unit *one = &s->list[i];

		if (one->knows_protocol && !service_unit_instance(one, s))
			r = state_table_set(
			    &now, one->name, mail_protocol_name(one->protocol));
	}
	if (r < 0 || are_equal(&now, &s->found))
		return r;
	state_table_done(&s->found);
	s->found = now;
	now = (struct state_table){0};
	return state_table_write(c, SERVICES_FOUND, &s->found, ret_why);
}

static bool is_valid(const struct resource_entry *e)
{
	return !e->is_skipped && e->resource.verdict.condition == CONDITION_SUCCESSFUL;
}

static int record_addresses(const struct config *c, struct services *s, char **ret_why)
{
	char text[NETWORK_TEXT_MAX];
	bool is_changed = false;
	int r;

	for (size_t i = 0; i < s->n; i++) {
		struct service_unit *service = &s->list[i];

		if (!service->is_served || service->is_recorded)
			continue;
		address_format(&service->endpoint.address, text);
		r = state_table_set(&s->addresses, service->name, text);
		if (r < 0)
			return r;
		service->is_recorded = is_changed = true;
	}
	return is_changed ? state_table_write(c, "addresses", &s->addresses, ret_why) : 0;
}

/* Which address and port each has, so that no other takes them. */
static int record_places(const struct config *c, struct services *s, char **ret_why)
{
	char text[NETWORK_TEXT_MAX];
	bool is_changed = false;

	for (size_t i = 0; i < s->n; i++) {
		const struct service_unit *service = &s->list[i];
		const char *before = state_table_find(&s->places, service->name);

		endpoint_format(&service->endpoint, text);
		if (!service->is_served || (before && strcmp(before, text) == 0))
			continue;
		if (state_table_set(&s->places, service->name, text) < 0)
			return -ENOMEM;
		is_changed = true;
	}
	return is_changed ? state_table_write(c, SERVICES_PLACES, &s->places, ret_why)
			  : 0;
}

/* Whether a file of the state says the same already. */
static bool is_written(
    const struct config *c, const char *file, const struct secret *text)
{
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *why = NULL;

	return owner_read(c, STATE_FOLDER, file, RESOURCES_FILE_MAX, &f, &why) == 0 &&
	       f.text.len == text->len &&
	       memcmp(secret_str(&f.text), text->data, text->len) == 0;
}

static int record_copy(const struct config *c, const struct resource *r, char **ret_why)
{
	_cleanup_secret_ struct secret text = {0};
	_cleanup_free_ char *file = NULL;
	struct json_writer w = {.out = &text};
	int k;

	file = text_format(COPIES "%s.json", r->name);
	if (!file)
		return -ENOMEM;
	json_writer_open(&w, NULL, '{');
	json_writer_string(&w, STATE_COPY_SOURCE, r->file);
	resource_write_json(&w, STATE_COPY_RESOURCE, r);
	json_writer_close(&w, '}');
	k = json_writer_end(&w);
	if (k < 0)
		return k == -ENOMEM ? k
				    : reason_set(ret_why, k,
					  "the name of a file in " RESOURCES_FOLDER
					  "/ is not UTF-8");
	if (is_written(c, file, &text))
		return 0;
	return service_state_write(c, file, text.data, text.len, ret_why);
}

static int record_copies(const struct config *c, const struct services *s, char **ret_why)
{
	int r = 0;

	for (size_t i = 0; i < s->resources.n && r == 0; i++)
		if (is_valid(&s->resources.list[i]) && !s->resources.list[i].is_copy)
			r = record_copy(c, &s->resources.list[i].resource, ret_why);
	return r;
}

/* Whether a resource of that name is there, or one that its copy stands for. */
static bool is_in_use(const struct services *s, const char *file)
{
	size_t n = strlen(file) - strlen(".json");

	for (size_t i = 0; i < s->resources.n; i++) {
		const struct resource *r = &s->resources.list[i].resource;

		if (r->name && strlen(r->name) == n && memcmp(r->name, file, n) == 0)
			return true;
	}
	return false;
}

static int forget_copies(const struct config *c, const struct services *s, char **ret_why)
{
	_cleanup_close_ int fd =
	    openat(c->fd, RESOURCES_COPIES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *d;
	DIR *folder;
	int r = 0;

	if (fd < 0)
		return 0; /* there are none */
	folder = fdopendir(fd);
	if (!folder)
		return -ENOMEM;
	(void)TAKE_FD(fd); /* the stream's now */
	while (r == 0 && (d = readdir(folder)))
		if (resources_file_counts(d->d_name) && !is_in_use(s, d->d_name) &&
		    unlinkat(dirfd(folder), d->d_name, 0) < 0)
			r = reason_set(ret_why, -errno, RESOURCES_COPIES "/%s: %s",
			    d->d_name, strerror(errno));
	(void)closedir(folder); /* it was only read */
	return r;
}

/* The settings, once they have been found valid. */
static int record_settings(const struct config *c, char **ret_why)
{
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	r = owner_read(c, NULL, "maildest.conf", CONFIG_FILE_MAX, &f, &why);
	if (r < 0 && r != -ENOENT)
		return r == -ENOMEM ? r : 0; /* said already */
	if (r == -ENOENT)
		r = secret_puts(&f.text, NO_SETTINGS);
	if (r < 0)
		return r;
	if (is_written(c, "maildest.conf", &f.text))
		return 0;
	return service_state_write(
	    c, "maildest.conf", secret_str(&f.text), f.text.len, ret_why);
}

int services_record(const struct config *c, struct services *s, char **ret_why)
{
	int r;

	r = record_addresses(c, s, ret_why);
	if (r == 0)
		r = record_places(c, s, ret_why);
	if (r == 0 && !s->warning)
		r = record_found(c, s, ret_why);
	if (r == 0 && !s->warning)
		r = record_left_out(c, s, ret_why);
	if (r == 0)
		r = record_copies(c, s, ret_why);
	if (r == 0)
		r = forget_copies(c, s, ret_why);
	if (r == 0 && !s->warning)
		r = record_settings(c, ret_why);
	return r;
}

int services_record_protocols(
    const struct config *c, const struct state_table *protocols, char **ret_why)
{
	return state_table_write(c, "protocols", protocols, ret_why);
}

int services_add_refusal(
    struct state_table *refusals, const char *service, const char *reason)
{
	_cleanup_secret_ struct secret word = {0};
	int r = base64_encode(reason, strlen(reason), &word);

	return r < 0 ? r : state_table_set(refusals, service, secret_str(&word));
}

int services_record_refusals(
    const struct config *c, const struct state_table *refusals, char **ret_why)
{
	return state_table_write(c, "refusals", refusals, ret_why);
}
