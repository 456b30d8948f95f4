/* SPDX-License-Identifier: Apache-2.0 */
#include "relay-pump.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "deadline.h"

/* Large mails want few turns; what a session does not use of it is never touched. */
#define BUFFER_SIZE ((size_t)256 * 1024)

void pump_done(struct pump *p)
{
	if (p->buffer)
		explicit_bzero(p->buffer, p->used);
	free(p->buffer);
	p->buffer = NULL;
	p->used = 0;
}

bool pump_is_empty(const struct pump *p)
{
	return p->start == p->end;
}

/* What was read before the relay began is the first to go. */
static ssize_t take_input(struct pump *p)
{
	struct secret *input = &p->from->input;
	size_t n = MIN_OF(input->len, BUFFER_SIZE);

	memcpy(p->buffer, input->data, n);
	secret_consume(input, n);
	return (ssize_t)n;
}

bool pump_fill(struct pump *p)
{
	ssize_t n;

	p->read_events = 0;
	if (p->ended || p->read_error || !pump_is_empty(p))
		return false;
	if (!p->buffer)
		p->buffer = malloc(BUFFER_SIZE);
	if (!p->buffer)
		n = -ENOMEM;
	else if (p->from->input.len > 0)
		n = take_input(p);
	else if (p->from->ended)
		n = 0;
	else
		n = stream_read_some(p->from, p->buffer, BUFFER_SIZE, &p->read_events);
	if (n == -EAGAIN)
		return false;
	p->read_events = 0;
	if (n < 0) {
		p->read_error = (int)n;
		return true;
	}
	if (n > 0 && !p->asks)
		unanswered_answer(p->unanswered);
	p->start = 0;
	p->end = (size_t)n;
	p->used = MAX_OF(p->used, p->end);
	p->ended = n == 0;
	return true;
}

/* Writes once: true if bytes went out. */
static bool write_some(struct pump *p)
{
	ssize_t n;

	n = stream_write_some(
	    p->to, p->buffer + p->start, p->end - p->start, &p->write_events);
	if (n == -EAGAIN) {
		if (p->blocked_since == 0)
			p->blocked_since = deadline_now();
		return false;
	}
	p->write_events = 0;
	p->blocked_since = 0;
	if (n < 0) {
		p->write_error = (int)n;
		return true;
	}
	if (p->asks)
		unanswered_ask(p->unanswered, p->buffer + p->start, (size_t)n);
	p->start += (size_t)n;
	*p->count += (uint64_t)n;
	return true;
}

bool pump_flush(struct pump *p)
{
	bool moved = false;

	p->write_events = 0;
	if (p->discard) {
		moved = !pump_is_empty(p);
		if (moved && p->asks)
			unanswered_ask(
			    p->unanswered, p->buffer + p->start, p->end - p->start);
		p->start = p->end = 0;
	}
	while (!pump_is_empty(p) && !p->write_error && write_some(p))
		moved = true;
	return moved;
}

bool pump_is_held(const struct pump *p)
{
	return p->to->tls && tls_is_half_closable(p->to->tls) &&
	       deadline_now() < p->hold_until;
}

bool pump_pass_end(struct pump *p)
{
	if (!p->ended || p->passed || !pump_is_empty(p) || pump_is_held(p))
		return false;
	p->write_events = 0;
	if (!p->to->tls) {
		/* a pipe has no half to close; its end comes with ours */
		(void)shutdown(p->to->out_fd, SHUT_WR);
	} else if (tls_is_half_closable(p->to->tls) && tls_close(p->to->tls) == -EAGAIN) {
		p->write_events = tls_events(p->to->tls);
		return false;
	}
	p->passed = true;
	return true;
}
