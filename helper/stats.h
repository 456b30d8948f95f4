/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the helper did since it started: for Status and the service manager's status text. */

#include <stdint.h>

struct stats {
	uint64_t started_usec; /* CLOCK_BOOTTIME */
	unsigned sessions;     /* open now */
	uint64_t token_requests;
	uint64_t token_failures;
	uint64_t destination_requests; /* to Destination services */
	uint64_t refused_connections;
};
