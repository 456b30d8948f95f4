/* SPDX-License-Identifier: Apache-2.0 */
/* Links, drop-ins and wants, for each service a socket and what it starts. */

#include "unit-files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "text.h"

#define HEAD "# made by maildest-generator\n"

static int write_text(int folder, const char *file, const char *text)
{
	_cleanup_close_ int fd = openat(
	    folder, file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	size_t len = strlen(text);
	ssize_t n;
	int r = 0;

	if (fd < 0)
		return -errno;
	while (len > 0 && r == 0) {
		n = write(fd, text, len);
		if (n < 0 && errno != EINTR)
			r = -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	if (r < 0)
		(void)unlinkat(folder, file, 0); /* none is better than half of one */
	return r;
}

bool unit_is_generated(const char *name)
{
	return strncmp(name, "maildest-svc-", strlen("maildest-svc-")) == 0 ||
	       strncmp(name, "maildest-group-", strlen("maildest-group-")) == 0;
}

bool unit_is_template(const char *path)
{
	static const char *const templates[] = {
	    TEMPLATES_DIR "/svc-forking.service",
	    TEMPLATES_DIR "/svc-forking.socket",
	    TEMPLATES_DIR "/svc.socket",
	    TEMPLATES_DIR "/svc@.service",
	};

	for (size_t i = 0; i < ELEMENTSOF(templates); i++)
		if (strcmp(path, templates[i]) == 0)
			return true;
	return false;
}

int unit_write_file(const struct unit_folder *folder, const char *file, const char *text)
{
	if (folder->texts)
		return state_table_set(folder->texts, file, text);
	return write_text(folder->fd, file, text);
}

int unit_write(const struct unit_folder *folder, const char *unit, const char *template,
    const char *text)
{
	_cleanup_free_ char *target = NULL, *dropin = NULL, *file = NULL, *whole = NULL;
	int r;

	if (!(target = text_format(TEMPLATES_DIR "/%s", template)) ||
	    !(dropin = text_format("%s.d", unit)) ||
	    !(file = text_format("%s.d/service.conf", unit)) ||
	    !(whole = text_format(HEAD "%s", text)))
		return -ENOMEM;
	if (folder->texts)
		return state_table_set(folder->texts, unit, whole);
	if (mkdirat(folder->fd, dropin, 0755) < 0)
		return -errno;
	r = write_text(folder->fd, file, whole);
	if (r < 0)
		return r; /* without this text it would be no unit */
	return symlinkat(target, folder->fd, unit) < 0 ? -errno : 0;
}

int unit_want(const struct unit_folder *folder, const char *unit)
{
	_cleanup_free_ char *target = NULL, *link = NULL;

	if (folder->texts)
		return 0;
	if (!(target = text_format("../%s", unit)) ||
	    !(link = text_format(UNIT_WANTS "/%s", unit)))
		return -ENOMEM;
	if (mkdirat(folder->fd, UNIT_WANTS, 0755) < 0 && errno != EEXIST)
		return -errno;
	return symlinkat(target, folder->fd, link) < 0 ? -errno : 0;
}

static int write_socket(const struct unit_folder *folder, const struct services *all,
    const struct service_unit *s, const char *template)
{
	_cleanup_secret_ struct secret text = {0};
	int r;

	r = unit_text_source(&text, all, s);
	if (r == 0)
		r = secret_printf(&text,
		    "[Unit]\nDescription=maildest service %s\n\n[Socket]\n", s->name);
	if (r == 0)
		r = unit_text_listen(&text, s);
	if (r == 0)
		r = unit_text_access(&text, s);
	if (r == 0)
		r = unit_write(folder, s->unit, template, secret_str(&text));
	return r < 0 ? r : unit_want(folder, s->unit);
}

/* `socket` is the unit that it goes with, or NULL for one of each connection. */
static int write_service(const struct unit_folder *folder, const struct service_unit *s,
    const char *unit, const char *template, const char *socket)
{
	_cleanup_secret_ struct secret text = {0};
	int r = 0;

	if (socket)
		r = secret_printf(&text,
		    "[Unit]\nDescription=maildest sessions of service %s\nPartOf=%s\n\n",
		    s->name, socket);
	if (r == 0)
		r = secret_puts(&text, "[Service]\n");
	if (r == 0)
		r = unit_text_command(&text, s->arguments, s->n_arguments);
	return r < 0 ? r : unit_write(folder, unit, template, secret_str(&text));
}

int units_name(struct services *s)
{
	if (s->settings.activation == ACTIVATION_GROUPED)
		return unit_groups_name(s);
	for (size_t i = 0; i < s->n; i++) {
		struct service_unit *u = &s->list[i];

		if (!u->is_served)
			continue;
		u->unit = text_format("maildest-svc-%s.socket", u->name);
		if (!u->unit)
			return -ENOMEM;
	}
	return 0;
}

static int write_units(const struct unit_folder *folder, const struct services *all,
    const struct service_unit *s)
{
	bool is_forking = all->settings.activation == ACTIVATION_FORKING;
	_cleanup_free_ char *service = NULL;
	int r;

	if (!(service = text_format(
		  "maildest-svc-%s%s.service", s->name, is_forking ? "" : "@")))
		return -ENOMEM;
	/* the service first: a socket without one fails at its first connection */
	r = write_service(folder, s, service,
	    is_forking ? "svc-forking.service" : "svc@.service",
	    is_forking ? s->unit : NULL);
	if (r < 0)
		return r;
	return write_socket(
	    folder, all, s, is_forking ? "svc-forking.socket" : "svc.socket");
}

int units_write(const struct unit_folder *folder, struct services *s)
{
	int r;

	if (s->settings.activation == ACTIVATION_GROUPED)
		return unit_groups_write(folder, s);
	for (size_t i = 0; i < s->n; i++) {
		struct service_unit *u = &s->list[i];

		if (!u->is_served || u->is_left_out)
			continue;
		r = write_units(folder, s, u);
		if (r == 0)
			continue;
		u->is_served = false;
		if (r == -ENOMEM ||
		    verdict_set(&u->verdict, CONDITION_SERVICE_CREATION_FAILED,
			"its units cannot be written: %s", strerror(-r)) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}
