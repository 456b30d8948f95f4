/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a Destination resource is told of its state: the reasons of the condition
 * "Available", in the words of SAP's page "Destination Custom Resource Conditions".
 */

#include "macro.h"

enum condition {
	CONDITION_SUCCESSFUL,
	CONDITION_DESTINATION_NOT_FOUND,
	CONDITION_FRAGMENT_NOT_FOUND,
	CONDITION_TYPE_NOT_SUPPORTED,
	CONDITION_PROXY_TYPE_NOT_SUPPORTED,
	CONDITION_FRAGMENT_NOT_SUPPORTED,
	CONDITION_DUPLICATE_RESOURCE,
	CONDITION_NAME_ALREADY_PRESENT,
	CONDITION_ANNOTATION_INVALID,
	CONDITION_FAILED_TO_APPLY,	   /* some of a resource's tenants */
	CONDITION_SERVICE_CREATION_FAILED, /* no address, or no unit */
	CONDITION_CONFIGURATION_FAILED,	   /* all that has no word of its own */
	CONDITION_MAX,
};

/* "ConfigurationSuccessful", "ConfigurationError-ReferencedDestination-NotFound", ... */
const char *condition_name(enum condition c);

/* A state with its reason in words; zeroed, it is successful. */
struct verdict {
	enum condition condition;
	char *message; /* for an operator; NULL if successful; owned */
};

void verdict_done(struct verdict *v);

/*
 * Sets the verdict unless there is one already: the first reason stays. Returns -EINVAL,
 * or -ENOMEM.
 */
int verdict_set(struct verdict *v, enum condition c, const char *format, ...)
    _printf_(3, 4);
