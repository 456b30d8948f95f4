/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maildest add: from answers to files, from files to an open port, from there to a login.
 * All files are looked at before one is written, so that a refusal leaves nothing behind.
 */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "add-port.h"
#include "answer.h"
#include "destination.h"
#include "dns-name.h"
#include "identity.h"
#include "install.h"
#include "options.h"
#include "prompt.h"
#include "reason.h"
#include "recipe.h"
#include "services.h"
#include "settings.h"
#include "test.h"

#define FILES_MAX 4

/* What is asked for, and what comes of it. */
struct addition {
	struct recipe recipe;
	char *name;	     /* the destination's; owned */
	char *service;	     /* the resource's; owned */
	char *file;	     /* "<name>.json"; owned */
	char *resource_file; /* owned */
	struct secret destination, secrets, resource, connectivity;
	struct install files[FILES_MAX];
	size_t n_files;
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
static int check(const struct addition *a, char **ret_why)
{
	_cleanup_properties_ struct properties p = {0};
	_cleanup_destination_ struct destination d = {0};
	int r;

	r = properties_add(&p, a->destination.data, a->destination.len, a->file, ret_why);
	return r < 0 ? r : destination_parse(a->name, &p, &d, ret_why);
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

static void add_file(struct addition *a, const char *folder, const char *file,
    const char *group, const struct secret *text)
{
	if (text->len > 0)
		a->files[a->n_files++] = (struct install){
		    .folder = folder, .file = file, .group = group, .text = text};
}

static int write_texts(struct addition *a, const struct switches *s, char **ret_why)
{
	int r;

	if (asprintf(&a->file, "%s.json", a->name) < 0)
		a->file = NULL;
	if (a->service && asprintf(&a->resource_file, "%s.yaml", a->service) < 0)
		a->resource_file = NULL;
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
	add_file(a, "secrets", a->file, "maildest-helper", &a->secrets);
	add_file(a, NULL, "connectivity.json", "maildest-helper", &a->connectivity);
	add_file(a, "destinations", a->file, "maildest", &a->destination);
	add_file(a, "services", a->resource_file, "maildest", &a->resource);
	return r;
}

/*
 * Whether the service's name is free: a resource of this name in another file would keep
 * it, and so would a tenant's service of another resource.
 */
static int check_name(const struct addition *a, const struct services *s, char **ret_why)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct service_unit *one = &s->list[i];

		if (strcmp(one->host, a->service) == 0 &&
		    strcmp(one->resource->file, a->resource_file) != 0)
			return reason_set(ret_why, -EEXIST,
			    "services/%s: has the service '%s' already: give another "
			    "name, or --no-service",
			    one->resource->file, a->service);
	}
	return 0;
}

/* What is there already must not make the new service one that cannot work. */
static int check_others(
    const struct config *config, const struct addition *a, char **ret_why)
{
	_cleanup_settings_ struct settings settings = {0};
	_cleanup_services_ struct services s = {0};
	int r;

	r = settings_load(config, &settings, ret_why);
	if (r < 0 || !a->service)
		return r;
	r = services_load(config, NULL, &s);
	return r < 0 ? r : check_name(a, &s, ret_why);
}

/* Looks at all files, then writes those that are not there yet. */
static int write_files(
    const struct cli *c, struct addition *a, bool force, char **ret_why)
{
	_cleanup_config_ struct config config = CONFIG_INIT;
	int r;

	r = config_open(&config, c->config_dir, ret_why);
	if (r == 0)
		r = check_others(&config, a, ret_why);
	for (size_t i = 0; i < a->n_files && r == 0; i++) {
		struct install *f = &a->files[i];

		r = install_look(&config, f, ret_why);
		if (r == 0 && f->state == INSTALL_DIFFERENT && !force)
			r = reason_set(ret_why, -EEXIST,
			    "%s/%s%s%s: is there already and says something else "
			    "(--force replaces it)",
			    config.path, f->folder ? f->folder : "", f->folder ? "/" : "",
			    f->file);
	}
	for (size_t i = 0; i < a->n_files && r == 0; i++)
		if (a->files[i].state != INSTALL_SAME)
			r = install_write(&config, &a->files[i], ret_why);
	return r;
}

static const char *tell(const struct install *f)
{
	static const char *const words[] = {
	    [INSTALL_NEW] = "written",
	    [INSTALL_SAME] = "unchanged",
	    [INSTALL_DIFFERENT] = "replaced",
	};

	return words[f->state];
}

static bool report_json(const struct addition *a)
{
	_cleanup_answer_ struct answer answer = {0};

	answer_begin(&answer);
	json_writer_string(&answer.w, "destination", a->name);
	if (a->service)
		json_writer_string(&answer.w, "service", a->service);
	json_writer_open(&answer.w, "files", '[');
	for (size_t i = 0; i < a->n_files; i++) {
		json_writer_open(&answer.w, NULL, '{');
		if (a->files[i].folder)
			json_writer_string(&answer.w, "folder", a->files[i].folder);
		json_writer_string(&answer.w, "file", a->files[i].file);
		json_writer_string(&answer.w, "state", tell(&a->files[i]));
		json_writer_close(&answer.w, '}');
	}
	json_writer_close(&answer.w, ']');
	return answer_end(&answer);
}

static void report(const struct addition *a)
{
	for (size_t i = 0; i < a->n_files; i++)
		printf("%-10s %s%s%s\n", tell(&a->files[i]),
		    a->files[i].folder ? a->files[i].folder : "",
		    a->files[i].folder ? "/" : "", a->files[i].file);
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
	return r < 0 ? r : write_files(c, a, s->force, ret_why);
}

static int status_of(int error)
{
	if (error == -ENODATA)
		return CLI_USAGE;
	return error == -EEXIST ? CLI_CONFIGURATION : (int)cli_status_of(error);
}

static int conclude(struct cli *c, struct addition *a, const struct switches *s)
{
	bool has_port = a->service && identity_is_systems(c), is_withdrawn = false;
	int status = CLI_OK;

	if (has_port && !s->force)
		status = add_port_check(
		    c, a->service, &a->files[a->n_files - 1], &is_withdrawn);
	if (is_withdrawn)
		a->n_files--;
	if (!c->json)
		report(a);
	if (has_port && status == CLI_OK)
		status = add_port_open(c, s->force);
	if (c->json)
		return report_json(a) ? status : CLI_FAILED;
	if (status != CLI_OK || s->no_test)
		return status;
	return log_in(c, a);
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
	if (r < 0) {
		(void)cli_fail(r, why);
		return status_of(r);
	}
	return conclude(c, &a, &s);
}
