/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Units that are kept between two applies. apply replaces them before it has systemd read
 * them, so that whoever ends it at any moment, a reload that follows says what systemd
 * knows already, or is about to be told.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "apply-files.h"
#include "apply-work.h"
#include "deadline.h"
#include "kept-units.h"
#include "reason.h"
#include "state-lock.h"
#include "unit-files.h"

#define PATIENCE_USEC (90 * USEC_PER_SEC) /* for an apply that is under way */
#define PAUSE_MSEC 50
#define TRIES_MAX 100

static int complain(int r, char **ret_why)
{
	if (r == -ENOENT)
		return reason_set(ret_why, -EIO,
		    KEPT_UNITS_PARENT " is missing (systemd-tmpfiles --create makes it)");
	return reason_set(ret_why, r, KEPT_UNITS_PARENT ": %s",
	    r == -EPERM ? "is not root's alone" : strerror(-r));
}

/* Why the first one has no units that was to have some; NULL if other things are wrong too. */
static const char *find_reason(const struct services *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct service_unit *u = &s->list[i];

		if (u->unit && !u->is_served &&
		    u->verdict.condition == CONDITION_SERVICE_CREATION_FAILED)
			return u->verdict.message;
	}
	return NULL;
}

/* One whose units cannot be written would be closed. */
static int check_written(const struct services *s, size_t n_served, char **ret_why)
{
	const char *reason = find_reason(s);
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->list[i].is_served;
	if (n == n_served)
		return 0;
	return reason_set(ret_why, -EIO, KEPT_UNITS_PARENT ": %s",
	    reason ? reason : "units cannot be written there");
}

static int write_draft(struct apply_work *w, char **ret_why)
{
	_cleanup_close_ int draft = -1;
	struct unit_folder folder = {.path = KEPT_UNITS_OUTPUT};
	size_t n = 0;
	int r;

	for (size_t i = 0; i < w->services.n; i++)
		n += w->services.list[i].is_served;
	w->parent = kept_units_open();
	draft = w->parent < 0 ? w->parent : kept_units_draft(w->parent);
	if (draft < 0)
		return complain(draft, ret_why);
	folder.fd = draft;
	r = units_write(&folder, &w->services);
	return r < 0 ? complain(r, ret_why) : check_written(&w->services, n, ret_why);
}

int apply_draft(struct apply_work *w, bool dry_run, char **ret_why)
{
	_cleanup_state_table_ struct state_table now = {0}, then = {0};
	int r;

	r = apply_files_foresee(&w->services, &now);
	if (r == 0)
		r = apply_files_read(&now, &then);
	if (r == 0)
		r = apply_files_digests(&now, &w->after);
	if (r == 0)
		r = apply_files_digests(&then, &w->before);
	return r < 0 || dry_run ? r : write_draft(w, ret_why);
}

int apply_reload(struct apply_work *w, char **ret_why)
{
	int r = kept_units_accept(w->parent);

	if (r < 0)
		return complain(r, ret_why);
	r = manager_reload(&w->manager, ret_why);
	if (r == 0) /* nobody can still be reading the older ones */
		kept_units_forget(w->parent);
	return r;
}

/*
 * Whether a folder of units is whole: systemd, which answers nobody while it has units
 * generated, has answered, and it still was the folder.
 */
static bool is_whole(struct manager *m, int fd)
{
	_cleanup_free_ char *version =
	    manager_text(m, "/org/freedesktop/systemd1", "Manager", "Version");
	struct stat mine, there;

	return version && fstat(fd, &mine) == 0 && stat(KEPT_UNITS_OUTPUT, &there) == 0 &&
	       mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

/* Each reload makes the folder anew: -EAGAIN if there was one meanwhile. */
static int copy_whole(struct manager *m, int parent)
{
	_cleanup_close_ int from = -1, draft = -1;
	int r;

	from = open(KEPT_UNITS_OUTPUT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (from < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	if (!is_whole(m, from))
		return -EAGAIN;
	draft = kept_units_draft(parent);
	if (draft < 0)
		return draft;
	r = kept_units_copy(from, draft);
	if (!is_whole(m, from))
		return -EAGAIN;
	return r < 0 ? r : kept_units_accept(parent);
}

static int keep(struct manager *m, int parent, char **ret_why)
{
	_cleanup_close_ int last = kept_units_open_last(parent);
	int r = -EAGAIN;

	if (last >= 0)
		return 0; /* an apply was faster */
	for (unsigned i = 0; r == -EAGAIN && i < TRIES_MAX; i++) {
		if (i > 0)
			(void)poll(NULL, 0, PAUSE_MSEC); /* shorter does no harm */
		r = copy_whole(m, parent);
	}
	kept_units_forget(parent);
	if (r == -EAGAIN)
		return reason_set(ret_why, -EIO,
		    KEPT_UNITS_OUTPUT ": it is not there, or never the same");
	return r < 0 ? complain(r, ret_why) : 0;
}

/* Where the configuration cannot be written to, nobody applies anything meanwhile. */
static int lock_unless_fixed(const struct config *c, int *ret_lock, char **ret_why)
{
	_cleanup_free_ char *why = NULL;
	int fd = state_lock_take(c, STATE_LOCK_TABLES, deadline_in(PATIENCE_USEC), &why);

	if (fd < 0 && fd != -EROFS) {
		*ret_why = TAKE_PTR(why);
		return fd;
	}
	*ret_lock = fd;
	return 0;
}

int apply_keep(const struct cli *c, char **ret_why)
{
	_cleanup_config_ struct config config = CONFIG_INIT;
	_cleanup_manager_ struct manager m = {0};
	_cleanup_state_lock_ int lock = -1;
	_cleanup_close_ int parent = kept_units_open(), last = -1;
	int r;

	if (parent < 0)
		return complain(parent, ret_why);
	last = kept_units_open_last(parent);
	if (last >= 0)
		return 0;
	r = config_open(&config, c->config_dir, ret_why);
	if (r == 0)
		r = lock_unless_fixed(&config, &lock, ret_why);
	if (r == 0)
		r = manager_open(&m, ret_why);
	return r < 0 ? r : keep(&m, parent, ret_why);
}
