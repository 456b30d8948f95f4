/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration's part: certificates that end, resources that are not served. */

#include <errno.h>
#include <string.h>
#include <time.h>

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

static void count_resources(struct status *s, const struct services *services)
{
	for (size_t i = 0; i < services->n; i++) {
		const struct service_unit *one = &services->list[i];

		if (one->verdict.condition == CONDITION_SUCCESSFUL) {
			s->available++;
			continue;
		}
		s->unavailable++;
		status_add_problem(s, STATUS_WARNING, CLI_CONFIGURATION,
		    "service %s: %s: %s", one->name,
		    condition_name(one->verdict.condition),
		    one->verdict.message ? one->verdict.message : "");
	}
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

void status_ask_files(struct status *s)
{
	_cleanup_services_ struct services services = {0};
	_cleanup_config_ struct config config = CONFIG_INIT;
	_cleanup_free_ char *why = NULL;
	int64_t now = (int64_t)time(NULL);
	int r;

	r = config_open(&config, s->cli->config_dir, &why);
	if (r == 0)
		r = expiry_collect(&config, &s->expiries);
	if (r == 0)
		r = services_load(&config, NULL, &services);
	if (r < 0) {
		status_add_problem(s, STATUS_CRITICAL, CLI_CONFIGURATION, "%s",
		    why ? why : strerror(-r));
		return;
	}
	for (size_t i = 0; i < s->expiries.n; i++)
		add_certificate(s, &s->expiries.list[i], now);
	count_resources(s, &services);
}
