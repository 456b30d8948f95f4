/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maildest-helper: options, what a keeper of secrets does to itself, sockets, signals,
 * the event loop. What it serves is server.c's. Configuration is not looked at here: a
 * destination that is wrong is an answer to those who ask for it, never a reason not to
 * run.
 */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "deadline.h"
#include "harden.h"
#include "inherit.h"
#include "listen.h"
#include "log.h"
#include "paths.h"
#include "secret-memory.h"
#include "server.h"

/* For memory to be had again, or whatever the event loop was refused. */
#define PAUSE_USEC (100 * USEC_PER_MSEC)
/* A loop that fails so often is not mended by going on: the service manager starts another. */
#define FAILURES_MAX 100
/* As long as it has to run that its failures are forgotten. */
#define FORGET_USEC (10 * USEC_PER_SEC)

/* More than a TLS handshake takes. */
#define RESERVE_SIZE ((size_t)512 * 1024)

static void *reserve; /* of memory, for OpenSSL; NULL while it is used up */
static struct broker_folders arg_folders;
static const char *arg_socket;

static const char help[] =
    "Usage: maildest-helper [OPTION...]\n"
    "\n"
    "Obtains and keeps the access tokens of mail destinations.\n"
    "\n"
    "      --config-dir=DIR      configuration (default: $MAILDEST_CONFIG_DIR,\n"
    "                            /etc/maildest, for users ~/.config/maildest)\n"
    "      --helper-socket=PATH  socket to listen on if the service manager gives none\n"
    "                            (default: $MAILDEST_HELPER_SOCKET,\n"
    "                            /run/maildest/helper.sock, for users\n"
    "                            /run/user/UID/maildest/helper.sock)\n"
    "      --state-dir=DIR       where it notes rotated refresh tokens (default:\n"
    "                            $STATE_DIRECTORY, /var/lib/maildest-helper, for users\n"
    "                            ~/.local/state/maildest)\n"
    "      --help                print this\n"
    "      --version             print the version\n";

/* 1 to go on, 0 when all is done, -EINVAL after a message of getopt_long(3)'s. */
static int parse_options(int argc, char *argv[])
{
	static const struct option options[] = {
	    {"config-dir", required_argument, NULL, 'c'},
	    {"help", no_argument, NULL, 'h'},
	    {"helper-socket", required_argument, NULL, 's'},
	    {"state-dir", required_argument, NULL, 'd'},
	    {"version", no_argument, NULL, 'v'},
	    {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 'c':
			arg_folders.config_dir = optarg;
			break;
		case 'd':
			arg_folders.state_dir = optarg;
			break;
		case 'h':
			return fputs(help, stdout) < 0 ? -EIO : 0;
		case 's':
			arg_socket = optarg;
			break;
		case 'v':
			return puts("maildest-helper " MAILDEST_VERSION) < 0 ? -EIO : 0;
		default:
			return -EINVAL;
		}
	}
	if (optind == argc)
		return 1;
	(void)fprintf(stderr, "maildest-helper: it takes no arguments\n");
	return -EINVAL;
}

static void harden(void)
{
	int r;

	r = harden_process();
	if (r < 0)
		log_message(LOG_PRIORITY_WARNING, "Cannot set limits of the process: %s",
		    strerror(-r));
	r = harden_memory();
	if (r == -EPERM)
		log_message(LOG_PRIORITY_NOTICE,
		    "Memory is not locked, since RLIMIT_MEMLOCK is too low: tokens may "
		    "be swapped out (LimitMEMLOCK=infinity cures that)");
	else if (r < 0)
		log_message(LOG_PRIORITY_NOTICE,
		    "Memory is not locked, tokens may be swapped out: %s", strerror(-r));
}

static int on_stop(
    sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	(void)source;
	(void)info;
	return server_drain(userdata);
}

