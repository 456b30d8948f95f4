/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maildest-handler: one mail connection on standard input and output, as systemd's
 * StandardInput=socket, systemd-socket-activate --accept --inetd or a pipe give it; or
 * each one that comes to the listening sockets that the service manager hands over.
 */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "confine.h"
#include "dial.h"
#include "dry-run.h"
#include "forking.h"
#include "log.h"
#include "secret-memory.h"
#include "session.h"
#include "title.h"
#include "tls.h"

#define IDENTIFIER "maildest-handler"
#define EXIT_USAGE 2
/* Far more processes than a host could run. */
#define SESSIONS_LIMIT 1000000UL

static const char usage[] =
    "Usage: maildest-handler [OPTION...] [DESTINATION]\n"
    "\n"
    "Serves one mail connection on standard input and output: logs in to the mail\n"
    "server that destinations/DESTINATION.json names, and relays. Given listening\n"
    "sockets (LISTEN_FDS), it serves each connection to them in a process of its\n"
    "own; without DESTINATION, a socket's name (LISTEN_FDNAMES) is its destination.\n"
    "\n"
    "      --check               log in without a client, print each step, log out\n"
    "      --config-dir=DIR      configuration (default: $MAILDEST_CONFIG_DIR,\n"
    "                            /etc/maildest, for users ~/.config/maildest)\n"
    "      --helper-socket=PATH  where maildest-helper listens (default:\n"
    "                            $MAILDEST_HELPER_SOCKET, /run/maildest/helper.sock,\n"
    "                            for users /run/user/UID/maildest/helper.sock)\n"
    "      --sessions-max=N      sessions at once on listening sockets (default: 4096)\n"
    "      --services=FILE       what is at the address of which listening socket\n"
    "      --help                print this\n"
    "      --version             print the version\n"
    "\n"
    "What a service is, beside its destination:\n"
    "      --service=NAME        what logs call it (default: the destination)\n"
    "      --tenant=TENANT       whose tokens these are: a tenant's subdomain, which\n"
    "                            also goes into token URLs of tokenServiceURLType\n"
    "                            Common\n"
    "      --fragment=NAME[,NAME...]  fragments/NAME.json, laid over the destination\n"
    "      --fragment-optional   a fragment that is not there is none\n"
    "      --instance=NAME       the destination lies in a Destination service\n"
    "      --level=LEVEL, --fragment-level=LEVEL  subaccount, instance,\n"
    "                            provider_subaccount or provider_instance\n"
    "      --chain=NAME, --chain-var=NAME=VALUE  a destination chain and its variables\n"
    "      --clients=WHO         beside root, who may connect: everyone, root or\n"
    "                            group:NAME (default: Clients= in maildest.conf, or\n"
    "                            the group maildest-clients)\n"
    "      --allow=NETWORK[,NETWORK...]  other hosts that may connect\n"
    "      --client-login=WHICH  any, preauth, required or none (default: ClientLogin=\n"
    "                            in maildest.conf)\n";

struct arguments {
	struct session_request request;
	const char *services;
	size_t sessions_max;
	bool check;
};

enum option_code {
	OPTION_CHECK = 256,
	OPTION_CONFIG_DIR,
	OPTION_HELPER_SOCKET,
	OPTION_HELP,
	OPTION_SERVICE,
	OPTION_SERVICES,
	OPTION_SESSIONS_MAX,
	OPTION_VERSION,
};

