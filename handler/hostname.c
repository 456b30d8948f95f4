/* SPDX-License-Identifier: Apache-2.0 */
/* Names for EHLO and for our greeting: what large servers accept is a domain with a dot in it. */

#include "hostname.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "dns-name.h"
#include "text.h"

#define FALLBACK "localhost"

static bool is_qualified(const char *name)
{
	return dns_name_is_valid(name) && strchr(name, '.') &&
	       strncmp(name, FALLBACK ".", strlen(FALLBACK ".")) != 0;
}

/* The canonical name that a bare one resolves to, or NULL. */
static char *canonical_name(const char *name)
{
	const struct addrinfo hints = {
	    .ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	char *result = NULL;

	if (getaddrinfo(name, NULL, &hints, &list) != 0)
		return NULL;
	if (list->ai_canonname && is_qualified(list->ai_canonname))
		result = strdup(list->ai_canonname);
	freeaddrinfo(list);
	return result;
}

int hostname_get(bool resolve, char **ret, bool *ret_qualified)
{
	char name[HOST_NAME_MAX + 1] = "";

	*ret = NULL;
	if (gethostname(name, sizeof(name)) < 0 || !dns_name_is_valid(name))
		(void)snprintf(name, sizeof(name), FALLBACK); /* a constant that fits */
	name[sizeof(name) - 1] = '\0';
	*ret_qualified = is_qualified(name);
	if (resolve && !*ret_qualified) {
		*ret = canonical_name(name);
		*ret_qualified = *ret != NULL;
	}
	if (!*ret)
		*ret = strdup(name);
	return *ret ? 0 : -ENOMEM;
}

int hostname_address_literal(int fd, char **ret)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);
	char text[INET6_ADDRSTRLEN] = "127.0.0.1";
	bool ipv6;

	if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		return -errno;
	ipv6 = address.ss_family == AF_INET6;
	if (ipv6)
		inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&address)->sin6_addr, text,
		    sizeof(text));
	else if (address.ss_family == AF_INET)
		inet_ntop(AF_INET, &((struct sockaddr_in *)&address)->sin_addr, text,
		    sizeof(text));
	*ret = text_format(ipv6 ? "[IPv6:%s]" : "[%s]", text);
	if (!*ret)
		return -ENOMEM;
	return 0;
}
