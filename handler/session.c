/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of a session. Functions below report; what client and journal are told of it
 * is session-end.c's.
 */

#include "session-end.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "access.h"
#include "backstop.h"
#include "deadline.h"
#include "confine.h"
#include "dial-pin.h"
#include "dial.h"
#include "exchange.h"
#include "log.h"
#include "text.h"
#include "title.h"
#include "tls.h"

/* A session's record is worth a wait, as its process has nothing else left to do. */
#define LOG_USEC USEC_PER_SEC
/* For a server that has answered, and cannot be told that its client left without a goodbye. */
#define LEFT_USEC (30 * USEC_PER_SEC)

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
	if (!confine_stands()) /* behind the walls they stay to the end */
		dial_unpin(&s->addresses);
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
static int open_session(
    struct session *s, struct exchange *x, struct session_last_words *w)
{
	int r;

	r = session_arm_backstop(s, w);
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
	r = session_arm_backstop(s, w); /* now in the destination's protocol */
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
	text = text_format(
	    "mail.%s.auth is false, so %s is not done: clients log in themselves",
	    mail_protocol_name(d->protocol), authentication_name(d->authentication));
	if (!text)
		return;
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

static void relay(struct session *s)
{
	struct relay r = {
	    .client = &s->client,
	    .upstream = &s->upstream.stream,
	    .idle_usec = s->protocol->idle_usec,
	    .drain_usec = s->protocol->drain_usec,
	    .left_usec = LEFT_USEC,
	    .settle_usec = s->request->settle_usec,
	    .write_timeout_usec = s->destination.write_timeout_usec,
	};
	int end;

	session_enter(s, "relaying");
	session_reserve_for_relay();
	secret_done(&s->upstream.hidden);
	end = relay_run(&r);
	s->record.bytes_in += r.bytes_in;
	s->record.bytes_out += r.bytes_out;
	session_end_relay(s, &r, end);
}

/* The client and what became of it. */
static void serve(struct session *s, struct exchange *x)
{
	int r = converse(s, x);

	if (r < 0 && (r != -ECONNABORTED || x->login_error == 0)) {
		session_fail(s, r);
	} else if (r == 0) {
		relay(s);
	} else if (x->login_error < 0) {
		session_end_without_login(s, x);
	} else {
		session_end_by_client(s);
	}
}

void session_run(const struct session_request *request, int in_fd, int out_fd)
{
	_cleanup_session_ struct session s;
	_cleanup_last_words_ struct session_last_words words = {0};
	_cleanup_exchange_ struct exchange x = {0};
	_cleanup_(session_reserve_give_back) _unused_ struct session *reserved = &s;
	int r;

	log_set_patience(LOG_USEC);
	session_begin(&s, request);
	session_reserve_take(&s);
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
		session_fail(&s, r);
	else
		serve(&s, &x);
}
