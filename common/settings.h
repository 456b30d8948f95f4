/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* maildest.conf: the few settings that belong to no destination. */

#include "config.h"

/* What our side offers a client that may log in. */
enum client_login {
	CLIENT_LOGIN_ANY,     /* advertised, anything is accepted */
	CLIENT_LOGIN_PREAUTH, /* IMAP greets with PREAUTH; else like none */
	CLIENT_LOGIN_NONE,    /* not advertised, still accepted */
	CLIENT_LOGIN_MAX,
};

enum tenant_mode {
	TENANT_DEDICATED,
	TENANT_SHARED,
	TENANT_MODE_MAX,
};

struct settings {
	enum client_login client_login;
	enum tenant_mode tenant_mode;
	char *token_service_tenant; /* NULL if not set; a DNS label */
	char *
	    additional_cas; /* absolute path, or name in certificates/; NULL if not set */
};

/*
 * Reads maildest.conf; without one all settings have their defaults. 0; -EINVAL with
 * *ret_why naming file, line and reason; another -errno of reading it with *ret_why. An
 * unknown key is an error: a misspelt ClientLogin= must not pass in silence.
 */
_must_check_ int settings_load(
    const struct config *c, struct settings *ret, char **ret_why);
void settings_done(struct settings *s);
#define _cleanup_settings_ _cleanup_(settings_done)
