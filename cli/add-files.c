/* SPDX-License-Identifier: Apache-2.0 */
#include "add-files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "reason.h"
#include "services.h"
#include "settings.h"

void add_file(struct add_files *f, const char *folder, const char *file,
    const char *group, const struct secret *text)
{
	if (text->len > 0)
		f->list[f->n++] = (struct install){
		    .folder = folder, .file = file, .group = group, .text = text};
}

/*
 * Whether the service's name is free: a resource of this name in another file would keep
 * it, and so would a tenant's service of another resource.
 */
static int check_name(const struct services *s, const char *service,
    const char *resource_file, char **ret_why)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct service_unit *one = &s->list[i];

		if (strcmp(one->host, service) == 0 &&
		    strcmp(one->resource->file, resource_file) != 0)
			return reason_set(ret_why, -EEXIST,
			    "services/%s: has the service '%s' already: give another "
			    "name, or --no-service",
			    one->resource->file, service);
	}
	return 0;
}

/* What is there already must not make the new service one that cannot work. */
static int check_others(const struct config *config, const char *service,
    const char *resource_file, char **ret_why)
{
	_cleanup_settings_ struct settings settings = {0};
	_cleanup_services_ struct services s = {0};
	int r;

	r = settings_load(config, &settings, ret_why);
	if (r < 0 || !service)
		return r;
	r = services_load(config, NULL, &s);
	return r < 0 ? r : check_name(&s, service, resource_file, ret_why);
}

static int look(
    const struct config *config, struct install *f, bool force, char **ret_why)
{
	int r = install_look(config, f, ret_why);

	if (r < 0 || f->state != INSTALL_DIFFERENT || force)
		return r;
	return reason_set(ret_why, -EEXIST,
	    "%s/%s%s%s: is there already and says something else (--force replaces it)",
	    config->path, f->folder ? f->folder : "", f->folder ? "/" : "", f->file);
}

int add_files_write(const struct cli *c, struct add_files *f, const char *service,
    const char *resource_file, bool force, char **ret_why)
{
	_cleanup_config_ struct config config = CONFIG_INIT;
	int r;

	r = config_open(&config, c->config_dir, ret_why);
	if (r == 0)
		r = check_others(&config, service, resource_file, ret_why);
	for (size_t i = 0; i < f->n && r == 0; i++)
		r = look(&config, &f->list[i], force, ret_why);
	for (size_t i = 0; i < f->n && r == 0; i++)
		if (f->list[i].state != INSTALL_SAME)
			r = install_write(&config, &f->list[i], ret_why);
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

void add_files_print(const struct add_files *f)
{
	for (size_t i = 0; i < f->n; i++)
		printf("%-10s %s%s%s\n", tell(&f->list[i]),
		    f->list[i].folder ? f->list[i].folder : "",
		    f->list[i].folder ? "/" : "", f->list[i].file);
}

void add_files_write_json(
    const struct add_files *f, struct json_writer *w, const char *key)
{
	json_writer_open(w, key, '[');
	for (size_t i = 0; i < f->n; i++) {
		json_writer_open(w, NULL, '{');
		if (f->list[i].folder)
			json_writer_string(w, "folder", f->list[i].folder);
		json_writer_string(w, "file", f->list[i].file);
		json_writer_string(w, "state", tell(&f->list[i]));
		json_writer_close(w, '}');
	}
	json_writer_close(w, ']');
}
