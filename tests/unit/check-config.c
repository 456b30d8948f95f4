/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration files: how they are found and opened, and what is refused. */

#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "check-program.h"
#include "config-tree.h"
#include "freed-memory.h"

#define NOBODY 65534

START_TEST(test_names)
{
	static const char long_name[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	static const struct {
		const char *name;
		bool valid, certificate;
	} rows[] = {
	    {"smtp", true, true},
	    {"A", true, true},
	    {"0", true, true},
	    {"a_B-9", true, true},
	    {"-", true, true},
	    {"_", true, true},
	    {long_name + 1, true, true},
	    {long_name, false, false},
	    {"", false, false},
	    {".", false, false},
	    {"..", false, false},
	    {".hidden", false, false},
	    {"a.pem", false, true},
	    {"a..b", false, true},
	    {"a.", false, true},
	    {"a/b", false, false},
	    {"/a", false, false},
	    {"../a", false, false},
	    {"a b", false, false},
	    {"a\n", false, false},
	    {"a%2e", false, false},
	    {"*", false, false},
	    {"a\\b", false, false},
	    {"\xc3\xa4", false, false},
	    {"a:b", false, false},
	    {"a@b", false, false},
	};

	ck_assert_uint_eq(strlen(long_name), CONFIG_NAME_MAX + 1);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		ck_assert_msg(config_name_is_valid(rows[i].name) == rows[i].valid, "'%s'",
		    rows[i].name);
		ck_assert_msg(
		    config_certificate_name_is_valid(rows[i].name) == rows[i].certificate,
		    "'%s' as a certificate's", rows[i].name);
	}
}
END_TEST

START_TEST(test_reads_a_file_with_its_rights)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_config_file_ struct config_file f = {0}, g = {0};
	_cleanup_free_ char *why = NULL, *path = NULL;

	config_tree_make(&t);
	config_tree_write(&t, "destinations/a.json", "x\0y", 3);
	config_tree_puts(&t, "b.json", "");
	ck_assert_int_eq(
	    config_tree_read(&t, "destinations", "a", CONFIG_FILE_MAX, &f, &why), 0);
	ck_assert_uint_eq(f.text.len, 3);
	ck_assert_int_eq(memcmp(f.text.data, "x\0y", 4), 0);
	path = config_tree_path(&t, "destinations/a.json");
	ck_assert_str_eq(f.path, path);
	ck_assert_uint_eq(f.st.st_mode & 07777, 0640);
	ck_assert_uint_eq(f.st.st_uid, geteuid());
	ck_assert_int_eq(config_tree_read(&t, NULL, "b", CONFIG_FILE_MAX, &g, &why), 0);
	ck_assert_uint_eq(g.text.len, 0);
	ck_assert_str_eq(secret_str(&g.text), "");
}
END_TEST

START_TEST(test_size_is_bounded_to_the_byte)
{
	static const struct {
		size_t max;
		const char *said;
	} rows[] = {{CONFIG_FILE_MAX, "64 KiB"}, {CONFIG_CERTIFICATE_MAX, "1 MiB"}};
	_cleanup_config_tree_ struct config_tree t = {0};

	config_tree_make(&t);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_config_file_ struct config_file f = {0};
		_cleanup_free_ char *why = NULL;

		config_tree_fill(&t, "destinations/a.json", rows[i].max);
		ck_assert_int_eq(
		    config_tree_read(&t, "destinations", "a", rows[i].max, &f, &why), 0);
		ck_assert_uint_eq(f.text.len, rows[i].max);
		config_file_done(&f);
		config_tree_fill(&t, "destinations/a.json", rows[i].max + 1);
		ck_assert_int_eq(
		    config_tree_read(&t, "destinations", "a", rows[i].max, &f, &why),
		    -EFBIG);
		ck_assert_ptr_nonnull(strstr(why, "/destinations/a.json: "));
		ck_assert_ptr_nonnull(strstr(why, rows[i].said));
	}
}
END_TEST

static void make_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_int_lt(snprintf(address.sun_path, sizeof(address.sun_path), "%s", path),
	    (int)sizeof(address.sun_path));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

