/* SPDX-License-Identifier: Apache-2.0 */
/* Names are config.h's wherever they become a file's; all else is a list of characters. */

#include "destination-names.h"

#include <string.h>

#include "config.h"

bool destination_fragments_are_valid(const char *names)
{
	size_t n = 0;

	for (const char *end;; names = end + 1, n++) {
		char name[CONFIG_NAME_MAX + 1];

		end = strchrnul(names, ',');
		if (end - names > CONFIG_NAME_MAX)
			return false;
		*(char *)mempcpy(name, names, (size_t)(end - names)) = '\0';
		if (!config_name_is_valid(name))
			return false;
		if (!*end)
			return n < DESTINATION_FRAGMENTS_MAX;
	}
}

bool destination_level_is_valid(const char *level)
{
	static const char *const levels[] = {
	    "instance", "provider_instance", "provider_subaccount", "subaccount"};

	for (size_t i = 0; i < ELEMENTSOF(levels); i++)
		if (strcmp(levels[i], level) == 0)
			return true;
	return false;
}

bool destination_variable_name_is_valid(const char *name)
{
	return strlen(name) <= DESTINATION_VARIABLE_NAME_MAX &&
	       config_name_is_valid(name);
}

bool destination_variable_value_is_valid(const char *value)
{
	static const char allowed[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789_-.:/@+,=";
	size_t n = strlen(value);

	return n <= DESTINATION_VARIABLE_VALUE_MAX && strspn(value, allowed) == n;
}