static int watch_signals(sd_event *event, struct server *server)
{
	static const int stops[] = {SIGINT, SIGTERM};
	sigset_t set;
	int r = 0;

	(void)signal(SIGHUP, SIG_IGN); /* nothing to reload: everything is read anew */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* LimitFSIZE=: the write fails, which is told */
	(void)sigemptyset(&set);
	for (size_t i = 0; i < ELEMENTSOF(stops); i++)
		(void)sigaddset(&set, stops[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	for (size_t i = 0; i < ELEMENTSOF(stops) && r >= 0; i++)
		r = sd_event_add_signal(event, NULL, stops[i], on_stop, server);
	return r < 0 ? r : 0;
}

/* The path of a socket of our own goes to *ret_path, to be unlinked at the end. */
static int open_sockets(struct server *server, char **ret_path)
{
	_cleanup_free_ char *why = NULL, *path = NULL;
	int r;

	r = inherit(server);
	if (r == 0) {
		r = path_helper_socket(arg_socket, &path);
		if (r == 0)
			r = listen_bind(path, &why);
		if (r >= 0)
			r = server_listen(server, r);
	}
	if (r < 0) {
		if (!why && r == -ENOTSOCK)
			why = strdup("the service manager gave no Unix stream socket");
		log_message(
		    LOG_PRIORITY_ERROR, "Cannot listen: %s", why ? why : strerror(-r));
		return r;
	}
	*ret_path = TAKE_PTR(path);
	return 0;
}

/* What is not to be had now may be a moment later; tokens that are cached are worth it. */
static int loop(sd_event *event)
{
	unsigned failures = 0;
	uint64_t begun;
	int r;

	for (;;) {
		begun = deadline_now();
		r = sd_event_loop(event);
		if (r >= 0)
			return r;
		if (deadline_now() >= begun + FORGET_USEC)
			failures = 0;
		if (++failures > FAILURES_MAX)
			return r;
		log_message(LOG_PRIORITY_WARNING,
		    "The event loop failed, going on in a moment: %s", strerror(-r));
		r = deadline_poll(NULL, 0, deadline_in(PAUSE_USEC));
		if (r != -ETIMEDOUT)
			failures++; /* there was no pause: only so much sooner at the end */
	}
}

static int serve(sd_event *event, struct server *server)
{
	_cleanup_free_ char *path = NULL;
	int r;

	r = open_sockets(server, &path);
	if (r < 0)
		return r;
	r = watch_signals(event, server);
	if (r >= 0)
		r = server_tell_ready(server);
	if (r >= 0)
		r = loop(event);
	if (r < 0)
		log_message(
		    LOG_PRIORITY_ERROR, "The event loop failed: %s", strerror(-r));
	if (path)
		(void)unlink(path); /* the next one would take it over all the same */
	return r;
}

/*
 * Where OpenSSL (3.0) can have no memory it crashes, or finds an algorithm never again. So
 * it gets what was kept for that, and the event loop puts something by anew. Without any of
 * it this process is of no use: the next one has the tokens from the service manager.
 */
static void on_exhaustion(void)
{
	if (!reserve) {
		log_message(LOG_PRIORITY_ERROR, "Cannot go on: %s", strerror(ENOMEM));
		_exit(EXIT_FAILURE);
	}
	free(reserve);
	reserve = NULL;
}

static int on_event(sd_event_source *source, void *userdata)
{
	(void)source;
	(void)userdata;
	if (!reserve)
		reserve = malloc(RESERVE_SIZE);
	return 0;
}

/* From here to the end of the process. */
static int keep_reserve(sd_event *event)
{
	reserve = malloc(RESERVE_SIZE);
	secret_memory_on_exhaustion(on_exhaustion);
	return sd_event_add_post(event, NULL, on_event, NULL);
}

static int run(void)
{
	sd_event *event = NULL;
	struct server *server = NULL;
	int r;

	harden();
	r = sd_event_default(&event);
	if (r >= 0)
		r = keep_reserve(event);
	if (r >= 0)
		r = server_new(event, &arg_folders, &server);
	if (r < 0)
		log_message(LOG_PRIORITY_ERROR, "Cannot start: %s", strerror(-r));
	else
		r = serve(event, server);
	server_free(server);
	sd_event_unref(event);
	free(reserve);
	reserve = NULL;
	return r;
}

int main(int argc, char *argv[])
{
	int r;

	r = secret_memory_install_in_openssl(SIZE_MAX);
	if (r < 0) {
		(void)fprintf(
		    stderr, "maildest-helper: cannot have OpenSSL wipe its memory\n");
		return EXIT_FAILURE;
	}
	r = parse_options(argc, argv);
	if (r <= 0)
		return r < 0 ? 2 : EXIT_SUCCESS;
	log_open("maildest-helper", -1);
	return run() < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
