/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Within oauth.c's job: how the token service is reached, and what proves who we are
 * beside a secret: a certificate, or another destination's token. */

#include "oauth-client.h"

/*
 * Reads tokenServiceURL.ProxyType, which ProxyType stands in for, to d->on_premise: 0,
 * -EINVAL with *d->why.
 */
_must_check_ int oauth_read_proxy_type(struct oauth_draft *d);

/*
 * Once the URL is there: decides the route, reads CloudConnectorLocationId,
 * tokenService.KeyStoreLocation and clientAssertion.destinationName and what goes with
 * them. 0, -EINVAL with *d->why, -ENOMEM.
 */
_must_check_ int oauth_add_route(struct oauth_draft *d);
