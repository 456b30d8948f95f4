/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What somebody would try who has taken over a session, and what comes of it behind the
 * walls of the login and of the relay; for check-confine.c.
 */

#include <fcntl.h>
#include <linux/filter.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "walled.h"

static int outcome(long r)
{
	return r < 0 ? -errno : 0;
}

/* --- files */

static int read_file(const char *path, int flags)
{
	_cleanup_close_ int fd = open(path, flags);
	char byte;

	return fd < 0 ? -errno : outcome(read(fd, &byte, 1));
}

static int read_anchor(struct walled *w)
{
	return read_file(w->anchor, O_RDONLY | O_CLOEXEC);
}

static int stat_anchor(struct walled *w)
{
	struct stat st;

	return outcome(stat(w->anchor, &st));
}

static int read_other_destination(struct walled *w)
{
	return read_file(w->private, O_RDONLY);
}

static int read_shadow(_unused_ struct walled *w)
{
	return read_file("/etc/shadow", O_RDONLY);
}

static int read_own_memory(_unused_ struct walled *w)
{
	return read_file("/proc/self/mem", O_RDONLY);
}

static int write_own_memory(_unused_ struct walled *w)
{
	return read_file("/proc/self/mem", O_RDWR);
}

static int read_environment_of_parent(struct walled *w)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/environ", (int)w->parent);
	return read_file(path, O_RDONLY);
}

static int list_anchors(struct walled *w)
{
	w->anchor[strlen(w->folder) + strlen("/anchors")] = '\0';
	return outcome(open(w->anchor, O_RDONLY | O_DIRECTORY));
}

static int create_in_tmp(_unused_ struct walled *w)
{
	return outcome(open("/tmp", O_TMPFILE | O_RDWR, 0600));
}

static int create_in_run(_unused_ struct walled *w)
{
	return outcome(open("/run/maildest-walled", O_CREAT | O_WRONLY | O_EXCL, 0600));
}

static int create_in_configuration(struct walled *w)
{
	(void)strcat(w->private, "~");
	return outcome(open(w->private, O_CREAT | O_RDONLY, 0600));
}

static int empty_configuration(struct walled *w)
{
	return outcome(open(w->private, O_RDONLY | O_TRUNC));
}

static int remove_configuration(struct walled *w)
{
	return outcome(unlink(w->private));
}

static int open_rights(struct walled *w)
{
	return outcome(chmod(w->private, 0666));
}

static int make_folder(struct walled *w)
{
	return outcome(mkdir(w->private, 0700));
}

/* --- programs and memory */

static int execute(_unused_ struct walled *w)
{
	char *const words[] = {NULL};

	return outcome(execve("/bin/true", words, words));
}

static int execute_open(struct walled *w)
{
	char *const words[] = {NULL};

	return outcome(
	    syscall(SYS_execveat, w->journal, "", words, words, AT_EMPTY_PATH));
}

static int make_memory_file(_unused_ struct walled *w)
{
	return outcome(memfd_create("code", 0));
}

static int map_code(_unused_ struct walled *w)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		   0) == MAP_FAILED
		   ? -errno
		   : 0;
}

