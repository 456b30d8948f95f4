/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of a session. Functions below report; this file tells the client and the
 * journal, each once.
 */

#include "session.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "access.h"
#include "backstop.h"
#include "deadline.h"
#include "dial.h"
#include "exchange.h"
#include "log.h"
#include "reason.h"
#include "relay.h"
#include "secret-memory.h"
#include "title.h"
#include "tls.h"

/* Later than the login's deadline, which should end the session in better words. */
#define BACKSTOP_GRACE_USEC (USEC_PER_SEC / 2)
/* For a client without access to say QUIT. */
#define DISMISS_USEC (5 * USEC_PER_SEC)
#define REFUSE_USEC (2 * USEC_PER_SEC)
/* After our last word: a reset would take it from the client, so what it still sends is read. */
#define LINGER_USEC USEC_PER_SEC
#define LINGER_MAX ((size_t)64 * 1024 * 1024)
/* A session's record is worth a wait, as its process has nothing else left to do. */
#define LOG_USEC USEC_PER_SEC

void session_enter(struct session *s, const char *phase)
{
	s->phase = phase;
	if (s->has_title)
		title_set(service_name(&s->service), phase);
	if (s->request->on_phase)
		s->request->on_phase(phase, s->request->userdata);
}

void session_begin(struct session *s, const struct session_request *request)
{
	*s = (struct session){
	    .request = request,
	    .service = request->service,
	    .phase = "starting",
	    .config = CONFIG_INIT,
	    .protocol = &protocol_smtp,
	    .tokens = TOKEN_SOURCE_INIT,
	    .client = STREAM_INIT,
	    .upstream = UPSTREAM_INIT,
	};
	record_begin(&s->record);
	s->record.service = service_name(&request->service);
	s->record.destination = request->service.destination;
	s->deadline = deadline_in(request->login_usec);
}

void session_done(struct session *s)
{
	free(s->why);
	config_done(&s->config);
	settings_done(&s->settings);
	upstream_done(&s->upstream);
	stream_done(&s->client);
	tls_context_free(s->own_tls);
	tls_keys_done(&s->keys);
	free(s->proxy_name);
	dial_free_addresses(&s->addresses);
	token_source_done(&s->tokens);
	free(s->helper_path);
	secret_done(&s->token);
	free(s->host_name);
	free(s->client_side_name);
	free(s->server_side_name);
	record_done(&s->record);
	destination_done(&s->destination);
}

const struct protocol *session_protocol_named(const char *name)
{
	static const struct {
		const char *part;
		const struct protocol *protocol;
	} parts[] = {
	    {"imap", &protocol_imap}, {"pop", &protocol_pop3}, {"smtp", &protocol_smtp}};

	for (size_t i = 0; i < ELEMENTSOF(parts); i++)
		if (strcasestr(name, parts[i].part))
			return parts[i].protocol;
	return NULL;
}

const struct protocol *session_guess_protocol(int fd, const char *destination)
{
	static const struct {
		enum mail_protocol plain, tls;
		const struct protocol *protocol;
	} ports[] = {
	    {MAIL_IMAP4, MAIL_IMAP4S, &protocol_imap},
	    {MAIL_POP3, MAIL_POP3S, &protocol_pop3},
	};
	const struct protocol *named = session_protocol_named(destination);
	struct sockaddr_in6 address = {0};
	socklen_t len = sizeof(address);
	bool tcp;

	/* sin_port and sin6_port lie at the same place */
	tcp = getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
	      (address.sin6_family == AF_INET || address.sin6_family == AF_INET6);
	for (size_t i = 0; tcp && i < ELEMENTSOF(ports); i++)
		if (ntohs(address.sin6_port) == mail_protocol_port(ports[i].plain) ||
		    ntohs(address.sin6_port) == mail_protocol_port(ports[i].tls))
			return ports[i].protocol;
	return named ? named : &protocol_smtp;
}

/* Reads away what the client still sends, so that our last reply is not lost to a reset. */
static void linger(struct stream *client)
{
	uint64_t deadline = deadline_in(LINGER_USEC);
	size_t n = 0;

	if (client->out_fd < 0 || shutdown(client->out_fd, SHUT_WR) < 0)
		return; /* no socket, or nobody there */
	client->watch_fd = -1;
	while (n < LINGER_MAX && deadline_poll_timeout(deadline) > 0 &&
	       stream_fill(client, deadline) > 0) {
		n += client->input.len;
		secret_clear(&client->input);
	}
}

/* Tells client and journal what failed. */
static void fail(struct session *s, int error)
{
	const struct refusal *refusal = refusal_find(error);
	_cleanup_secret_ struct secret reply = {0};

	backstop_disarm();
	session_confine_end(s);
	if (!refusal->silent &&
	    s->protocol->refuse(&reply, refusal, s->record.session) == 0 &&
	    stream_write(
		&s->client, secret_str(&reply), reply.len, deadline_in(REFUSE_USEC)) < 0)
		refusal = refusal_find(error); /* it is gone; the record is the same */
	record_failure(&s->record, refusal, s->phase, s->why ? s->why : strerror(-error));
	if (error == -EREMOTE && s->protocol->dismiss)
		s->protocol->dismiss(&s->client, deadline_in(DISMISS_USEC));
	linger(&s->client);
}

