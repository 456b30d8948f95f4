/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maildest-generator: makes units of the Destination resources, as a generator of systemd
 * (systemd.generator(7)): at each boot and each `systemctl daemon-reload`, before anything
 * else runs. It asks nobody, writes nothing but units, and always succeeds: one broken
 * resource must not cost the others. Once units are kept (kept-units.h), it writes these,
 * not what has become of the resources since. What is wrong with them is in the journal
 * and in `maildest list`.
 *
 * $MAILDEST_CONFIG_DIR and $MAILDEST_GROUP_FILE (/etc/group) are for tests; systemd sets
 * neither.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "deadline.h"
#include "kept-units.h"
#include "log.h"
#include "secret-memory.h"
#include "unit-files.h"

#define IDENTIFIER "maildest-generator"
#define EXIT_USAGE 2
#define KMSG "/dev/kmsg"
#define JOURNAL_SOCKET "/run/systemd/journal/socket"
/* A broken export of a whole cluster must not fill the kernel's log. */
#define MESSAGES_MAX 50
/* For templates that somebody is installing anew; systemd waits for us meanwhile. */
#define PATIENCE_USEC (5 * USEC_PER_SEC)

struct reporter {
	int kmsg;   /* the kernel's log, for before the journal runs; or -1 */
	unsigned n; /* messages so far */
};

static void reporter_open(struct reporter *to)
{
	log_open(IDENTIFIER, -1);
	if (!getenv("MAILDEST_LOG_TARGET") && access(JOURNAL_SOCKET, F_OK) < 0)
		to->kmsg = open(KMSG, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
}

static void say(const struct reporter *to, enum log_priority priority, const char *text)
{
	if (to->kmsg < 0)
		log_message(priority, "%s", text);
	else /* there is no further place to complain to */
		(void)dprintf(to->kmsg, "<%d>" IDENTIFIER ": %s\n", priority, text);
}

/* "<what><name>: <condition> (<reason>)"; names of files may be anything. */
static void complain(struct reporter *to, enum log_priority priority, const char *what,
    const char *name, const char *condition, const char *reason)
{
	_cleanup_secret_ struct secret text = {0};

	if (to->n++ == MESSAGES_MAX)
		say(to, LOG_PRIORITY_NOTICE, "there is more to say: maildest list");
	if (to->n > MESSAGES_MAX)
		return;
	if (secret_printf(&text, "%s", what) < 0 ||
	    log_escape(&text, name, strlen(name)) < 0 ||
	    secret_printf(&text, ": %s%s%s%s", condition, *condition ? " (" : "",
		reason ? reason : "", *condition ? ")" : "") < 0)
		return;
	say(to, priority, secret_str(&text));
}

static void report_resource(struct reporter *to, const struct resource_entry *e)
{
	char place[32];

	if (e->resource.verdict.condition == CONDITION_SUCCESSFUL)
		return;
	(void)snprintf(place, sizeof(place), "line %u of ", e->resource.line); /* fits */
	complain(to, LOG_PRIORITY_ERROR, e->resource.line ? place : "", e->resource.file,
	    condition_name(e->resource.verdict.condition), e->resource.verdict.message);
}

static void report_service(struct reporter *to, const struct service_unit *u)
{
	if (u->verdict.condition != CONDITION_SUCCESSFUL)
		complain(to, LOG_PRIORITY_ERROR,
		    u->is_served ? "service " : "no socket for service ", u->name,
		    condition_name(u->verdict.condition), u->verdict.message);
	if (u->warning)
		complain(to, LOG_PRIORITY_WARNING, "service ", u->name, "", u->warning);
}

static void report(struct reporter *to, const struct services *s)
{
	if (s->warning)
		complain(to, LOG_PRIORITY_ERROR, "", "left out", "", s->warning);
	for (size_t i = 0; i < s->resources.n; i++)
		report_resource(to, &s->resources.list[i]);
	for (size_t i = 0; i < s->n; i++)
		report_service(to, &s->list[i]);
}

/*
 * Writes units as they were, whatever the configuration says: 0 or -errno. `ret_kept` says
 * whether there are any; if so, nothing else may be written, though not all could be.
 */
static int restore(const struct unit_folder *folder, struct reporter *to, bool *ret_kept)
{
	_cleanup_close_ int parent = -1, kept = -1;

	*ret_kept = false;
	if (strcmp(folder->path, KEPT_UNITS_OUTPUT) != 0)
		return 0;
	parent = kept_units_open();
	kept = parent < 0 ? parent : kept_units_open_last(parent);
	if (kept < 0)
		return kept == -ENOENT ? 0 : kept;
	if (!kept_units_are_of_this_host(kept, deadline_in(PATIENCE_USEC))) {
		complain(to, LOG_PRIORITY_WARNING, "", KEPT_UNITS_PARENT, "",
		    "the units that were applied belong to an installation that is "
		    "gone: new ones are made; maildest apply");
		return 0;
	}
	*ret_kept = true;
	return kept_units_copy(kept, folder->fd);
}

static int generate(
    const struct config *c, struct unit_folder *folder, bool is_kept, struct reporter *to)
{
	_cleanup_services_ struct services s = {0};
	int r;

	r = services_load(c, getenv("MAILDEST_GROUP_FILE"), &s);
	if (r == 0 && !is_kept)
		r = units_write(folder, &s);
	report(to, &s);
	return r;
}

static int run(const char *path, struct reporter *to, char **ret_why)
{
	_cleanup_config_ struct config c = CONFIG_INIT;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct unit_folder folder = {.fd = fd, .path = path};
	bool is_kept;
	int r;

	if (fd < 0)
		return -errno;
	r = restore(&folder, to, &is_kept);
	if (r < 0)
		complain(to, LOG_PRIORITY_ERROR, "", KEPT_UNITS_PARENT,
		    "ports of changed resources may have closed: maildest apply",
		    strerror(-r));
	r = config_open(&c, NULL, ret_why);
	if (r == -ENOENT)
		return 0; /* nothing is configured */
	return r < 0 ? r : generate(&c, &folder, is_kept, to);
}

/*
 * OpenSSL does not survive everywhere that it gets no memory. Units that are kept have been
 * written by then, others have not.
 */
static void on_exhaustion(void)
{
	(void)fputs("maildest-generator: units may be missing: there is no memory\n",
	    stderr); /* nobody to tell if it fails */
	_exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	_cleanup_free_ char *why = NULL;
	struct reporter reporter = {.kmsg = -1};
	int r;

	if (argc != 2 && argc != 4) {
		(void)fputs("usage: maildest-generator NORMAL-DIR [EARLY-DIR LATE-DIR]\n",
		    stderr); /* nobody to tell if it fails */
		return EXIT_USAGE;
	}
	reporter_open(&reporter);
	if (secret_memory_install_in_openssl(SECRET_MEMORY_KEYS) == 0)
		secret_memory_on_exhaustion(on_exhaustion);
	r = run(argv[1], &reporter, &why);
	if (r < 0)
		complain(&reporter, LOG_PRIORITY_ERROR, "", "no units could be made", "",
		    why ? why : strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