static int make_code_of_data(_unused_ struct walled *w)
{
	void *page =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return outcome(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static int read_implies_execute(_unused_ struct walled *w)
{
	return outcome(syscall(SYS_personality, 0x0400000));
}

/* --- other processes */

static int fork_another(_unused_ struct walled *w)
{
	return outcome(fork());
}

static int fork_by_clone3(_unused_ struct walled *w)
{
	return outcome(syscall(SYS_clone3, NULL, (size_t)0));
}

static int trace_parent(struct walled *w)
{
	return outcome(syscall(SYS_ptrace, 0x4206, w->parent, 0, 0)); /* PTRACE_SEIZE */
}

static int read_parent(struct walled *w)
{
	return outcome(
	    syscall(SYS_process_vm_readv, w->parent, w->private, 0, w->private, 0, 0));
}

static int kill_parent(struct walled *w)
{
	return outcome(kill(w->parent, 0));
}

static int kill_thread_of_parent(struct walled *w)
{
	return outcome(syscall(SYS_tgkill, w->parent, w->parent, 0));
}

static int abort_itself(_unused_ struct walled *w)
{
	abort();
}

/* --- sockets */

static int open_unix(_unused_ struct walled *w)
{
	return outcome(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int open_netlink(_unused_ struct walled *w)
{
	return outcome(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int open_udp(_unused_ struct walled *w)
{
	return outcome(socket(AF_INET, SOCK_DGRAM, 0));
}

static int open_raw(_unused_ struct walled *w)
{
	return outcome(socket(AF_INET6, SOCK_RAW, IPPROTO_TCP));
}

static int open_packet(_unused_ struct walled *w)
{
	return outcome(socket(AF_PACKET, SOCK_RAW, 0));
}

static int reconnect_journal(struct walled *w)
{
	return outcome(
	    connect(w->journal, (struct sockaddr *)&w->elsewhere, sizeof(w->elsewhere)));
}

static int duplicate_journal(struct walled *w)
{
	return outcome(dup2(w->journal, 60));
}

static int send_elsewhere(struct walled *w)
{
	return outcome(sendto(w->journal, "x", 1, 0, (struct sockaddr *)&w->elsewhere,
	    sizeof(w->elsewhere)));
}

static int send_message_elsewhere(struct walled *w)
{
	struct msghdr m = {
	    .msg_name = &w->elsewhere, .msg_namelen = sizeof(w->elsewhere)};

	return outcome(sendmsg(w->journal, &m, 0));
}

static int receive_descriptors(struct walled *w)
{
	struct msghdr m = {0};

	return outcome(recvmsg(w->peer, &m, MSG_DONTWAIT));
}

static int dial(const void *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);

	if (fd < 0)
		return -errno;
	return connect(fd, address, sizeof(struct sockaddr_in)) < 0 &&
		       errno != EINPROGRESS
		   ? -errno
		   : 0;
}

static int dial_server(struct walled *w)
{
	return dial(w->pinned->ai_addr);
}

static int dial_stranger(struct walled *w)
{
	return dial(&w->stranger);
}

static int bind_port(struct walled *w)
{
	w->server.sin_port = 0;
	return outcome(bind(w->peer, (struct sockaddr *)&w->server, sizeof(w->server)));
}

static int listen_on_peer(struct walled *w)
{
	return outcome(listen(w->peer, 1));
}

static int accept_others(struct walled *w)
{
	return outcome(accept4(w->server_listener, NULL, NULL, SOCK_NONBLOCK));
}

static int attach_filter(struct walled *w)
{
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	struct sock_fprog program = {1, &all};

	return outcome(
	    setsockopt(w->peer, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
}

/* --- the kernel */

static int become_dumpable(_unused_ struct walled *w)
{
	return outcome(prctl(PR_SET_DUMPABLE, 1));
}

static int become_another(_unused_ struct walled *w)
{
	return outcome(setuid(getuid()));
}

static int make_namespaces(_unused_ struct walled *w)
{
	return outcome(syscall(SYS_unshare, 0x10000000)); /* CLONE_NEWUSER */
}

static int mount_something(_unused_ struct walled *w)
{
	return outcome(syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL));
}

static int change_root(_unused_ struct walled *w)
{
	return outcome(chroot("/"));
}

static int set_up_io_uring(_unused_ struct walled *w)
{
	return outcome(syscall(SYS_io_uring_setup, 1, NULL));
}

static int ask_for_keys(_unused_ struct walled *w)
{
	return outcome(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
}

static int load_bpf(_unused_ struct walled *w)
{
	return outcome(syscall(SYS_bpf, 0, NULL, 0));
}

static int handle_faults(_unused_ struct walled *w)
{
	return outcome(syscall(SYS_userfaultfd, 0));
}

static int call_x32(_unused_ struct walled *w)
{
	return outcome(syscall(0x40000000L | SYS_getpid));
}

static int call_unknown(_unused_ struct walled *w)
{
	return outcome(syscall(4000));
}

static int lift_walls(_unused_ struct walled *w)
{
	return outcome(syscall(SYS_seccomp, 0, 0, NULL));
}

/* What a session does till its end. */
static int go_on(struct walled *w)
{
	const size_t size = (size_t)4 * 1024 * 1024;
	const struct timespec moment = {.tv_nsec = 1};
	struct timespec now;
	char byte, *block;

	if (write(w->peer, "x", 1) != 1 || read(w->other, &byte, 1) != 1)
		return -errno;
	if (send(w->journal, "record", 6, MSG_NOSIGNAL | MSG_DONTWAIT) != 6)
		return -errno;
	if (recv(w->journal_reader, &byte, 1, MSG_DONTWAIT) != 1)
		return -errno;
	block = malloc(size);
	if (!block)
		return -ENOMEM;
	memset(block, 'x', size);
	block = realloc(block, 2 * size);
	free(block);
	if (clock_gettime(CLOCK_BOOTTIME, &now) < 0 || nanosleep(&moment, NULL) < 0)
		return -errno;
	return shutdown(w->peer, SHUT_WR) < 0 ? -errno : outcome(close(w->peer));
}

/* What is tried, and its outcome in either phase. */
struct intrusion {
	const char *label;
	int (*attempt)(struct walled *w);
	int login, relay;
};

static const struct intrusion intrusions[] = {
    /* what must go */
    {"go on", go_on, 0, 0},
    {"abort", abort_itself, WALLED_KILLED(SIGABRT), WALLED_KILLED(SIGABRT)},
    {"read a trust anchor", read_anchor, 0, -EPERM},
    {"look at a trust anchor", stat_anchor, 0, -EPERM},
    {"dial the server", dial_server, 0, -EPERM},
    {"dial a stranger", dial_stranger, -EPERM, -EPERM},
    /* files */
    {"list trust anchors", list_anchors, -EPERM, -EPERM},
    {"read another destination", read_other_destination, -EACCES, -EPERM},
    {"read /etc/shadow", read_shadow, -EACCES, -EPERM},
    {"read its own memory as a file", read_own_memory, -EACCES, -EPERM},
    {"write its own memory as a file", write_own_memory, -EPERM, -EPERM},
    {"read the parent's environment", read_environment_of_parent, -EACCES, -EPERM},
    {"create a file in /tmp", create_in_tmp, -EPERM, -EPERM},
    {"create a file in /run", create_in_run, -EPERM, -EPERM},
    {"create a configuration file", create_in_configuration, -EPERM, -EPERM},
    {"empty a configuration file", empty_configuration, -EPERM, -EPERM},
    {"remove a configuration file", remove_configuration, -EPERM, -EPERM},
    {"open a configuration file to all", open_rights, -EPERM, -EPERM},
    {"make a folder", make_folder, -EPERM, -EPERM},
    /* programs and memory */
    {"execute a program", execute, WALLED_DEAD, WALLED_DEAD},
    {"execute what is open", execute_open, WALLED_DEAD, WALLED_DEAD},
    {"make a file in memory", make_memory_file, WALLED_DEAD, WALLED_DEAD},
    {"map code", map_code, WALLED_DEAD, WALLED_DEAD},
    {"make code of data", make_code_of_data, WALLED_DEAD, WALLED_DEAD},
    {"make all data code", read_implies_execute, WALLED_DEAD, WALLED_DEAD},
    /* other processes */
    {"fork", fork_another, WALLED_DEAD, WALLED_DEAD},
    {"fork by clone3", fork_by_clone3, WALLED_DEAD, WALLED_DEAD},
    {"trace the parent", trace_parent, WALLED_DEAD, WALLED_DEAD},
    {"read the parent's memory", read_parent, WALLED_DEAD, WALLED_DEAD},
    {"signal the parent", kill_parent, WALLED_DEAD, WALLED_DEAD},
    {"signal a thread of the parent", kill_thread_of_parent, -EPERM, -EPERM},
    /* sockets */
    {"open a Unix socket to the helper", open_unix, -EPERM, -EPERM},
    {"open a netlink socket", open_netlink, -EPERM, -EPERM},
    {"open a UDP socket", open_udp, -EPERM, -EPERM},
    {"open a raw socket", open_raw, -EPERM, -EPERM},
    {"open a packet socket", open_packet, -EPERM, -EPERM},
    {"connect the journal's socket elsewhere", reconnect_journal, -EPERM, -EPERM},
    {"duplicate the journal's socket", duplicate_journal, -EPERM, -EPERM},
    {"send elsewhere", send_elsewhere, -EPERM, -EPERM},
    {"send a message elsewhere", send_message_elsewhere, WALLED_DEAD, WALLED_DEAD},
    {"receive descriptors", receive_descriptors, WALLED_DEAD, WALLED_DEAD},
    {"bind a port", bind_port, WALLED_DEAD, WALLED_DEAD},
    {"listen", listen_on_peer, WALLED_DEAD, WALLED_DEAD},
    {"accept", accept_others, WALLED_DEAD, WALLED_DEAD},
    {"attach a filter", attach_filter, -EPERM, -EPERM},
    /* the kernel */
    {"become dumpable", become_dumpable, -EPERM, -EPERM},
    {"become another user", become_another, WALLED_DEAD, WALLED_DEAD},
    {"make namespaces", make_namespaces, WALLED_DEAD, WALLED_DEAD},
    {"mount", mount_something, WALLED_DEAD, WALLED_DEAD},
    {"change the root folder", change_root, WALLED_DEAD, WALLED_DEAD},
    {"set up io_uring", set_up_io_uring, WALLED_DEAD, WALLED_DEAD},
    {"ask for keys", ask_for_keys, WALLED_DEAD, WALLED_DEAD},
    {"load BPF", load_bpf, WALLED_DEAD, WALLED_DEAD},
    {"handle page faults", handle_faults, WALLED_DEAD, WALLED_DEAD},
    {"call by the x32 table", call_x32, WALLED_DEAD, WALLED_DEAD},
    {"call what is unknown", call_unknown, -ENOSYS, -ENOSYS},
    {"lift the walls", lift_walls, -EINVAL, -EPERM},
};