static const struct option options[] = {
    {"allow", required_argument, NULL, OPTION_SERVICE},
    {"chain", required_argument, NULL, OPTION_SERVICE},
    {"chain-var", required_argument, NULL, OPTION_SERVICE},
    {"check", no_argument, NULL, OPTION_CHECK},
    {"client-login", required_argument, NULL, OPTION_SERVICE},
    {"clients", required_argument, NULL, OPTION_SERVICE},
    {"config-dir", required_argument, NULL, OPTION_CONFIG_DIR},
    {"fragment", required_argument, NULL, OPTION_SERVICE},
    {"fragment-level", required_argument, NULL, OPTION_SERVICE},
    {"fragment-optional", no_argument, NULL, OPTION_SERVICE},
    {"help", no_argument, NULL, OPTION_HELP},
    {"helper-socket", required_argument, NULL, OPTION_HELPER_SOCKET},
    {"instance", required_argument, NULL, OPTION_SERVICE},
    {"level", required_argument, NULL, OPTION_SERVICE},
    {"service", required_argument, NULL, OPTION_SERVICE},
    {"services", required_argument, NULL, OPTION_SERVICES},
    {"sessions-max", required_argument, NULL, OPTION_SESSIONS_MAX},
    {"tenant", required_argument, NULL, OPTION_SERVICE},
    {"version", no_argument, NULL, OPTION_VERSION},
    {0},
};

/* Says what is wrong with how the program is used: -EINVAL. */
static int complain(const char *why)
{
	/* nobody to tell if it fails */
	(void)fprintf(stderr, IDENTIFIER ": %s\n\n", why);
	return -EINVAL;
}

/* 1, or -EINVAL, said, for what is no number that a table of processes could have. */
static int parse_sessions_max(const char *text, size_t *ret)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno != 0 || *text < '0' || *text > '9' || *end || value == 0 ||
	    value > SESSIONS_LIMIT)
		return complain("--sessions-max takes a number from 1 to 1000000");
	*ret = value;
	return 1;
}

static int take_service_option(struct service *s, const char *option)
{
	_cleanup_free_ char *why = NULL;
	int r;

	r = service_take_option(s, option, optarg, &why);
	return r < 0 ? complain(why ? why : strerror(-r)) : 1;
}

/* 1 to go on, 0 if all is said, -EINVAL for what is no use of the program. */
static int parse_option(int code, int index, struct arguments *a)
{
	switch (code) {
	case OPTION_CHECK:
		a->check = true;
		return 1;
	case OPTION_CONFIG_DIR:
		a->request.config_dir = optarg;
		return 1;
	case OPTION_HELPER_SOCKET:
		a->request.helper_socket = optarg;
		return 1;
	case OPTION_HELP:
		(void)fputs(usage, stdout); /* nobody to tell if it fails */
		return 0;
	case OPTION_SERVICE:
		return take_service_option(&a->request.service, options[index].name);
	case OPTION_SERVICES:
		a->services = optarg;
		return 1;
	case OPTION_SESSIONS_MAX:
		return parse_sessions_max(optarg, &a->sessions_max);
	case OPTION_VERSION:
		puts("maildest " MAILDEST_VERSION);
		return 0;
	}
	return -EINVAL;
}

/* What must, or must not, go together. */
static int check_arguments(const struct arguments *a)
{
	_cleanup_free_ char *why = NULL;
	const char *destination = a->request.service.destination;
	int r;

	if (a->check && !destination)
		return complain("--check needs a destination");
	if (a->services && destination)
		return complain("--services names the destinations");
	r = service_check(&a->request.service, &why);
	return r < 0 ? complain(why ? why : strerror(-r)) : 1;
}

static int parse_arguments(int argc, char **argv, struct arguments *a)
{
	int code, index, r;

	while ((code = getopt_long(argc, argv, "", options, &index)) != -1) {
		r = parse_option(code, index, a);
		if (r <= 0)
			return r;
	}
	if (optind < argc)
		a->request.service.destination = argv[optind++];
	if (optind < argc)
		return complain("there can be only one destination");
	return check_arguments(a);
}

