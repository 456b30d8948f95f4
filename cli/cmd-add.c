/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maildest add: from answers to files, from files to an open port, from there to a login.
 * All files are looked at before one is written, so that a refusal leaves nothing behind.
 */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "add-advice.h"
#include "add-files.h"
#include "add-port.h"
#include "answer.h"
#include "destination.h"
#include "dns-name.h"
#include "identity.h"
#include "options.h"
#include "prompt.h"
#include "reason.h"
#include "recipe.h"
#include "test.h"
#include "text.h"

/* What is asked for, and what comes of it. */
struct addition {
	struct recipe recipe;
	char *name;	     /* the destination's; owned */
	char *service;	     /* the resource's; owned */
	char *file;	     /* "<name>.json"; owned */
	char *resource_file; /* owned */
	struct secret destination, secrets, resource, connectivity;
	struct add_files files;
	bool is_complete; /* all that was given makes files that can be used */
	bool wants_grant; /* each client brings its own */
};

struct switches {
	bool force, no_service, no_test;
	const char *secret_file, *password_file, *connectivity_file;
};

static void addition_done(struct addition *a)
{
	recipe_done(&a->recipe);
	free(a->name);
	free(a->service);
	free(a->file);
	free(a->resource_file);
	secret_done(&a->destination);
	secret_done(&a->secrets);
	secret_done(&a->resource);
	secret_done(&a->connectivity);
}

/* Of the destination's name, as names of hosts are. */
static int name_service(struct addition *a, char **ret_why)
{
	a->service = strdup(a->name);
	if (!a->service)
		return -ENOMEM;
	for (char *c = a->service; *c; c++)
		*c = *c == '_' ? '-' : (char)tolower((unsigned char)*c);
	return dns_label_is_valid(a->service, strlen(a->service))
		   ? 0
		   : reason_set(ret_why, -EINVAL,
			 "'%s' can be no host's name: give another, or --no-service",
			 a->service);
}

static int set_name(struct addition *a, const char *word, char **ret_why)
{
	int r;

	if (word)
		a->name = strdup(word);
	else if (!prompt_is_possible())
		return reason_set(ret_why, -ENODATA, "a name is missing");
	else if ((r = prompt_ask("Name of the destination", "mail", &a->name)) < 0)
		return reason_set(ret_why, r, "there was no answer");
	if (!a->name)
		return -ENOMEM;
	if (!config_name_is_valid(a->name))
		return reason_set(
		    ret_why, -EINVAL, "a name is 1 to 200 letters, digits, '_' and '-'");
	a->recipe.name = a->name;
	return 0;
}

/* Whether a handler could use it: the same words as `maildest check` has. */
static int check(struct addition *a, char **ret_why)
{
	_cleanup_properties_ struct properties p = {0};
	_cleanup_destination_ struct destination d = {0};
	int r;

	r = properties_add(&p, a->destination.data, a->destination.len, a->file, ret_why);
	if (r == 0)
		r = destination_parse(a->name, &p, &d, ret_why);
	a->wants_grant = d.authentication == AUTH_REFRESH_TOKEN;
	return r;
}

static int write_resource(struct addition *a)
{
	return secret_printf(&a->resource,
	    "apiVersion: destination.connectivity.api.sap/v1\n"
	    "kind: Destination\n"
	    "metadata:\n"
	    "  name: %s\n"
	    "spec:\n"
	    "  destinationRef:\n"
	    "    name: \"%s\"\n",
	    a->service, a->name);
}

static int read_connectivity(struct addition *a, const char *path, char **ret_why)
{
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_json_ struct json *json = NULL;
	int r;

	r = config_read_path(path, CONFIG_FILE_MAX, &f, ret_why);
	if (r < 0)
		return r;
	r = json_parse(secret_str(&f.text), f.text.len, &json, NULL);
	if (r < 0)
		return reason_set(ret_why, r, "%s: is no JSON", path);
	return secret_append(&a->connectivity, f.text.data, f.text.len);
}

static int write_texts(struct addition *a, const struct switches *s, char **ret_why)
{
	int r;

	a->file = text_format("%s.json", a->name);
	if (a->service)
		a->resource_file = text_format("%s.yaml", a->service);
	if (!a->file || (a->service && !a->resource_file))
		return -ENOMEM;
	r = recipe_write(&a->recipe, &a->destination, ret_why);
	if (r == 0)
		r = recipe_write_secrets(&a->recipe, &a->secrets, ret_why);
	if (r == 0 && a->service)
		r = write_resource(a);
	if (r == 0 && s->connectivity_file)
		r = read_connectivity(a, s->connectivity_file, ret_why);
	if (r == 0)
		r = check(a, ret_why);
	add_file(&a->files, "secrets", a->file, "maildest-helper", &a->secrets);
	add_file(
	    &a->files, NULL, "connectivity.json", "maildest-helper", &a->connectivity);
	add_file(&a->files, "destinations", a->file, "maildest", &a->destination);
	/* the last one, as conclude() wants it */
	add_file(&a->files, "services", a->resource_file, "maildest", &a->resource);
	return r;
}

