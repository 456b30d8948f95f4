/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * By what a destination is asked for beside its own name (SAP: "Calling the Destination
 * Service REST API"): fragments, levels, and the variables of a destination chain. One
 * rule for resources, command lines and the helper's callers: what the first accepts, the
 * last must not refuse.
 */

#include <stdbool.h>

/* More would be a mistake; layers for secrets are to be left. */
#define DESTINATION_FRAGMENTS_MAX 4

/* Whether a text is the names of 1 to DESTINATION_FRAGMENTS_MAX fragments, ',' between them. */
bool destination_fragments_are_valid(const char *names);

/* What a level may be, for messages. */
#define DESTINATION_LEVELS \
	"subaccount, instance, provider_subaccount or provider_instance"

bool destination_level_is_valid(const char *level);

/* Of one chain; characters, without a NUL. */
#define DESTINATION_VARIABLES_MAX 16
#define DESTINATION_VARIABLE_NAME_MAX 100
#define DESTINATION_VARIABLE_VALUE_MAX 200

/* What a header of HTTP can carry with nothing in it that is special there. */
bool destination_variable_name_is_valid(const char *name);
bool destination_variable_value_is_valid(const char *value);
