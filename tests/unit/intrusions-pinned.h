/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What somebody would try who has taken over a session and wants to connect elsewhere than
 * to the addresses that it has left (dial-pin.h); for check-confine.c.
 */

#include "intrusions.h"

/* Of the kernel's names, beside those that older headers have. */
#define DONT_UNMAP 4 /* MREMAP_DONTUNMAP */
#define PAGE ((size_t)4096)
/* The last page whose address has another upper half. */
#define BELOW ((uintptr_t)UINT32_MAX - PAGE + 1)
#define WRITABLE (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)

/* The page itself, as a number and as a place. */
static uintptr_t page_of(const struct walled *w)
{
	return (uintptr_t)w->pinned & ~(uintptr_t)(PAGE - 1);
}

static void *page(const struct walled *w)
{
	return (void *)page_of(w);
}

/* The same page, for the calls of some architectures. */
static uintptr_t tagged(const struct walled *w)
{
	return page_of(w) | UINT64_C(0x3f) << 56;
}

static int mapped(const void *place)
{
	return place == MAP_FAILED ? -errno : 0;
}

/* --- other pointers */

static int dial_own_copy(struct walled *w)
{
	return dial(&w->server);
}

static int dial_last_place(struct walled *w)
{
	return dial((const char *)w->pinned->ai_addr +
		    (size_t)DIAL_PIN_STRIDE * (DIAL_PIN_PLACES - 1));
}

static int dial_behind_last_place(struct walled *w)
{
	return dial(
	    (const char *)w->pinned->ai_addr + (size_t)DIAL_PIN_STRIDE * DIAL_PIN_PLACES);
}

/* Bytes of an address that are another one from there on. */
static int dial_within_place(struct walled *w)
{
	return dial((const char *)w->pinned->ai_addr + sizeof(uint32_t));
}

static int dial_same_lower_half(struct walled *w)
{
	return dial((const char *)w->pinned->ai_addr + (UINT64_C(1) << 33));
}

/* A connection that is taken off can go elsewhere: connect(2), AF_UNSPEC. */
static int take_connection_off(struct walled *w)
{
	const struct sockaddr none = {.sa_family = AF_UNSPEC};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, w->pinned->ai_addr, w->pinned->ai_addrlen) < 0)
		return -errno;
	return outcome(connect(fd, &none, sizeof(none)));
}

/* --- other bytes there */

static int make_writable(struct walled *w)
{
	return outcome(mprotect(page(w), PAGE, WRITABLE));
}

static int make_writable_by_tag(struct walled *w)
{
	return outcome(syscall(SYS_mprotect, tagged(w), PAGE, WRITABLE));
}

static int make_writable_from_below(struct walled *w)
{
	return outcome(syscall(SYS_mprotect, BELOW, page_of(w) + PAGE - BELOW, WRITABLE));
}

static int map_over(struct walled *w)
{
	return mapped(mmap(page(w), PAGE, WRITABLE, PRIVATE | MAP_FIXED, -1, 0));
}

/* A wish alone the kernel grants only where nothing is. */
static int map_nearby(struct walled *w)
{
	const void *got = mmap(page(w), PAGE, WRITABLE, PRIVATE, -1, 0);

	return got == page(w) ? -EADDRINUSE : mapped(got);
}

static int unmap(struct walled *w)
{
	return outcome(munmap(page(w), PAGE));
}

static int unmap_by_tag(struct walled *w)
{
	return outcome(syscall(SYS_munmap, tagged(w), PAGE));
}

static int unmap_from_below(struct walled *w)
{
	return outcome(syscall(SYS_munmap, BELOW, page_of(w) + PAGE - BELOW));
}

static int move_away(struct walled *w)
{
	return mapped(mremap(page(w), PAGE, 2 * PAGE, MREMAP_MAYMOVE));
}

static int move(struct walled *w, int flags)
{
	void *own = mmap(NULL, PAGE, WRITABLE, PRIVATE, -1, 0);

	if (mapped(own) < 0)
		return -errno;
	return mapped(mremap(own, PAGE, PAGE, MREMAP_MAYMOVE | flags, page(w)));
}

static int move_over(struct walled *w)
{
	return move(w, MREMAP_FIXED);
}

static int move_nearby(struct walled *w)
{
	return move(w, DONT_UNMAP);
}

/* Zeroes would remain, by which a connection is taken off. */
static int discard(struct walled *w)
{
	return outcome(madvise(page(w), PAGE, MADV_DONTNEED));
}

static int have_kernel_write(struct walled *w)
{
	if (write(w->other, "x", 1) != 1)
		return -EIO;
	return outcome(read(w->peer, page(w), 1));
}

static const struct intrusion intrusions_pinned[] = {
    {"dial the server by a copy", dial_own_copy, -EPERM, -EPERM},
    {"dial the last place", dial_last_place, 0, -EPERM},
    {"dial behind the last place", dial_behind_last_place, -EPERM, -EPERM},
    {"dial within a place", dial_within_place, -EPERM, -EPERM},
    {"dial by the same lower half", dial_same_lower_half, -EPERM, -EPERM},
    {"take a connection off", take_connection_off, -EPERM, -EPERM},
    {"make the place writable", make_writable, WALLED_DEAD, WALLED_DEAD},
    {"make it writable by a tag", make_writable_by_tag, WALLED_DEAD, WALLED_DEAD},
    {"make it writable from below", make_writable_from_below, WALLED_DEAD, WALLED_DEAD},
    {"map over it", map_over, WALLED_DEAD, WALLED_DEAD},
    {"map nearby", map_nearby, 0, 0},
    {"unmap it", unmap, WALLED_DEAD, WALLED_DEAD},
    {"unmap it by a tag", unmap_by_tag, WALLED_DEAD, WALLED_DEAD},
    {"unmap it from below", unmap_from_below, WALLED_DEAD, WALLED_DEAD},
    {"move it away", move_away, WALLED_DEAD, WALLED_DEAD},
    {"move over it", move_over, WALLED_DEAD, WALLED_DEAD},
    {"move nearby", move_nearby, WALLED_DEAD, WALLED_DEAD},
    {"discard it", discard, -EPERM, -EPERM},
    {"have the kernel write there", have_kernel_write, -EFAULT, -EFAULT},
};
