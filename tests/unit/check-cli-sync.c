/* SPDX-License-Identifier: Apache-2.0 */
/* How long a synchronisation waits for a helper that says nothing. */

#include "sync.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "check-program.h"
#include "deadline.h"
#include "services-tree.h"

#define REMOTE(name, instance)                            \
	SERVICES_API "metadata: {name: " name "}\n"       \
		     "spec:\n"                            \
		     "  destinationRef: {name: Remote}\n" \
		     "  destinationServiceInstanceName: " instance "\n"

/* A listener at `path` whose queue takes all connections and that reads none. */
static int listen_silently(const char *path)
{
	struct sockaddr_un where = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_uint_lt(strlen(path), sizeof(where.sun_path));
	memcpy(where.sun_path, path, strlen(path) + 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&where, sizeof(where)), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	return fd;
}

START_TEST(test_the_deadline_is_that_of_all_questions)
{
	_cleanup_services_tree_ struct services_tree t;
	_cleanup_verdicts_ struct verdicts v;
	_cleanup_free_ char *path = NULL, *why = NULL;
	_cleanup_close_ int fd = -1;
	struct cli c = {0};
	uint64_t start;

	services_tree_make(&t);
	services_tree_puts(&t, "a.yaml", REMOTE("a", "one"));
	services_tree_puts(&t, "b.yaml", REMOTE("b", "two"));
	services_tree_load(&t);
	ck_assert_uint_eq(t.services.n, 2);
	path = config_tree_path(&t.tree, "helper.sock");
	fd = listen_silently(path);
	c.helper_socket = path;
	verdicts_begin(&v, NULL);
	start = deadline_now();
	ck_assert_int_eq(sync_protocols(&c, &t.config, &t.services,
			     deadline_in(USEC_PER_SEC / 4), &v, &why),
	    0);
	ck_assert_msg(deadline_now() - start < 10 * USEC_PER_SEC,
	    "the deadline did not count for what was asked last");
	ck_assert_uint_eq(v.n_errors, 0);
	ck_assert_uint_eq(v.n_warnings, 2); /* one for each instance */
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {test_the_deadline_is_that_of_all_questions};

	return check_program("cli-sync", tests, ELEMENTSOF(tests));
}
