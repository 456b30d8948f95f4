/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Who may log in to a service that requires it: clients/<service>, a line "user:password"
 * for each, '#' for comments. Handlers cannot read it, or it is not used: where its group
 * has rights, that must be root's, this program's or maildest-helper. They ask with what a
 * client sent.
 */

#include <stdbool.h>

#include "json.h"
#include "session.h"

/*
 * Whether user and password are a line of the service's file; how long that takes does not
 * depend on which one, or how much of it is right. 0 with *ret_accepted; -ENOMEM; another
 * -errno with *ret_why (malloc'd): what an administrator must correct.
 */
_must_check_ int clients_check(const char *config_dir, const char *service,
    const char *user, const char *password, bool *ret_accepted, char **ret_why);

/*
 * The method CheckClient: 0 with the reply written, or -ENOMEM. After ten refusals within a
 * minute (flood.h), by service and client, it is LimitExceeded and nothing is compared.
 */
_must_check_ int clients_method(struct session *s, struct json_value parameters);
