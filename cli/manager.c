/* SPDX-License-Identifier: Apache-2.0 */
/* org.freedesktop.systemd1(5), as far as it is needed. */

#include "manager.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>

#include "manager-bus.h"
#include "reason.h"
#include "secret.h"
#include "text.h"

/* A job starts a socket; two thousand of them take some seconds, more is a fault. */
#define PRIVATE_SOCKET "/run/systemd/private"
#define PATIENCE_USEC UINT64_C(120000000)

static int on_job(sd_bus_message *message, void *userdata, sd_bus_error *error _unused_)
{
	struct manager *m = userdata;
	const char *path, *unit, *result;
	uint32_t id;

	if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) < 0)
		return 0; /* nothing that we wait for */
	for (size_t i = 0; i < m->n_jobs; i++) {
		if (strcmp(m->jobs[i], path) != 0)
			continue;
		free(m->jobs[i]);
		m->jobs[i] = m->jobs[--m->n_jobs];
		return strcmp(result, "done") == 0 ? 0 : manager_note_failure(m, unit);
	}
	return 0;
}

bool manager_has_failed(const struct manager *m, const char *unit)
{
	size_t n = strlen(unit), word;

	for (const char *at = m->failed; at && *at; at += strspn(at, " ")) {
		word = strcspn(at, " ");
		if (word == n && strncmp(at, unit, n) == 0)
			return true;
		at += word;
	}
	return false;
}

int manager_note_failure(struct manager *m, const char *unit)
{
	char *all;

	if (manager_has_failed(m, unit))
		return 0;
	all =
	    text_format("%s%s%s", m->failed ? m->failed : "", m->failed ? " " : "", unit);
	if (!all)
		return -ENOMEM;
	free(m->failed);
	m->failed = all;
	return 0;
}

int manager_complain(int r, const sd_bus_error *error, const char *what, char **ret_why)
{
	return reason_set(ret_why, r == -EACCES ? -EPERM : r, "%s: %s", what,
	    error && error->message ? error->message : strerror(-r));
}

/* Root speaks to systemd itself, as systemctl does: a small host has no bus at all. */
static int open_private(sd_bus **ret)
{
	_cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
	int r;

	if (geteuid() != 0 || access(PRIVATE_SOCKET, F_OK) < 0)
		return -ENOENT;
	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_address(bus, "unix:path=" PRIVATE_SOCKET);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r >= 0)
		*ret = TAKE_PTR(bus);
	return r;
}

int manager_open(struct manager *ret, char **ret_why)
{
	struct manager m = {0};
	int r = open_private(&m.bus);

	if (r < 0 && r != -ENOMEM)
		r = sd_bus_open_system(&m.bus);

	if (r == -ENOMEM)
		return r;
	if (r < 0 && sd_booted() == 0)
		return reason_set(ret_why, -ENOTCONN,
		    "systemd does not run here; what to do without it, as in a "
		    "container, maildest-handler(8) says");
	if (r < 0)
		return reason_set(
		    ret_why, -ENOTCONN, "systemd cannot be asked: %s", strerror(-r));
	(void)sd_bus_set_allow_interactive_authorization(m.bus, false); /* as it is */
	*ret = m;
	return 0;
}

void manager_done(struct manager *m)
{
	for (size_t i = 0; i < m->n_jobs; i++)
		free(m->jobs[i]);
	free(m->jobs);
	free(m->failed);
	sd_bus_flush_close_unref(m->bus);
	*m = (struct manager){0};
}

int manager_load(struct manager *m, const char *unit, char **ret_path)
{
	_cleanup_bus_message_ sd_bus_message *reply = NULL;
	const char *path;
	int r;

	r = sd_bus_call_method(m->bus, MANAGER_NAME, MANAGER_PATH, MANAGER_INTERFACE,
	    "LoadUnit", NULL, &reply, "s", unit);
	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &path);
	if (r < 0)
		return r;
	*ret_path = strdup(path);
	return *ret_path ? 0 : -ENOMEM;
}

static const char *interface_name(const char *interface, char *buffer, size_t n)
{
	return snprintf(buffer, n, MANAGER_NAME ".%s", interface) < (int)n ? buffer : "";
}

uint64_t manager_number(
    struct manager *m, const char *path, const char *interface, const char *property)
{
	_cleanup_bus_message_ sd_bus_message *reply = NULL;
	char name[64], type;
	uint32_t small;
	uint64_t value;
	int r;

