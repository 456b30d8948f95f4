/* SPDX-License-Identifier: Apache-2.0 */
/* A short list, looked through from the front: hosts have few ways to believe a server. */

#include "tls-cache.h"

#include <errno.h>
#include <string.h>

#include "tls-policy.h"

static struct tls_cached *find(
    const struct tls_cache *c, const unsigned char policy[DIGEST_SHA256_SIZE])
{
	struct tls_cached *e;

	for (e = c->first; e; e = e->next)
		if (memcmp(e->policy, policy, DIGEST_SHA256_SIZE) == 0)
			return e;
	return NULL;
}

struct tls_context *tls_cache_find(
    const struct tls_cache *c, const unsigned char policy[DIGEST_SHA256_SIZE])
{
	const struct tls_cached *e = find(c, policy);

	return e ? e->context : NULL;
}

static void remove_entry(struct tls_cache *c, struct tls_cached *e)
{
	struct tls_cached **p = &c->first;

	while (*p != e)
		p = &(*p)->next;
	*p = e->next;
	tls_context_free(e->context);
	free(e);
}

void tls_cache_leave(struct tls_cache *c, struct tls_cached **user)
{
	if (*user && --(*user)->users == 0)
		remove_entry(c, *user);
	*user = NULL;
}

static int add(struct tls_cache *c, const unsigned char policy[DIGEST_SHA256_SIZE],
    struct tls_context *context, struct tls_cached **ret)
{
	struct tls_cached *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	memcpy(e->policy, policy, DIGEST_SHA256_SIZE);
	e->context = context;
	e->next = c->first;
	c->first = e;
	*ret = e;
	return 0;
}

int tls_cache_use(struct tls_cache *c, struct tls_cached **user,
    const struct config *config, const struct settings *settings,
    const struct tls_trust *trust, const char *host, char **ret_why)
{
	_cleanup_tls_context_ struct tls_context *context = NULL;
	unsigned char policy[DIGEST_SHA256_SIZE];
	struct tls_cached *e = NULL;
	int r;

	r = tls_policy_digest(config, settings, trust, host, policy);
	if (r == 0 && *user && memcmp((*user)->policy, policy, sizeof(policy)) == 0)
		return 0;
	tls_cache_leave(c, user);
	if (r < 0)
		return r;
	e = find(c, policy);
	if (!e) {
		r = tls_context_new(config, settings, trust, host, &context, ret_why);
		if (r == 0)
			r = add(c, policy, context, &e);
		if (r < 0)
			return r;
		context = NULL;
	}
	e->users++;
	*user = e;
	return 0;
}

void tls_cache_done(struct tls_cache *c)
{
	while (c->first)
		remove_entry(c, c->first);
}
