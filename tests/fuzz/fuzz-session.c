/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole sessions, from the connection to the record, both sides played by a script
 * (world.h). Its first line has four digits: the protocol (SMTP, IMAP, POP3), the
 * destination (session-destinations.c), ClientLogin= (any, preauth, required, none) and
 * what becomes of calls to the helper (session-helper.h).
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../unit/freed-memory.h"
#include "base64.h"
#include "config-double.h"
#include "deadline.h"
#include "log.h"
#include "scram.h"
#include "session-destinations.h"
#include "session-helper.h"
#include "session.h"
#include "utf8.h"

/* Of the longest idle time of a relay, and whatever came before it. */
#define ELAPSED_MAX (60 * 60 * USEC_PER_SEC)

static struct {
	const struct session_kind *kind;
	unsigned protocol;
	unsigned walls;		/* that have been closed */
	unsigned endings;	/* records of a session's end */
	struct secret messages; /* of all records */
} played;

/* The linker's names for what the session calls. */
void __wrap_log_record(enum log_priority priority, const char *message_id,
    const char *message, const struct log_field *fields, size_t n);
int __wrap_scram_new_nonce(struct secret *ret);

void __wrap_log_record(enum log_priority priority, const char *message_id,
    const char *message, const struct log_field *fields, size_t n)
{
	(void)priority; /* any */
	(void)message_id;
	fuzz_check(fuzz_is_line(message), "a record's message is no line");
	fuzz_check(
	    utf8_is_valid(message, strlen(message)), "a record's message is no UTF-8");
	fuzz_check(secret_puts(&played.messages, message) == 0, "no memory");
	for (size_t i = 0; i < n; i++) {
		if (strcmp(fields[i].name, "MAILDEST_RESULT") == 0)
			played.endings++;
		if (fields[i].value)
			fuzz_check(
			    fuzz_is_line(fields[i].value), "a record's field is no line");
	}
}

/* So that a script knows it. */
int __wrap_scram_new_nonce(struct secret *ret)
{
	return secret_puts(ret, "fuzz");
}

/* The walls would close around all sessions to come; when they close is what counts. */
int __wrap_confine_login(const void *needs, char **ret_lacking);
int __wrap_confine_relay(char **ret_lacking);

int __wrap_confine_login(const void *needs, char **ret_lacking)
{
	(void)ret_lacking; /* nothing is */
	fuzz_check(needs && world.peers[WORLD_SERVER].connections == 0,
	    "the server is connected to before the walls are closed");
	played.walls = 1;
	return 0;
}

int __wrap_confine_relay(char **ret_lacking)
{
	(void)ret_lacking; /* nothing is */
	played.walls = 2;
	return 0;
}

static int connect_server(
    const struct addrinfo *addresses, int watch_fd, uint64_t deadline, char **ret_why)
{
	(void)addresses; /* there is one server only */
	(void)watch_fd;
	(void)deadline;
	(void)ret_why;
	fuzz_check(played.walls == 1, "the walls are not those of the login");
	return world_connect(WORLD_SERVER);
}

/* Whether all that was said is lines that end in CRLF, and nothing else breaks one. */
static bool is_lines(const struct secret *heard)
{
	for (size_t i = 0; i < heard->len; i++) {
		char c = heard->data[i];

		if (c == '\0' || (c == '\n' && (i == 0 || heard->data[i - 1] != '\r')) ||
		    (c == '\r' && (i + 1 == heard->len || heard->data[i + 1] != '\n')))
			return false;
	}
	return heard->len == 0 || heard->data[heard->len - 1] == '\n';
}

static bool is_ascii(const struct secret *heard)
{
	for (size_t i = 0; i < heard->len; i++)
		if ((unsigned char)heard->data[i] >= 0x7f)
			return false;
	return true;
}

/* Until the client is listened to, all words are ours. */
static void on_phase(const char *phase, void *userdata)
{
	const struct secret *to_server = &world.peers[WORLD_SERVER].heard;

	(void)userdata;
	if (strcmp(phase, "relaying") == 0)
		fuzz_check(played.walls == 2, "the walls are not those of the relay");
	if (strcmp(phase, "talking to the client") != 0 || played.kind->passes_through)
		return;
	world_listen();
	if (!world.peers[WORLD_CLIENT].is_deaf)
		fuzz_check(is_lines(&world.peers[WORLD_CLIENT].heard),
		    "the client is greeted with what is no line");
	if (!played.kind->has_proxy && !played.kind->needs_tls &&
	    !world.peers[WORLD_SERVER].is_deaf)
		fuzz_check(is_lines(to_server) && is_ascii(to_server),
		    "the server is told what is no command");
}

