/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The configuration folder (/etc/maildest) and how files in it are opened: below their
 * folder's descriptor, never out of it, bounded, and with their rights known from the
 * open descriptor.
 */

#include <stdbool.h>
#include <sys/stat.h>

#include "secret.h"

/* A configuration file is at most this long. */
#define CONFIG_FILE_MAX ((size_t)64 * 1024)
/* A file of certificates may be longer: a bundle of trust anchors. */
#define CONFIG_CERTIFICATE_MAX ((size_t)1024 * 1024)
/* Names of destinations, fragments, instances and tenants (SAP: alphanumeric, '_', '-'). */
#define CONFIG_NAME_MAX 200

struct config {
	int fd;	    /* the folder, O_PATH; owned; -1 when closed */
	char *path; /* for messages; owned */
};
#define CONFIG_INIT      \
	{                \
		.fd = -1 \
	}

struct config_file {
	struct secret text;
	struct stat st; /* of the open descriptor */
	char *path;	/* for messages; owned */
	bool trusted;	/* lay in a place whose rights the service manager guarantees */
};

/*
 * Opens `path`, or without one $MAILDEST_CONFIG_DIR, or /etc/maildest for system users
 * and root, ~/.config/maildest for others. Returns 0 or -errno with *ret_why (malloc'd)
 * set.
 */
_must_check_ int config_open(struct config *ret, const char *path, char **ret_why);
void config_done(struct config *c);
#define _cleanup_config_ _cleanup_(config_done)

/* Whether a name matches ^[A-Za-z0-9_-]{1,200}$. */
bool config_name_is_valid(const char *name);

/* Whether a certificate's file name matches ^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}$. */
bool config_certificate_name_is_valid(const char *name);

/*
 * Reads `<folder>/<name><suffix>` below the configuration, at most `max` bytes. `folder`
 * may be NULL. Returns 0; -ENOENT; -EXDEV if a symbolic link leads out of the folder;
 * -EFBIG; -EISDIR if it is no regular file; another -errno. *ret_why (malloc'd) names the
 * file and the reason.
 */
_must_check_ int config_read(const struct config *c, const char *folder, const char *name,
    const char *suffix, size_t max, struct config_file *ret, char **ret_why);

/* Reads a file by an absolute path with the same bounds and messages. */
_must_check_ int config_read_path(
    const char *path, size_t max, struct config_file *ret, char **ret_why);

void config_file_done(struct config_file *f);
#define _cleanup_config_file_ _cleanup_(config_file_done)

/*
 * Whether a file that holds secrets is kept well: owned by root or ourselves, no right
 * for others, and, where the group has rights, that group is root's, one of ours,
 * maildest or maildest-helper. Files below $CREDENTIALS_DIRECTORY and /run/secrets always
 * are. 0, or -EPERM with *ret_why.
 */
_must_check_ int config_check_private(const struct config_file *f, char **ret_why);
