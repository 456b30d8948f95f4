/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets and the process of the session. */

#include "stage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "deadline.h"
#include "log.h"
#include "session.h"
#include "stage-files.h"

/* What connect_next() hands out, in the session's process. The session's own interface
 * has no place for it: a real connect function needs none. */
static struct {
	struct connection *connections;
	size_t n, next;
	int control;
} handed_out;

static int connect_next(_unused_ const struct addrinfo *addresses, _unused_ int watch_fd,
    _unused_ uint64_t deadline, char **ret_why)
{
	struct connection *c;

	if (write(handed_out.control, "c", 1) < 0)
		return -errno;
	if (handed_out.next == handed_out.n)
		return -ECONNREFUSED;
	c = &handed_out.connections[handed_out.next++];
	if (c->error < 0) {
		*ret_why = strdup("the dialogue has it so");
		return c->error;
	}
	if (fcntl(c->session, F_SETFL, O_NONBLOCK) < 0) /* as dial_connect() makes it */
		return -errno;
	return TAKE_FD(c->session);
}

char *stage_path(const struct stage *s, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", s->folder, name) < 0 ? NULL : path;
}

/* A connected pair over loopback, for what Unix sockets do not have: resets. */
static int tcp_pair(int ret[2])
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	_cleanup_close_ int listener = -1, near = -1, far = -1;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	near = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || near < 0 ||
	    bind(listener, (struct sockaddr *)&address, len) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &len) < 0 ||
	    connect(near, (struct sockaddr *)&address, len) < 0)
		return -errno;
	far = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (far < 0)
		return -errno;
	ret[0] = TAKE_FD(near);
	ret[1] = TAKE_FD(far);
	return 0;
}

static int make_pair(const struct stage *s, int *ret_ours, int *ret_session)
{
	bool tcp = strcmp(script_setting(s->script, "transport", ""), "tcp") == 0;
	int fds[2], r;

	r = tcp ? tcp_pair(fds) : socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
	if (r < 0)
		return tcp ? r : -errno;
	*ret_ours = fds[0];
	*ret_session = fds[1];
	return 0;
}

/* "refuses" and "refuses WORD" */
static int refusal(const struct step *step)
{
	static const struct {
		const char *text;
		int error;
	} refusals[] = {
	    {"refuses", -ECONNREFUSED},
	    {"refuses host-unreachable", -EHOSTUNREACH},
	    {"refuses network-unreachable", -ENETUNREACH},
	    {"refuses timeout", -ETIMEDOUT},
	};

	for (size_t i = 0; i < ELEMENTSOF(refusals); i++)
		if (strcmp(step->text, refusals[i].text) == 0)
			return refusals[i].error;
	return 0;
}

/* The connections to the server that the script tells of, in its order. */
static int make_connections(struct stage *s)
{
	int r = 0;

	for (size_t i = 0; i < s->script->n && r == 0; i++) {
		const struct step *step = &s->script->steps[i];
		struct connection c = {.session = -1, .server = -1};

		if (step->kind != STEP_DO || step->side != 'S')
			continue;
		c.error = refusal(step);
		if (c.error == 0 && strcmp(step->text, "connects") != 0)
			continue;
		if (s->n == STAGE_CONNECTIONS_MAX)
			return script_complain(step, "too many connections");
		if (c.error == 0)
			r = make_pair(s, &c.server, &c.session);
		s->connections[s->n++] = c;
	}
	return r;
}

static int complain(int error, const char *what)
{
	fprintf(stderr, "cannot set the stage: %s: %s\n", what, strerror(-error));
	return error;
}

int stage_prepare(struct stage *s, const struct script *script)
{
	const char *parent = getenv("TMPDIR");
	int r;

	s->script = script;
	if (asprintf(&s->folder, "%s/transcript-XXXXXX",
		parent && *parent ? parent : "/tmp") < 0) {
		s->folder = NULL;
		return -ENOMEM;
	}
	if (!mkdtemp(s->folder))
		return complain(-errno, s->folder);
	s->certificates = certificates_new();
	if (!s->certificates)
		return complain(-ENOMEM, "certificates");
	r = stage_write_files(s);
	if (r < 0)
		return complain(r, s->folder);
	r = make_pair(s, &s->client, &s->session_client);
	if (r == 0)
		r = make_connections(s);
	if (r < 0)
		return complain(r, "connections");
	s->output = memfd_create("output", MFD_CLOEXEC);
	return s->output < 0 ? complain(-errno, "the session's output") : 0;
}

