/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a service's destination is: its protocol, which gives the default port, and whether
 * it is one that can be served at all. Only that is looked at; the handler checks the rest
 * at each connection.
 */

#include <errno.h>
#include <string.h>

#include "base64.h"
#include "owner.h"
#include "reason.h"
#include "services-private.h"
#include "text.h"

/* Sets the verdict and frees the reason: 0 or -ENOMEM. */
static int condemn(struct service_unit *s, enum condition condition, char *why)
{
	int r = why ? verdict_set(&s->verdict, condition, "%s", why) : -ENOMEM;

	free(why);
	return r == -ENOMEM ? r : 0;
}

/* Lays a file on top: 0 or -errno with *ret_why. */
static int add_layer(const struct config *c, const char *folder, const char *name,
    struct properties *p, char **ret_why)
{
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *file = NULL;
	int r;

	file = text_format("%s.json", name);
	if (!file)
		return -ENOMEM;
	r = owner_read(c, folder, file, CONFIG_FILE_MAX, &f, ret_why);
	return r < 0
		   ? r
		   : properties_add(p, secret_str(&f.text), f.text.len, f.path, ret_why);
}

/* A tenant's own destination wins over that of all. */
static int add_destination(const struct service_unit *s, const struct config *c,
    struct properties *p, char **ret_why)
{
	_cleanup_free_ char *folder = NULL;
	int r;

	if (!s->tenant)
		return add_layer(c, "destinations", s->resource->destination, p, ret_why);
	folder = text_format("destinations/%s", s->tenant);
	if (!folder)
		return -ENOMEM;
	r = add_layer(c, folder, s->resource->destination, p, ret_why);
	if (r != -ENOENT)
		return r;
	free(*ret_why);
	*ret_why = NULL;
	return add_layer(c, "destinations", s->resource->destination, p, ret_why);
}

static int add_fragment(const struct service_unit *s, const struct config *c,
    struct properties *p, char **ret_why)
{
	int r;

	if (!s->resource->fragment)
		return 0;
	r = add_layer(c, "fragments", s->resource->fragment, p, ret_why);
	if (r != -ENOENT || !s->resource->fragment_optional)
		return r;
	free(*ret_why);
	*ret_why = NULL;
	return 0;
}

static bool is_one_of(const char *text, const char *a, const char *b)
{
	return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

static int look_at(struct service_unit *s, const struct properties *p)
{
	const char *type = "", *proxy = "Internet";
	char *why = NULL;
	int r;

	r = properties_string(p, "Type", &type, &why);
	if (r >= 0 && strcmp(type, "MAIL") != 0)
		r = properties_complain(p, "Type", &why, "must be MAIL");
	if (r < 0)
		return r == -ENOMEM ? r : condemn(s, CONDITION_TYPE_NOT_SUPPORTED, why);
	r = mail_protocol_find(p, &s->protocol, &why);
	if (r < 0)
		return r == -ENOMEM ? r : condemn(s, CONDITION_CONFIGURATION_FAILED, why);
	s->knows_protocol = true;
	r = properties_string(p, "ProxyType", &proxy, &why);
	if (r >= 0 && !is_one_of(proxy, "Internet", "OnPremise"))
		r = properties_complain(
		    p, "ProxyType", &why, "must be Internet or OnPremise");
	if (r < 0 && r != -ENOMEM)
		return condemn(s, CONDITION_PROXY_TYPE_NOT_SUPPORTED, why);
	return MIN_OF(r, 0);
}

static int look_into_files(struct service_unit *s, const struct config *c)
{
	_cleanup_properties_ struct properties p = {0};
	char *why = NULL;
	int r;

	r = add_destination(s, c, &p, &why);
	if (r < 0)
		return r == -ENOMEM ? r
				    : condemn(s,
					  r == -ENOENT ? CONDITION_DESTINATION_NOT_FOUND
						       : CONDITION_CONFIGURATION_FAILED,
					  why);
	r = add_fragment(s, c, &p, &why);
	if (r < 0)
		return r == -ENOMEM ? r
				    : condemn(s,
					  r == -ENOENT ? CONDITION_FRAGMENT_NOT_FOUND
						       : CONDITION_CONFIGURATION_FAILED,
					  why);
	return look_at(s, &p);
}

/* What was learnt when it could be. */
static void look_into_state(struct service_unit *s, const struct state_table *protocols)
{
	const char *word = state_table_find(protocols, s->name);

	for (int i = 0; word && i < MAIL_PROTOCOL_MAX; i++) {
		if (strcmp(mail_protocol_name((enum mail_protocol)i), word) != 0)
			continue;
		s->protocol = (enum mail_protocol)i;
		s->knows_protocol = true;
	}
}

/* An instance that nobody has configured can tell nothing. */
static int check_instance(
    struct service_unit *s, const struct config *c, const char *instance)
{
	_cleanup_free_ char *file = NULL;
	int r;

	file = text_format("instances/%s.json", instance);
	if (!file)
		return -ENOMEM;
	if (faccessat(c->fd, file, F_OK, 0) == 0)
		return 0;
	r = verdict_set(&s->verdict, CONDITION_CONFIGURATION_FAILED,
	    "Destination service instance '%s' is not known: there is no %s/%s", instance,
	    c->path, file);
	return r == -ENOMEM ? r : 0;
}

/* What the Destination service said instead, when `maildest sync` asked it last. */
static int check_refusal(
    struct service_unit *s, const struct state_table *refusals, const char *instance)
{
	const char *word = state_table_find(refusals, s->name);
	_cleanup_secret_ struct secret text = {0};
	int r = word ? base64_decode(word, strlen(word), &text) : 0;

	if (!word || r == -EBADMSG)
		return 0;
	if (r == 0)
		r = verdict_set(&s->verdict, CONDITION_CONFIGURATION_FAILED,
		    "Destination service instance '%s': %s", instance, secret_str(&text));
	return r == -ENOMEM ? r : 0;
}

/* Without a port there can be no socket. */
static int check_port(struct service_unit *s, const char *instance)
{
	int r;

	if (s->knows_protocol || s->resource->port || s->resource->listen.port)
		return 0;
	s->is_served = false;
	if (!instance)
		return 0; /* said already */
	r = verdict_set(&s->verdict, CONDITION_SERVICE_CREATION_FAILED,
	    "Destination service instance '%s' has not said yet which protocol it is: "
	    "run maildest sync, or set spec.service.port",
	    instance);
	return r == -ENOMEM ? r : 0;
}

const char *service_unit_instance(
    const struct service_unit *s, const struct services *all)
{
	return s->resource->instance ? s->resource->instance
				     : all->settings.default_instance;
}

int service_unit_set_protocol(
    struct service_unit *s, const struct config *c, const struct services *all)
{
	const char *instance = service_unit_instance(s, all);
	int r;

	if (!s->is_served)
		return 0;
	if (instance) {
		look_into_state(s, &all->protocols);
		r = check_instance(s, c, instance);
		if (r == 0)
			r = check_refusal(s, &all->refusals, instance);
	} else {
		r = look_into_files(s, c);
		/* a file that is broken must not close a port: clients are told why */
		if (r == 0 && !s->knows_protocol)
			look_into_state(s, &all->found);
	}
	return r < 0 ? r : check_port(s, instance);
}
