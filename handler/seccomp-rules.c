/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Found by tracing sessions of every protocol and kind, and by reading what the C library
 * and OpenSSL call besides: at the heap's edges, at abort(3), in versions to come.
 * Numbers are the architecture's own; a call that one of them does not have is left out.
 */

#include "seccomp-rules.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "dial-pin.h"
#include "macro.h"

#define ALL UINT32_MAX
#define IS(arg, v)                                           \
	{                                                    \
		.argument = (arg), .mask = ALL, .value = (v) \
	}
#define HAS_NOT(arg, bits)                        \
	{                                         \
		.argument = (arg), .mask = (bits) \
	}
/*
 * Above what is pinned, where all other memory lies. In the uppermost byte arm64 takes any
 * tag for such an address (Documentation/arch/arm64/tagged-address-abi.rst): it says nothing.
 */
#define IS_ABOVE_PINNED(arg)                                             \
	{                                                                \
		.argument = (arg), .is_upper = true, .is_minimum = true, \
		.mask = ALL >> 8, .value = DIAL_PIN_UPPER + 1            \
	}
/* A TCP socket, with the protocol named or not. */
#define TCP_SOCKET(family)                                                          \
	{                                                                           \
		SYS_socket,                                                         \
		{                                                                   \
			IS(0, family),                                              \
			    {.argument = 1,                                         \
				.mask = (uint32_t) ~(SOCK_CLOEXEC | SOCK_NONBLOCK), \
				.value = SOCK_STREAM},                              \
			    HAS_NOT(2, (uint32_t)~IPPROTO_TCP)                      \
		}                                                                   \
	}
#define SOCKET_OPTION(level, option)                \
	{                                           \
		SYS_setsockopt,                     \
		{                                   \
			IS(1, level), IS(2, option) \
		}                                   \
	}
/* Nothing is created, changed or merely referred to. */
#define NOT_READING (O_ACCMODE | O_CREAT | O_TRUNC | O_TMPFILE | O_PATH)

static const struct seccomp_rule always[] = {
/* Bytes, and waiting for them. */
#ifdef SYS_poll
    {.call = SYS_poll},
#endif
    {.call = SYS_ppoll},
    {.call = SYS_read},
    {.call = SYS_write},
    {.call = SYS_writev}, /* the C library's last words */
    {.call = SYS_recvfrom},
    {.call = SYS_shutdown},
    {.call = SYS_close},
    /* Memory. */
    {.call = SYS_brk},
    {.call = SYS_futex},
    /* Time and chance. */
    {.call = SYS_clock_getres},
    {.call = SYS_clock_gettime},
    {.call = SYS_clock_nanosleep},
    {.call = SYS_getrandom},
    {.call = SYS_gettimeofday},
    {.call = SYS_nanosleep},
    {.call = SYS_restart_syscall},
    {.call = SYS_sched_yield},
    {.call = SYS_setitimer},
#ifdef SYS_time
    {.call = SYS_time},
#endif
    /* Itself, up to the end. */
    {.call = SYS_exit},
    {.call = SYS_exit_group},
    {.call = SYS_getpid},
    {.call = SYS_gettid},
    {.call = SYS_rt_sigaction},
    {.call = SYS_rt_sigprocmask},
    {.call = SYS_rt_sigreturn},
    /* No memory becomes code, and what is pinned stays as it is (dial-pin.h). */
    {SYS_madvise, {IS_ABOVE_PINNED(0)}},
    {SYS_mmap, {HAS_NOT(2, PROT_EXEC), HAS_NOT(3, MAP_FIXED)}},
    {SYS_mprotect, {IS_ABOVE_PINNED(0), HAS_NOT(2, PROT_EXEC)}},
    {SYS_mremap, {IS_ABOVE_PINNED(0), HAS_NOT(3, (uint32_t)~MREMAP_MAYMOVE)}},
    {SYS_munmap, {IS_ABOVE_PINNED(0)}},
    /* To whom a socket is connected, and to no other address. */
    {SYS_sendto, {IS(4, 0), {.argument = 4, .is_upper = true, .mask = ALL}}},
};

