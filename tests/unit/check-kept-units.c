/* SPDX-License-Identifier: Apache-2.0 */
/* That units are kept whole, and only ours, and that only root's own are believed. */

#include "kept-units.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "check-program.h"
#include "config-tree.h"
#include "deadline.h"
#include "unit-files.h"

#define SHORT_USEC (50 * USEC_PER_MSEC)
#define LONG_USEC (600 * USEC_PER_SEC) /* never waited for */

struct place {
	struct config_tree tree;
	int parent, from, to; /* its folder, and two in it */
};

static int make(int parent, const char *name)
{
	int fd;

	ck_assert_int_eq(mkdirat(parent, name, 0755), 0);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static void place_make(struct place *p)
{
	config_tree_make(&p->tree);
	p->parent = open(p->tree.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(p->parent, 0);
	p->from = make(p->parent, "from");
	p->to = make(p->parent, "to");
}

static void place_done(struct place *p)
{
	close(p->from);
	close(p->to);
	close(p->parent);
	config_tree_done(&p->tree);
}

static void put(int folder, const char *name, const char *text)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (int)strlen(text));
	close(fd);
}

static void expect(int folder, const char *name, const char *text)
{
	char found[256];
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	ck_assert_msg(fd >= 0, "%s is not there", name);
	n = read(fd, found, sizeof(found) - 1);
	ck_assert_int_ge(n, 0);
	found[n] = '\0';
	ck_assert_str_eq(found, text);
	close(fd);
}

static void expect_link(int folder, const char *name, const char *target)
{
	char found[256];
	ssize_t n = readlinkat(folder, name, found, sizeof(found) - 1);

	ck_assert_msg(n >= 0, "%s is no link", name);
	found[n] = '\0';
	ck_assert_str_eq(found, target);
}

