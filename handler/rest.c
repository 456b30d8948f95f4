/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions idle by the thousand; a dialogue that is only slow should not pay for it. */

#include "rest.h"

#include <errno.h>
#include <malloc.h>

/* So long a wait is no pause within a dialogue. */
#define MOMENT_USEC (300 * USEC_PER_MSEC)

int rest_poll(struct pollfd *fds, unsigned n, uint64_t deadline,
    void (*give_up)(void *userdata), void *userdata)
{
	uint64_t moment = deadline_in(MOMENT_USEC);
	int r;

	r = deadline_poll(fds, n, MIN_OF(moment, deadline));
	if (r != -ETIMEDOUT || deadline <= moment)
		return r;
	if (give_up)
		give_up(userdata);
	(void)malloc_trim(0); /* whether there was anything does not matter */
	return deadline_poll(fds, n, deadline);
}
