/* SPDX-License-Identifier: Apache-2.0 */
#include "apply-notes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "apply-files.h"
#include "reason.h"

#define TEMPORARY APPLY_NOTES "/." APPLY_NOTES_FILE
#define FILE_PATH APPLY_NOTES "/" APPLY_NOTES_FILE

int apply_notes_read(struct state_table *ret)
{
	_cleanup_state_table_ struct state_table t = {0};
	char unit[256], digest[DIGEST_SHA256_HEX_SIZE];
	FILE *f = fopen(FILE_PATH, "re");
	int r = 0;

	while (f && r == 0 && fscanf(f, "%255s %64s", unit, digest) == 2)
		r = state_table_set(&t, unit, digest);
	if (f)
		(void)fclose(f); /* it was only read */
	if (r < 0)
		return r;
	*ret = t;
	t = (struct state_table){0};
	return 0;
}

int apply_notes_write(const struct state_table *t, char **ret_why)
{
	FILE *f = fopen(TEMPORARY, "we");
	bool is_good = f != NULL;

	for (size_t i = 0; is_good && i < t->n; i++)
		is_good = fprintf(f, "%s %s\n", t->rows[i].name, t->rows[i].value) > 0;
	if (f && fclose(f) != 0)
		is_good = false;
	if (is_good && rename(TEMPORARY, FILE_PATH) == 0)
		return 0;
	if (errno == ENOENT)
		return reason_set(ret_why, -EIO,
		    "the sockets are as they shall be, but " APPLY_NOTES
		    " is missing (systemd-tmpfiles --create makes it)");
	return reason_set(ret_why, -errno, FILE_PATH ": %s", strerror(errno));
}

int apply_foresee(const struct services *s, struct manager_units *ret, bool *ret_forks)
{
	_cleanup_manager_units_ struct manager_units units = {0};
	int r = 0;

	for (size_t i = 0; i < s->n && r == 0; i++)
		if (s->list[i].unit && !s->list[i].is_left_out)
			r = manager_units_add(&units, s->list[i].unit);
	if (r < 0)
		return r;
	manager_units_sort(&units);
	*ret = units;
	units = (struct manager_units){0};
	*ret_forks = s->settings.activation != ACTIVATION_ACCEPT;
	return 0;
}