/* A socket is one descriptor twice; pipes, as `tunnel` commands use them, are two. */
static int serve(const struct session_request *request)
{
	struct stat in, out;
	int out_fd = STDOUT_FILENO;

	if (fstat(STDIN_FILENO, &in) < 0 || fstat(STDOUT_FILENO, &out) < 0) {
		log_message(LOG_PRIORITY_ERROR,
		    "no connection on standard input and output: %s", strerror(errno));
		return EXIT_USAGE;
	}
	if (in.st_dev == out.st_dev && in.st_ino == out.st_ino && S_ISSOCK(in.st_mode))
		out_fd = STDIN_FILENO;
	session_run(request, STDIN_FILENO, out_fd);
	return 0;
}

/* What the service manager handed over: one accepted connection, or sockets to accept on. */
static int serve_sockets(const struct arguments *a, struct listen_fds *sockets)
{
	const struct forking_options forking = {
	    .request = &a->request,
	    .services = a->services,
	    .identifier = IDENTIFIER,
	    .sessions_max = a->sessions_max,
	};
	struct session_request request = a->request;
	int fd;

	listen_fds_drop_faulty(sockets);
	if (sockets->n == 0) {
		log_message(LOG_PRIORITY_ERROR,
		    "none of the descriptors that were handed over can be served");
		return EXIT_USAGE;
	}
	if (!sockets->list[0].is_connected)
		return tls_init() < 0 || forking_run(&forking, sockets) < 0 ? EXIT_FAILURE
									    : 0;
	request.service.destination = sockets->list[0].name;
	fd = TAKE_FD(sockets->list[0].fd);
	session_run(&request, fd, fd);
	return 0;
}

/* The descriptor that records must never reach: a connection's, or -1. */
static int find_connection(const struct arguments *a, const struct listen_fds *sockets)
{
	if (sockets->n > 0)
		return sockets->list[0].is_connected ? sockets->list[0].fd : -1;
	return a->request.service.destination ? STDOUT_FILENO : -1;
}

static int run(const struct arguments *a)
{
	_cleanup_listen_fds_ struct listen_fds sockets = {0};
	_cleanup_free_ char *why = NULL;
	int r;

	/* before log_open(), whose own descriptor must not pass for one of them */
	r = listen_fds_take(
	    &sockets, a->services ? a->services : a->request.service.destination, &why);
	log_open(IDENTIFIER, find_connection(a, &sockets));
	if (r < 0) {
		log_message(LOG_PRIORITY_ERROR, "%s", why ? why : strerror(-r));
		return EXIT_USAGE;
	}
	if (sockets.n > 0)
		return serve_sockets(a, &sockets);
	if (a->request.service.destination)
		return serve(&a->request);
	log_message(LOG_PRIORITY_ERROR,
	    "no destination is named, and there are no sockets that are (%s)",
	    why ? why : "LISTEN_FDS is not set");
	(void)fputs(usage, stderr); /* nobody to tell if it fails */
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct arguments a = {
	    .request = {.login_usec = SESSION_LOGIN_USEC,
		.settle_usec = SESSION_SETTLE_USEC,
		.connect = dial_connect},
	    .sessions_max = FORKING_SESSIONS_MAX,
	};
	int r;

	confine_process();
	argv = title_take_arguments(argc, argv);
	r = parse_arguments(argc, argv, &a);
	if (r == 0)
		return 0;
	if (r < 0) {
		(void)fputs(usage, stderr); /* nobody to tell if it fails */
		return EXIT_USAGE;
	}
	/* a session's own tls_init() comes when its client can be told of a failure */
	if (secret_memory_install_in_openssl(SECRET_MEMORY_KEYS) < 0)
		(void)fputs("maildest-handler: another library has used OpenSSL before: "
			    "what it frees is not wiped\n",
		    stderr); /* nobody to tell if it fails */
	if (a.check && tls_init() < 0) {
		(void)fputs("maildest-handler: OpenSSL is not usable\n", stderr);
		return EXIT_FAILURE;
	}
	(void)signal(SIGPIPE, SIG_IGN); /* a closed connection is an errno here */
	if (!a.check)
		return run(&a);
	log_open(IDENTIFIER, -1);
	return dry_run(&a.request);
}
