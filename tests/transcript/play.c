/* SPDX-License-Identifier: Apache-2.0 */
/* Steps in order, each under its own deadline, and the ends that every script shares. */

#include "play.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "deadline.h"
#include "expect.h"
#include "play-wait.h"

#define PATIENCE (20 * USEC_PER_SEC)

int play_begin(
    struct play *p, const struct script *script, struct stage *stage, const char *each)
{
	_cleanup_free_ char *path = stage_path(stage, "helper.sock");

	*p = (struct play){
	    .script = script,
	    .stage = stage,
	    .client = PEER_INIT,
	    .helper = HELPER_DOUBLE_INIT,
	    .values = {.user = stage->user,
		.password = stage->password,
		.host = stage->host,
		.port = stage->port,
		.token = "",
		.each = each},
	    .patience = PATIENCE,
	};
	p->client.name = "the client";
	p->client.fd = TAKE_FD(stage->client);
	return path ? helper_double_start(&p->helper, script, path) : -ENOMEM;
}

void play_done(struct play *p)
{
	peer_done(&p->client);
	for (size_t i = 0; i < p->n_servers; i++)
		peer_done(&p->servers[i]);
	helper_double_done(&p->helper);
	values_done(&p->values);
}

/* Waits until the session tries to connect. */
static int await_attempt(struct play *p, const struct step *step, uint64_t deadline)
{
	struct pollfd control = {.fd = p->stage->control, .events = POLLIN};
	char byte;
	int r = 0;

	while (r == 0 && poll(&control, 1, 0) == 0)
		r = play_wait(p, p->stage->control, POLLIN, deadline);
	if (r == -ETIMEDOUT)
		return script_complain(step, "the session does not connect");
	if (r < 0)
		return r;
	if (read(p->stage->control, &byte, 1) != 1)
		return script_complain(
		    step, "expected that the session connects, but it ended");
	p->n_attempts++;
	return 0;
}

static int connects(struct play *p, const struct step *step, uint64_t deadline)
{
	struct connection *c = &p->stage->connections[p->n_attempts];
	struct peer *peer = &p->servers[p->n_servers];
	int r;

	r = await_attempt(p, step, deadline);
	if (r < 0 || c->error < 0)
		return r;
	*peer = (struct peer)PEER_INIT;
	peer->name = "the server";
	peer->fd = TAKE_FD(c->server);
	p->n_servers++;
	return 0;
}

static const char *const kinds[] = {
    [CERTIFICATE_RIGHT] = "right",
    [CERTIFICATE_WRONG_NAME] = "wrong-name",
    [CERTIFICATE_EXPIRED] = "expired",
    [CERTIFICATE_SELF_SIGNED] = "self-signed",
    [CERTIFICATE_UNKNOWN_CA] = "unknown-ca",
};
_Static_assert(ELEMENTSOF(kinds) == CERTIFICATE_KIND_MAX, "a name for each");

/* "1.3 expired" behind "tls " */
static SSL_CTX *make_context(const struct play *p, const char *text)
{
	int version = strncmp(text, "1.2", 3) == 0   ? TLS1_2_VERSION
		      : strncmp(text, "1.3", 3) == 0 ? TLS1_3_VERSION
						     : 0;
	const char *kind = strlen(text) > 4 ? text + 4 : "right";

	for (size_t i = 0; i < ELEMENTSOF(kinds) && version; i++)
		if (strcmp(kinds[i], kind) == 0)
			return certificates_context(
			    p->stage->certificates, (enum certificate_kind)i, version);
	return NULL;
}

static int start_tls(struct play *p, struct peer *peer, const struct step *step,
    const char *text, bool works, uint64_t deadline)
{
	SSL_CTX *ctx = make_context(p, text);
	int r;

	if (!ctx)
		return script_complain(step, "there is no such TLS");
	while ((r = peer_handshake(peer, ctx)) == -EAGAIN) {
		r = play_wait(p, peer->fd, peer->events, deadline);
		if (r < 0)
			break;
	}
	SSL_CTX_free(ctx);
	if (r == -ETIMEDOUT)
		return script_complain(step, "the TLS handshake does not end");
	if (r == 0 && !works)
		return script_complain(step, "the session accepted the TLS handshake");
	if (r == -EPROTO && works)
		return script_complain(step, "the TLS handshake failed");
	return works ? r : 0;
}

/* Waits until the session has asked the helper for everything that it has answers to. */
static int await_helper(struct play *p, const struct step *step, uint64_t deadline)
{
	int r = 0;

	play_flush(p);
	while (r == 0) {
		r = helper_double_serve(&p->helper, &p->values);
		if (r < 0 || helper_double_is_through(&p->helper))
			return r;
		r = fd_wait(helper_double_fd(&p->helper), POLLIN, deadline);
	}
	return r == -ETIMEDOUT
		   ? script_complain(step, "the session does not ask the helper")
		   : r;
}