/* Everything that may lie where a destination's file should. */
static void make_oddities(const struct config_tree *t)
{
	_cleanup_free_ char *fifo = config_tree_path(t, "destinations/fifo.json");
	_cleanup_free_ char *folder = config_tree_path(t, "destinations/folder.json");
	_cleanup_free_ char *unix_socket =
	    config_tree_path(t, "destinations/socket.json");
	_cleanup_free_ char *beside = config_tree_path(t, "beside.json");

	config_tree_puts(t, "beside.json", "{}");
	config_tree_puts(t, "destinations/real.json", "{}");
	ck_assert_int_eq(mkfifo(fifo, 0640), 0);
	ck_assert_int_eq(mkdir(folder, 0750), 0);
	make_socket(unix_socket);
	config_tree_link(t, "destinations/inside.json", "real.json");
	config_tree_link(t, "destinations/chain.json", "inside.json");
	config_tree_link(t, "destinations/dotted.json", "./folder.json/../real.json");
	config_tree_link(t, "destinations/dangling.json", "nowhere.json");
	config_tree_link(t, "destinations/loop.json", "loop.json");
	config_tree_link(t, "destinations/up.json", "../beside.json");
	config_tree_link(t, "destinations/around.json", "../destinations/real.json");
	config_tree_link(t, "destinations/absolute.json", beside);
	config_tree_link(t, "destinations/host.json", "/etc/hostname");
	config_tree_link(t, "destinations/magic.json", "/proc/self/fd/0");
	config_tree_link(t, "destinations/device.json", "/dev/zero");
}

START_TEST(test_opens_only_regular_files_of_the_folder)
{
	static const struct {
		const char *name;
		int want;
		const char *said;
	} rows[] = {
	    {"real", 0, NULL},
	    {"inside", 0, NULL},
	    {"chain", 0, NULL},
	    {"dotted", 0, NULL},
	    {"missing", -ENOENT, "no such file"},
	    {"dangling", -ENOENT, "no such file"},
	    {"loop", -ELOOP, "symbolic link"},
	    {"up", -EXDEV, "leads out of its folder"},
	    {"around", -EXDEV, "leads out of its folder"},
	    {"absolute", -EXDEV, "leads out of its folder"},
	    {"host", -EXDEV, "leads out of its folder"},
	    {"magic", -EXDEV, "leads out of its folder"},
	    {"device", -EXDEV, "leads out of its folder"},
	    {"../beside", -EXDEV, "leads out of its folder"},
	    {"/etc/passwd", -EXDEV, "leads out of its folder"},
	    {"fifo", -EISDIR, "no regular file"},
	    {"folder", -EISDIR, "no regular file"},
	    {"socket", -ENXIO, ""},
	};
	_cleanup_config_tree_ struct config_tree t = {0};

	config_tree_make(&t);
	make_oddities(&t);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		_cleanup_config_file_ struct config_file f = {0};
		_cleanup_free_ char *why = NULL;
		int r = config_tree_read(
		    &t, "destinations", rows[i].name, CONFIG_FILE_MAX, &f, &why);

		ck_assert_msg(r == rows[i].want, "%s: %d, %s", rows[i].name, r, why);
		if (r < 0)
			ck_assert_msg(
			    strstr(why, rows[i].name) && strstr(why, rows[i].said),
			    "%s: the reason is '%s'", rows[i].name, why);
		else
			ck_assert_str_eq(f.text.data, "{}");
	}
}
END_TEST

START_TEST(test_a_device_is_no_file)
{
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *why = NULL;

	ck_assert_int_eq(
	    config_read_path("/dev/zero", CONFIG_FILE_MAX, &f, &why), -EISDIR);
	ck_assert_str_eq(why, "/dev/zero: is no regular file");
}
END_TEST

START_TEST(test_a_missing_folder_is_a_missing_file)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *why = NULL;

	config_tree_make(&t);
	ck_assert_int_eq(
	    config_tree_read(&t, "fragments", "a", CONFIG_FILE_MAX, &f, &why), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why, "/fragments/a.json: "));
}
END_TEST

