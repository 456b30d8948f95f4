/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbers below are the kernel's interface (linux/landlock.h), written out here since a
 * host's headers may be older than its kernel.
 */

#include "landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <sys/syscall.h>

#define READ_FILE (UINT64_C(1) << 2)
#define READING (READ_FILE | UINT64_C(1) << 3) /* and READ_DIR */
#define CONNECT_TCP (UINT64_C(1) << 1)
#define RULE_PORT 2

/* struct landlock_ruleset_attr of the newest version; older kernels want zeroes behind theirs. */
struct handled {
	uint64_t files, network, scoped;
};

struct port_rule {
	uint64_t allowed, port;
};

/* What came with which version. */
static const struct {
	int version;
	struct handled handled;
} versions[] = {
    {1, {.files = 0x1fff}},	  /* EXECUTE to MAKE_SYM */
    {2, {.files = 1 << 13}},	  /* REFER: linking and moving between folders */
    {3, {.files = 1 << 14}},	  /* TRUNCATE */
    {4, {.network = 1 | 1 << 1}}, /* BIND_TCP, CONNECT_TCP */
    {5, {.files = 1 << 15}},	  /* IOCTL_DEV */
    {6, {.scoped = 1 | 1 << 1}},  /* ABSTRACT_UNIX_SOCKET, SIGNAL */
};

static int ask_version(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	return version < 0 ? -errno : (int)version;
}

int landlock_probe(void)
{
	int version = ask_version();

	return version < 0 ? version : 0;
}

static struct handled choose(const struct landlock_walls *walls, int version)
{
	struct handled h = {0};

	for (size_t i = 0; i < ELEMENTSOF(versions); i++) {
		if (versions[i].version > version)
			break;
		h.files |= versions[i].handled.files;
		h.network |= versions[i].handled.network;
		h.scoped |= versions[i].handled.scoped;
	}
	if (!walls->files)
		h.files &= ~READING;
	if (!walls->network)
		h.network &= ~CONNECT_TCP;
	if (!walls->others)
		h.scoped = 0;
	return h;
}

static int allow_folder(int ruleset, const char *path)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
	const struct landlock_path_beneath_attr rule = {
	    .allowed_access = READ_FILE, .parent_fd = fd};

	if (fd < 0)
		return 0; /* nothing there that could be read */
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule,
		   0) < 0
		   ? -errno
		   : 0;
}

static int allow_port(int ruleset, uint16_t port)
{
	const struct port_rule rule = {.allowed = CONNECT_TCP, .port = port};

	return syscall(SYS_landlock_add_rule, ruleset, RULE_PORT, &rule, 0) < 0 ? -errno
										: 0;
}

static int add_rules(
    int ruleset, const struct landlock_walls *walls, const struct handled *handled)
{
	const char *const *path = walls->files ? walls->readable : NULL;
	int r = 0;

	for (; r == 0 && path && *path; path++)
		r = allow_folder(ruleset, *path);
	if (r == 0 && (handled->network & CONNECT_TCP) && walls->port)
		r = allow_port(ruleset, walls->port);
	return r;
}

int landlock_restrict(const struct landlock_walls *walls)
{
	_cleanup_close_ int ruleset = -1;
	struct handled handled;
	int version, r;

	version = ask_version();
	if (version < 0)
		return version;
	handled = choose(walls, version);
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
	if (ruleset < 0)
		return -errno;
	r = add_rules(ruleset, walls, &handled);
	if (r < 0)
		return r;
	return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}
