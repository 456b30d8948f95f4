/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each request has a connection of its own, since libcurl silently repeats a POST on a
 * reused one that turns out to be closed. No redirects, no proxy from the environment,
 * nothing but HTTP/1.1. Options that cannot fail on a handle of this libcurl are not
 * checked one by one.
 */

#include "fetch-options.h"

#include <errno.h>
#include <string.h>

#include "anchors.h"
#include "deadline.h"

void fetch_lists_done(struct fetch_lists *l)
{
	curl_slist_free_all(l->headers);
	curl_slist_free_all(l->connect_to);
	*l = (struct fetch_lists){0};
}

static int append(struct curl_slist **list, const char *text)
{
	struct curl_slist *more = curl_slist_append(*list, text);

	if (!more)
		return -ENOMEM;
	*list = more;
	return 0;
}

int fetch_options_set_common(CURL *e, uint64_t connect_usec, uint64_t whole_usec)
{
	CURLcode code;

	(void)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L); /* no waiting for a resolver */
	(void)curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
	(void)curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	/* how long a name's addresses count is the resolver's to say: a service may move */
	(void)curl_easy_setopt(e, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	/* 0 would be libcurl's own time-out */
	(void)curl_easy_setopt(
	    e, CURLOPT_CONNECTTIMEOUT_MS, (long)(connect_usec / USEC_PER_MSEC) + 1);
	(void)curl_easy_setopt(
	    e, CURLOPT_TIMEOUT_MS, (long)(whole_usec / USEC_PER_MSEC) + 1);
	code = curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	/* whatever the environment says */
	if (code == CURLE_OK)
		code = curl_easy_setopt(e, CURLOPT_PROXY, "");
	if (code == CURLE_OK)
		code = curl_easy_setopt(e, CURLOPT_NOPROXY, "");
	return code == CURLE_OK ? 0 : -ENOMEM;
}

/* "http://host:port", an IPv6 address in brackets. */
static int print_proxy(const struct fetch_means *means, struct secret *out)
{
	bool six = strchr(means->proxy_host, ':');

	return secret_printf(out, "http://%s%s%s:%u", six ? "[" : "", means->proxy_host,
	    six ? "]" : "", (unsigned)means->proxy_port);
}

int fetch_options_set_dial(CURL *e, const struct fetch_means *means)
{
	_cleanup_secret_ struct secret url = {0};
	int r;

	r = print_proxy(means, &url);
	if (r < 0)
		return r;
	(void)curl_easy_setopt(e, CURLOPT_CONNECT_ONLY, 1L);
	/* or it would be closed at once; as it is, when the handle goes */
	(void)curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 0L);
	return curl_easy_setopt(e, CURLOPT_URL, url.data) == CURLE_OK ? 0 : -ENOMEM;
}

/* On plain http the proxy reads what is ordinary headers to libcurl. */
static int add_proxy_headers(const struct token_request *q,
    const struct fetch_means *means, struct curl_slist **list)
{
	_cleanup_secret_ struct secret jwt = {0}, location = {0};
	int r;

	r = secret_concat(
	    &jwt, "Proxy-Authorization: Bearer ", secret_str(&means->jwt), NULL);
	if (r == 0)
		r = append(list, jwt.data);
	if (r < 0 || !q->location_id)
		return r;
	r = secret_concat(
	    &location, "SAP-Connectivity-SCC-Location_ID: ", q->location_id, NULL);
	return r < 0 ? r : append(list, location.data);
}

static int add_service_token(const struct fetch_means *means, struct curl_slist **list)
{
	_cleanup_secret_ struct secret token = {0};
	int r;

	r = secret_concat(
	    &token, "Authorization: Bearer ", secret_str(&means->service_token), NULL);
	return r < 0 ? r : append(list, token.data);
}

static int set_headers(CURL *e, const struct token_request *q,
    const struct fetch_means *means, struct fetch_lists *lists)
{
	const char *header = secret_str(&q->headers);
	const char *end = header + q->headers.len;
	int r = 0;

	for (; header < end && r == 0; header += strlen(header) + 1)
		r = append(&lists->headers, header);
	if (r == 0 && q->route == TOKEN_ROUTE_HTTP_PROXY)
		r = add_proxy_headers(q, means, &lists->headers);
	if (r == 0 && q->instance)
		r = add_service_token(means, &lists->headers);
	if (r < 0)
		return r;
	return curl_easy_setopt(e, CURLOPT_HTTPHEADER, lists->headers) == CURLE_OK
		   ? 0
		   : -ENOMEM;
}

static int set_route(CURL *e, const struct token_request *q,
    const struct fetch_means *means, struct fetch_lists *lists)
{
	_cleanup_secret_ struct secret proxy = {0};
	CURLcode code = CURLE_OK;
	int r = 0;

	switch (q->route) {
	case TOKEN_ROUTE_DIRECT:
		break;
	case TOKEN_ROUTE_HTTP_PROXY:
		r = print_proxy(means, &proxy);
		if (r == 0)
			code = curl_easy_setopt(e, CURLOPT_PROXY, proxy.data);
		break;
	case TOKEN_ROUTE_SOCKS5:
		/* Any address will do for a socket that is connected: RFC 5737's. */
		r = append(&lists->connect_to, "::192.0.2.1:");
		if (r == 0)
			code = curl_easy_setopt(e, CURLOPT_CONNECT_TO, lists->connect_to);
	}
	return r < 0 ? r : code == CURLE_OK ? 0 : -ENOMEM;
}

static CURLcode set_blob(CURL *e, CURLoption option, const struct secret *pem)
{
	struct curl_blob blob = {.data = pem->data, .len = pem->len};

	return pem->len > 0 ? curl_easy_setopt(e, option, &blob) : CURLE_OK;
}

static int set_tls(
    CURL *e, const struct token_request *q, const struct fetch_means *means)
{
	bool verify = !q->trust.insecure_trust_all;
	CURLcode code;

	(void)curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
	(void)curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
	(void)curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	(void)curl_easy_setopt(e, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	(void)curl_easy_setopt(e, CURLOPT_CAINFO, NULL);
	code = curl_easy_setopt(e, CURLOPT_CAPATH, ANCHORS_SYSTEM_FOLDER);
	if (code == CURLE_OK)
		code = set_blob(e, CURLOPT_CAINFO_BLOB, &means->anchors);
	if (code == CURLE_OK)
		code = set_blob(e, CURLOPT_SSLCERT_BLOB, &means->certificate);
	if (code == CURLE_OK)
		code = set_blob(e, CURLOPT_SSLKEY_BLOB, &means->key);
	return code == CURLE_OK ? 0 : -ENOMEM;
}

int fetch_options_set_request(CURL *e, const struct token_request *q,
    const struct fetch_means *means, struct fetch_lists *lists)
{
	CURLcode code;
	int r;

	(void)curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	if (!q->instance) {
		(void)curl_easy_setopt(e, CURLOPT_POSTFIELDS, secret_str(&q->body));
		(void)curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)q->body.len);
	}
	code = curl_easy_setopt(e, CURLOPT_URL, secret_str(&q->url));
	if (code == CURLE_OK)
		code =
		    curl_easy_setopt(e, CURLOPT_USERAGENT, "maildest/" MAILDEST_VERSION);
	if (code != CURLE_OK)
		return -ENOMEM;
	r = set_route(e, q, means, lists);
	if (r == 0)
		r = set_tls(e, q, means);
	return r < 0 ? r : set_headers(e, q, means, lists);
}
