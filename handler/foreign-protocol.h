/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A client that speaks no mail protocol, by the first that it says. */

#include <stdbool.h>
#include <stddef.h>

/* Whether a connection's first byte begins a TLS handshake. */
bool foreign_is_tls(unsigned char first);

/* Whether a connection's first line is HTTP, as far as it has come; `whole`: it has ended. */
bool foreign_is_http(const char *text, size_t len, bool whole);
