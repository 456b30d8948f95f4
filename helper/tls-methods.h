/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* GetTlsSession and PutTlsSession; part of the table in methods.c. Both: 0 or -errno. */

#include "json.h"
#include "session.h"

_must_check_ int tls_methods_get(struct session *s, struct json_value parameters);
_must_check_ int tls_methods_put(struct session *s, struct json_value parameters);
