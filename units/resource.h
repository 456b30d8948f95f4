/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A Destination resource as SAP's pages print it (destination.connectivity.api.sap/v1,
 * "Destination Custom Resource"), with annotations of ours:
 *
 *   maildest/listen        an address, with or without a port, instead of one of our own
 *   maildest/allow         networks, separated by commas, that may reach such an address
 *   maildest/client-login  any, preauth, required or none
 *
 * Every text in here has been checked: what is not a name, a number or an address is no
 * part of it, so that all of it may stand in units and arguments.
 */

#include <stdbool.h>
#include <stdint.h>

#include "condition.h"
#include "network.h"
#include "tree.h"

#define RESOURCE_API_VERSION "destination.connectivity.api.sap/v1"
#define RESOURCE_TENANTS_MAX 4096
#define RESOURCE_NETWORKS_MAX 32

struct resource_variable {
	char *name, *value;
};

struct resource {
	char *file;    /* where it stands, without the folder; owned */
	unsigned line; /* 0 if not known */
	struct verdict verdict;
	char *warning; /* what is odd, yet accepted; NULL mostly */

	char *name;	   /* metadata.name; NULL if it has none that is one */
	char *name_space;  /* metadata.namespace, or NULL */
	char *destination; /* spec.destinationRef.name */
	char *level;	   /* spec.destinationRef.level, or NULL */
	char *fragment;	   /* spec.fragmentRef.name, or NULL */
	char *fragment_level;
	bool fragment_optional;
	char *chain; /* spec.chainRef.name, or NULL */
	struct resource_variable *variables;
	size_t n_variables;
	char *instance; /* spec.destinationServiceInstanceName, or NULL */
	uint16_t port;	/* spec.service.port; 0: the protocol's */
	bool cluster_wide;

	bool is_shared; /* has the tenants' annotation */
	char **tenants;
	size_t n_tenants;
	bool has_listen;
	struct endpoint listen;
	struct network *allow;
	size_t n_allow;
	char *client_login; /* or NULL */
};

void resource_done(struct resource *r);

/*
 * Reads a resource from a document. What is wrong with it is its verdict. 1; 0 if the
 * document is another kind's and nothing of ours, with *ret_why (malloc'd) naming that;
 * -ENOMEM. `ret` must be zeroed and have its file and line; it is to be freed in any case.
 */
_must_check_ int resource_read(
    const struct tree_node *document, struct resource *ret, char **ret_why);

/* A document that `kubectl get -o yaml` wraps around others: its items, or NULL if it is none. */
const struct tree_node *resource_list_items(const struct tree_node *document);

/* resource-annotations.c; for resource.c: 0, -EINVAL with the verdict set, or -ENOMEM. */
_must_check_ int resource_read_annotations(
    struct resource *r, const struct tree_node *annotations);