static bool holds(const struct secret *where, const struct secret *what)
{
	return where->len > 0 && memmem(where->data, where->len, what->data, what->len);
}

/* Whether somebody else has said it, who may then hear it again. */
static bool is_known(const struct secret *what)
{
	for (int i = 0; i < WORLD_SIDES; i++)
		if (i != WORLD_HELPER && holds(&world.peers[i].said, what))
			return true;
	return false;
}

static void check_secret(const struct secret *what)
{
	if (is_known(what))
		return;
	fuzz_check(!holds(&played.messages, what), "a secret is in a record");
	fuzz_check(!holds(&world.peers[WORLD_CLIENT].heard, what),
	    "a secret is told to the client");
	if (played.kind->needs_tls)
		fuzz_check(!holds(&world.peers[WORLD_SERVER].heard, what),
		    "a secret leaves without TLS");
}

/* As it is, and as PLAIN, LOGIN and XOAUTH2 have it. */
static void check_secrets(void)
{
	static const char plain[] = "\0user@example.com\0" SESSION_NEEDLE;
	static const char xoauth2[] =
	    "user=user@example.com\1auth=Bearer " SESSION_NEEDLE "-0\1\1";
	const struct fuzz_input forms[] = {
	    {plain, sizeof(plain) - 1},
	    {SESSION_NEEDLE, strlen(SESSION_NEEDLE)},
	    {xoauth2, sizeof(xoauth2) - 1},
	};
	_cleanup_secret_ struct secret needle = {0};

	fuzz_fill(&needle, forms[1]);
	check_secret(&needle);
	fuzz_check(is_known(&needle) || freed_memory_hits() == 0,
	    "a secret is left in freed memory");
	for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
		_cleanup_secret_ struct secret encoded = {0};

		fuzz_check(base64_encode(forms[i].bytes, forms[i].n, &encoded) == 0,
		    "no memory");
		check_secret(&encoded);
	}
}

static void check(void)
{
	world_listen();
	fuzz_check(played.endings == 1, "a session does not have one record");
	fuzz_check(world_elapsed() <= ELAPSED_MAX, "a session outlives its limits");
	check_secrets();
}

static void run(const struct session_request *request)
{
	int client = world_connect(WORLD_CLIENT);

	session_run(request, client, client);
}

static void set_up(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	fuzz_check(tls_init() == 0, "OpenSSL is not usable");
}

static void play(struct fuzz_input script, const struct session_request *request,
    enum session_helper_mode mode)
{
	int fd = fuzz_free_fd();

	freed_memory_watch(SESSION_NEEDLE);
	world_begin(script);
	session_helper_begin(mode);
	run(request);
	check();
	freed_memory_watch(NULL);
	world_end();
	secret_done(&played.messages);
	fuzz_check(fuzz_free_fd() == fd, "a descriptor leaks");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	_cleanup_secret_ struct secret destination = {0};
	struct fuzz_input in = fuzz_input(bytes, n);
	struct session_request request = {
	    .service = {.destination = "x", .has_client_login = true},
	    .helper_socket = "/nonexistent",
	    .login_usec = SESSION_LOGIN_USEC,
	    .settle_usec = SESSION_SETTLE_USEC,
	    .connect = connect_server,
	    .on_phase = on_phase,
	};
	unsigned mode;

	set_up();
	played.walls = played.endings = 0;
	played.protocol = fuzz_choose(&in, SESSION_PROTOCOLS);
	played.kind = &session_kinds[fuzz_choose(&in, SESSION_KINDS)];
	request.service.client_login =
	    (enum client_login)fuzz_choose(&in, CLIENT_LOGIN_MAX);
	mode = fuzz_choose(&in, HELPER_MODES);
	(void)fuzz_take_line(&in); /* what is left of the digits' */
	session_destination(played.protocol, played.kind, &destination);
	config_double_clear();
	config_double_puts("destinations/x.json", secret_str(&destination));
	play(in, &request, (enum session_helper_mode)mode);
	return 0;
}
