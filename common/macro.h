/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The few macros everything uses: scope-bound cleanup, handing over ownership, contracts. */

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _must_check_ __attribute__((warn_unused_result))
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))
#define _unused_ __attribute__((unused))

#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))
/* Each argument is evaluated once, so that it may be a call that does something. */
#define MACRO_JOIN_(a, b) a##b
#define MACRO_JOIN(a, b) MACRO_JOIN_(a, b)
#define MACRO_CHOOSE(a, comparison, b, x, y) \
	({                                   \
		__typeof__(a) x = (a);       \
		__typeof__(b) y = (b);       \
		x comparison y ? x : y;      \
	})
#define MIN_OF(a, b)  \
	MACRO_CHOOSE( \
	    a, <, b, MACRO_JOIN(min_, __COUNTER__), MACRO_JOIN(min_, __COUNTER__))
#define MAX_OF(a, b)  \
	MACRO_CHOOSE( \
	    a, >, b, MACRO_JOIN(max_, __COUNTER__), MACRO_JOIN(max_, __COUNTER__))

/* Hands over what a variable with a cleanup owns: the variable no longer does. */
#define TAKE_PTR(p)                        \
	({                                 \
		__typeof__(p) take_ = (p); \
		(p) = NULL;                \
		take_;                     \
	})
#define TAKE_FD(fd)               \
	({                        \
		int take_ = (fd); \
		(fd) = -1;        \
		take_;            \
	})

static inline void macro_free(void *p)
{
	free(*(void **)p);
}

/* Closes what is open and forgets it. */
static inline void macro_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* nothing useful can be done about a failed close */
	*fd = -1;
}

#define _cleanup_free_ _cleanup_(macro_free)
#define _cleanup_close_ _cleanup_(macro_close)