/*
 * What is kept for the moment at which OpenSSL gets no memory, which it does not survive
 * everywhere: room for the words, and whose session it is. A process serves one.
 */
static struct {
	struct session *session;
	void *room;  /* owned */
	bool relays; /* in the relay no word of ours may stand */
} reserve;

#define RESERVE_SIZE ((size_t)64 * 1024)

static void on_exhaustion(void)
{
	struct session *s = reserve.session;

	if (!s)
		return;
	reserve.session = NULL;
	free(reserve.room);
	free(s->why);
	s->why = NULL;
	if (reserve.relays)
		record_failure(
		    &s->record, refusal_find(-ENOMEM), s->phase, strerror(ENOMEM));
	else
		fail(s, -ENOMEM);
	_exit(0);
}

static void reserve_take(struct session *s)
{
	reserve.room = malloc(RESERVE_SIZE); /* without it there may be fewer words */
	reserve.session = s;
	secret_memory_on_exhaustion(on_exhaustion);
}

static void reserve_give_back(_unused_ struct session **s)
{
	reserve.session = NULL;
	free(reserve.room);
	reserve.room = NULL;
}

/* The words for the moment at which nothing else is left; see backstop.h. */
struct last_words {
	struct secret reply, record;
};

static void last_words_done(struct last_words *w)
{
	backstop_disarm();
	secret_done(&w->reply);
	secret_done(&w->record);
}
#define _cleanup_last_words_ _cleanup_(last_words_done)

static int arm_backstop(struct session *s, struct last_words *w)
{
	const struct refusal *refusal = refusal_find(-ETIMEDOUT);
	int r;

	last_words_done(w);
	r = s->protocol->refuse(&w->reply, refusal, s->record.session);
	if (r == 0)
		r = record_prepare_failure(&s->record, refusal, s->phase,
		    "the host itself did not answer in time (name resolution?)",
		    &w->record);
	if (r < 0)
		return r;
	return backstop_arm(
	    s->client.out_fd, &w->reply, &w->record, s->deadline + BACKSTOP_GRACE_USEC);
}

static int check_client(struct session *s)
{
	int r;

	if (access_needs_settings(&s->service)) {
		r = session_load_settings(s);
		if (r < 0)
			return r;
	}
	session_enter(s, "looking at the client");
	r = dial_peer_name(s->client.in_fd, &s->record.client);
	if (r < 0)
		return r;
	return access_check(s->client.in_fd, &s->service, &s->settings, &s->why);
}

/* What came before our greeting may be enough to know that no mail program sent it. */
static int judge_client(struct session *s, struct exchange *x)
{
	int r;

	session_enter(s, "looking at the client's first bytes");
	r = exchange_judge_early(x);
	if (r < 0)
		s->why = TAKE_PTR(x->why);
	return r;
}

/* Which the parent of forked sessions has done. */
static int init_tls(const struct session *s)
{
	return s->destination.key_store ? tls_init() : tls_init_without_keys();
}

/* From the connection to the moment at which the server is to be reached. */
static int open_session(struct session *s, struct exchange *x, struct last_words *w)
{
	int r;

	r = arm_backstop(s, w);
	if (r == 0)
		r = check_client(s);
	if (r == 0)
		r = session_configure(s);
	if (r == 0)
		r = init_tls(s);
	if (r < 0)
		return r;
	x->protocol = s->protocol;
	s->phase = "preparing the login";
	r = arm_backstop(s, w); /* now in the destination's protocol */
	if (r == 0)
		r = session_prepare(s);
	if (r == 0)
		r = session_confine_login(s);
	return r < 0 ? r : judge_client(s, x);
}

static int greet(struct session *s, struct exchange *x)
{
	int r;

	session_enter(s, "greeting the client");
	r = s->protocol->greet(x);
	if (r < 0 && x->why)
		s->why = TAKE_PTR(x->why);
	return r;
}

/* Credentials that nobody uses are worth a word: somebody meant something by them. */
static void warn_of_unused_login(struct session *s)
{
	const struct destination *d = &s->destination;
	_cleanup_free_ char *text = NULL;

	if (d->authentication == AUTH_NONE)
		return;
	if (asprintf(&text,
		"mail.%s.auth is false, so %s is not done: clients log in themselves",
		mail_protocol_name(d->protocol),
		authentication_name(d->authentication)) < 0) {
		text = NULL;
		return;
	}
	record_contradiction(&s->record, text);
}

