/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the preloaded functions have in common. */

#include <dlfcn.h>
#include <stdbool.h>

#include "control.h"

/* The function that one of ours stands before. */
#define REAL(name)                                                                    \
	({                                                                            \
		static __typeof__(&(name)) real_function;                             \
		if (!real_function)                                                   \
			real_function = (__typeof__(&(name)))dlsym(RTLD_NEXT, #name); \
		real_function;                                                        \
	})

/* Counts a call; whether it shall fail, with errno set then. `fd` (or -1) is told to the test. */
__attribute__((visibility("hidden"))) bool fault_fails(enum fault_kind kind, int fd);
