/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-load: the upstream and the load of tests/bench/run, on loopback only. Each verb
 * prints one line of JSON.
 */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "load.h"
#include "upstream.h"

#define EXIT_USAGE 2
#define COUNT_MAX 10000000
#define CONCURRENCY_MAX 10000
#define KIB_MAX 1048576

static const char usage[] =
    "Usage: bench-load VERB [OPTION...]\n"
    "\n"
    "  upstream --certificate=FILE --key=FILE\n"
    "      serves SMTP, IMAP and tokens on ports of its choice, which it prints\n"
    "  run --protocol=smtp|imap --port=N [--tls=implicit|starttls --ca=FILE]\n"
    "      [--count=1] [--concurrency=1] [--kib=4]\n"
    "      runs sessions of one mail each, with TLS and a login or without both\n"
    "  hold (the same options, no --concurrency)\n"
    "      begins sessions and keeps them until standard input ends\n"
    "  tokens --socket=PATH --destination=NAME [--count=1] [--anew]\n"
    "      gets tokens from maildest-helper, on one connection or on new ones\n";

enum option_code {
	OPTION_ANEW,
	OPTION_CA,
	OPTION_CERTIFICATE,
	OPTION_CONCURRENCY,
	OPTION_COUNT,
	OPTION_DESTINATION,
	OPTION_KEY,
	OPTION_KIB,
	OPTION_PORT,
	OPTION_PROTOCOL,
	OPTION_SOCKET,
	OPTION_TLS,
	OPTION_MAX,
};

static const struct option options[] = {
    {"anew", no_argument, NULL, OPTION_ANEW},
    {"ca", required_argument, NULL, OPTION_CA},
    {"certificate", required_argument, NULL, OPTION_CERTIFICATE},
    {"concurrency", required_argument, NULL, OPTION_CONCURRENCY},
    {"count", required_argument, NULL, OPTION_COUNT},
    {"destination", required_argument, NULL, OPTION_DESTINATION},
    {"key", required_argument, NULL, OPTION_KEY},
    {"kib", required_argument, NULL, OPTION_KIB},
    {"port", required_argument, NULL, OPTION_PORT},
    {"protocol", required_argument, NULL, OPTION_PROTOCOL},
    {"socket", required_argument, NULL, OPTION_SOCKET},
    {"tls", required_argument, NULL, OPTION_TLS},
    {0},
};

/* What was given for each option: borrowed, NULL if it was not, "" without a value. */
struct given {
	const char *text[OPTION_MAX];
};

static int parse_options(int argc, char **argv, struct given *ret)
{
	int code;

	while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (code < 0 || code >= OPTION_MAX)
			return -EINVAL;
		ret->text[code] = optarg ? optarg : "";
	}
	return optind == argc ? 0 : -EINVAL;
}

/* A whole number from 1 to `max`; *ret stays as it is where none was given. */
static int parse_number(
    const struct given *g, enum option_code option, size_t max, size_t *ret)
{
	const char *text = g->text[option];
	unsigned long value;
	char *end;

	if (!text)
		return 0;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || value < 1 || value > max)
		return -EINVAL;
	*ret = value;
	return 0;
}

static int parse_tls(const struct given *g, struct target *ret)
{
	const char *tls = g->text[OPTION_TLS], *ca = g->text[OPTION_CA];

	if (!tls)
		return 0;
	if (!ca || (strcmp(tls, "implicit") != 0 && strcmp(tls, "starttls") != 0))
		return -EINVAL;
	ret->tls = *tls == 'i' ? TARGET_IMPLICIT : TARGET_STARTTLS;
	ret->context = session_context(ca);
	return ret->context ? 0 : -EKEYREJECTED;
}

static int parse_target(const struct given *g, struct target *ret)
{
	const char *protocol = g->text[OPTION_PROTOCOL];
	size_t port = 0;
	int r;

	*ret = (struct target){.kib = 4};
	ret->dialogue = protocol ? session_dialogue(protocol) : NULL;
	r = parse_number(g, OPTION_PORT, UINT16_MAX, &port);
	ret->port = (uint16_t)port;
	if (r == 0)
		r = parse_number(g, OPTION_KIB, KIB_MAX, &ret->kib);
	if (r < 0 || !ret->dialogue || !port)
		return -EINVAL;
	return parse_tls(g, ret);
}

static int do_upstream(const struct given *g)
{
	const char *certificate = g->text[OPTION_CERTIFICATE], *key = g->text[OPTION_KEY];

	return certificate && key ? upstream_run(certificate, key) : -EINVAL;
}

static int do_sessions(const struct given *g, bool hold)
{
	size_t count = 1, concurrency = 1;
	struct target t;
	int r;

	r = parse_number(g, OPTION_COUNT, COUNT_MAX, &count);
	if (r == 0)
		r = parse_number(g, OPTION_CONCURRENCY, CONCURRENCY_MAX, &concurrency);
	if (r == 0)
		r = parse_target(g, &t);
	if (r < 0)
		return r;
	r = hold ? load_hold(&t, count) : load_run(&t, count, concurrency);
	SSL_CTX_free(t.context);
	return r;
}

static int do_run(const struct given *g)
{
	return do_sessions(g, false);
}

static int do_hold(const struct given *g)
{
	return do_sessions(g, true);
}

static int do_tokens(const struct given *g)
{
	const char *socket = g->text[OPTION_SOCKET];
	const char *destination = g->text[OPTION_DESTINATION];
	size_t count = 1;
	int r;

	r = parse_number(g, OPTION_COUNT, COUNT_MAX, &count);
	if (r < 0 || !socket || !destination)
		return -EINVAL;
	return load_tokens(socket, destination, count, g->text[OPTION_ANEW] != NULL);
}

static const struct {
	const char *name;
	int (*run)(const struct given *g);
} verbs[] = {
    {"upstream", do_upstream},
    {"run", do_run},
    {"hold", do_hold},
    {"tokens", do_tokens},
};

/* Many connections are many descriptors. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit); /* or some will fail */
	}
}

static int run(const char *verb, const struct given *g)
{
	for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
		if (strcmp(verb, verbs[i].name) == 0)
			return verbs[i].run(g);
	return -EINVAL;
}

int main(int argc, char **argv)
{
	struct given given = {0};
	int r = -EINVAL;

	(void)signal(SIGPIPE, SIG_IGN); /* a closed connection is an errno here */
	raise_limit();
	if (argc > 1 && parse_options(argc - 1, argv + 1, &given) == 0)
		r = run(argv[1], &given);
	if (r == -EINVAL) {
		(void)fputs(usage, stderr); /* nobody to tell if it fails */
		return EXIT_USAGE;
	}
	if (r < 0)
		(void)fprintf(stderr, "bench-load: %s\n", strerror(-r)); /* likewise */
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
