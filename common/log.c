/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records for the journal (systemd.journal-fields(7), "Native Journal Protocol"). The
 * socket is opened once at the start, so that records still leave when the file system is
 * out of reach. A record that the journal does not take in time is dropped: mail does not
 * wait for logs.
 */

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "deadline.h"
#include "log-bare.h"
#include "text.h"
#include "utf8.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
/* What journald's own clients ask for; without it some ninety records wait, and no more. */
#define JOURNAL_BUFFER (8 * 1024 * 1024)

/* Where records go; set once by log_open(). */
static struct {
	const char *identifier;
	int journal; /* connected datagram socket, or -1 */
	bool to_stderr;
	uint64_t patience_usec; /* for a journal that is behind */
} target = {.journal = -1};

static int connect_journal(void)
{
	static const struct sockaddr_un address = {
	    .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET};
	static const int size = JOURNAL_BUFFER;
	_cleanup_close_ int fd = -1;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	/* the kernel gives what it may; less loses records, which is no failure */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return TAKE_FD(fd);
}

static bool is_same_file(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

void log_open(const char *identifier, int forbidden_fd)
{
	const char *wanted = getenv("MAILDEST_LOG_TARGET");
	bool usable = fcntl(STDERR_FILENO, F_GETFD) >= 0 &&
		      (forbidden_fd < 0 || !is_same_file(STDERR_FILENO, forbidden_fd));

	target.identifier = identifier;
	macro_close(&target.journal);
	if (!wanted || strcmp(wanted, "stderr") != 0)
		target.journal = connect_journal();
	target.to_stderr = usable && (target.journal < 0 || isatty(STDERR_FILENO));
	if (wanted && strcmp(wanted, "journal") == 0)
		target.to_stderr = false;
}

/* NAME\n, 64-bit little-endian length, value\n: the form in which a value may hold anything. */
static int append_field(struct secret *out, const char *name, const char *value)
{
	uint64_t len = strlen(value);
	unsigned char size[8];
	int r;

	for (unsigned i = 0; i < sizeof(size); i++)
		size[i] = (unsigned char)(len >> (8 * i));
	r = secret_printf(out, "%s\n", name);
	if (r == 0)
		r = secret_append(out, size, sizeof(size));
	if (r == 0)
		r = secret_append(out, value, len);
	return r < 0 ? r : secret_append(out, "\n", 1);
}

static int render_native(struct secret *out, const char *priority, const char *message_id,
    const char *message, const struct log_field *fields, size_t n)
{
	const struct log_field own[] = {
	    {"PRIORITY", priority},
	    {"SYSLOG_IDENTIFIER", target.identifier},
	    {"MESSAGE_ID", message_id},
	    {"MESSAGE", message},
	};
	int r;

	for (size_t i = 0; i < ELEMENTSOF(own) + n; i++) {
		const struct log_field *f =
		    i < ELEMENTSOF(own) ? &own[i] : &fields[i - ELEMENTSOF(own)];

		if (!f->value)
			continue;
		r = append_field(out, f->name, f->value);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A value with a blank or the like stands in quotes, which none of its own can end. */
static int append_readable_value(struct secret *out, const char *value)
{
	_cleanup_secret_ struct secret escaped = {0};
	const char *quotes = *value && !strpbrk(value, " \t\"'=[]") ? "" : "\"";
	int r;

	r = log_escape(&escaped, value, strlen(value));
	if (r == 0)
		r = secret_puts(out, quotes);
	for (const char *c = secret_str(&escaped); *c && r == 0; c++)
		r = *c == '"' ? secret_puts(out, "\\x22") : secret_append(out, c, 1);
	return r < 0 ? r : secret_puts(out, quotes);
}

/* "<4>maildest-handler: message [FIELD=value ...]": journald reads the prefix, people the rest. */
static int render_readable(struct secret *out, const char *priority, const char *message,
    const struct log_field *fields, size_t n)
{
	bool first = true;
	int r;

	r = secret_printf(out, "<%s>%s: ", priority, target.identifier);
	if (r == 0)
		r = log_escape(out, message, strlen(message));
	for (size_t i = 0; i < n && r == 0; i++) {
		if (!fields[i].value)
			continue;
		r = secret_concat(out, first ? " [" : " ", fields[i].name, "=", NULL);
		if (r == 0)
			r = append_readable_value(out, fields[i].value);
		first = false;
	}
	if (r == 0)
		r = secret_puts(out, first ? "\n" : "]\n");
	return r;
}

/* A reader that has stopped reading loses records and holds up nobody. */
static void write_stderr(const void *text, size_t len)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	ssize_t put;
	int r;

	do
		r = poll(&p, 1, 0);
	while (r < 0 && errno == EINTR);
	if (r == 0 || (r == 1 && !(p.revents & POLLOUT)))
		return;
	do
		put = write(STDERR_FILENO, text, len);
	while (put < 0 && errno == EINTR); /* there is no further place to complain to */
}

void log_set_patience(uint64_t usec)
{
	target.patience_usec = usec;
}

/* A queue that is full has room again as soon as the journal has read from it. */
static void send_native(const void *native, size_t len)
{
	uint64_t deadline = deadline_in(target.patience_usec);

	while (send(target.journal, native, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN || deadline_poll_timeout(deadline) <= 0 ||
		    fd_wait(target.journal, POLLOUT, deadline) < 0)
			return; /* the record is lost, not the mail */
	}
}

/* Without memory for more than this. */
static void send_bare(const char *priority, const char *message_id, const char *message,
    const struct log_field *fields, size_t n)
{
	const struct log_field own[] = {
	    {"PRIORITY", priority},
	    {"SYSLOG_IDENTIFIER", target.identifier},
	    {"MESSAGE_ID", message_id},
	    {"MESSAGE", message},
	};
	struct log_bare bare = {0};

	log_bare_native(&bare, own, ELEMENTSOF(own));
	log_bare_native(&bare, fields, n);
	send_native(bare.text, bare.len);
}

static void write_bare(
    const char *priority, const char *message, const struct log_field *fields, size_t n)
{
	struct log_bare bare = {0};

	log_bare_readable(&bare, priority, target.identifier, message, fields, n);
	write_stderr(bare.text, bare.len);
}

void log_record(enum log_priority priority, const char *message_id, const char *message,
    const struct log_field *fields, size_t n)
{
	_cleanup_secret_ struct secret native = {0}, readable = {0};
	const char digit[] = {(char)('0' + priority), '\0'};

	if (target.journal >= 0) {
		if (render_native(&native, digit, message_id, message, fields, n) == 0)
			send_native(native.data, native.len);
		else
			send_bare(digit, message_id, message, fields, n);
	}
	if (target.to_stderr) {
		if (render_readable(&readable, digit, message, fields, n) == 0)
			write_stderr(readable.data, readable.len);
		else
			write_bare(digit, message, fields, n);
	}
}

void log_message(enum log_priority priority, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = text_vformat(format, ap);
	va_end(ap);
	/* without memory, what it was to say about is better than nothing */
	log_record(priority, NULL, text ? text : format, NULL, 0);
}

int log_prepare(struct secret *ret, enum log_priority priority, const char *message_id,
    const char *message, const struct log_field *fields, size_t n)
{
	const char digit[] = {(char)('0' + priority), '\0'};

	if (target.journal >= 0)
		return render_native(ret, digit, message_id, message, fields, n);
	return render_readable(ret, digit, message, fields, n);
}

void log_send_prepared(const void *datagram, size_t len)
{
	if (target.journal >= 0)
		(void)send(target.journal, datagram, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	else if (target.to_stderr)
		write_stderr(datagram, len);
}

/* Direction marks and invisible characters (U+200B to U+200F and their like), as UTF-8. */
static bool is_format_character(const unsigned char *c, size_t n)
{
	static const unsigned char arabic_letter_mark[] = {0xd8, 0x9c};
	static const unsigned char tags[] = {0xf3, 0xa0}; /* U+E0000 and what follows */
	static const unsigned char ranges[][4] = {{0xe2, 0x80, 0x8b, 0x8f},
	    {0xe2, 0x80, 0xa8, 0xae}, {0xe2, 0x81, 0xa0, 0xaf}, {0xef, 0xbb, 0xbf, 0xbf}};

	if (n == sizeof(arabic_letter_mark))
		return memcmp(c, arabic_letter_mark, n) == 0;
	if (n == 4)
		return memcmp(c, tags, sizeof(tags)) == 0;
	for (size_t i = 0; n == 3 && i < ELEMENTSOF(ranges); i++)
		if (c[0] == ranges[i][0] && c[1] == ranges[i][1] &&
		    c[2] >= ranges[i][2] && c[2] <= ranges[i][3])
			return true;
	return false;
}

/* Whether the well-formed sequence of `n` bytes may stand in a record as it is. */
static bool is_printable(const unsigned char *c, size_t n)
{
	if (n == 1)
		return c[0] >= 0x20 && c[0] != 0x7f;
	if (n == 2 && c[0] == 0xc2 && c[1] < 0xa0) /* C1 controls */
		return false;
	return !is_format_character(c, n);
}

/* How many of the first `n` bytes are ASCII that stands in a record as it is. */
static size_t count_plain(const char *text, size_t n, bool foreign)
{
	size_t i = 0;

	while (i < n && text[i] >= ' ' && text[i] < 0x7f && !(foreign && text[i] == '\\'))
		i++;
	return i;
}

/* `foreign`: whether a backslash is escaped too. */
static int escape(struct secret *out, const char *text, size_t len, bool foreign)
{
	size_t from = out->len, n;
	int r = 0;

	for (size_t i = 0; i < len && r == 0; i += n) {
		const unsigned char *c = (const unsigned char *)text + i;
		size_t done = out->len - from;

		if (done >= LOG_FOREIGN_MAX)
			return secret_puts(out, "...");
		n = count_plain(
		    text + i, MIN_OF(len - i, LOG_FOREIGN_MAX - done), foreign);
		if (n > 0) {
			r = secret_append(out, text + i, n);
			continue;
		}
		n = utf8_sequence(text + i, len - i);
		if (n > 0 && is_printable(c, n) && !(foreign && *c == '\\')) {
			r = secret_append(out, text + i, n);
			continue;
		}
		n = MAX_OF(n, (size_t)1);
		for (size_t k = 0; k < n && r == 0; k++)
			r = secret_printf(out, "\\x%02x", c[k]);
	}
	return r;
}

int log_escape(struct secret *out, const char *text, size_t len)
{
	return escape(out, text, len, false);
}

int log_quote(struct secret *out, const char *text, size_t len)
{
	return escape(out, text, len, true);
}
