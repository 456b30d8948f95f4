/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maildest-handler: one mail connection on standard input and output, as systemd's
 * StandardInput=socket, systemd-socket-activate --accept --inetd or a pipe give it.
 */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dial.h"
#include "dry-run.h"
#include "log.h"
#include "session.h"

#define IDENTIFIER "maildest-handler"
#define EXIT_USAGE 2

static const char usage[] =
    "Usage: maildest-handler [OPTION...] DESTINATION\n"
    "\n"
    "Serves one mail connection on standard input and output: logs in to the mail\n"
    "server that destinations/DESTINATION.json names, and relays.\n"
    "\n"
    "      --check               log in without a client, print each step, log out\n"
    "      --config-dir=DIR      configuration (default: $MAILDEST_CONFIG_DIR,\n"
    "                            /etc/maildest, for users ~/.config/maildest)\n"
    "      --helper-socket=PATH  where maildest-helper listens (default:\n"
    "                            $MAILDEST_HELPER_SOCKET, /run/maildest/helper.sock,\n"
    "                            for users /run/user/UID/maildest/helper.sock)\n"
    "      --help                print this\n"
    "      --version             print the version\n";

struct arguments {
	struct session_request request;
	bool check;
};

enum option_code {
	OPTION_CHECK = 256,
	OPTION_CONFIG_DIR,
	OPTION_HELPER_SOCKET,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option options[] = {
    {"check", no_argument, NULL, OPTION_CHECK},
    {"config-dir", required_argument, NULL, OPTION_CONFIG_DIR},
    {"help", no_argument, NULL, OPTION_HELP},
    {"helper-socket", required_argument, NULL, OPTION_HELPER_SOCKET},
    {"version", no_argument, NULL, OPTION_VERSION},
    {0},
};

/* 1 to go on, 0 if all is said, -EINVAL for what is no use of the program. */
static int parse_option(int code, struct arguments *a)
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
	case OPTION_VERSION:
		puts("maildest " MAILDEST_VERSION);
		return 0;
	}
	return -EINVAL;
}

static int parse_arguments(int argc, char **argv, struct arguments *a)
{
	int code, r;

	while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
		r = parse_option(code, a);
		if (r <= 0)
			return r;
	}
	if (optind != argc - 1)
		return -EINVAL;
	a->request.destination = argv[optind];
	return 1;
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

int main(int argc, char **argv)
{
	struct arguments a = {
	    .request = {.login_usec = SESSION_LOGIN_USEC,
		.settle_usec = SESSION_SETTLE_USEC,
		.connect = dial_connect},
	};
	int r;

	r = parse_arguments(argc, argv, &a);
	if (r == 0)
		return 0;
	if (r < 0) {
		(void)fputs(usage, stderr); /* nobody to tell if it fails */
		return EXIT_USAGE;
	}
	(void)signal(SIGPIPE, SIG_IGN); /* a closed connection is an errno here */
	log_open(IDENTIFIER, a.check ? -1 : STDOUT_FILENO);
	return a.check ? dry_run(&a.request) : serve(&a.request);
}