static uint64_t login_time(const struct stage *s)
{
	uint64_t msec =
	    strtoul(script_setting(s->script, "login-time", "5000"), NULL, 10);

	return msec * USEC_PER_MSEC;
}

/* Only the session's own ends may stay open in its process, or it would never see an end. */
static void close_other_ends(struct stage *s, int client)
{
	(void)close(client); /* the other process goes on with it, as with all below */
	for (size_t i = 0; i < s->n; i++)
		if (s->connections[i].server >= 0)
			(void)close(s->connections[i].server);
}

static void run_session(struct stage *s, int control)
{
	_cleanup_free_ char *helper = stage_path(s, "helper.sock");
	const struct session_request request = {
	    .service.destination = stage_destination(s),
	    .config_dir = s->folder,
	    .helper_socket = helper,
	    .login_usec = login_time(s),
	    .connect = connect_next,
	};

	handed_out.connections = s->connections;
	handed_out.n = s->n;
	handed_out.control = control;
	log_open("maildest-handler", s->session_client);
	session_run(&request, s->session_client, s->session_client);
}

static int set_environment(const struct stage *s)
{
	_cleanup_free_ char *anchors = stage_path(s, "anchors");

	if (!anchors || setenv("SSL_CERT_DIR", anchors, 1) < 0 ||
	    unsetenv("SSL_CERT_FILE") < 0 ||
	    setenv("MAILDEST_LOG_TARGET", "stderr", 1) < 0)
		return -ENOMEM;
	return 0;
}

static void close_session_ends(struct stage *s)
{
	(void)close(TAKE_FD(s->session_client)); /* it is the session's */
	for (size_t i = 0; i < s->n; i++)
		if (s->connections[i].session >= 0)
			(void)close(TAKE_FD(s->connections[i].session));
}

int stage_start(struct stage *s, int client)
{
	int control[2];

	if (pipe2(control, O_CLOEXEC) < 0)
		return -errno;
	s->control = control[0];
	s->pid = fork();
	if (s->pid < 0)
		return -errno;
	if (s->pid == 0) {
		(void)close(control[0]); /* the other process reads it */
		if (set_environment(s) < 0 || dup2(s->output, STDERR_FILENO) < 0)
			exit(EXIT_FAILURE);
		close_other_ends(s, client);
		run_session(s, control[1]);
		exit(EXIT_SUCCESS); /* not _exit(): leaks are found on the way out */
	}
	(void)close(control[1]); /* ends with the session */
	close_session_ends(s);
	return 0;
}

int stage_wait(struct stage *s, bool late)
{
	int status = -1;

	if (s->pid <= 0)
		return 0;
	if (late)
		(void)kill(s->pid, SIGKILL); /* it has ended if this fails */
	if (waitpid(s->pid, &status, 0) < 0)
		status = -1;
	s->pid = 0;
	return status;
}

void stage_done(struct stage *s)
{
	(void)stage_wait(s, true); /* a failure has been told before */
	stage_remove_files(s);
	s->certificates = certificates_free(s->certificates);
	for (size_t i = 0; i < s->n; i++) {
		if (s->connections[i].session >= 0)
			(void)close(s->connections[i].session);
		if (s->connections[i].server >= 0)
			(void)close(s->connections[i].server);
	}
	if (s->client >= 0)
		(void)close(s->client);
	if (s->session_client >= 0)
		(void)close(s->session_client);
	if (s->output >= 0)
		(void)close(s->output);
	if (s->control >= 0)
		(void)close(s->control);
	free(s->user);
	free(s->password);
	free(s->host);
	free(s->port);
	free(s->folder);
	*s = (struct stage)STAGE_INIT;
}
