/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* GetConnectivityProxy; part of the table in methods.c. All: 0 or -errno. */

#include "json.h"
#include "session.h"

_must_check_ int connectivity_methods_get(
    struct session *s, struct json_value parameters);

/* What it answers, once the token it waits for (s->wants_proxy) has come or not. */
_must_check_ int connectivity_methods_answer(
    struct session *s, const struct cache_answer *answer);
