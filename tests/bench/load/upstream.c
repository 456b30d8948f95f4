/* SPDX-License-Identifier: Apache-2.0 */
/* Listens, and gives each connection a thread. */

#include "upstream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "report.h"

#define STACK_SIZE ((size_t)256 * 1024)
#define PAUSE_USEC 1000
#define PATIENCE_SEC ((time_t)30 * 60) /* with clients that are silent: RFC 3501 5.4 */

static const struct service {
	const char *name;
	bool tls;
	int (*serve)(struct visit *v);
} services[] = {
    {"smtp", false, smtp_serve},
    {"smtps", true, smtp_serve},
    {"imap", false, imap_serve},
    {"imaps", true, imap_serve},
    {"http", false, http_serve},
};

struct task {
	const struct service *service;
	struct visit visit;
};

static void *run(void *data)
{
	_cleanup_free_ struct task *task = data;
	struct visit *v = &task->visit;
	int r = 0;

	if (task->service->tls)
		r = connection_accept_tls(&v->connection, v->upstream->context);
	if (r == 0)
		r = task->service->serve(v);
	(void)r; /* whoever was cut off counts it as a failure */
	connection_done(&v->connection);
	return NULL;
}

static int start_thread(struct task *task)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r;

	r = pthread_attr_init(&attributes);
	if (r == 0)
		r = pthread_attr_setstacksize(&attributes, STACK_SIZE);
	if (r == 0)
		r = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (r == 0)
		r = pthread_create(&thread, &attributes, run, task);
	(void)pthread_attr_destroy(&attributes); /* never fails */
	return -r;
}

static int serve_one(struct upstream *u, const struct service *service, int listener)
{
	struct task *task;
	int fd, r;

	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0) {
		(void)usleep(PAUSE_USEC); /* no descriptor left, or the client gave up */
		return 0;
	}
	task = malloc(sizeof(*task));
	if (!task) {
		(void)close(fd); /* the client notices */
		return -ENOMEM;
	}
	task->service = service;
	task->visit.upstream = u;
	task->visit.logged_in = false;
	connection_init(&task->visit.connection, fd, PATIENCE_SEC);
	r = start_thread(task);
	if (r < 0) {
		connection_done(&task->visit.connection);
		free(task);
	}
	return r;
}

/* A listening socket on a port of the kernel's choice. */
static int listen_on_any(uint16_t *ret_port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);
	_cleanup_close_ int fd = -1;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, SOMAXCONN) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		return -errno;
	*ret_port = ntohs(address.sin_port);
	return TAKE_FD(fd);
}

static int listen_and_tell(struct pollfd listeners[static ELEMENTSOF(services)])
{
	_cleanup_report_ struct report report = {0};
	uint16_t port = 0;
	int r;

	report_begin(&report);
	for (size_t i = 0; i < ELEMENTSOF(services); i++) {
		r = listen_on_any(&port);
		if (r < 0)
			return r;
		listeners[i] = (struct pollfd){.fd = r, .events = POLLIN};
		json_writer_integer(&report.w, services[i].name, port);
	}
	return report_print(&report);
}

/* As a stock server: two tickets a handshake, sessions of TLS 1.2 resumed too. */
static SSL_CTX *server_context(const char *certificate, const char *key)
{
	static const unsigned char id[] = "upstream";
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	if (context && SSL_CTX_use_certificate_chain_file(context, certificate) == 1 &&
	    SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 &&
	    SSL_CTX_set_session_id_context(context, id, sizeof(id) - 1) == 1)
		return context;
	SSL_CTX_free(context);
	return NULL;
}

int upstream_run(const char *certificate, const char *key)
{
	struct pollfd listeners[ELEMENTSOF(services)];
	struct upstream u = {.context = server_context(certificate, key)};
	int r;

	if (!u.context)
		return -EKEYREJECTED;
	r = listen_and_tell(listeners);
	while (r == 0) {
		if (poll(listeners, ELEMENTSOF(listeners), -1) < 0 && errno != EINTR)
			r = -errno;
		for (size_t i = 0; i < ELEMENTSOF(listeners) && r == 0; i++)
			if (listeners[i].revents)
				r = serve_one(&u, &services[i], listeners[i].fd);
	}
	SSL_CTX_free(u.context);
	return r;
}
