/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The helper, asked by two handlers, with its token services played: a script of lines,
 * what a line does says its first character.
 *
 *   C c     the first caller sends the text, with a NUL behind it or without
 *   D d     the second one, which is another user, the same
 *   X Y     the first, the second one hangs up
 *   F       the oldest request is answered: a status, a blank, the body
 *   E       it fails on its way; J: the Connectivity proxy refused its JWT
 *   T       time passes: 4 seconds to the power of a digit
 */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "config-double.h"
#include "deadline.h"
#include "fetch-double.h"
#include "rotation-double.h"
#include "session.h"
#include "varlink.h"

#define NEEDLE "Geheim-4711"
#define CALLERS 2
#define OTHER_UID 1234
#define OAUTH(grant)                                                              \
	"{\"Type\":\"MAIL\",\"ProxyType\":\"Internet\",\"Authentication\":"       \
	"\"OAuth2" grant "\",\"mail.user\":\"u@example.com\",\"clientId\":\"c\"," \
	"\"mail.transport.protocol\":\"smtp\",\"mail.smtp.host\":\"h\","          \
	"\"clientSecret\":\"" NEEDLE "\",\"tokenServiceURL\":"                    \
	"\"https://t.example/oauth/token\"}"
#define SERVICE_KEY                                                    \
	"{\"clientid\":\"c\",\"clientsecret\":\"" NEEDLE "\",\"url\":" \
	"\"https://acme.auth.example\",\"uri\":\"https://d.example\"," \
	"\"onpremise_proxy_host\":\"127.0.0.1\"}"

struct helper {
	struct session_host host; /* first: on_closed() */
	struct stats stats;
	sd_event *event;
	struct outbox *outbox;
	struct session *sessions[CALLERS];
	int callers[CALLERS];
	struct secret said[CALLERS], heard[CALLERS];
	unsigned calls[CALLERS];
};

static int64_t passed_sec;

/* The linker's names for the clock that the helper goes by. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
int __real_clock_gettime(clockid_t clock, struct timespec *ret);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	int r = __real_clock_gettime(clock, ret);

	ret->tv_sec += passed_sec;
	return r;
}

static void on_closed(struct session_host *host, struct session *session)
{
	struct helper *h = (struct helper *)host;

	for (int i = 0; i < CALLERS; i++)
		if (h->sessions[i] == session)
			h->sessions[i] = NULL;
	session_free(session);
}

static void connect_caller(struct helper *h, int i)
{
	int fds[2];

	fuzz_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       fds) == 0 &&
		       session_new(h->event, &h->host, fds[1],
			   i == 0 ? geteuid() : OTHER_UID, 1, &h->sessions[i]) == 0,
	    "no descriptor is left");
	h->callers[i] = fds[0];
}

static void begin(struct helper *h)
{
	static const struct broker_folders folders = {"/etc/maildest", "/nonexistent"};

	*h = (struct helper){
	    .host = {.closed = on_closed, .stats = &h->stats, .sessions_max = CALLERS}};
	fuzz_check(
	    sd_event_new(&h->event) >= 0 && outbox_new(h->event, &h->outbox) == 0 &&
		broker_new(h->event, &folders, &h->stats, h->outbox, &h->host.broker) ==
		    0 &&
		tls_sessions_new(&h->host.tls_sessions) == 0 &&
		flood_new(&h->host.logins) == 0,
	    "no memory");
	for (int i = 0; i < CALLERS; i++)
		connect_caller(h, i);
}

static void done(struct helper *h)
{
	for (int i = 0; i < CALLERS; i++) {
		session_free(h->sessions[i]);
		macro_close(&h->callers[i]);
		secret_done(&h->said[i]);
		secret_done(&h->heard[i]);
	}
	broker_free(h->host.broker);
	outbox_free(h->outbox);
	tls_sessions_free(h->host.tls_sessions);
	flood_free(h->host.logins);
	sd_event_unref(h->event);
	rotation_double_clear();
}

static unsigned count_needles(const char *text)
{
	unsigned n = 0;

	while (text && (text = strstr(text, NEEDLE))) {
		text += strlen(NEEDLE);
		n++;
	}
	return n;
}

/* Whether a caller said the secret himself, or may have, spelled in another way. */
static bool has_said_it(struct helper *h, int i)
{
	const struct secret *said = &h->said[i];

	return said->len > 0 && (memmem(said->data, said->len, NEEDLE, strlen(NEEDLE)) ||
				    memmem(said->data, said->len, "\\u", 2));
}

/* An access token is what a token service wants it to be. */
static unsigned count_in_token(struct json_value parameters)
{
	struct json_value v;

	if (!parameters.json || !json_find(parameters, "access_token", &v))
		return 0;
	return count_needles(json_string(v));
}

