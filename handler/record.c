/* SPDX-License-Identifier: Apache-2.0 */
/* One record a connection. An operator at three in the morning reads MESSAGE and nothing else. */

#include "record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "deadline.h"

#define MESSAGE_ID_INSECURE "7d0e4c6b2a8f4951b3e1d5f7a9c0b409"
#define MESSAGE_ID_CONTRADICTION "2c8e5a1f7b9d4036a4f2c6e8d0b31c12"
#define MESSAGE_ID_UNCONFINED "5e1b9c7d3f604a28b8d2e6f0a4c71513"
#define FIELDS 12
#define NUMBER_SIZE sizeof("18446744073709551615")

void record_begin(struct record *r)
{
	unsigned char random[(SESSION_ID_SIZE - 1) / 2] = {0};

	*r = (struct record){.started = deadline_now()};
	if (getrandom(random, sizeof(random), 0) < 0)
		memset(random, 0, sizeof(random)); /* an id is a convenience */
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(
		    r->session + 2 * i, 3, "%02x", random[i]); /* two digits fit */
}

void record_done(struct record *r)
{
	free(r->client);
	free(r->upstream);
	free(r->tls);
	*r = (struct record){0};
}

/* The fields, with the numbers as text. */
struct rendered {
	struct log_field fields[FIELDS];
	char bytes_in[NUMBER_SIZE], bytes_out[NUMBER_SIZE], duration[NUMBER_SIZE];
};

static void number(char out[NUMBER_SIZE], uint64_t value)
{
	(void)snprintf(out, NUMBER_SIZE, "%" PRIu64, value); /* fits by its type */
}

static void render(
    const struct record *r, const char *result, uint64_t ended, struct rendered *ret)
{
	number(ret->bytes_in, r->bytes_in);
	number(ret->bytes_out, r->bytes_out);
	number(ret->duration, ended - r->started);
	memcpy(ret->fields,
	    (const struct log_field[FIELDS]){
		{"MAILDEST_SERVICE", r->service},
		{"MAILDEST_DESTINATION", r->destination},
		{"MAILDEST_PROTOCOL", r->protocol},
		{"MAILDEST_CLIENT", r->client},
		{"MAILDEST_UPSTREAM", r->upstream},
		{"MAILDEST_TLS", r->tls},
		{"MAILDEST_MECHANISM", r->mechanism},
		{"MAILDEST_BYTES_IN", ret->bytes_in},
		{"MAILDEST_BYTES_OUT", ret->bytes_out},
		{"MAILDEST_DURATION_USEC", ret->duration},
		{"MAILDEST_RESULT", result},
		{"MAILDEST_SESSION", r->session},
	    },
	    sizeof(ret->fields));
}

static int append_subject(const struct record *r, struct secret *out)
{
	int n;

	n = secret_printf(out, "session %s of %s to destination %s", r->session,
	    r->client ? r->client : "a client", r->destination ? r->destination : "?");
	if (n == 0 && r->upstream)
		n = secret_printf(out, " (%s)", r->upstream);
	return n;
}

void record_success(const struct record *r, const char *how)
{
	_cleanup_secret_ struct secret message = {0};
	const char *text = how; /* all there is without memory; the fields say the rest */
	struct rendered rendered;

	if (append_subject(r, &message) == 0 &&
	    secret_printf(&message, ": %s; %" PRIu64 " bytes in, %" PRIu64 " out", how,
		r->bytes_in, r->bytes_out) == 0)
		text = secret_str(&message);
	render(r, "ok", deadline_now(), &rendered);
	log_record(
	    LOG_PRIORITY_NOTICE, MESSAGE_ID_SESSION, text, rendered.fields, FIELDS);
}

static int failure_message(
    const struct record *r, const char *phase, const char *why, struct secret *out)
{
	int n;

	n = append_subject(r, out);
	return n < 0 ? n : secret_printf(out, " failed while %s: %s", phase, why);
}

void record_failure(const struct record *r, const struct refusal *refusal,
    const char *phase, const char *why)
{
	_cleanup_secret_ struct secret message = {0};
	const char *text = why;
	struct rendered rendered;

	if (failure_message(r, phase, why, &message) == 0)
		text = secret_str(&message);
	render(r, refusal->result, deadline_now(), &rendered);
	log_record(refusal->priority, refusal->message_id, text, rendered.fields, FIELDS);
}

int record_prepare_failure(const struct record *r, const struct refusal *refusal,
    const char *phase, const char *why, uint64_t when, struct secret *ret)
{
	_cleanup_secret_ struct secret message = {0};
	struct rendered rendered;
	int n;

	n = failure_message(r, phase, why, &message);
	if (n < 0)
		return n;
	render(r, refusal->result, when, &rendered);
	return log_prepare(ret, refusal->priority, refusal->message_id,
	    secret_str(&message), rendered.fields, FIELDS);
}

/* A record beside the one of the session's end, at the level of warnings. */
static void warn(
    const struct record *r, const char *message_id, const char *kind, const char *what)
{
	_cleanup_secret_ struct secret message = {0};
	const struct log_field fields[] = {
	    {"MAILDEST_SERVICE", r->service},
	    {"MAILDEST_DESTINATION", r->destination},
	    {"MAILDEST_SESSION", r->session},
	};

	if (append_subject(r, &message) < 0 ||
	    secret_printf(&message, ": %s: %s", kind, what) < 0)
		return;
	log_record(LOG_PRIORITY_WARNING, message_id, secret_str(&message), fields,
	    ELEMENTSOF(fields));
}

void record_insecure(const struct record *r, const char *what)
{
	warn(r, MESSAGE_ID_INSECURE, "INSECURE", what);
}

void record_unconfined(const struct record *r, const char *what)
{
	warn(r, MESSAGE_ID_UNCONFINED, "UNCONFINED", what);
}

void record_contradiction(const struct record *r, const char *what)
{
	warn(r, MESSAGE_ID_CONTRADICTION, "CONTRADICTION", what);
}
