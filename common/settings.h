/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* maildest.conf: the few settings that belong to no destination. */

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

/* What our side offers a client that may log in. */
enum client_login {
	CLIENT_LOGIN_ANY,      /* advertised, anything is accepted */
	CLIENT_LOGIN_PREAUTH,  /* IMAP greets with PREAUTH; else like none */
	CLIENT_LOGIN_REQUIRED, /* advertised, and checked: the helper knows who may */
	CLIENT_LOGIN_NONE,     /* not advertised, still accepted */
	CLIENT_LOGIN_MAX,
};

/* Whose destinations services may be: SAP's tenantMode. */
enum tenant_mode {
	TENANT_BY_RESOURCE, /* not set: each resource says whether it has tenants */
	TENANT_DEDICATED,   /* none has any */
	TENANT_SHARED,	    /* each may have some */
	TENANT_MODE_MAX,
};

/* How generated services are activated. */
enum activation {
	ACTIVATION_ACCEPT,  /* the service manager accepts: a unit for each connection */
	ACTIVATION_FORKING, /* one forking handler for each service */
	ACTIVATION_GROUPED, /* one for many services that the same clients may use */
	ACTIVATION_MAX,
};

/* Who may use the services of a namespace. */
struct namespace_group {
	char *name_space; /* a DNS label; owned */
	char *group;	  /* owned */
};

struct settings {
	enum client_login client_login;
	enum activation activation;
	enum tenant_mode tenant_mode;
	char *token_service_tenant; /* NULL if not set; a DNS label */
	char *
	    additional_cas; /* absolute path, or name in certificates/; NULL if not set */
	char *clients;	    /* a group's name, or "everyone"; NULL if not set */
	char *default_instance; /* of the Destination service; NULL if not set */
	bool require_sandbox;	/* no session without all of its walls */
	uint64_t destination_connect_usec; /* to reach a Destination service */
	uint64_t destination_read_usec;	   /* for its answer */
	struct namespace_group *groups;	   /* owned */
	size_t n_groups;
};

/* Clients= where it is not set. */
#define SETTINGS_CLIENTS_GROUP "maildest-clients"

/*
 * Reads maildest.conf; without one all settings have their defaults. 0; -EINVAL with
 * *ret_why naming file, line and reason; another -errno of reading it with *ret_why. An
 * unknown key is an error: a misspelt ClientLogin= must not pass in silence.
 */
_must_check_ int settings_load(
    const struct config *c, struct settings *ret, char **ret_why);

/*
 * Opens the configuration (config_open()) and reads its settings: 0; -errno of either with
 * *ret_why. What `c` then has is the caller's, also on failure.
 */
_must_check_ int settings_open(
    const char *config_dir, struct config *c, struct settings *ret, char **ret_why);
void settings_done(struct settings *s);
#define _cleanup_settings_ _cleanup_(settings_done)

/* The group that Namespace.<name_space>= names, borrowed; NULL if it is not set. */
const char *settings_namespace_group(const struct settings *s, const char *name_space);

/* What client_login= of maildest.conf, or of a service, may be: -EINVAL for other names. */
_must_check_ int client_login_parse(const char *name, enum client_login *ret);

/* Whether a name matches ^[a-z_][a-z0-9_-]{0,31}$, as the names of Unix groups do. */
bool group_name_is_valid(const char *name);
