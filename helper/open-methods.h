/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Within methods.c's job: the method that binds a session. */

#include "json.h"
#include "session.h"

/* OpenSession: answers at once. 0 or -ENOMEM. */
_must_check_ int open_methods_open(struct session *s, struct json_value parameters);
