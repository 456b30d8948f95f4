/* SPDX-License-Identifier: Apache-2.0 */
/* The file of services that a forking handler reads. */

#include "service-file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "check-program.h"
#include "config-tree.h"
#include "peer.h"

#define TWO                                                                              \
	"# made by maildest-generator\n"                                                 \
	"--service=a --clients=everyone -- Mail 127.0.0.1:587 /run/a.sock\n"             \
	"\n"                                                                             \
	"--service=b_t1 --tenant=t1 --fragment=F --fragment-optional --clients=group:g " \
	"--allow=192.0.2.0/24 -- -Odd [::1]:587\n"

static int read_text(struct config_tree *t, const char *text, mode_t mode,
    struct service_file *ret, char **ret_why)
{
	_cleanup_free_ char *path = config_tree_path(t, "services");

	config_tree_puts(t, "services", text);
	config_tree_chmod(t, "services", mode);
	return service_file_read(path, ret, ret_why);
}

START_TEST(test_finds_services_by_place)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_service_file_ struct service_file f = {0};
	_cleanup_free_ char *why = NULL;
	const struct service *a, *b;

	config_tree_make(&t);
	ck_assert_int_eq(read_text(&t, TWO, 0644, &f, &why), 0);
	ck_assert_uint_eq(f.n, 2);
	a = service_file_find(&f, "127.0.0.1:587");
	b = service_file_find(&f, "[::1]:587");
	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_nonnull(b);
	ck_assert_ptr_eq(a, service_file_find(&f, "/run/a.sock"));
	ck_assert_ptr_null(service_file_find(&f, "127.0.0.1:58"));
	ck_assert_str_eq(a->name, "a");
	ck_assert_str_eq(a->destination, "Mail");
	ck_assert_int_eq(a->clients, SERVICE_CLIENTS_EVERYONE);
	ck_assert_str_eq(b->destination, "-Odd");
	ck_assert_str_eq(b->tenant, "t1");
	ck_assert(b->fragment_optional);
	ck_assert_str_eq(b->group, "g");
	ck_assert_uint_eq(b->n_networks, 1);
}
END_TEST

START_TEST(test_an_empty_one_has_no_services)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_service_file_ struct service_file f = {0};
	_cleanup_free_ char *why = NULL;

	config_tree_make(&t);
	ck_assert_int_eq(read_text(&t, "# none\n", 0600, &f, &why), 0);
	ck_assert_uint_eq(f.n, 0);
}
END_TEST

START_TEST(test_names_the_line_that_is_wrong)
{
	static const struct {
		const char *text, *said;
		int want;
	} rows[] = {
	    {"Mail 127.0.0.1:587", "line 1: '--' must", -EINVAL},
	    {"\n--service=a Mail 127.0.0.1:587", "line 2: '--' must", -EINVAL},
	    {"--service=a", "line 1: has no destination", -EINVAL},
	    {"--service=a --", "line 1: has no good destination", -EINVAL},
	    {"--service=a -- ../x 127.0.0.1:587", "line 1: has no good dest", -EINVAL},
	    {"--service=a -- Mail", "line 1: listens nowhere", -EINVAL},
	    {"--service=a -- Mail ", "line 1: has no good list", -EINVAL},
	    {"--service=a  -- Mail 127.0.0.1:587", "line 1: '--' must", -EINVAL},
	    {"--config-dir=/x -- Mail 127.0.0.1:587", "line 1: there is no", -EINVAL},
	    {"--clients=all -- Mail 127.0.0.1:587", "line 1: --clients must", -EINVAL},
	    {"--fragment-optional -- Mail 127.0.0.1:587", "need --fragment", -EINVAL},
	};
	_cleanup_config_tree_ struct config_tree t = {0};

	config_tree_make(&t);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_free_ char *why = NULL;
		struct service_file f;
		int r = read_text(&t, rows[i].text, 0644, &f, &why);

		ck_assert_msg(r == rows[i].want && strstr(why, rows[i].said) &&
				  strstr(why, "/services: "),
		    "'%s': %d, %s", rows[i].text, r, why);
	}
}
END_TEST

START_TEST(test_whoever_can_write_it_decides_who_may_connect)
{
	static const mode_t modes[] = {0664, 0646, 0666};
	_cleanup_config_tree_ struct config_tree t = {0};

	config_tree_make(&t);
	for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
		_cleanup_free_ char *why = NULL;
		struct service_file f;

		ck_assert_int_eq(read_text(&t, TWO, modes[i], &f, &why), -EPERM);
	}
}
END_TEST

START_TEST(test_sees_that_it_was_replaced)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_service_file_ struct service_file f = {0};
	_cleanup_free_ char *why = NULL, *path = NULL, *next = NULL;

	config_tree_make(&t);
	path = config_tree_path(&t, "services");
	next = config_tree_path(&t, "next");
	ck_assert_int_eq(read_text(&t, TWO, 0644, &f, &why), 0);
	ck_assert(!service_file_is_stale(&f, path));
	config_tree_puts(&t, "next", TWO);
	ck_assert_int_eq(rename(next, path), 0);
	ck_assert(service_file_is_stale(&f, path));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert(!service_file_is_stale(&f, path));
}
END_TEST

START_TEST(test_says_where_sockets_listen)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_free_ char *tcp = NULL, *local = NULL, *path = NULL, *want = NULL;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	uint16_t port;
	int fd;

	fd = peer_listen(&port);
	tcp = service_place(fd);
	ck_assert_int_gt(asprintf(&want, "127.0.0.1:%u", (unsigned)port), 0);
	ck_assert_str_eq(tcp, want);
	(void)close(fd);

	config_tree_make(&t);
	path = config_tree_path(&t, "a.sock");
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_ptr_null(service_place(fd));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	local = service_place(fd);
	ck_assert_str_eq(local, path);
	(void)close(fd);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_finds_services_by_place,
	    test_an_empty_one_has_no_services,
	    test_names_the_line_that_is_wrong,
	    test_whoever_can_write_it_decides_who_may_connect,
	    test_sees_that_it_was_replaced,
	    test_says_where_sockets_listen,
	};

	return check_program("service-file", tests, ELEMENTSOF(tests));
}
