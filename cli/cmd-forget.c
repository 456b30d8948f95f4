/* SPDX-License-Identifier: Apache-2.0 */
/* maildest forget NAME: the helper lets go of what it has for a destination. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "dns-name.h"
#include "helper-call.h"
#include "options.h"
#include "subject.h"

static int ask(
    const struct cli *c, const struct subject *s, struct json **ret, char **ret_why)
{
	_cleanup_(helper_link_done) struct helper_link link = HELPER_LINK_INIT;
	_cleanup_secret_ struct secret call = {0};
	struct varlink_writer v;
	int r;

	varlink_begin_call(&v, &call, HELPER_INTERFACE "Forget");
	json_writer_string(&v.w, "destination", s->destination);
	if (s->tenant)
		json_writer_string(&v.w, "tenant", s->tenant);
	r = varlink_end(&v);
	if (r == 0)
		r = helper_call_connect(c, &link, ret_why);
	return r < 0 ? r
		     : helper_call(&link, &call, helper_call_deadline(), ret, ret_why);
}

static int report(
    const struct cli *c, const struct subject *s, int64_t tokens, int64_t rotations)
{
	_cleanup_answer_ struct answer a = {0};

	if (!c->json) {
		printf("Forgot %" PRIi64 " token%s and %" PRIi64
		       " rotated credential%s of %s.\n",
		    tokens, tokens == 1 ? "" : "s", rotations, rotations == 1 ? "" : "s",
		    s->destination);
		return tokens + rotations > 0 ? CLI_OK : CLI_NOTHING;
	}
	answer_begin(&a);
	json_writer_string(&a.w, "destination", s->destination);
	json_writer_integer(&a.w, "tokens", tokens);
	json_writer_integer(&a.w, "rotations", rotations);
	if (!answer_end(&a))
		return CLI_FAILED;
	return tokens + rotations > 0 ? CLI_OK : CLI_NOTHING;
}

int cmd_forget(struct cli *c, int argc, char **argv)
{
	_cleanup_subject_ struct subject subject = {0};
	_cleanup_json_ struct json *reply = NULL;
	_cleanup_free_ char *why = NULL;
	const char *tenant = NULL;
	const struct cli_option own[] = {{"tenant", NULL, &tenant}};
	char **words;
	int r;

	if (!cli_options(c, own, ELEMENTSOF(own), argc, argv, 1, 1, &words))
		return CLI_USAGE;
	if (tenant && !dns_label_is_valid(tenant, strlen(tenant))) {
		cli_complain("forget: the tenant is no subdomain");
		return CLI_USAGE;
	}
	r = subject_find(c, words[0], tenant, &subject, &why);
	if (r == 0)
		r = ask(c, &subject, &reply, &why);
	if (r < 0)
		return cli_fail(r, why);
	return report(c, &subject, MAX_OF(helper_link_integer(reply, "tokens"), 0),
	    MAX_OF(helper_link_integer(reply, "rotations"), 0));
}