/* Of what a caller is told, nothing is the token services' alone. */
static void check_reply(
    struct helper *h, int i, const struct json *reply, unsigned needles)
{
	const char *error = varlink_error(reply);
	struct json_value parameters, v;

	fuzz_check(h->calls[i]-- > 0, "there are more replies than calls");
	fuzz_check(varlink_parameters(reply, &parameters), "a reply has no parameters");
	fuzz_check(!error || strchr(error, '.'), "an error has no interface");
	fuzz_check(needles <= count_in_token(parameters) || has_said_it(h, i),
	    "a caller is told a secret");
	if (i > 0 && parameters.json)
		fuzz_check(!json_find(parameters, "token_requests", &v),
		    "a stranger is told how the helper is");
}

static void hear(struct helper *h, int i)
{
	char block[4096];
	ssize_t n;
	int r;

	while (
	    h->callers[i] >= 0 && (n = recv(h->callers[i], block, sizeof(block), 0)) > 0)
		fuzz_check(
		    secret_append(&h->heard[i], block, (size_t)n) == 0, "no memory");
	do {
		_cleanup_json_ struct json *reply = NULL;
		unsigned needles = count_needles(secret_str(&h->heard[i]));

		r = varlink_take(&h->heard[i], &reply);
		fuzz_check(r >= 0, "a reply is no message");
		if (r > 0)
			check_reply(h, i, reply, needles);
	} while (r > 0);
}

static void run(struct helper *h)
{
	unsigned turns = 0;

	while (sd_event_run(h->event, 0) > 0)
		fuzz_check(turns++ < 10000, "the loop does not come to rest");
	for (int i = 0; i < CALLERS; i++)
		hear(h, i);
}

static void call(struct helper *h, int i, struct fuzz_input text, bool ends)
{
	for (size_t k = 0; k < text.n; k++)
		h->calls[i] += text.bytes[k] == '\0';
	h->calls[i] += ends;
	if (h->callers[i] < 0)
		return;
	fuzz_check(secret_append(&h->said[i], text.bytes, text.n) == 0, "no memory");
	if ((text.n > 0 && send(h->callers[i], text.bytes, text.n, MSG_NOSIGNAL) < 0) ||
	    (ends && send(h->callers[i], "", 1, MSG_NOSIGNAL) < 0))
		macro_close(&h->callers[i]); /* it has been left */
}

static void answer(char how, struct fuzz_input text)
{
	_cleanup_free_ char *status = NULL;
	struct fetch_reply reply = {.was_sent = true};

	if (how == 'F') {
		status = fuzz_text(fuzz_take(&text, " "));
		reply.http_status = strtol(status, NULL, 10);
		reply.body = text.n > 0 ? text.bytes : "";
		reply.len = text.n;
	} else {
		reply.failure = "the script has it so";
		reply.may_repeat = how == 'E';
		reply.jwt_refused = how == 'J';
	}
	fetch_double_answer(&reply);
}

static void play_line(struct helper *h, struct fuzz_input line)
{
	char what = line.n > 0 ? *fuzz_take_bytes(&line, 1).bytes : '#';

	if (what == 'C' || what == 'c')
		call(h, 0, line, what == 'C');
	else if (what == 'D' || what == 'd')
		call(h, 1, line, what == 'D');
	else if (what == 'X' || what == 'Y')
		macro_close(&h->callers[what - 'X']);
	else if (what == 'F' || what == 'E' || what == 'J')
		answer(what, line);
	else if (what == 'T')
		passed_sec += (int64_t)1 << 2 * fuzz_choose(&line, 10);
	run(h);
}

static void put_files(void)
{
	config_double_clear();
	config_double_puts("destinations/cc.json", OAUTH("ClientCredentials"));
	config_double_puts("destinations/rt.json", OAUTH("RefreshToken"));
	config_double_puts("destinations/ac.json", OAUTH("AuthorizationCode"));
	config_double_puts("destinations/op.json",
	    "{\"Type\":\"MAIL\",\"ProxyType\":\"OnPremise\",\"Authentication\":"
	    "\"NoAuthentication\",\"mail.transport.protocol\":\"smtp\","
	    "\"mail.smtp.host\":\"h\"}");
	config_double_puts("connectivity.json", SERVICE_KEY);
	config_double_puts("instances/i.json", SERVICE_KEY);
	config_double_puts("clients/s", "user:password\n");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct fuzz_input in = fuzz_input(bytes, n);
	int fd = fuzz_free_fd();
	struct helper h;

	put_files();
	passed_sec = 0;
	begin(&h);
	while (in.n > 0)
		play_line(&h, fuzz_take_line(&in));
	done(&h);
	fuzz_check(fuzz_free_fd() == fd, "a descriptor leaks");
	return 0;
}
