/* SPDX-License-Identifier: Apache-2.0 */
/* In the place of the folder of sealed records (rotation-files.h): memory. */

#include "rotation-double.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "rotation-files.h"

#define RECORDS_MAX 8

static struct {
	char name[ROTATION_NAME_SIZE]; /* "" for none */
	struct secret bytes;
} records[RECORDS_MAX];

/* The linker's names for what stands here. */
int __wrap_rotation_write(
    const char *folder, const char *name, const struct secret *bytes);
bool __wrap_rotation_exists(const char *folder, const char *name);
int __wrap_rotation_read(const char *folder, const char *name, struct secret *ret);
void __wrap_rotation_touch(const char *folder, const char *name, time_t now);
void __wrap_rotation_remove(const char *folder, const char *name);
int __wrap_rotation_open_folder(const char *folder);

void rotation_double_clear(void)
{
	for (size_t i = 0; i < RECORDS_MAX; i++) {
		secret_done(&records[i].bytes);
		*records[i].name = '\0';
	}
}

/* The place of a record; of "", the first that is free. RECORDS_MAX for none. */
static size_t find(const char *name)
{
	size_t i = 0;

	while (i < RECORDS_MAX && strcmp(records[i].name, name) != 0)
		i++;
	return i;
}

int __wrap_rotation_write(
    const char *folder, const char *name, const struct secret *bytes)
{
	size_t i = find(name);

	(void)folder; /* there is one only */
	if (i == RECORDS_MAX)
		i = find("");
	if (i == RECORDS_MAX)
		return -ENOSPC;
	fuzz_check(strlen(name) == ROTATION_NAME_SIZE - 1, "a record has no name");
	memcpy(records[i].name, name, ROTATION_NAME_SIZE);
	secret_clear(&records[i].bytes);
	return secret_append(&records[i].bytes, bytes->data, bytes->len);
}

bool __wrap_rotation_exists(const char *folder, const char *name)
{
	(void)folder; /* as above */
	return find(name) < RECORDS_MAX;
}

int __wrap_rotation_read(const char *folder, const char *name, struct secret *ret)
{
	size_t i = find(name);

	(void)folder; /* as above */
	if (i == RECORDS_MAX)
		return -ENOENT;
	return secret_append(ret, records[i].bytes.data, records[i].bytes.len);
}

void __wrap_rotation_touch(const char *folder, const char *name, time_t now)
{
	(void)folder; /* files have times, and these have none */
	(void)name;
	(void)now;
}

void __wrap_rotation_remove(const char *folder, const char *name)
{
	size_t i = find(name);

	(void)folder; /* as above */
	if (i == RECORDS_MAX)
		return;
	secret_done(&records[i].bytes);
	*records[i].name = '\0';
}

int __wrap_rotation_open_folder(const char *folder)
{
	(void)folder; /* nobody sweeps it */
	return -ENOENT;
}
