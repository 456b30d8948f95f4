/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a test tells the preloaded library, and what it is told: a file of this shape,
 * mapped by both (control.py writes the same). Once it is mapped, neither counting nor
 * failing needs a system call, so that a program within its walls can be tested too.
 */

#include <stdint.h>

#define FAULT_MAGIC 0x544c4146u
/* In place of an errno: the call succeeds with a single byte. */
#define FAULT_SHORT (-1)

enum fault_kind {
	FAULT_MEMORY,  /* malloc, calloc, realloc, reallocarray */
	FAULT_READ,    /* read, readv, recv, recvfrom, recvmsg */
	FAULT_WRITE,   /* write, writev, send, sendto, sendmsg */
	FAULT_CONNECT, /* connect */
	FAULT_ACCEPT,  /* accept4 */
	FAULT_FORK,    /* fork */
	FAULT_RESOLVE, /* getaddrinfo; the error is one of its own, EAI_... */
	FAULT_OPEN,    /* open, openat, openat2, fopen, opendir */
	FAULT_SOCKET,  /* socket, epoll_create1, memfd_create: other new descriptors */
	FAULT_WAIT,    /* poll, ppoll, epoll_wait */
	FAULT_STORE,   /* fsync, rename, renameat, mkdir, mkdirat, symlinkat, unlinkat */
	FAULT_KIND_MAX,
};

/* Whose calls count: all processes', or only those before or after fork(). */
enum fault_scope { FAULT_ALL, FAULT_PARENT, FAULT_CHILDREN };

struct fault_control {
	uint32_t magic;
	uint32_t scope; /* enum fault_scope */
	uint32_t kind;	/* enum fault_kind: what shall fail */
	int32_t error;	/* an errno, or FAULT_SHORT */
	uint32_t first; /* the calls first..last of the kind fail, from 1; 0: none */
	uint32_t last;
	uint32_t hits; /* how many have failed */
	int32_t fd;    /* the descriptor of the last that failed, or -1 */
	uint32_t counts[FAULT_KIND_MAX]; /* the calls of each kind so far */
};
