/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Members of JSON objects that make up whole destinations, and reading them. */

#include "destination.h"

#define HEAD "\"Type\":\"MAIL\",\"ProxyType\":\"Internet\""
#define BASIC                                         \
	"\"Authentication\":\"BasicAuthentication\"," \
	"\"mail.user\":\"user\",\"mail.password\":\"pass\""
#define OAUTH "\"Authentication\":\"OAuth2ClientCredentials\",\"mail.user\":\"user\""
#define SMTP \
	"\"mail.transport.protocol\":\"smtp\",\"mail.smtp.host\":\"mail.example.com\""

/* Parses an object as the file "d/x.json" of destination "x". */
_must_check_ int destination_sample_parse(
    const char *json, struct destination *ret, char **ret_why);
