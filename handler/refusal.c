/* SPDX-License-Identifier: Apache-2.0 */
/* The table of failures, keyed by errno. Adding one is adding a row. */

#include "refusal.h"

#include <errno.h>
#include <stddef.h>

#define ID_CONFIGURATION "0b8f3b1de9b84a7c8f1f27a5b8a3d601"
#define ID_TOKEN "3c9d5a7e21f6450db2c48e6f90a17b02"
#define ID_NETWORK "6e4f0c8b5d3a49d7a1b92f7c3e58d403"
#define ID_SERVER "9a2b7d6c4e1f4803b5d8c0f6a7e39204"
#define ID_LOGIN "c17e5f3a8b2d4961a0f4d7e9b6c85305"
#define ID_TLS "e83b1c9f7a6d4052b4e2f8d0a5c76906"
#define ID_CLIENT "1f6a9d3c5b7e4284a8d0c2e4f6b81707"
#define ID_INTERNAL "4b8d2f6a9c1e4573b7f5a3d1e0c92808"

#define ID_LOAD "8a5c3e7f1d9b4260b4f6a8c2e0d71911"

#define SEE "; the journal has the reason"
#define TEXT_CONFIGURATION "the destination's configuration is not usable" SEE
#define TEXT_TOKEN "no access token can be had" SEE
#define TEXT_CONNECT "the mail server cannot be reached" SEE

static const struct refusal refusals[] = {
    {EINVAL, "configuration", LOG_PRIORITY_ERROR, ID_CONFIGURATION, false, false, "3.5",
	"UNAVAILABLE", TEXT_CONFIGURATION},
    {ENOTCONN, "helper", LOG_PRIORITY_ERROR, ID_TOKEN, false, false, "3.0", "UNAVAILABLE",
	"the token helper cannot be reached" SEE},
    {ENOKEY, "token", LOG_PRIORITY_ERROR, ID_TOKEN, false, false, "7.0", "UNAVAILABLE",
	TEXT_TOKEN},
    {EAGAIN, "token", LOG_PRIORITY_WARNING, ID_TOKEN, false, false, "7.0", "UNAVAILABLE",
	TEXT_TOKEN},
    {EADDRNOTAVAIL, "resolve", LOG_PRIORITY_WARNING, ID_NETWORK, false, false, "4.3",
	"UNAVAILABLE", "the mail server's name cannot be resolved" SEE},
    {EKEYREJECTED, "certificate", LOG_PRIORITY_ERROR, ID_TLS, false, false, "7.5",
	"UNAVAILABLE", "the mail server's certificate is not believed" SEE},
    {EACCES, "login", LOG_PRIORITY_ERROR, ID_LOGIN, false, false, "7.0", "UNAVAILABLE",
	"the mail server refused the login" SEE},
    {EKEYREVOKED, "grant", LOG_PRIORITY_WARNING, ID_LOGIN, false, false, "7.0",
	"UNAVAILABLE", "the token service refused the client's grant" SEE},
    {EBADMSG, "client-login", LOG_PRIORITY_WARNING, ID_CLIENT, false, false, "7.0", NULL,
	"the client's login is malformed" SEE},
    {EKEYEXPIRED, "proxy", LOG_PRIORITY_ERROR, ID_NETWORK, false, false, "7.0",
	"UNAVAILABLE", "the proxy refused our authentication" SEE},
    {EREMOTEIO, "proxy", LOG_PRIORITY_WARNING, ID_NETWORK, false, false, "4.0",
	"UNAVAILABLE", "the proxy broke its protocol" SEE},
    {EBUSY, "server", LOG_PRIORITY_WARNING, ID_SERVER, false, false, "3.2", "UNAVAILABLE",
	"the mail server refuses service" SEE},
    {EOPNOTSUPP, "capability", LOG_PRIORITY_ERROR, ID_SERVER, false, false, "3.3",
	"UNAVAILABLE", "the mail server lacks what the destination needs" SEE},
    {EPROTO, "protocol", LOG_PRIORITY_WARNING, ID_SERVER, false, false, "5.0",
	"UNAVAILABLE", "the mail server broke the protocol" SEE},
    {ECONNREFUSED, "connect", LOG_PRIORITY_WARNING, ID_NETWORK, false, false, "4.1",
	"UNAVAILABLE", TEXT_CONNECT},
    {EHOSTUNREACH, "connect", LOG_PRIORITY_WARNING, ID_NETWORK, false, false, "4.1",
	"UNAVAILABLE", TEXT_CONNECT},
    {ENETUNREACH, "connect", LOG_PRIORITY_WARNING, ID_NETWORK, false, false, "4.1",
	"UNAVAILABLE", TEXT_CONNECT},
    {ECONNRESET, "disconnected", LOG_PRIORITY_WARNING, ID_NETWORK, false, false, "4.2",
	"UNAVAILABLE", "the mail server closed the connection" SEE},
    {EPIPE, "disconnected", LOG_PRIORITY_WARNING, ID_NETWORK, false, false, "4.2",
	"UNAVAILABLE", "the mail server closed the connection" SEE},
    {ETIMEDOUT, "timeout", LOG_PRIORITY_WARNING, ID_NETWORK, false, false, "4.2",
	"UNAVAILABLE", "the mail server does not answer" SEE},
    {ECONNABORTED, "client-gone", LOG_PRIORITY_NOTICE, ID_CLIENT, true, false, "4.2",
	NULL, ""},
    {EPERM, "client-refused", LOG_PRIORITY_WARNING, ID_CLIENT, false, true, "7.1", NULL,
	"refused: what connected does not speak this protocol"},
    {EREMOTE, "access", LOG_PRIORITY_WARNING, ID_CLIENT, false, true, "7.1", NULL,
	"access refused"},
    {EOVERFLOW, "client-errors", LOG_PRIORITY_WARNING, ID_CLIENT, false, false, "7.0",
	NULL, "too many errors"},
    {ETIME, "client-idle", LOG_PRIORITY_NOTICE, ID_CLIENT, false, false, "4.2", NULL,
	"nothing was said for too long"},
    {EUSERS, "overload", LOG_PRIORITY_WARNING, ID_LOAD, false, false, "3.2",
	"UNAVAILABLE", "too many sessions at once" SEE},
    {ESHUTDOWN, "server", LOG_PRIORITY_WARNING, ID_SERVER, true, false, "3.2", NULL, ""},
};

static const struct refusal internal = {0, "internal", LOG_PRIORITY_ERROR, ID_INTERNAL,
    false, false, "3.0", "UNAVAILABLE", "internal failure" SEE};

const struct refusal *refusal_find(int error)
{
	for (size_t i = 0; i < ELEMENTSOF(refusals); i++)
		if (refusals[i].error == -error)
			return &refusals[i];
	return &internal;
}
