/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader of hosts(5): an address, its names, '#' for comments. Lines that are none are
 * passed over.
 */

#include "host-names.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "reason.h"

#define BLANKS " \t\r\n"

void host_names_done(struct host_names *h)
{
	for (size_t i = 0; i < h->n; i++)
		free(h->list[i].name);
	free(h->list);
	free(h->own);
	*h = (struct host_names){0};
}

static int add(struct host_names *h, const char *name, const struct address *a)
{
	struct host_name *list = reallocarray(h->list, h->n + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	h->list = list;
	list[h->n] = (struct host_name){.name = strdup(name), .address = *a};
	if (!list[h->n].name)
		return -ENOMEM;
	h->n++;
	return 0;
}

/* The next word, ended by a NUL, or NULL; *at goes behind it. */
static char *take_word(char **at)
{
	char *word = *at + strspn(*at, BLANKS), *end = word + strcspn(word, BLANKS);

	if (word == end)
		return NULL;
	*at = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

static int read_line(struct host_names *h, char *line)
{
	struct address address;
	char *word;
	int r = 0;

	line[strcspn(line, "#")] = '\0';
	word = take_word(&line);
	if (!word || address_parse(word, &address) < 0)
		return 0;
	while (r == 0 && (word = take_word(&line)))
		r = add(h, word, &address);
	return r;
}

static bool begins_with(const char *line, const char *words)
{
	return strncmp(line, words, strlen(words)) == 0;
}

static int read_lines(FILE *f, struct host_names *h)
{
	_cleanup_free_ char *line = NULL;
	bool is_ours = false;
	size_t size = 0;
	int r = 0;

	while (r == 0 && getline(&line, &size, f) >= 0) {
		if (begins_with(line, HOST_NAMES_BEGIN))
			is_ours = true;
		else if (begins_with(line, HOST_NAMES_END))
			is_ours = false;
		else if (!is_ours)
			r = read_line(h, line);
	}
	return r == 0 && ferror(f) ? -EIO : r;
}

int host_names_read(const char *file, const char *own, struct host_names *ret)
{
	_cleanup_host_names_ struct host_names h = {0};
	FILE *f;
	int r = 0;

	if (own) {
		h.own = strdup(own);
		if (!h.own)
			return -ENOMEM;
	}
	f = fopen(file, "re");
	if (!f && errno != ENOENT)
		return -errno;
	if (f) {
		r = read_lines(f, &h);
		(void)fclose(f); /* nothing was written */
	}
	if (r < 0)
		return r;
	*ret = h;
	h = (struct host_names){0};
	return 0;
}

int host_names_read_all(struct host_names *ret)
{
	char own[HOST_NAME_MAX + 1];

	if (gethostname(own, sizeof(own)) < 0)
		return -errno;
	own[HOST_NAME_MAX] = '\0';
	return host_names_read(HOST_NAMES_FILE, own, ret);
}

/* Whether it is the host's own name, in full or its first label. */
static bool is_own(const struct host_names *h, const char *name)
{
	size_t n = strlen(name);

	return h->own && strncasecmp(h->own, name, n) == 0 &&
	       (h->own[n] == '\0' || h->own[n] == '.');
}

/* The place of a name that has another address, or NULL. */
static const struct host_name *find_other(
    const struct host_names *h, const char *name, const struct address *a)
{
	for (size_t i = 0; i < h->n; i++)
		if (strcasecmp(h->list[i].name, name) == 0 &&
		    !address_equal(&h->list[i].address, a))
			return &h->list[i];
	return NULL;
}

static int complain(
    const struct host_names *h, const char *name, const struct address *a, char **ret_why)
{
	const struct host_name *other = find_other(h, name, a);
	char address[NETWORK_TEXT_MAX];

	if (is_own(h, name))
		return reason_set(ret_why, 1, "the name '%s' is this host's own", name);
	if (!other)
		return 0;
	address_format(&other->address, address);
	return reason_set(
	    ret_why, 1, "the name '%s' is that of %s in " HOST_NAMES_FILE, name, address);
}

int host_names_complain(
    const struct host_names *h, const struct service_unit *s, char **ret_why)
{
	_cleanup_free_ char *long_host = service_unit_long_host(s);
	int r;

	if (!long_host && errno != 0)
		return -ENOMEM;
	r = complain(h, s->host, &s->endpoint.address, ret_why);
	return r == 0 && long_host ? complain(h, long_host, &s->endpoint.address, ret_why)
				   : r;
}
