/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of drop-ins. Everything in them has been checked where it was read; that it is
 * made of harmless characters is checked once more here, as the last gate before a unit.
 */

#include <errno.h>
#include <string.h>

#include "text.h"
#include "unit-files.h"

#define SAFE_CHARACTERS                                                  \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" \
	"-_.:/@+,=[]"

static bool is_safe(const char *word)
{
	return *word && word[strspn(word, SAFE_CHARACTERS)] == '\0';
}

static int add_line(struct secret *out, const char *key, const char *value)
{
	return is_safe(value) ? secret_printf(out, "%s=%s\n", key, value) : -EINVAL;
}

int unit_text_listen(struct secret *out, const struct service_unit *s)
{
	char text[NETWORK_TEXT_MAX];
	int r;

	endpoint_format(&s->endpoint, text);
	r = add_line(out, "ListenStream", text);
	return r < 0 ? r : add_line(out, "ListenStream", s->socket);
}

/* An address that other hosts reach: it may appear later than the socket, and only some may. */
static int add_network_access(struct secret *out, const struct resource *r)
{
	char text[NETWORK_TEXT_MAX];
	int k;

	k = secret_puts(out, r->listen.address.family == AF_INET6
				 ? "BindIPv6Only=ipv6-only\nFreeBind=yes\n"
				 : "FreeBind=yes\n");
	for (size_t i = 0; i < r->n_allow && k == 0; i++) {
		network_format(&r->allow[i], text);
		k = add_line(out, "IPAddressAllow", text);
	}
	return k;
}

/* The Unix socket's owner is root in any case, who always may. */
static int add_socket_access(struct secret *out, const struct service_unit *s)
{
	int r;

	if (s->access == ACCESS_EVERYONE)
		return secret_puts(out, "SocketMode=0666\n");
	if (s->access == ACCESS_ROOT || !s->group_is_known)
		return secret_puts(out, "SocketMode=0600\n");
	r = add_line(out, "SocketGroup", s->group);
	return r < 0 ? r : secret_puts(out, "SocketMode=0660\n");
}

int unit_text_access(struct secret *out, const struct service_unit *s)
{
	int r = 0;

	if (s->resource->has_listen && !address_is_loopback(&s->endpoint.address))
		r = add_network_access(out, s->resource);
	return r < 0 ? r : add_socket_access(out, s);
}

int unit_text_command(struct secret *out, char *const *arguments, size_t n)
{
	int r;

	r = secret_puts(out, "ExecStart=" PROGRAMS_DIR "/maildest-handler");
	for (size_t i = 0; i < n && r == 0; i++)
		r = is_safe(arguments[i]) ? secret_printf(out, " %s", arguments[i])
					  : -EINVAL;
	return r < 0 ? r : secret_puts(out, "\n");
}

int unit_text_source(
    struct secret *out, const struct services *all, const struct service_unit *s)
{
	_cleanup_free_ char *path = NULL;

	path = text_format("%s/" RESOURCES_FOLDER "/%s", all->path, s->resource->file);
	if (!path)
		return -ENOMEM;
	return is_safe(path) ? secret_printf(out, "# of %s\n", path) : 0;
}
