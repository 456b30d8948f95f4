/* SPDX-License-Identifier: Apache-2.0 */
#include "check-folder.h"

#include <string.h>

#include "names.h"

/* What lies beside its files on purpose: the private half of a service key. */
static bool is_known(const char *kind, const char *file)
{
	const char *dot = strrchr(file, '.');

	return strcmp(kind, "instance") == 0 && dot && strcmp(dot, ".key") == 0;
}

void check_folder(struct check *k, const char *kind, const char *folder,
    void (*look)(struct check *k, const char *name, const char *context),
    void (*descend)(struct check *k, const char *folder), const char *context)
{
	_cleanup_names_ struct names names = {0};
	_cleanup_free_ char *why = NULL;
	int r = names_read(&k->config, folder, &names, &why);

	if (r < 0)
		verdicts_add_result(&k->verdicts, kind, folder, r, why);
	for (size_t i = 0; i < names.n; i++) {
		const char *file = names.list[i].text;
		_cleanup_free_ char *name = NULL;

		if (names.list[i].is_folder && descend) {
			descend(k, file);
		} else if (!names.list[i].is_folder &&
			   names_strip_json(file, &name) > 0 &&
			   config_name_is_valid(name)) {
			if (verdicts_want(&k->verdicts, name))
				look(k, name, context);
		} else if (!k->verdicts.only && !is_known(kind, file)) {
			verdicts_add(&k->verdicts, kind, file, VERDICT_WARNING,
			    "is not read: its name is no NAME.json of letters, digits, "
			    "'_' and '-'");
		}
	}
}
