/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenMetrics 1.0. The names that begin with tp_ are those of SAP's Transparent Proxy
 * ("Monitoring"), so that its dashboards go on to work; the others are ours.
 */

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "deadline.h"
#include "status.h"

/* A family of one number. */
struct metric {
	const char *name, *type, *help;
	double value;
};

static void print_family(const char *name, const char *type, const char *help)
{
	printf("# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
}

/* A counter's number has the suffix _total, its family has not. */
static void print(const struct metric *m)
{
	print_family(m->name, m->type, m->help);
	printf("%s%s %.10g\n", m->name, m->type[0] == 'c' ? "_total" : "", m->value);
}

/* A label's value. */
static void print_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			(void)putchar('\\'); /* noticed at the end, here and below */
		(void)putchar((unsigned char)*text < 0x20 ? ' ' : *text);
	}
}

static void print_resources(const struct status *s)
{
	print_family("tp_destination_crs", "gauge", "Destination resources.");
	printf("tp_destination_crs{Available=\"True\"} %zu\n", s->available);
	printf("tp_destination_crs{Available=\"False\"} %zu\n", s->unavailable);
}

static void print_certificates(const struct status *s)
{
	if (s->expiries.n == 0)
		return;
	print_family("maildest_certificate_not_after_seconds", "gauge",
	    "When a certificate of the configuration ends.");
	for (size_t i = 0; i < s->expiries.n; i++) {
		printf("maildest_certificate_not_after_seconds{file=\"");
		print_text(s->expiries.list[i].file);
		/* a file may have several of one subject: the number tells them apart */
		printf("\",number=\"%zu\",subject=\"", i);
		print_text(s->expiries.list[i].subject);
		printf("\"} %" PRIi64 "\n", s->expiries.list[i].not_after);
	}
}

/* As ps(1) has it: of one processor, over the processes' whole lives. */
static double cpu_percent(const struct status *s)
{
	return s->age_usec ? 100.0 * (double)s->cpu_usec / (double)s->age_usec : 0;
}

void status_print_metrics(const struct status *s)
{
	const struct metric metrics[] = {
	    {"tp_cpu_percent", "gauge",
		"Processor time of the running processes since the oldest was started.",
		cpu_percent(s)},
	    {"tp_memory_bytes", "gauge", "Memory of the running processes.",
		(double)s->memory},
	    {"tp_open_tcp_connections", "gauge", "Sessions.", (double)s->sessions},
	    {"tp_tcp_connections", "counter",
		"Connections that systemd accepted; forking services accept their own.",
		(double)s->accepted},
	    {"maildest_up", "gauge", "Whether the helper answers.", s->has_helper},
	    {"maildest_failing_services", "gauge",
		"Services whose last session failed, within the last hour.",
		(double)s->failing},
	    {"maildest_refused_connections", "counter",
		"Connections that systemd closed, as there were too many at once.",
		(double)s->refused},
	    {"maildest_helper_refused_connections", "counter",
		"Connections that the helper closed.", (double)s->refused_connections},
	    {"maildest_destinations", "gauge",
		"Destinations known from Destination services.", (double)s->destinations},
	    {"maildest_destination_requests", "counter",
		"Requests to Destination services.", (double)s->destination_requests},
	    {"maildest_token_requests", "counter", "Requests to token services.",
		(double)s->token_requests},
	    {"maildest_token_failures", "counter", "Those that brought no token.",
		(double)s->token_failures},
	};

	for (size_t i = 0; i < ELEMENTSOF(metrics); i++)
		print(&metrics[i]);
	print_resources(s);
	print_certificates(s);
	puts("# EOF");
}
