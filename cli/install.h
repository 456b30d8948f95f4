/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Files of the configuration, written whole or not at all, and never over another's work. */

#include "config.h"

enum install_state {
	INSTALL_NEW,	   /* there is no such file */
	INSTALL_SAME,	   /* it says the same already */
	INSTALL_DIFFERENT, /* it says something else */
};

/* One file; texts borrowed. */
struct install {
	const char *folder; /* below the configuration; NULL: itself */
	const char *file;
	/* whose readers it has, if we are root and there is such a group */
	const char *group;
	const struct secret *text;
	enum install_state state; /* set by install_look() */
};

/* 0, or -errno with *ret_why (malloc'd). */
_must_check_ int install_look(const struct config *c, struct install *i, char **ret_why);

/* Writes it, mode 0640, replacing what is there; makes the folder. 0, or -errno with *ret_why. */
_must_check_ int install_write(
    const struct config *c, const struct install *i, char **ret_why);

/* Removes one that install_write() made. 0, or -errno with *ret_why. */
_must_check_ int install_remove(
    const struct config *c, const struct install *i, char **ret_why);