/* Reaches the server and greets the client, in the order that its login asks for. */
static int begin_dialogue(struct session *s, struct exchange *x)
{
	int r;

	x->access = s->access;
	x->our_name = s->client_side_name;
	x->client_login = session_client_login(s);
	x->user = s->destination.user;
	x->log_in = session_log_in_client;
	x->check_login = session_check_client_login;
	x->userdata = s;
	switch (s->access) {
	case ACCESS_LOGGED_IN:
		r = session_log_in(s);
		if (r == 0)
			r = session_confine_relay(s);
		return r < 0 ? r : greet(s, x);
	case ACCESS_CLIENT_GRANT:
		r = greet(s, x);
		return r < 0 ? r : session_connect(s);
	case ACCESS_PASS_THROUGH:
		r = session_connect(s);
		if (r < 0)
			return r;
		session_warn_if_insecure(s);
		session_keep_tls_sessions(s);
		warn_of_unused_login(s);
		session_forget_secrets(s);
		r = session_confine_relay(s);
		return r < 0 ? r : greet(s, x);
	}
	return -EINVAL;
}

static int converse(struct session *s, struct exchange *x)
{
	int r;

	session_enter(s, "talking to the client");
	r = s->protocol->converse(x);
	s->record.bytes_in = x->bytes_in;
	s->record.bytes_out = x->bytes_out;
	if (r < 0)
		s->why = TAKE_PTR(x->why);
	return r;
}

/* What an end of the relay is to the journal: 0 if it is nobody's failure, or -errno. */
static int relay_failure(enum relay_end end)
{
	static const int failures[] = {
	    [RELAY_UPSTREAM_ENDED] = 0,
	    [RELAY_CLIENT_LEFT] = 0,
	    [RELAY_CLIENT_RESET] = -ECONNABORTED,
	    [RELAY_UPSTREAM_RESET] = -ECONNRESET,
	    [RELAY_UPSTREAM_BLOCKED] = -ETIMEDOUT,
	    [RELAY_IDLE] = -ETIME,
	};
	_Static_assert(ELEMENTSOF(failures) == RELAY_END_MAX, "a row for each end");

	return failures[end];
}

/* How the relay's end stands in the journal. */
static void record_end(struct session *s, const struct relay *r, int end)
{
	const char *how = end < 0 ? strerror(-end) : relay_end_text((enum relay_end)end);
	int error = end < 0 ? end : relay_failure((enum relay_end)end);

	if (end == RELAY_UPSTREAM_ENDED && r->unanswered) {
		error = -ECONNRESET;
		how = "the server ended the session and left the client without an "
		      "answer";
	}
	if (error == 0)
		record_success(&s->record, how);
	else
		record_failure(&s->record, refusal_find(error), s->phase, how);
}

static void relay(struct session *s)
{
	struct relay r = {
	    .client = &s->client,
	    .upstream = &s->upstream.stream,
	    .idle_usec = s->protocol->idle_usec,
	    .drain_usec = s->protocol->drain_usec,
	    .settle_usec = s->request->settle_usec,
	    .write_timeout_usec = s->destination.write_timeout_usec,
	};
	int end;

	session_enter(s, "relaying");
	reserve.relays = true;
	secret_done(&s->upstream.hidden);
	end = relay_run(&r);
	s->record.bytes_in += r.bytes_in;
	s->record.bytes_out += r.bytes_out;
	record_end(s, &r, end);
	linger(&s->client);
}

/* A client that left without having logged in, though it tried: its failure is the session's. */
static void end_without_login(struct session *s, const struct exchange *x)
{
	record_failure(&s->record, refusal_find(x->login_error),
	    "logging in for the client",
	    x->login_why ? x->login_why : strerror(-x->login_error));
	linger(&s->client);
}

/* The client and what became of it. */
static void serve(struct session *s, struct exchange *x)
{
	int r = converse(s, x);

	if (r < 0 && (r != -ECONNABORTED || x->login_error == 0)) {
		fail(s, r);
	} else if (r == 0) {
		relay(s);
	} else if (x->login_error < 0) {
		end_without_login(s, x);
	} else {
		record_success(&s->record, "the client ended the session");
		linger(&s->client);
	}
}

void session_run(const struct session_request *request, int in_fd, int out_fd)
{
	_cleanup_session_ struct session s;
	_cleanup_last_words_ struct last_words words = {0};
	_cleanup_exchange_ struct exchange x = {0};
	_cleanup_(reserve_give_back) _unused_ struct session *reserved = &s;
	int r;

	log_set_patience(LOG_USEC);
	session_begin(&s, request);
	reserve_take(&s);
	s.has_title = true;
	s.protocol = session_guess_protocol(in_fd, request->service.destination);
	x = (struct exchange){.client = &s.client,
	    .upstream = &s.upstream,
	    .protocol = s.protocol,
	    .session = s.record.session};
	dial_keep_alive(in_fd);
	r = stream_init(&s.client, in_fd, out_fd);
	if (r == 0)
		r = open_session(&s, &x, &words);
	if (r == 0)
		r = begin_dialogue(&s, &x);
	backstop_disarm();
	if (r < 0)
		fail(&s, r);
	else
		serve(&s, &x);
}
