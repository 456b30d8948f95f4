/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process is ours by its users and the name of its program: /proc/PID/exe, or for those
 * whose link we may not read the beginning of that name in /proc/PID/comm. The owner of
 * /proc/PID is not asked: it is root for all that do not dump.
 */

#include "procs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deadline.h"
#include "secret.h"
#include "terminal.h"

#define COMM_MAX 15 /* TASK_COMM_LEN without its NUL */
#define TEXT_MAX 8192
/* In /proc/PID/stat, behind the name: see proc(5), which counts from 1 before it. */
#define FIELD_UTIME 14
#define FIELD_STIME 15
#define FIELD_START 22

static void proc_done(struct proc *p)
{
	free(p->command);
	free(p->sockets);
}

void procs_done(struct procs *p)
{
	for (size_t i = 0; i < p->n; i++)
		proc_done(&p->list[i]);
	free(p->list);
	*p = (struct procs){0};
}

static void close_folder(DIR **d)
{
	if (*d)
		(void)closedir(*d); /* it was only read */
}
#define _cleanup_folder_ _cleanup_(close_folder)

/* A file of a process, NUL-terminated: its length, or -errno. */
static ssize_t read_text(int folder, const char *name, char *text, size_t n)
{
	_cleanup_close_ int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = read(fd, text, n - 1);
	if (len < 0)
		return -errno;
	text[len] = '\0';
	return len;
}

static const char *const names[] = {
    [PROC_HANDLER] = "maildest-handler", [PROC_HELPER] = "maildest-helper"};

/* The first `n` bytes of a program's name decide. */
static bool find_name(const char *name, size_t n, enum proc_kind *ret)
{
	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		if (strncmp(name, names[i], MIN_OF(n, strlen(names[i]))) != 0)
			continue;
		*ret = (enum proc_kind)i;
		return true;
	}
	return false;
}

/* 1 or 0; -errno if we may not know. */
static int find_kind_by_exe(int folder, enum proc_kind *ret)
{
	char path[TEXT_MAX];
	ssize_t n = readlinkat(folder, "exe", path, sizeof(path) - 1);
	const char *slash;

	if (n < 0)
		return -errno;
	path[n] = '\0';
	slash = strrchr(path, '/');
	return slash && find_name(slash + 1, SIZE_MAX, ret);
}

static bool find_kind(int folder, enum proc_kind *ret)
{
	char comm[COMM_MAX + 2];
	int r = find_kind_by_exe(folder, ret);

	if (r >= 0)
		return r > 0;
	return read_text(folder, "comm", comm, sizeof(comm)) > 0 &&
	       find_name(comm, COMM_MAX, ret);
}

size_t procs_uids(uid_t ret[PROCS_UIDS_MAX])
{
	static const char *const users[] = {"maildest", "maildest-helper"};
	size_t n = 0;

	ret[n++] = 0;
	if (geteuid() != 0)
		ret[n++] = geteuid();
	for (size_t i = 0; i < ELEMENTSOF(users); i++) {
		const struct passwd *user = getpwnam(users[i]);

		if (user)
			ret[n++] = user->pw_uid;
	}
	return n;
}

static bool is_among(const uid_t *uids, size_t n, unsigned long uid)
{
	for (size_t i = 0; i < n; i++)
		if (uids[i] == uid)
			return true;
	return false;
}

/* Both its users: what is set-user-ID to root is still run by somebody. */
static bool is_by(int folder, const uid_t *uids, size_t n)
{
	unsigned long real, effective;
	char text[TEXT_MAX];
	const char *found;

	if (read_text(folder, "status", text, sizeof(text)) <= 0)
		return false;
	found = strstr(text, "\nUid:");
	return found && sscanf(found, " Uid: %lu %lu", &real, &effective) == 2 &&
	       is_among(uids, n, real) && is_among(uids, n, effective);
}

bool procs_is_ours(pid_t pid)
{
	_cleanup_close_ int folder = -1;
	uid_t uids[PROCS_UIDS_MAX];
	enum proc_kind kind;
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid); /* fits */
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder >= 0 && find_kind_by_exe(folder, &kind) > 0 &&
	       is_by(folder, uids, procs_uids(uids));
}

/* Its sockets are none of those that we are told of. */
static bool is_elsewhere(int folder)
{
	struct stat own, other;

	return stat("/proc/self/ns/net", &own) == 0 &&
	       fstatat(folder, "ns/net", &other, 0) == 0 &&
	       (own.st_dev != other.st_dev || own.st_ino != other.st_ino);
}

