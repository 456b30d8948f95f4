/* SPDX-License-Identifier: Apache-2.0 */
/* A cached token, as handlers get it: OpenSession and GetToken in one breath. */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "deadline.h"
#include "load.h"
#include "report.h"
#include "samples.h"
#include "varlink.h"

#define INTERFACE "io.maildest.Helper."
#define READ_SIZE 4096

struct line_to_helper {
	int fd; /* owned; -1: none yet */
	struct secret input;
};

static int dial(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -1;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static void hang_up(struct line_to_helper *l)
{
	macro_close(&l->fd);
	l->fd = -1;
	secret_done(&l->input);
}

static int append_open(struct secret *calls, const char *destination)
{
	struct varlink_writer v;

	varlink_begin_call(&v, calls, INTERFACE "OpenSession");
	json_writer_string(&v.w, "service", destination);
	json_writer_string(&v.w, "destination", destination);
	return varlink_end(&v);
}

static int append_get(struct secret *calls)
{
	struct varlink_writer v;

	varlink_begin_call(&v, calls, INTERFACE "GetToken");
	return varlink_end(&v);
}

/* Waits for one answer that is no error. */
static int await(struct line_to_helper *l)
{
	_cleanup_json_ struct json *reply = NULL;
	ssize_t n;
	int r;

	while ((r = varlink_take(&l->input, &reply)) == 0) {
		r = secret_reserve(&l->input, READ_SIZE);
		if (r < 0)
			return r;
		n = recv(l->fd, l->input.data + l->input.len, READ_SIZE, 0);
		if (n <= 0)
			return n < 0 ? -errno : -ECONNRESET;
		l->input.len += (size_t)n;
		l->input.data[l->input.len] = '\0';
	}
	if (r < 0)
		return r;
	return varlink_error(reply) ? -EPROTO : 0;
}

/* Connects first if there is no connection. */
static int get_token(struct line_to_helper *l, const char *path, const char *destination)
{
	_cleanup_secret_ struct secret calls = {0};
	bool fresh = l->fd < 0;
	int r = 0;

	if (fresh) {
		l->fd = dial(path);
		r = l->fd < 0 ? l->fd : append_open(&calls, destination);
	}
	if (r == 0)
		r = append_get(&calls);
	if (r == 0 && send(l->fd, calls.data, calls.len, MSG_NOSIGNAL) < 0)
		r = -errno;
	if (r == 0 && fresh)
		r = await(l);
	return r < 0 ? r : await(l);
}

int load_tokens(const char *socket, const char *destination, size_t requests, bool anew)
{
	_cleanup_samples_ struct samples samples = {0};
	_cleanup_report_ struct report report = {0};
	struct line_to_helper l = {.fd = -1};
	uint64_t begun;
	int r;

	r = samples_init(&samples, requests);
	/* The first one connects. */
	if (r == 0 && !anew)
		r = get_token(&l, socket, destination);
	for (size_t i = 0; r == 0 && i < requests; i++) {
		begun = deadline_now();
		if (get_token(&l, socket, destination) == 0)
			samples.usec[i] = deadline_now() - begun;
		if (anew || samples.usec[i] == SAMPLES_FAILED)
			hang_up(&l);
	}
	hang_up(&l);
	if (r < 0)
		return r;
	report_begin(&report);
	samples_write(&samples, &report.w);
	return report_print(&report);
}