	r = sd_bus_call_method(m->bus, MANAGER_NAME, path,
	    "org.freedesktop.DBus.Properties", "Get", NULL, &reply, "ss",
	    interface_name(interface, name, sizeof(name)), property);
	if (r < 0 || sd_bus_message_enter_container(reply, 'v', NULL) < 0 ||
	    sd_bus_message_peek_type(reply, &type, NULL) <= 0)
		return 0;
	if (type == 't')
		return sd_bus_message_read_basic(reply, 't', &value) < 0 ? 0 : value;
	if (type != 'u' || sd_bus_message_read_basic(reply, 'u', &small) < 0)
		return 0;
	return small;
}

char *manager_text(
    struct manager *m, const char *path, const char *interface, const char *property)
{
	char name[64], *text = NULL;

	if (sd_bus_get_property_string(m->bus, MANAGER_NAME, path,
		interface_name(interface, name, sizeof(name)), property, NULL, &text) < 0)
		return NULL;
	return text;
}

char *manager_listen(struct manager *m, const char *path)
{
	_cleanup_bus_message_ sd_bus_message *reply = NULL;
	_cleanup_secret_ struct secret words = {0};
	const char *kind, *address;

	if (sd_bus_get_property(m->bus, MANAGER_NAME, path, MANAGER_NAME ".Socket",
		"Listen", NULL, &reply, "a(ss)") < 0 ||
	    sd_bus_message_enter_container(reply, 'a', "(ss)") < 0)
		return NULL;
	while (sd_bus_message_read(reply, "(ss)", &kind, &address) > 0)
		if (strcmp(kind, "Stream") == 0 &&
		    secret_printf(&words, "%s%s", words.len ? " " : "", address) < 0)
			return NULL;
	return words.len ? strdup(words.data) : NULL;
}

int manager_reload(struct manager *m, char **ret_why)
{
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_bus_message_ sd_bus_message *call = NULL;
	int r;

	r = sd_bus_message_new_method_call(
	    m->bus, &call, MANAGER_NAME, MANAGER_PATH, MANAGER_INTERFACE, "Reload");
	if (r >= 0)
		r = sd_bus_call(m->bus, call, PATIENCE_USEC, &error, NULL);
	return r < 0 ? manager_complain(r, &error, "systemd did not reload", ret_why) : 0;
}

/* From now on we are told of jobs that end. */
static int subscribe(struct manager *m)
{
	int r;

	if (m->jobs)
		return 0;
	r = sd_bus_match_signal(m->bus, NULL, MANAGER_NAME, MANAGER_PATH,
	    MANAGER_INTERFACE, "JobRemoved", on_job, m);
	if (r >= 0)
		r = sd_bus_call_method(m->bus, MANAGER_NAME, MANAGER_PATH,
		    MANAGER_INTERFACE, "Subscribe", NULL, NULL, "");
	return r < 0 ? r : 0;
}

static int add_job(struct manager *m, const char *path)
{
	char **jobs = reallocarray(m->jobs, m->n_jobs + 1, sizeof(*jobs));

	if (!jobs)
		return -ENOMEM;
	m->jobs = jobs;
	jobs[m->n_jobs] = strdup(path);
	return jobs[m->n_jobs] ? (m->n_jobs++, 0) : -ENOMEM;
}

/* systemd has not refused something, but does not answer. */
static bool is_lost(struct manager *m, int error)
{
	return error == -ETIMEDOUT || sd_bus_is_open(m->bus) <= 0;
}

int manager_queue(struct manager *m, const char *method, const char *unit, char **ret_why)
{
	_cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_bus_message_ sd_bus_message *reply = NULL;
	const char *job;
	int r;

	r = subscribe(m);
	if (r == 0)
		r = sd_bus_call_method(m->bus, MANAGER_NAME, MANAGER_PATH,
		    MANAGER_INTERFACE, method, &error, &reply, "ss", unit, "replace");
	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &job);
	if (r >= 0)
		return add_job(m, job);
	if (r != -ENOMEM && !is_lost(m, r))
		return manager_note_failure(m, unit);
	return manager_complain(r, &error, unit, ret_why);
}

void manager_reset_failed(struct manager *m, const char *unit)
{
	/* nothing depends on it */
	(void)sd_bus_call_method(m->bus, MANAGER_NAME, MANAGER_PATH, MANAGER_INTERFACE,
	    "ResetFailedUnit", NULL, NULL, "s", unit);
}

int manager_wait(struct manager *m, char **ret_why)
{
	int r;

	while (m->n_jobs > 0) {
		r = sd_bus_process(m->bus, NULL);
		if (r == 0)
			r = sd_bus_wait(m->bus, PATIENCE_USEC);
		else if (r > 0)
			continue;
		if (r == -EINTR)
			continue;
		if (r == 0)
			return reason_set(ret_why, -ETIMEDOUT,
			    "systemd has not ended %zu jobs in time", m->n_jobs);
		if (r < 0)
			return manager_complain(r, NULL, "waiting for systemd", ret_why);
	}
	return 0;
}