static const struct seccomp_rule login[] = {
    /* Certificates of the hashed folder. */
    {.call = SYS_fstat},
    {.call = SYS_lseek},
    {.call = SYS_newfstatat},
#ifdef SYS_open
    {SYS_open, {HAS_NOT(1, NOT_READING)}},
#endif
    {SYS_openat, {HAS_NOT(2, NOT_READING)}},
#ifdef SYS_stat
    {.call = SYS_stat},
#endif
    {.call = SYS_statx},
    {.call = SYS_sysinfo}, /* qsort(3) */
    /* The server, or the proxy before it. */
    TCP_SOCKET(AF_INET),
    TCP_SOCKET(AF_INET6),
    {SYS_fcntl, {IS(1, F_GETFL)}},
    {SYS_fcntl, {IS(1, F_SETFL)}},
    {.call = SYS_getpeername},
    {.call = SYS_getsockname},
    {.call = SYS_getsockopt},
    SOCKET_OPTION(SOL_SOCKET, SO_KEEPALIVE),
    SOCKET_OPTION(IPPROTO_TCP, TCP_KEEPIDLE),
    SOCKET_OPTION(IPPROTO_TCP, TCP_KEEPINTVL),
    SOCKET_OPTION(IPPROTO_TCP, TCP_NODELAY),
    /* The narrower walls to come. */
    {.call = SYS_landlock_create_ruleset},
    {.call = SYS_landlock_restrict_self},
    {.call = SYS_seccomp},
};

const struct seccomp_rules seccomp_rules_always = {always, ELEMENTSOF(always)};
const struct seccomp_rules seccomp_rules_login = {login, ELEMENTSOF(login)};

const int seccomp_hostile[] = {
    /* Code or addresses that were not there before: of the first four, what no rule allows. */
    SYS_mmap,
    SYS_mprotect,
    SYS_mremap,
    SYS_munmap,
    SYS_personality,
    SYS_pkey_mprotect,
    SYS_shmat,
    /* Other programs and processes. */
    SYS_clone,
    SYS_clone3,
    SYS_execve,
    SYS_execveat,
#ifdef SYS_fork
    SYS_fork,
    SYS_vfork,
#endif
    SYS_kill,
    SYS_pidfd_getfd,
    SYS_pidfd_send_signal,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_ptrace,
    SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo,
    SYS_tkill,
    /* Clients of its own. */
    SYS_accept,
    SYS_accept4,
    SYS_bind,
    SYS_listen,
    /* Descriptors that pass by Landlock. */
    SYS_memfd_create,
    SYS_open_by_handle_at,
    SYS_recvmmsg,
    SYS_recvmsg,
    SYS_sendmmsg,
    SYS_sendmsg,
    /* Another identity, another view of the system. */
    SYS_capset,
    SYS_chroot,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fsopen,
    SYS_mount,
    SYS_move_mount,
    SYS_open_tree,
    SYS_pivot_root,
    SYS_setgid,
    SYS_setgroups,
    SYS_setns,
    SYS_setregid,
    SYS_setresgid,
    SYS_setresuid,
    SYS_setreuid,
    SYS_setuid,
    SYS_umount2,
    SYS_unshare,
    /* Wide doors of the kernel's. */
    SYS_add_key,
    SYS_bpf,
    SYS_delete_module,
    SYS_finit_module,
    SYS_init_module,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_io_uring_setup,
    SYS_kexec_load,
    SYS_keyctl,
#ifdef SYS_modify_ldt
    SYS_modify_ldt,
#endif
    SYS_perf_event_open,
    SYS_request_key,
    SYS_userfaultfd,
};
const size_t seccomp_n_hostile = ELEMENTSOF(seccomp_hostile);
