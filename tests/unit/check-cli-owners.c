/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a socket is said to be, in a pid namespace whose first process plays systemd. */

#include "owners.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "check-program.h"
#include "peer.h"

/* What the first process says of its two sockets; -1 for nobody. */
struct said {
	pid_t of_both, of_the_child;
	char name[OWNER_NAME_MAX]; /* of the first */
};

/* What the child does: stays the program that systemd is, or becomes another. */
enum part {
	JUST_FORKED,
	EXECUTOR,
	PROGRAM,
};

struct play {
	enum part part;
	int both, only_childs; /* sockets */
};

static ino_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

/* Holds both sockets until the pipe's other end is closed; a program says so by its name. */
static int play_child(int pipe, const struct play *p)
{
	const char *program = p->part == EXECUTOR ? "/tmp/systemd-executor" : "/bin/cat";
	char byte;

	if (p->part == JUST_FORKED)
		return read(pipe, &byte, 1) == 0 ? 0 : 1;
	if (dup2(pipe, STDIN_FILENO) < 0 || fcntl(p->both, F_SETFD, 0) < 0 ||
	    fcntl(p->only_childs, F_SETFD, 0) < 0)
		return 1;
	execl(program, "cat", NULL);
	return 1;
}

static pid_t owner_of(ino_t inode, char *ret_name)
{
	_cleanup_owners_ struct owners owners = {0};
	const struct owner *owner;

	if (owners_read(&owners) < 0)
		return 0;
	owner = owners_find(&owners, inode);
	if (owner && ret_name)
		memcpy(ret_name, owner->name, OWNER_NAME_MAX);
	return owner ? owner->pid : -1;
}

/* Until the child is the program that it is to become. */
static bool await_program(pid_t child, const struct play *p)
{
	char link[64], path[64];
	ssize_t n = 0;

	(void)snprintf(link, sizeof(link), "/proc/%d/exe", (int)child);
	for (int i = 0; i < 100000 && p->part != JUST_FORKED; i++) {
		n = readlink(link, path, sizeof(path) - 1);
		path[n > 0 ? n : 0] = '\0';
		if (strstr(path, p->part == EXECUTOR ? "/systemd-executor" : "cat"))
			return true;
		(void)sched_yield();
	}
	return p->part == JUST_FORKED;
}

/* The first process: it has a copy of cat that is called as systemd calls its own. */
static int play_systemd(int out, struct play *p)
{
	struct said said = {0};
	ino_t both = inode_of(p->both), childs = inode_of(p->only_childs);
	int pipes[2];
	pid_t child;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", 0, NULL) < 0 ||
	    mount("tmpfs", "/tmp", "tmpfs", 0, NULL) < 0 ||
	    system("cp /bin/cat /tmp/systemd-executor") != 0 || pipe(pipes) < 0)
		return 1;
	child = fork();
	if (child == 0) {
		(void)close(pipes[1]);
		_exit(play_child(pipes[0], p));
	}
	(void)close(p->only_childs);
	if (!await_program(child, p))
		return 1;
	said.of_both = owner_of(both, said.name);
	said.of_the_child = owner_of(childs, NULL);
	(void)close(pipes[1]);
	return write(out, &said, sizeof(said)) == sizeof(said) ? 0 : 1;
}

static int play(int out, void *data)
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
		return 77;
	pid = fork();
	if (pid == 0)
		_exit(play_systemd(out, data));
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status)
								    : 1;
}

/* False where there can be no such namespace. */
static bool ask(enum part part, struct said *ret)
{
	struct play p = {.part = part};
	int fds[2], verdict;
	uint16_t port;
	pid_t peer;

	p.both = peer_listen(&port);
	p.only_childs = peer_listen(&port);
	peer_unix_pair(fds);
	peer = fork();
	if (peer == 0)
		_exit(play(fds[1], &p));
	(void)close(fds[1]);
	verdict = peer_verdict(peer);
	if (verdict == 77 && geteuid() != 0)
		return false;
	ck_assert_int_eq(verdict, 0);
	ck_assert_int_eq(read(fds[0], ret, sizeof(*ret)), sizeof(*ret));
	(void)close(fds[0]);
	(void)close(p.both);
	(void)close(p.only_childs);
	return true;
}

/* Before it executes a program, and as systemd's own executor of it. */
START_TEST(test_what_systemd_just_forked_is_systemd)
{
	static const enum part parts[] = {JUST_FORKED, EXECUTOR};
	struct said said;

	for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
		if (!ask(parts[i], &said))
			return;
		ck_assert_int_eq(said.of_both, 1);
		ck_assert_int_gt(said.of_the_child, 1);
	}
}
END_TEST

START_TEST(test_a_program_that_has_systemds_socket_is_named)
{
	struct said said;

	if (!ask(PROGRAM, &said))
		return;
	ck_assert_int_gt(said.of_both, 1);
	ck_assert_str_eq(said.name, "cat");
	ck_assert_int_gt(said.of_the_child, 1);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    test_what_systemd_just_forked_is_systemd,
	    test_a_program_that_has_systemds_socket_is_named,
	};

	return check_program("cli-owners", tests, ELEMENTSOF(tests));
}
