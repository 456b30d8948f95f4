/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Instances of SAP's Destination service: instances/<name>.json is the service key or
 * binding of one (service-key.h), with, beside the OAuth client,
 *
 *   uri   where the service is: https://destination-configuration.cfapps.<region>
 *
 * The private key of a certificate that its owner signed is not in the key; it is
 * instances/<name>.key (PEM). $CREDENTIALS_DIRECTORY/instances.<name>.json is laid over the
 * file, or replaces it. Keys of IAS, which have a certificate but no "certurl", are refused:
 * the service wants the certificate too from whoever has a token of IAS.
 */

#include "config.h"
#include "settings.h"
#include "token-request.h"

/* Whether an instance is described as it must be: 0; -ENOMEM; -errno with *ret_why (malloc'd). */
_must_check_ int instance_check(const struct config *c, const char *name, char **ret_why);

/*
 * Builds the request for an instance's token, for a tenant or, with NULL, for none, as
 * service_key_build_request() does. Errors as above.
 */
_must_check_ int instance_build_request(const struct config *c, const struct settings *s,
    const char *name, const char *tenant, struct token_request *ret, char **ret_why);

/*
 * Where the instance is: appends its "uri" without a slash at the end to `ret`, and sets
 * the host (malloc'd). Errors as above.
 */
_must_check_ int instance_find_service(const struct config *c, const char *name,
    struct secret *ret, char **ret_host, char **ret_why);

/*
 * A binding's instance where a session names none: sets *ret (malloc'd) to DefaultInstance=
 * of maildest.conf, or to NULL. `config_dir` as config_open() takes it. Errors as above.
 */
_must_check_ int instance_find_default(
    const char *config_dir, char **ret, char **ret_why);
