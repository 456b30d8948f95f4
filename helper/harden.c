/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits and switches of prctl(2), setrlimit(2), mlockall(2). The sandbox around the
 * process is the unit's; this holds wherever the helper is started.
 */

#include "harden.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* Sessions, fetches, and some; the default soft limit is 1,024. */
#define DESCRIPTORS_MAX 16384
/* Our whole address space at 8,192 sessions stays far below. */
#define LOCKED_MEMORY_MIN ((rlim_t)512 * 1024 * 1024)

static int raise_limit(int resource, rlim_t wanted)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0)
		return -errno;
	if (limit.rlim_cur >= wanted)
		return 0;
	limit.rlim_cur = MIN_OF(limit.rlim_max, wanted);
	return setrlimit(resource, &limit) < 0 ? -errno : 0;
}

int harden_process(void)
{
	static const struct rlimit none = {0, 0};

	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return -errno;
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	return raise_limit(RLIMIT_NOFILE, DESCRIPTORS_MAX);
}

static bool have_ipc_lock(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	return syscall(SYS_capget, &header, data) == 0 &&
	       data[0].effective & (UINT32_C(1) << CAP_IPC_LOCK);
}

int harden_memory(void)
{
	struct rlimit limit;
	int r;

	if (!have_ipc_lock()) {
		r = raise_limit(RLIMIT_MEMLOCK, LOCKED_MEMORY_MIN);
		if (r < 0 || getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
			return r < 0 ? r : -errno;
		if (limit.rlim_cur < LOCKED_MEMORY_MIN)
			return -EPERM;
	}
	/* ONFAULT: what was never touched need not be in memory, a resolver's stack for one. */
	return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0 ? -errno : 0;
}
