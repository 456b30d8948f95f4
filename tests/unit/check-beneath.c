/* SPDX-License-Identifier: Apache-2.0 */
/* Files below a folder: the kernel's way and ours lead to the same. */

#include "beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "apart.h"
#include "check-program.h"
#include "config-tree.h"

#define LONG_CHAIN 41

static void make_folder(const struct config_tree *t, const char *name)
{
	_cleanup_free_ char *path = config_tree_path(t, name);

	ck_assert_int_eq(mkdir(path, 0755), 0);
}

/* chain-0 is a file, each other a link to the one before. */
static void make_chain(const struct config_tree *t)
{
	char name[64], target[32];

	config_tree_puts(t, "destinations/chain-0", "chain");
	for (unsigned i = 1; i <= LONG_CHAIN; i++) {
		(void)snprintf(name, sizeof(name), "destinations/chain-%u", i);
		(void)snprintf(target, sizeof(target), "chain-%u", i - 1);
		config_tree_link(t, name, target);
	}
}

static void make_tree(struct config_tree *t)
{
	static const struct {
		const char *name, *target;
	} links[] = {
	    {"destinations/link", "file"},
	    {"destinations/data", "versions/1"},
	    {"destinations/by-data", "data/file"},
	    {"destinations/versions/latest", "./1/../1"},
	    {"destinations/around", "versions/../file"},
	    {"destinations/up", "../beside"},
	    {"destinations/in-again", "../destinations/file"},
	    {"destinations/absolute", "/etc/hostname"},
	    {"destinations/magic", "/proc/self/fd/0"},
	    {"destinations/root", "/"},
	    {"destinations/loop", "loop"},
	    {"destinations/dangling", "nowhere"},
	    {"destinations/versions/out", "../../beside"},
	    {"destinations/slash", "versions/"},
	};

	config_tree_make(t);
	make_folder(t, "destinations/versions");
	make_folder(t, "destinations/versions/1");
	config_tree_puts(t, "beside", "outside");
	config_tree_puts(t, "destinations/file", "file");
	config_tree_puts(t, "destinations/versions/1/file", "first");
	for (size_t i = 0; i < ELEMENTSOF(links); i++)
		config_tree_link(t, links[i].name, links[i].target);
	make_chain(t);
}

/* "" stands for a folder. */
static const struct row {
	const char *path;
	int error;
	const char *content;
} rows[] = {
    {"file", 0, "file"},
    {"./file", 0, "file"},
    {"link", 0, "file"},
    {"versions/1/file", 0, "first"},
    {"versions//1/./file", 0, "first"},
    {"versions/1/../../file", 0, "file"},
    {"data/file", 0, "first"},
    {"by-data", 0, "first"},
    {"versions/latest/file", 0, "first"},
    {"around", 0, "file"},
    {"chain-40", 0, "chain"},
    {"chain-41", -ELOOP, NULL},
    {"versions", 0, ""},
    {"versions/", 0, ""},
    {"versions/1/..", 0, ""},
    {"data", 0, ""},
    {"slash", 0, ""},
    {".", 0, ""},
    {"", -ENOENT, NULL},
    {"nothing", -ENOENT, NULL},
    {"nothing/file", -ENOENT, NULL},
    {"dangling", -ENOENT, NULL},
    {"file/", -ENOTDIR, NULL},
    {"file/file", -ENOTDIR, NULL},
    {"link/file", -ENOTDIR, NULL},
    {"loop", -ELOOP, NULL},
    {"loop/file", -ELOOP, NULL},
    {"..", -EXDEV, NULL},
    {"../beside", -EXDEV, NULL},
    {"../destinations/file", -EXDEV, NULL},
    {"versions/../../beside", -EXDEV, NULL},
    {"up", -EXDEV, NULL},
    {"in-again", -EXDEV, NULL},
    {"versions/out", -EXDEV, NULL},
    {"absolute", -EXDEV, NULL},
    {"magic", -EXDEV, NULL},
    {"root/etc/hostname", -EXDEV, NULL},
    {"/etc/hostname", -EXDEV, NULL},
};

static void check_rows(int (*open_one)(int folder, const char *path), const char *which)
{
	_cleanup_config_tree_ struct config_tree t;
	_cleanup_free_ char *path = NULL;
	int folder;

	make_tree(&t);
	path = config_tree_path(&t, "destinations");
	folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(folder, 0);
	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		int fd = open_one(folder, rows[i].path);
		char text[16] = "";

		ck_assert_msg(rows[i].error ? fd == rows[i].error : fd >= 0,
		    "%s: '%s' gives %d", which, rows[i].path, fd);
		if (fd < 0)
			continue;
		ck_assert_msg(read(fd, text, sizeof(text) - 1) >= 0 || errno == EISDIR,
		    "%s: '%s' cannot be read", which, rows[i].path);
		ck_assert_msg(strcmp(text, rows[i].content) == 0, "%s: '%s' has '%s'",
		    which, rows[i].path, text);
		close(fd);
	}
	close(folder);
}

START_TEST(test_stays_below_the_folder)
{
	check_rows(beneath_open, "with openat2");
	check_rows(beneath_walk, "without openat2");
}
END_TEST

static unsigned count_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

START_TEST(test_leaves_no_folder_open)
{
	unsigned before = count_descriptors();

	check_rows(beneath_walk, "without openat2");
	ck_assert_uint_eq(count_descriptors(), before);
}
END_TEST

/* What RestrictSUIDSGID= does, with the error that it gives. */
static const char *forbid_openat2(int error)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {ELEMENTSOF(code), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return "no filter of system calls can be had";
	return syscall(SYS_openat2, -1, NULL, NULL, (size_t)0) < 0 && errno == error
		   ? NULL
		   : "openat2 is not forbidden";
}

static const char *open_without_openat2(const void *row)
{
	const char *wrong = forbid_openat2(*(const int *)row);

	if (!wrong)
		check_rows(beneath_open, "with openat2 forbidden");
	return wrong;
}

START_TEST(test_does_without_a_forbidden_call)
{
	static const int errors[] = {EPERM, ENOSYS};

	apart("EPERM", open_without_openat2, &errors[0]);
	apart("ENOSYS", open_without_openat2, &errors[1]);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_stays_below_the_folder,
	    test_leaves_no_folder_open,
	    test_does_without_a_forbidden_call,
	};

	return check_program("beneath", tests, ELEMENTSOF(tests));
}