static const struct {
	const char *text;
	enum peer_end end;
} ends[] = {
    {"close", PEER_CLOSES},
    {"cut", PEER_CUTS},
    {"half-close", PEER_HALF_CLOSES},
    {"reset", PEER_RESETS},
};

static int do_directive(
    struct play *p, struct peer *peer, const struct step *step, uint64_t deadline)
{
	bool server = step->side == 'S';

	if (server && (strcmp(step->text, "connects") == 0 ||
			  strncmp(step->text, "refuses", 7) == 0))
		return connects(p, step, deadline);
	if (!peer)
		return script_complain(step, "the session has not connected yet");
	if (server && strncmp(step->text, "tls ", 4) == 0)
		return start_tls(p, peer, step, step->text + 4, true, deadline);
	if (server && strncmp(step->text, "no-tls ", 7) == 0)
		return start_tls(p, peer, step, step->text + 7, false, deadline);
	if (!server && strcmp(step->text, "awaits-helper") == 0)
		return await_helper(p, step, deadline);
	for (size_t i = 0; i < ELEMENTSOF(ends); i++)
		if (strcmp(ends[i].text, step->text) == 0) {
			peer_end(peer, ends[i].end);
			return 0;
		}
	return script_complain(step, "there is no such directive");
}

static int send_text(struct play *p, struct peer *peer, const struct step *step)
{
	_cleanup_text_ struct text text = {0};
	const char *why;
	int r;

	r = text_expand(step->text, TEXT_TO_SEND, &p->values, &text, &why);
	if (r < 0)
		return script_complain(step, "%s", why);
	r = peer_send(peer, secret_str(&text.bytes), text.bytes.len);
	peer_flush(peer);
	return r;
}

/* "300ms" or "2s" */
static int set_patience(struct play *p, const struct step *step)
{
	char *unit;
	unsigned long n = strtoul(step->text, &unit, 10);

	if (strcmp(unit, "ms") != 0 && strcmp(unit, "s") != 0)
		return script_complain(step, "a time is written '300ms' or '2s'");
	p->patience = n * (*unit == 's' ? USEC_PER_SEC : USEC_PER_MSEC);
	return 0;
}

static int run_step(struct play *p, const struct step *step)
{
	uint64_t deadline = deadline_in(p->patience);
	struct peer *peer = &p->client;

	if (step->kind == STEP_WITHIN)
		return set_patience(p, step);
	if (step->side == 'S')
		peer = p->n_servers ? &p->servers[p->n_servers - 1] : NULL;
	p->patience = PATIENCE;
	if (step->kind == STEP_DO)
		return do_directive(p, peer, step, deadline);
	if (!peer)
		return script_complain(step, "the session has not connected yet");
	if (step->kind == STEP_SEND)
		return send_text(p, peer, step);
	return expect(p, peer, step, deadline);
}

static bool needs_session(const struct step *step)
{
	return step->side == 'S' || step->kind == STEP_EXPECT;
}

/* Both sides have nothing more to say, and the session is over. */
static int finish(struct play *p)
{
	struct step step = p->script->steps[p->script->n - 1];
	uint64_t deadline = deadline_in(PATIENCE);
	char byte;
	int r = 0;

	step.text = (char *)"<end>";
	if (p->client.fd >= 0)
		r = expect(p, &p->client, &step, deadline);
	for (size_t i = 0; i < p->n_servers && r == 0; i++)
		if (p->servers[i].fd >= 0)
			r = expect(p, &p->servers[i], &step, deadline);
	if (r == 0)
		r = fd_wait(p->stage->control, POLLIN, deadline);
	if (r == -ETIMEDOUT)
		return script_complain(&step, "the session does not end");
	if (r == 0 && read(p->stage->control, &byte, 1) == 1)
		return script_complain(&step, "the session connected once more");
	return r < 0 ? r : helper_double_finish(&p->helper);
}

int play_run(struct play *p)
{
	int r = 0;

	for (size_t i = 0; i < p->script->n && r == 0; i++) {
		const struct step *step = &p->script->steps[i];

		if (step->kind == STEP_SETTING)
			continue;
		if (!p->stage->pid && needs_session(step))
			r = stage_start(p->stage, p->client.fd);
		if (r == 0)
			r = run_step(p, step);
	}
	if (r == 0 && !p->stage->pid)
		r = stage_start(p->stage, p->client.fd);
	return r < 0 ? r : finish(p);
}
