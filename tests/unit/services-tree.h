/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A configuration with services, for checks of these. Failures to make it fail the test. */

#include "config-tree.h"
#include "services.h"

#define SERVICES_API \
	"apiVersion: destination.connectivity.api.sap/v1\nkind: Destination\n"

struct services_tree {
	struct config_tree tree;
	struct config config;
	struct services services; /* as services_tree_load() found it */
};

/* With folders services/, .state/ and destinations `smtp` and `imap`, and a file of groups. */
void services_tree_make(struct services_tree *t);
void services_tree_done(struct services_tree *t);
#define _cleanup_services_tree_ _cleanup_(services_tree_done)

/* services/<file>; a stream of documents, each behind the head that all resources have. */
void services_tree_puts(
    const struct services_tree *t, const char *file, const char *text);

void services_tree_load(struct services_tree *t);

/* The service of that name, which must be there. */
const struct service_unit *services_tree_find(
    const struct services_tree *t, const char *name);

/* "ADDRESS:PORT" of it. */
const char *services_tree_endpoint(const struct services_tree *t, const char *name);
