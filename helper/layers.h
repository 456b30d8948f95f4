/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Files with secrets as layers of properties. */

#include "destination.h"

/*
 * Lays a file on top, if it is kept as a file with secrets must be. 0; -EPERM or -EBADMSG
 * with *ret_why (malloc'd); -ENOMEM.
 */
_must_check_ int layers_add_private(
    struct properties *p, const struct config_file *f, char **ret_why);

/*
 * The same with $CREDENTIALS_DIRECTORY/<name>.json: 1 if it was there, 0 if not, another
 * -errno of reading it with *ret_why.
 */
_must_check_ int layers_add_credential(
    struct properties *p, const char *name, char **ret_why);

/*
 * Lays a destination's files (destination_load()) and on top of them its secrets: the
 * tenant's secrets/<tenant>/<name>.json if there is one; else, unless the destination
 * itself is the tenant's own file, the service manager's credential or
 * secrets/<name>.json. 0, or -errno with *ret_why.
 */
_must_check_ int layers_load_destination(struct properties *p, const struct config *c,
    const struct destination_source *source, char **ret_why);
