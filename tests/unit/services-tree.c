/* SPDX-License-Identifier: Apache-2.0 */
/* Makes and loads configurations with services. */

#include "services-tree.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DESTINATION(protocol)                                           \
	"{\"Type\": \"MAIL\", \"mail.transport.protocol\": \"" protocol \
	"\", \"mail." protocol ".host\": \"h\"}"

void services_tree_make(struct services_tree *t)
{
	static const char *const folders[] = {"services", ".state", "fragments"};
	char *why = NULL;

	*t = (struct services_tree){.config = CONFIG_INIT};
	config_tree_make(&t->tree);
	for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
		_cleanup_free_ char *path = config_tree_path(&t->tree, folders[i]);

		ck_assert_int_eq(mkdir(path, 0755), 0);
	}
	config_tree_puts(&t->tree, "destinations/smtp.json", DESTINATION("smtp"));
	config_tree_puts(&t->tree, "destinations/imap.json", DESTINATION("imap4s"));
	config_tree_puts(&t->tree, "group",
	    "root:x:0:\nmaildest-clients:x:1:\nmaildest-ns-prod:x:2:\nmailers:x:3:\n");
	ck_assert_int_eq(config_open(&t->config, t->tree.path, &why), 0);
}

void services_tree_done(struct services_tree *t)
{
	services_done(&t->services);
	config_done(&t->config);
	config_tree_done(&t->tree);
}

void services_tree_puts(const struct services_tree *t, const char *file, const char *text)
{
	_cleanup_free_ char *path = NULL;

	ck_assert_int_gt(asprintf(&path, "services/%s", file), 0);
	config_tree_puts(&t->tree, path, text);
}

void services_tree_load(struct services_tree *t)
{
	_cleanup_free_ char *groups = config_tree_path(&t->tree, "group");

	services_done(&t->services);
	ck_assert_int_eq(services_load(&t->config, groups, &t->services), 0);
}

const struct service_unit *services_tree_find(
    const struct services_tree *t, const char *name)
{
	const struct service_unit *s = services_find(&t->services, name);

	ck_assert_msg(s != NULL, "there is no service %s", name);
	return s;
}

const char *services_tree_endpoint(const struct services_tree *t, const char *name)
{
	static char text[NETWORK_TEXT_MAX];

	endpoint_format(&services_tree_find(t, name)->endpoint, text);
	return text;
}