/* malloc'd, or NULL: it has ended, or there is no memory. */
static char *read_command(int folder)
{
	_cleanup_secret_ struct secret escaped = {0};
	char text[TEXT_MAX];
	ssize_t n = read_text(folder, "cmdline", text, sizeof(text));

	while (n > 0 && text[n - 1] == '\0')
		n--;
	for (ssize_t i = 0; i < n; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	if (n < 0 || terminal_escape(&escaped, text, (size_t)n) < 0)
		return NULL;
	return strdup(secret_str(&escaped));
}

static uint64_t ticks_to_usec(uint64_t ticks)
{
	return ticks * USEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);
}

/* The times in /proc/PID/stat, whose second field may have blanks. */
static int read_times(int folder, struct proc *p)
{
	char text[TEXT_MAX], *rest, *word;
	uint64_t fields[FIELD_START + 1] = {0}, started;
	unsigned i = 2;

	if (read_text(folder, "stat", text, sizeof(text)) <= 0)
		return -ESRCH;
	rest = strrchr(text, ')');
	if (!rest || rest[1] != ' ')
		return -ESRCH;
	rest += 2;
	while (i < FIELD_START && (word = strsep(&rest, " ")))
		fields[++i] = strtoull(word, NULL, 10);
	started = ticks_to_usec(fields[FIELD_START]);
	p->age_usec = deadline_boottime() - MIN_OF(started, deadline_boottime());
	p->cpu_usec = ticks_to_usec(fields[FIELD_UTIME] + fields[FIELD_STIME]);
	return 0;
}

/* Its proportional share (Pss), else what is in memory at all (VmRSS); both are in KiB. */
static uint64_t read_memory(int folder)
{
	static const struct {
		const char *file, *key;
	} places[] = {{"smaps_rollup", "\nPss:"}, {"status", "\nVmRSS:"}};
	char text[TEXT_MAX];

	for (size_t i = 0; i < ELEMENTSOF(places); i++) {
		const char *found;

		if (read_text(folder, places[i].file, text, sizeof(text)) <= 0)
			continue;
		found = strstr(text, places[i].key);
		if (found)
			return strtoull(found + strlen(places[i].key), NULL, 10) * 1024;
	}
	return 0;
}

static int add_socket(struct proc *p, ino_t inode)
{
	ino_t *list = reallocarray(p->sockets, p->n_sockets + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	p->sockets = list;
	list[p->n_sockets++] = inode;
	return 0;
}

/* Descriptors come in their order: the kernel counts them up. */
static int read_sockets(int folder, struct proc *p)
{
	int fd = openat(folder, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_folder_ DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	int r = 0;

	if (!d) {
		if (fd >= 0)
			(void)close(fd); /* it was only to be read */
		return 0;		 /* another user's */
	}
	while (r == 0 && (entry = readdir(d))) {
		char target[64];
		ssize_t n =
		    readlinkat(dirfd(d), entry->d_name, target, sizeof(target) - 1);
		uint64_t inode;

		target[n > 0 ? n : 0] = '\0';
		if (sscanf(target, "socket:[%" SCNu64 "]", &inode) == 1)
			r = add_socket(p, (ino_t)inode);
	}
	return r;
}

/* Those whose users are others' are none. */
static int read_proc(
    int proc, const char *name, const uid_t *uids, size_t n_uids, struct procs *all)
{
	_cleanup_close_ int folder =
	    openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct proc p = {.pid = (pid_t)strtol(name, NULL, 10)}, *list;
	int r;

	if (folder < 0 || !find_kind(folder, &p.kind) || !is_by(folder, uids, n_uids))
		return 0;
	if (read_times(folder, &p) < 0)
		return 0; /* it has just ended */
	p.command = read_command(folder);
	p.memory = read_memory(folder);
	p.is_elsewhere = is_elsewhere(folder);
	r = read_sockets(folder, &p);
	list = r == 0 && p.command ? reallocarray(all->list, all->n + 1, sizeof(*list))
				   : NULL;
	if (!list) {
		r = p.command ? -ENOMEM : 0; /* without one it has just ended */
		proc_done(&p);
		return r;
	}
	all->list = list;
	list[all->n++] = p;
	return 0;
}

int procs_read(struct procs *ret)
{
	_cleanup_procs_ struct procs all = {0};
	_cleanup_folder_ DIR *d = opendir("/proc");
	const struct dirent *entry;
	int r = d ? 0 : -errno;
	uid_t uids[PROCS_UIDS_MAX];
	size_t n_uids = procs_uids(uids);

	while (r == 0 && (entry = readdir(d)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			r = read_proc(dirfd(d), entry->d_name, uids, n_uids, &all);
	if (r < 0)
		return r;
	*ret = all;
	all = (struct procs){0};
	return 0;
}
