/* SPDX-License-Identifier: Apache-2.0 */
/* ECMA-48 colours and plain words; no library knows better what we print. */

#include "terminal.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "text.h"
#include "utf8.h"

#define PATIENCE_NSEC 500000000L
#define NSEC_PER_SEC 1000000000L
#define MINUTE 60
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

size_t terminal_width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80; /* no continuation byte */
	return n;
}

static const char *code(enum table_colour colour)
{
	switch (colour) {
	case TABLE_PLAIN:
		return "";
	case TABLE_GOOD:
		return "\033[32m";
	case TABLE_DOUBTFUL:
		return "\033[33m";
	case TABLE_BAD:
		return "\033[1;31m";
	case TABLE_FAINT:
		return "\033[2m";
	}
	return "";
}

/* log_escape() cuts what is long: it gets a character at a time. */
int terminal_escape(struct secret *out, const char *text, size_t len)
{
	size_t n;
	int r = 0;

	for (size_t i = 0; i < len && r == 0; i += n) {
		n = utf8_sequence(text + i, len - i);
		n = MAX_OF(n, (size_t)1);
		r = log_escape(out, text + i, n);
	}
	return r;
}

/* What was escaped when it came stays as it is: an escape has no control character. */
static void print_escaped(const char *text)
{
	_cleanup_secret_ struct secret escaped = {0};

	if (terminal_escape(&escaped, text, strlen(text)) == 0)
		(void)fputs(secret_str(&escaped), stdout); /* noticed at the end */
	else
		(void)fputs("(no memory)", stdout); /* as above */
}

void terminal_print(const struct cli *c, enum table_colour colour, const char *text)
{
	bool coloured = c->colour && colour != TABLE_PLAIN;

	if (coloured)
		(void)fputs(code(colour), stdout); /* as above */
	print_escaped(text);
	if (coloured)
		(void)fputs("\033[0m", stdout);
}

static char *plural(int64_t n, const char *unit)
{
	return text_format("%" PRIi64 " %s%s", n, unit, n == 1 ? "" : "s");
}

char *terminal_duration(int64_t seconds)
{
	if (seconds >= 2 * DAY)
		return plural(seconds / DAY, "day");
	if (seconds >= 2 * HOUR)
		return text_format("%" PRIi64 " h", seconds / HOUR);
	if (seconds >= 2 * MINUTE)
		return text_format("%" PRIi64 " min", seconds / MINUTE);
	return text_format("%" PRIi64 " s", seconds);
}

char *terminal_bytes(uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes;
	size_t i = 0;

	while (value >= 1024 && i + 1 < ELEMENTSOF(units)) {
		value /= 1024;
		i++;
	}
	return text_format("%.*f %s", i > 0 && value < 10 ? 1 : 0, value, units[i]);
}

char *terminal_time(int64_t unix_seconds)
{
	const time_t t = (time_t)unix_seconds;
	char text[sizeof("-2147483648-12-31 23:59 UTC")];
	struct tm tm;

	if (!gmtime_r(&t, &tm) ||
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", &tm) == 0)
		return strdup("beyond all calendars");
	return strdup(text);
}

/*
 * A thread of its own, and no signal: calls that others make for us (sd_bus_call(3)) fail
 * when they are interrupted.
 */
static struct {
	pthread_t thread;
	sem_t over;
	const char *text; /* borrowed; NULL: nothing is to be ended */
	bool was_shown;
	bool is_alone; /* there is no thread */
} progress;

static void put(const char *text)
{
	ssize_t n = write(STDERR_FILENO, text, strlen(text));

	(void)n; /* it was only a sign of life */
}

static void show(void)
{
	progress.was_shown = true;
	put(progress.text);
	put(" ...");
}

static void *wait_and_show(void *unused _unused_)
{
	struct timespec end;
	int r;

	(void)clock_gettime(CLOCK_MONOTONIC, &end); /* cannot fail */
	end.tv_nsec += PATIENCE_NSEC;
	end.tv_sec += end.tv_nsec / NSEC_PER_SEC;
	end.tv_nsec %= NSEC_PER_SEC;
	do
		r = sem_clockwait(&progress.over, CLOCK_MONOTONIC, &end);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		show();
	return NULL;
}

void terminal_progress(const struct cli *c, const char *text)
{
	terminal_progress_end();
	if (!c->progress || (!progress.is_alone && sem_init(&progress.over, 0, 0) < 0))
		return;
	progress.was_shown = false;
	progress.text = text;
	if (progress.is_alone)
		show();
	else if (pthread_create(&progress.thread, NULL, wait_and_show, NULL) != 0)
		progress.text = NULL; /* it goes without */
}

static void end_thread(void)
{
	(void)sem_post(&progress.over);		   /* cannot overflow */
	(void)pthread_join(progress.thread, NULL); /* it is joinable, and ours */
	(void)sem_destroy(&progress.over);
}

void terminal_progress_end(void)
{
	if (!progress.text)
		return;
	if (!progress.is_alone)
		end_thread();
	progress.text = NULL;
	if (progress.was_shown)
		put("\r\033[K");
}

void terminal_progress_alone(void)
{
	terminal_progress_end();
	progress.is_alone = true;
}
