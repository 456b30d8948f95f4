/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The mails that are read and sent: whole KiB of whole lines, none of which begins with a dot. */

#include "connection.h"

#define MESSAGE_KIB ((size_t)1024)

/* Writes `kib` KiB of text. */
_must_check_ int message_write(struct connection *c, size_t kib);

/* Reads up to the line with nothing but a dot, behind which there must be nothing. */
_must_check_ int message_skip_data(struct connection *c);