static bool report_json(const struct addition *a)
{
	_cleanup_answer_ struct answer answer = {0};

	answer_begin(&answer);
	json_writer_string(&answer.w, "destination", a->name);
	if (a->service)
		json_writer_string(&answer.w, "service", a->service);
	add_files_write_json(&a->files, &answer.w, "files");
	return answer_end(&answer);
}

/* The last thing that is done, as root becomes the user of the service by it. */
static int log_in(const struct cli *c, const struct addition *a)
{
	struct subject subject = {.destination = a->name};
	_cleanup_free_ char *why = NULL;
	int r;

	(void)putchar('\n'); /* noticed at the end */
	r = identity_become_service(c, &why);
	return r < 0 ? cli_fail(r, why) : test_run(c, &subject);
}

static int add(struct cli *c, struct addition *a, const char *word,
    const struct switches *s, char **ret_why)
{
	int r;

	r = set_name(a, word, ret_why);
	if (r == 0 && !s->no_service)
		r = name_service(a, ret_why);
	if (r == 0)
		r = recipe_complete(
		    &a->recipe, s->secret_file, s->password_file, ret_why);
	if (r == 0)
		r = write_texts(a, s, ret_why);
	a->is_complete = r == 0;
	return r < 0 ? r
		     : add_files_write(
			   c, &a->files, a->service, a->resource_file, s->force, ret_why);
}

/* What was given is missing or cannot be: that is no configuration yet. */
static int fail(const struct addition *a, int error, const char *why)
{
	int status = cli_fail(error, why);

	if (error == -ENODATA || (error == -EINVAL && !a->is_complete))
		return CLI_USAGE;
	return error == -EEXIST ? CLI_CONFIGURATION : status;
}

static int conclude(struct cli *c, struct addition *a, const struct switches *s)
{
	bool has_port = a->service && identity_is_systems(c), is_withdrawn = false;
	_cleanup_free_ char *advice = NULL;
	int status = CLI_OK;

	if (has_port && !s->force)
		status = add_port_check(
		    c, a->service, &a->files.list[a->files.n - 1], &is_withdrawn);
	if (is_withdrawn)
		a->files.n--;
	if (!c->json)
		add_files_print(&a->files);
	if (has_port && status == CLI_OK)
		status = add_port_open(c, s->force);
	if (c->json)
		return report_json(a) ? status : CLI_FAILED;
	if (has_port && status == CLI_OK) /* while we may still read all of it */
		advice = add_advice(c, a->service, a->wants_grant);
	if (status == CLI_OK && !s->no_test)
		status = log_in(c, a);
	if (status == CLI_OK && advice)
		printf("\n%s", advice); /* that it fails is noticed at the end */
	return status;
}

int cmd_add(struct cli *c, int argc, char **argv)
{
	_cleanup_(addition_done) struct addition a = {0};
	_cleanup_free_ char *why = NULL;
	const char *fields[FIELD_MAX] = {0};
	struct switches s = {0};
	struct cli_option own[FIELD_MAX + 6] = {
	    {"connectivity-file", NULL, &s.connectivity_file},
	    {"force", &s.force, NULL},
	    {"no-service", &s.no_service, NULL},
	    {"no-test", &s.no_test, NULL},
	    {"password-file", NULL, &s.password_file},
	    {"secret-file", NULL, &s.secret_file},
	};
	char **words;
	int r = 0;

	for (size_t i = 0; i < FIELD_MAX; i++)
		own[6 + i] = (struct cli_option){recipe_options[i], NULL, &fields[i]};
	if (!cli_options(c, own, ELEMENTSOF(own), argc, argv, 0, 1, &words))
		return CLI_USAGE;
	for (size_t i = 0; i < FIELD_MAX && r == 0; i++)
		if (fields[i] && !(a.recipe.fields[i] = strdup(fields[i])))
			r = -ENOMEM;
	if (r == 0)
		r = add(c, &a, words[0], &s, &why);
	return r < 0 ? fail(&a, r, why) : conclude(c, &a, &s);
}
