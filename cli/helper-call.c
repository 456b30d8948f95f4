/* SPDX-License-Identifier: Apache-2.0 */
#include "helper-call.h"

#include <errno.h>
#include <string.h>

#include "deadline.h"
#include "paths.h"
#include "reason.h"

#define PATIENCE_USEC (20 * USEC_PER_SEC)

uint64_t helper_call_deadline(void)
{
	return deadline_in(PATIENCE_USEC);
}

int helper_call_connect(const struct cli *c, struct helper_link *ret, char **ret_why)
{
	_cleanup_free_ char *path = NULL;
	int r;

	r = path_helper_socket(c->helper_socket, &path);
	if (r == -EINVAL || r == -ENAMETOOLONG)
		return reason_set(
		    ret_why, -EINVAL, "the helper's socket is no usable path");
	return r < 0 ? r : helper_link_connect(ret, path, ret_why);
}

/* Errors of varlink itself, which sessions never meet. */
static int explain(const struct json *reply, char **ret_why)
{
	const char *name = varlink_error(reply);

	if (strcmp(name, "org.varlink.service.PermissionDenied") == 0)
		return reason_set(ret_why, -EPERM, "the helper tells that to root only");
	if (strcmp(name, "org.varlink.service.MethodNotFound") == 0)
		return reason_set(ret_why, -EOPNOTSUPP,
		    "the helper that runs is of an older version (systemctl restart "
		    "maildest-helper)");
	return helper_link_explain(reply, ret_why);
}

int helper_call(struct helper_link *l, const struct secret *call, uint64_t deadline,
    struct json **ret, char **ret_why)
{
	_cleanup_json_ struct json *reply = NULL;
	int r;

	r = helper_link_send(l, call, deadline, ret_why);
	if (r == 0)
		r = helper_link_receive(l, deadline, &reply, ret_why);
	if (r < 0)
		return r;
	if (varlink_error(reply))
		return explain(reply, ret_why);
	*ret = TAKE_PTR(reply);
	return 0;
}

int helper_ask(const struct cli *c, const char *method, struct json **ret, char **ret_why)
{
	_cleanup_(helper_link_done) struct helper_link link = HELPER_LINK_INIT;
	_cleanup_secret_ struct secret call = {0};
	struct varlink_writer v;
	int r;

	varlink_begin_call(&v, &call, method);
	r = varlink_end(&v);
	if (r == 0)
		r = helper_call_connect(c, &link, ret_why);
	return r < 0 ? r
		     : helper_call(&link, &call, helper_call_deadline(), ret, ret_why);
}
