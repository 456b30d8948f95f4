/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration's part: certificates that end, resources that are not served. */

#include <errno.h>
#include <string.h>
#include <time.h>

#include "identity.h"
#include "pending.h"
#include "places.h"
#include "services.h"
#include "status.h"
#include "terminal.h"

enum certificate_column { FILE_NAME, ENDS, LEFT, SUBJECT };

static const struct {
	enum status_level level;
	int exit;
	enum table_colour colour;
} meanings[] = {
    [EXPIRY_FINE] = {STATUS_OK, CLI_OK, TABLE_PLAIN},
    [EXPIRY_MONTH] = {STATUS_WARNING, CLI_WARNING, TABLE_DOUBTFUL},
    [EXPIRY_WEEK] = {STATUS_WARNING, CLI_WARNING, TABLE_DOUBTFUL},
    [EXPIRY_DAY] = {STATUS_CRITICAL, CLI_WARNING, TABLE_BAD},
    [EXPIRY_OVER] = {STATUS_CRITICAL, CLI_CONFIGURATION, TABLE_BAD},
};

static void add_certificate(struct status *s, const struct expiry *e, int64_t now)
{
	int64_t left = e->not_after - now;
	enum expiry_level level = expiry_level(left);
	_cleanup_free_ char *when = terminal_time(e->not_after);
	_cleanup_free_ char *how_long = terminal_duration(left < 0 ? -left : left);

	if (level == EXPIRY_FINE)
		return;
	table_row(&s->certificates);
	table_text(&s->certificates, FILE_NAME, TABLE_PLAIN, e->file);
	table_number(&s->certificates, ENDS, TABLE_PLAIN, e->not_after, when);
	table_number(&s->certificates, LEFT, meanings[level].colour, left,
	    left <= 0 ? "over" : how_long);
	table_text(&s->certificates, SUBJECT, TABLE_PLAIN, e->subject);
	status_add_problem(s, meanings[level].level, meanings[level].exit,
	    "%s: its certificate %s %s%s", e->file, left <= 0 ? "ended" : "ends in",
	    how_long ? how_long : "?", left <= 0 ? " ago" : "");
}

/* What is known of the services of the system; of other folders, nothing but the files. */
struct state_of_services {
	bool has_sockets;
	struct sockets_seen sockets;
	struct pending pending;
};

/* Whether its clients find it where they are to find it; whatever the reason, it is told. */
static bool check_place(
    struct status *s, const struct state_of_services *now, const struct service_unit *one)
{
	bool is_changed;

	if (one->is_left_out) {
		status_add_problem(s, STATUS_CRITICAL, CLI_CONFIGURATION,
		    "service %s: %s", one->name, one->warning);
		return false;
	}
	if (!now->has_sockets || !one->is_served)
		return true;
	is_changed = pending_find(&now->pending, one) == PENDING_CHANGED;
	if (place_of_service_is_open(&now->sockets, one)) {
		if (is_changed)
			status_add_problem(s, STATUS_WARNING, CLI_CONFIGURATION,
			    "service %s has changed: maildest apply", one->name);
		return true;
	}
	status_add_problem(s, STATUS_CRITICAL, CLI_CONFIGURATION,
	    "service %s does not listen%s: maildest apply; maildest list says more",
	    one->name, is_changed ? " where it shall since it has changed" : "");
	return false;
}

static void count_services(struct status *s, const struct services *services,
    const struct state_of_services *now)
{
	for (size_t i = 0; i < services->n; i++) {
		const struct service_unit *one = &services->list[i];
		bool is_open = check_place(s, now, one);

		if (one->verdict.condition != CONDITION_SUCCESSFUL)
			status_add_problem(s, STATUS_WARNING, CLI_CONFIGURATION,
			    "service %s: %s: %s", one->name,
			    condition_name(one->verdict.condition),
			    one->verdict.message ? one->verdict.message : "");
		if (is_open && one->verdict.condition == CONDITION_SUCCESSFUL)
			s->available++;
		else
			s->unavailable++;
	}
	for (size_t i = 0; i < now->pending.gone.n; i++)
		status_add_problem(s, STATUS_WARNING, CLI_CONFIGURATION,
		    "%s is there, though nothing is configured that it would serve: "
		    "maildest apply",
		    now->pending.gone.list[i].name);
}

static void count_resources(struct status *s, const struct services *services)
{
	for (size_t i = 0; i < services->resources.n; i++) {
		const struct resource_entry *e = &services->resources.list[i];

		if (e->is_skipped || e->is_copy ||
		    e->resource.verdict.condition == CONDITION_SUCCESSFUL)
			continue;
		s->unavailable++;
		status_add_problem(s, STATUS_WARNING, CLI_CONFIGURATION, "%s: %s: %s",
		    e->resource.name ? e->resource.name : e->resource.file,
		    condition_name(e->resource.verdict.condition),
		    e->resource.verdict.message ? e->resource.verdict.message : "");
	}
}

static int ask_services(struct status *s, struct services *services)
{
	struct state_of_services now = {0};
	int r = 0;

	now.has_sockets = identity_is_systems(s->cli) && sockets_read(&now.sockets) == 0;
	if (now.has_sockets)
		r = pending_read(s->cli, services, &now.pending);
	if (r == 0) {
		count_services(s, services, &now);
		count_resources(s, services);
	}
	sockets_done(&now.sockets);
	pending_done(&now.pending);
	return r;
}

void status_ask_files(struct status *s)
{
	_cleanup_services_ struct services services = {0};
	_cleanup_config_ struct config config = CONFIG_INIT;
	_cleanup_free_ char *why = NULL;
	int64_t now = (int64_t)time(NULL);
	int r;

	r = identity_open_config(s->cli, &config, &why);
	if (r == 0)
		r = expiry_collect(&config, &s->expiries);
	if (r == 0)
		r = services_load(&config, NULL, &services);
	if (r == 0)
		r = ask_services(s, &services);
	if (r < 0) {
		status_add_problem(s, STATUS_CRITICAL,
		    r == -EPERM ? CLI_ACCESS : CLI_CONFIGURATION, "%s",
		    why ? why : strerror(-r));
		return;
	}
	for (size_t i = 0; i < s->expiries.n; i++)
		add_certificate(s, &s->expiries.list[i], now);
}
