/* SPDX-License-Identifier: Apache-2.0 */
/* Which walls there are, and when they close; what they are made of is in other files. */

#include "confine.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "landlock.h"
#include "reason.h"
#include "seccomp.h"

/* linux/prctl.h, since Linux 6.3 */
#define SET_MDWE 65
#define MDWE_REFUSE_EXEC_GAIN 1UL
/* A dial's attempts, a certificate's file, and what is open already. */
#define DESCRIPTORS_MAX 64
/* Many times what a session needs, which the memory of a host bears. */
#define ADDRESS_SPACE_MAX ((rlim_t)512 * 1024 * 1024)

/* A folder's own two, and one thread's folder. */
#define LINKS_OF_ONE 3

/* Where the links in a folder of trust anchors lead: Debian's, Fedora's, SUSE's, Arch's. */
static const char *const linked_anchors[] = {
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/var/lib/ca-certificates",
    "/etc/ca-certificates",
};

static void lower_limit(int resource, rlim_t value)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0 || limit.rlim_max <= value)
		return;
	limit.rlim_max = value;
	limit.rlim_cur = MIN_OF(limit.rlim_cur, value);
	(void)setrlimit(resource, &limit); /* lowering needs no right */
}

void confine_process(void)
{
	if (!CONFINE_IS_BUILT)
		return;
	lower_limit(RLIMIT_CORE, 0);
	/* older kernels do not know each of these; what needs them says so then */
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)prctl(SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0, 0, 0);
}

/*
 * Whether a library has started a thread, an NSS module's say. The filter of system calls
 * binds it as well, Landlock only who asks for it.
 */
static bool has_other_threads(void)
{
	struct stat threads;

	if (unshare(CLONE_THREAD) == 0)
		return false; /* unshare(2): it has no effect, and succeeds for a single one */
	if (errno == EINVAL)
		return true;
	/* a container's filter knows unshare(2) by its name only */
	return stat("/proc/self/task", &threads) < 0 || threads.st_nlink > LINKS_OF_ONE;
}

static const char *why_no_landlock(int error)
{
	return error == -EBUSY ? "a library has started a thread, which it does not bind"
			       : strerror(-error);
}

/* Tells what of the two is lacking. */
static int sum_up(int landlock, int seccomp, char **ret_lacking)
{
	if (landlock == 0 && seccomp == 0)
		return 0;
	if (landlock == -ENOMEM || seccomp == -ENOMEM)
		return -ENOMEM;
	if (seccomp == 0)
		return reason_set(ret_lacking, -EOPNOTSUPP,
		    "this system has no Landlock for it (%s)", why_no_landlock(landlock));
	if (landlock == 0)
		return reason_set(ret_lacking, -EOPNOTSUPP,
		    "this system has no filter of system calls for it (%s)",
		    strerror(-seccomp));
	return reason_set(ret_lacking, -EOPNOTSUPP,
	    "this system has neither Landlock for it (%s) nor a filter of system calls "
	    "(%s)",
	    why_no_landlock(landlock), strerror(-seccomp));
}

int confine_parent(char **ret_lacking)
{
	static const struct landlock_walls walls = {.files = false};

	return CONFINE_IS_BUILT ? sum_up(landlock_restrict(&walls), 0, ret_lacking) : 0;
}

/* Root is bound by no number of processes; the filter binds it too. */
static void limit_resources(void)
{
	lower_limit(RLIMIT_NPROC, 0);
	lower_limit(RLIMIT_NOFILE, DESCRIPTORS_MAX);
	lower_limit(RLIMIT_AS, ADDRESS_SPACE_MAX);
}

/* sin_port and sin6_port lie at the same place. */
static uint16_t port_of(const struct addrinfo *address)
{
	const struct sockaddr_in *in = (const void *)address->ai_addr;

	return ntohs(in->sin_port);
}

int confine_login(const struct confine_needs *needs, char **ret_lacking)
{
	const char *readable[ELEMENTSOF(linked_anchors) + 2] = {needs->anchors};
	const struct landlock_walls walls = {
	    .files = true,
	    .readable = needs->anchors ? readable : NULL,
	    .network = true,
	    .port = port_of(needs->addresses),
	    .others = true,
	};
	int landlock;

	if (!CONFINE_IS_BUILT)
		return 0;
	for (size_t i = 0; i < ELEMENTSOF(linked_anchors); i++)
		readable[i + 1] = linked_anchors[i];
	limit_resources();
	landlock = landlock_restrict(&walls);
	if (landlock == 0 && has_other_threads())
		landlock = -EBUSY;
	return sum_up(
	    landlock, seccomp_restrict(SECCOMP_LOGIN, needs->addresses), ret_lacking);
}

bool confine_stands(void)
{
	return CONFINE_IS_BUILT && seccomp_stands();
}

int confine_relay(char **ret_lacking)
{
	static const struct landlock_walls walls = {
	    .files = true, .network = true, .others = true};
	int landlock;

	if (!CONFINE_IS_BUILT)
		return 0;
	landlock = landlock_restrict(&walls);
	return sum_up(landlock, seccomp_restrict(SECCOMP_RELAY, NULL), ret_lacking);
}

int confine_probe(char **ret_lacking)
{
	return CONFINE_IS_BUILT ? sum_up(landlock_probe(), seccomp_probe(), ret_lacking)
				: 0;
}
