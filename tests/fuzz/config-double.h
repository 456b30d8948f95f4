/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A configuration without a disk, for programs that are linked with --wrap of
 * config_open, config_read and config_read_path: each file is there that has been put
 * there, private as it should be; all others are not.
 */

#include "config.h"
#include "fuzz.h"

#define CONFIG_DOUBLE_FILES_MAX 16

/* Puts a file there, "destinations/x.json" or an absolute path; both are borrowed. */
void config_double_put(const char *path, struct fuzz_input text);
void config_double_puts(const char *path, const char *text);

/* Takes all of them away. */
void config_double_clear(void);

/* Opens a configuration of one file, the input. */
void config_double_open(struct config *ret, const char *path, struct fuzz_input text);
