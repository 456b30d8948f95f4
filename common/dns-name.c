/* SPDX-License-Identifier: Apache-2.0 */
/* What may become part of a URL's host or be said in EHLO. */

#include "dns-name.h"

#include <string.h>

static bool is_letter_or_digit(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool dns_label_is_valid(const char *text, size_t len)
{
	if (len == 0 || len > DNS_LABEL_MAX || text[0] == '-' || text[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_letter_or_digit(text[i]) && text[i] != '-')
			return false;
	return true;
}

bool dns_name_is_valid(const char *name)
{
	size_t n;

	if (strlen(name) > DNS_NAME_MAX)
		return false;
	for (;; name += n + 1) {
		n = strcspn(name, ".");
		if (!dns_label_is_valid(name, n))
			return false;
		if (name[n] == '\0')
			return true;
	}
}
