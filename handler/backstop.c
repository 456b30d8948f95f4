/* SPDX-License-Identifier: Apache-2.0 */
/* A signal handler that calls only what signal-safety(7) allows. */

#include "backstop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "deadline.h"
#include "log.h"

/* What the handler sends; set before the timer runs, and left alone while it does. */
static struct {
	int client_fd;
	const struct secret *reply, *record;
} last_words = {.client_fd = -1};

static void on_alarm(_unused_ int signal_number)
{
	if (write(last_words.client_fd, last_words.reply->data, last_words.reply->len) <
	    0)
		/* gone, or not reading: the record says the rest */
		last_words.client_fd = -1;
	log_send_prepared(last_words.record->data, last_words.record->len);
	_exit(0);
}

static int set_timer(uint64_t usec)
{
	const struct itimerval timer = {.it_value = {(time_t)(usec / USEC_PER_SEC),
					    (suseconds_t)(usec % USEC_PER_SEC)}};

	return setitimer(ITIMER_REAL, &timer, NULL) < 0 ? -errno : 0;
}

int backstop_arm(int client_fd, const struct secret *reply, const struct secret *record,
    uint64_t deadline)
{
	const struct sigaction action = {.sa_handler = on_alarm};
	uint64_t now = deadline_now();

	backstop_disarm();
	last_words.client_fd = client_fd;
	last_words.reply = reply;
	last_words.record = record;
	if (sigaction(SIGALRM, &action, NULL) < 0)
		return -errno;
	return set_timer(deadline > now ? deadline - now : 1);
}

void backstop_disarm(void)
{
	(void)set_timer(0); /* cannot fail with these values */
}
