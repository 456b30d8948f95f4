/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* From files to what a request needs beside itself, JWT excepted. */

#include "fetch.h"

/*
 * Reads anchors, the client's certificate with its key, and where the Connectivity proxy
 * is, as the request asks for them. Apart from lookup.h because it costs more and only a
 * fetch needs it; so a certificate that has been replaced counts from the next one on. 0;
 * -ENOMEM; another -errno with *ret_why (malloc'd): what an administrator must correct.
 */
_must_check_ int means_load(const char *config_dir, const struct token_request *request,
    struct fetch_means *ret, char **ret_why);
