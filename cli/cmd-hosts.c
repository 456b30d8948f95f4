/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maildest hosts: the names of all services, as /etc/hosts wants them, between two lines by
 * which they are found again there. Names that this host has already are left out.
 */

#include <errno.h>
#include <stdio.h>

#include "answer.h"
#include "host-names.h"
#include "identity.h"
#include "options.h"
#include "services.h"
#include "table.h"

enum column { ADDRESS, HOST, LONG_HOST, SERVICE };

static const struct table_column columns[] = {
    [ADDRESS] = {NULL, "address"},
    [HOST] = {NULL, "name"},
    [LONG_HOST] = {NULL, "long_name"},
    [SERVICE] = {NULL, "service"},
};

/* hosts(5): the long name first, where there is one, as gethostname(2)'s are written. */
static int add(struct table *t, const struct service_unit *s, bool is_json)
{
	_cleanup_free_ char *long_host = service_unit_long_host(s);
	char address[NETWORK_TEXT_MAX];

	if (!long_host && errno != 0)
		return -ENOMEM;
	address_format(&s->endpoint.address, address);
	if (!is_json) {
		printf("%-15s %s%s%s\n", address, s->host, long_host ? " " : "",
		    long_host ? long_host : "");
		return 0;
	}
	table_row(t);
	table_text(t, ADDRESS, TABLE_PLAIN, address);
	table_text(t, HOST, TABLE_PLAIN, s->host);
	table_text(t, LONG_HOST, TABLE_PLAIN, long_host);
	table_text(t, SERVICE, TABLE_PLAIN, s->name);
	return table_check(t);
}

static bool is_named(const struct service_unit *s)
{
	return s->is_served && !address_is_wildcard(&s->endpoint.address);
}

/* Adds a service, unless its name is another's: that is said. */
static int add_or_say(
    struct table *t, const struct service_unit *s, struct host_names *h, bool is_json)
{
	_cleanup_free_ char *why = NULL;
	int r = host_names_complain(h, s, &why);

	if (r == 0)
		return add(t, s, is_json);
	if (r > 0)
		cli_complain("hosts: %s: left out: %s", s->name, why);
	return MIN_OF(r, 0);
}

static int add_all(
    struct table *t, const struct services *s, struct host_names *h, bool is_json)
{
	int r = 0;

	if (!is_json)
		puts(HOST_NAMES_BEGIN);
	for (size_t i = 0; r == 0 && i < s->n; i++)
		if (is_named(&s->list[i]))
			r = add_or_say(t, &s->list[i], h, is_json);
	if (!is_json)
		puts(HOST_NAMES_END);
	return r;
}

static int report(const struct cli *c, const struct table *t)
{
	_cleanup_answer_ struct answer a = {0};

	if (!c->json)
		return CLI_OK;
	answer_begin(&a);
	table_write(t, &a.w, "hosts");
	return answer_end(&a) ? CLI_OK : CLI_FAILED;
}

int cmd_hosts(struct cli *c, int argc, char **argv)
{
	_cleanup_config_ struct config config = CONFIG_INIT;
	_cleanup_services_ struct services s = {0};
	_cleanup_host_names_ struct host_names names = {0};
	_cleanup_table_ struct table t = {
	    .columns = columns, .n_columns = ELEMENTSOF(columns)};
	_cleanup_free_ char *why = NULL;
	char **words;
	int r;

	if (!cli_options(c, NULL, 0, argc, argv, 0, 0, &words))
		return CLI_USAGE;
	r = identity_open_config(c, &config, &why);
	if (r == 0)
		r = services_load(&config, NULL, &s);
	if (r == 0)
		r = host_names_read_all(&names);
	if (r == 0)
		r = add_all(&t, &s, &names, c->json);
	return r < 0 ? cli_fail(r, why) : report(c, &t);
}