static bool is_there(int folder, const char *name)
{
	return faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

START_TEST(test_what_is_ours_is_copied)
{
	struct place p;
	int fd;

	place_make(&p);
	ck_assert_int_eq(
	    symlinkat("/usr/lib/maildest/svc.socket", p.from, "maildest-svc-a.socket"),
	    0);
	fd = make(p.from, "maildest-svc-a.socket.d");
	put(fd, "service.conf", "[Socket]\n");
	close(fd);
	put(p.from, "maildest-group-1-0.services", "-- x 127.0.0.1:1 /x\n");
	put(p.from, "-.mount", "[Mount]\n");
	fd = make(p.from, "sockets.target.wants");
	ck_assert_int_eq(
	    symlinkat("../maildest-svc-a.socket", fd, "maildest-svc-a.socket"), 0);
	ck_assert_int_eq(symlinkat("../other.socket", fd, "other.socket"), 0);
	close(fd);
	close(make(p.from, "local-fs.target.requires"));
	/* another generator has been there */
	fd = make(p.to, "sockets.target.wants");
	ck_assert_int_eq(symlinkat("../sshd.socket", fd, "sshd.socket"), 0);
	close(fd);

	ck_assert_int_eq(kept_units_copy(p.from, p.to), 0);
	expect_link(p.to, "maildest-svc-a.socket", "/usr/lib/maildest/svc.socket");
	expect(p.to, "maildest-svc-a.socket.d/service.conf", "[Socket]\n");
	expect(p.to, "maildest-group-1-0.services", "-- x 127.0.0.1:1 /x\n");
	expect_link(p.to, "sockets.target.wants/maildest-svc-a.socket",
	    "../maildest-svc-a.socket");
	ck_assert(!is_there(p.to, "-.mount"));
	ck_assert(!is_there(p.to, "local-fs.target.requires"));
	ck_assert(!is_there(p.to, "sockets.target.wants/other.socket"));
	place_done(&p);
}
END_TEST

START_TEST(test_units_of_another_installation_are_known)
{
	struct place p;

	place_make(&p);
	put(p.from, "maildest-group-1-0.services", "");
	ck_assert(kept_units_are_of_this_host(p.from, 0));
	ck_assert_int_eq(symlinkat("/dev/null", p.from, "maildest-svc-a.socket"), 0);
	ck_assert(kept_units_are_of_this_host(p.from, 0));
	ck_assert_int_eq(
	    symlinkat("/nowhere/maildest/svc.socket", p.from, "maildest-svc-b.socket"),
	    0);
	ck_assert(!kept_units_are_of_this_host(p.from, deadline_in(LONG_USEC)));
	place_done(&p);
}
END_TEST

/* Whatever is installed here: the templates of this version may be, or not. */
START_TEST(test_units_of_this_version_stay)
{
	static const char *const templates[] = {
	    "svc-forking.service", "svc-forking.socket", "svc.socket", "svc@.service"};
	struct place p;
	struct unit_folder folder = {.path = KEPT_UNITS_OUTPUT};

	place_make(&p);
	folder.fd = p.from;
	for (size_t i = 0; i < ELEMENTSOF(templates); i++)
		ck_assert_int_eq(unit_write(&folder, templates[i], templates[i], ""), 0);
	ck_assert_msg(kept_units_are_of_this_host(p.from, deadline_in(SHORT_USEC)),
	    "a template that is being replaced counts as gone");
	/* another version has it where this one has its own */
	ck_assert_int_eq(unit_write(&folder, "older.socket", "older.socket", ""), 0);
	for (size_t i = 0; i < ELEMENTSOF(templates); i++)
		ck_assert_int_eq(unlinkat(p.from, templates[i], 0), 0);
	ck_assert(!kept_units_are_of_this_host(p.from, deadline_in(LONG_USEC)));
	place_done(&p);
}
END_TEST

static void keep(struct place *p, const char *text)
{
	int draft = kept_units_draft(p->parent);

	ck_assert_int_ge(draft, 0);
	put(draft, "maildest-group-1-0.services", text);
	close(draft);
	ck_assert_int_eq(kept_units_accept(p->parent), 0);
}

START_TEST(test_a_draft_replaces_what_was_kept)
{
	struct place p;
	int last, draft;

	place_make(&p);
	ck_assert_int_eq(kept_units_open_last(p.parent), -ENOENT);
	keep(&p, "first\n");
	last = kept_units_open_last(p.parent);
	ck_assert_int_ge(last, 0);
	keep(&p, "second\n");
	expect(
	    last, "maildest-group-1-0.services", "first\n"); /* whoever reads, reads on */
	close(last);
	/* a draft that nobody accepted, as whoever made it was killed */
	draft = kept_units_draft(p.parent);
	ck_assert_int_ge(draft, 0);
	close(make(draft, "maildest-svc-a.socket.d"));
	close(draft);
	last = kept_units_open_last(p.parent);
	expect(last, "maildest-group-1-0.services", "second\n");
	keep(&p, "third\n");
	kept_units_forget(p.parent);
	ck_assert(!is_there(p.parent, ".units"));
	ck_assert(is_there(p.parent, "units"));
	close(last);
	place_done(&p);
}
END_TEST

START_TEST(test_what_others_may_write_to_is_not_kept)
{
	struct place p;
	int last;

	place_make(&p);
	keep(&p, "first\n");
	ck_assert_int_eq(fchmodat(p.parent, "units", 0777, 0), 0);
	ck_assert_int_eq(kept_units_open_last(p.parent), -EPERM);
	ck_assert_int_eq(fchmodat(p.parent, "units", 0755, 0), 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(fchownat(p.parent, "units", 65534, 0, 0), 0);
		ck_assert_int_eq(kept_units_open_last(p.parent), -EPERM);
		ck_assert_int_eq(fchownat(p.parent, "units", 0, 65534, 0), 0);
		ck_assert_int_eq(fchmodat(p.parent, "units", 0775, 0), 0);
		ck_assert_int_eq(kept_units_open_last(p.parent), -EPERM);
		ck_assert_int_eq(fchmodat(p.parent, "units", 0755, 0), 0);
		ck_assert_int_eq(fchownat(p.parent, "units", 0, 0, 0), 0);
	}
	last = kept_units_open_last(p.parent);
	ck_assert_int_ge(last, 0);
	close(last);
	ck_assert_int_eq(renameat(p.parent, "units", p.parent, "elsewhere"), 0);
	ck_assert_int_eq(symlinkat("elsewhere", p.parent, "units"), 0);
	ck_assert_int_lt(kept_units_open_last(p.parent), 0);
	place_done(&p);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_what_is_ours_is_copied,
	    test_units_of_another_installation_are_known,
	    test_units_of_this_version_stay,
	    test_a_draft_replaces_what_was_kept,
	    test_what_others_may_write_to_is_not_kept,
	};

	return check_program("kept-units", tests, ELEMENTSOF(tests));
}
