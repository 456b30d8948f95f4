/* SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fetch-private.h"
#include "url.h"

/* libcurl asks for a socket: the one that leads through the proxy, which becomes its own. */
static curl_socket_t on_open_socket(
    void *userdata, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct fetch *f = userdata;

	(void)purpose;
	(void)address;
	return f->fd >= 0 ? TAKE_FD(f->fd) : CURL_SOCKET_BAD;
}

static int on_socket_options(void *userdata, curl_socket_t fd, curlsocktype purpose)
{
	(void)userdata;
	(void)fd;
	(void)purpose;
	return CURL_SOCKOPT_ALREADY_CONNECTED;
}

void fetch_dial_lend(struct fetch *f)
{
	(void)curl_easy_setopt(f->easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	(void)curl_easy_setopt(f->easy, CURLOPT_OPENSOCKETDATA, f);
	(void)curl_easy_setopt(f->easy, CURLOPT_SOCKOPTFUNCTION, on_socket_options);
}

int fetch_dial(struct fetch *f)
{
	int r;

	f->is_dialling = true;
	r = fetch_begin_transfer(f);
	if (r == 0)
		r = fetch_options_set_dial(f->easy, f->means);
	return r < 0 ? r : curl_loop_add(f->fetcher->loop, f->easy);
}

static void on_tunnel(void *userdata, int error, const char *why)
{
	struct fetch *f = userdata;

	if (error == 0) {
		f->tunnel = tunnel_free(f->tunnel);
		error = fetch_start_request(f);
		why = "out of memory";
	}
	if (error < 0)
		fetch_fail(f, error, why);
}

void fetch_dial_done(struct fetch *f)
{
	const struct socks5_request q = {
	    .method = SOCKS5_JWT,
	    .jwt = secret_str(&f->means->jwt),
	    .location_id = f->request->location_id,
	    .host = f->request->host,
	    .port = url_port(secret_str(&f->request->url)),
	};
	_cleanup_free_ char *why = NULL;
	curl_socket_t fd = CURL_SOCKET_BAD;
	int r;

	(void)curl_easy_getinfo(f->easy, CURLINFO_ACTIVESOCKET, &fd);
	f->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	r = f->fd < 0 ? -errno : 0;
	fetch_end_transfer(f);
	if (r == 0)
		r = tunnel_start(f->fetcher->event, f->fd, &q, f->connect_until_usec,
		    on_tunnel, f, &f->tunnel, &why);
	if (r < 0)
		fetch_fail(f, r, why ? why : strerror(-r));
}
