/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Trust anchors and policy, loaded once and shared by the connections of a process. */

#include "config.h"
#include "settings.h"
#include "tls-trust.h"
#include "tls.h"

/*
 * Loads what `trust` (SAP's "Server Certificate Authentication") and AdditionalCAs= name,
 * on top of the system's anchors: $SSL_CERT_DIR or /etc/ssl/certs as a hashed directory,
 * or, where it has no hash links, the system's bundle. `host` decides whether
 * mail.<p>.ssl.trust covers it. 0; -EINVAL if a file cannot be used, with *ret_why
 * (malloc'd); another -errno of reading it.
 */
_must_check_ int tls_context_new(const struct config *config,
    const struct settings *settings, const struct tls_trust *trust, const char *host,
    struct tls_context **ret, char **ret_why);

/*
 * The same in two steps: files are read first, and their certificates parsed when one of
 * the server's has to be judged, or by tls_context_load(), which says what is wrong with
 * them. `trust` must live until then, or till tls_context_forget().
 */
_must_check_ int tls_context_prepare(const struct config *config,
    const struct settings *settings, const struct tls_trust *trust, const char *host,
    struct tls_context **ret, char **ret_why);
_must_check_ int tls_context_load(struct tls_context *c, char **ret_why);
/* No certificate will have to be judged any more. */
void tls_context_forget(struct tls_context *c);