START_TEST(test_says_who_may_not_read)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_free_ char *why = NULL;
	uid_t user = geteuid();

	config_tree_make(&t);
	config_tree_puts(&t, "destinations/a.json", "{}");
	config_tree_chmod(&t, "destinations/a.json", 0);
	ck_assert_int_eq(seteuid(user == 0 ? NOBODY : user), 0);
	ck_assert_int_eq(
	    config_tree_read(&t, "destinations", "a", CONFIG_FILE_MAX, &f, &why),
	    -EACCES);
	ck_assert_int_eq(seteuid(user), 0);
	ck_assert_ptr_nonnull(strstr(why, "/destinations/a.json: may not be read"));
}
END_TEST

START_TEST(test_the_folder_itself)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_free_ char *missing = NULL, *file = NULL;
	_cleanup_config_ struct config c = CONFIG_INIT;
	_cleanup_free_ char *why = NULL, *why_file = NULL, *none = NULL;

	config_tree_make(&t);
	config_tree_puts(&t, "file", "");
	missing = config_tree_path(&t, "missing");
	file = config_tree_path(&t, "file");
	ck_assert_int_eq(config_open(&c, missing, &why), -ENOENT);
	ck_assert(strstr(why, missing) == why);
	ck_assert_int_eq(config_open(&c, file, &why_file), -ENOTDIR);
	ck_assert_int_eq(c.fd, -1);
	ck_assert_int_eq(setenv("MAILDEST_CONFIG_DIR", t.path, 1), 0);
	ck_assert_int_eq(config_open(&c, NULL, &none), 0);
	ck_assert_str_eq(c.path, t.path);
}
END_TEST

START_TEST(test_default_folder_is_the_systems_or_the_users)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	_cleanup_config_ struct config c = CONFIG_INIT;
	_cleanup_free_ char *why = NULL, *dot = NULL, *want = NULL;
	int r;

	config_tree_make(&t);
	unsetenv("MAILDEST_CONFIG_DIR");
	ck_assert_int_eq(setenv("HOME", t.path, 1), 0);
	dot = config_tree_path(&t, ".config");
	want = config_tree_path(&t, ".config/maildest");
	ck_assert_int_eq(mkdir(dot, 0755), 0);
	ck_assert_int_eq(mkdir(want, 0755), 0);
	if (geteuid() == 0) {
		r = config_open(&c, NULL, &why);
		ck_assert(r == 0 || strstr(why, "/etc/maildest: ") == why);
		ck_assert(r < 0 || strcmp(c.path, "/etc/maildest") == 0);
		config_done(&c);
		ck_assert_int_eq(seteuid(NOBODY), 0);
	}
	free(why);
	why = NULL;
	ck_assert_int_eq(config_open(&c, NULL, &why), 0);
	ck_assert_str_eq(c.path, want);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(test_what_was_read_is_wiped)
{
	_cleanup_config_tree_ struct config_tree t = {0};
	struct config_file f = {0};
	_cleanup_free_ char *why = NULL;

	config_tree_make(&t);
	config_tree_puts(&t, "destinations/a.json", "{\"mail.password\":\"hunter2\"}");
	freed_memory_watch("hunter2");
	ck_assert_int_eq(
	    config_tree_read(&t, "destinations", "a", CONFIG_FILE_MAX, &f, &why), 0);
	config_file_done(&f);
	ck_assert_int_eq(config_tree_read(&t, "destinations", "a", 10, &f, &why), -EFBIG);
	ck_assert_uint_eq(freed_memory_hits(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_names,
	    test_reads_a_file_with_its_rights,
	    test_size_is_bounded_to_the_byte,
	    test_opens_only_regular_files_of_the_folder,
	    test_a_device_is_no_file,
	    test_a_missing_folder_is_a_missing_file,
	    test_says_who_may_not_read,
	    test_the_folder_itself,
	    test_default_folder_is_the_systems_or_the_users,
	    test_what_was_read_is_wiped,
	};

	return check_program("config", tests, ELEMENTSOF(tests));
}
