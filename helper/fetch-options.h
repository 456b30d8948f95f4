/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Within fetch.c's job: what libcurl is told of one transfer. */

#include <curl/curl.h>

#include "fetch.h"

/* libcurl keeps pointers into these lists; freed behind the handle. */
struct fetch_lists {
	struct curl_slist *headers;
	struct curl_slist *connect_to;
};

void fetch_lists_done(struct fetch_lists *l);

/* What all transfers have in common, with this much time to connect and in all. 0 or -ENOMEM. */
_must_check_ int fetch_options_set_common(
    CURL *e, uint64_t connect_usec, uint64_t whole_usec);

/* The connection to the Connectivity proxy, and nothing on it. 0 or -ENOMEM. */
_must_check_ int fetch_options_set_dial(CURL *e, const struct fetch_means *means);

/* The request, from the URL to trust. 0 or -ENOMEM. */
_must_check_ int fetch_options_set_request(CURL *e, const struct token_request *q,
    const struct fetch_means *means, struct fetch_lists *lists);
