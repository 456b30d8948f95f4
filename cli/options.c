/* SPDX-License-Identifier: Apache-2.0 */
/* getopt_long(3) by a table: a command says what it takes, and no more. */

#include "options.h"

#include <getopt.h>
#include <stdio.h>

#define OWN_MAX 24
#define COMMON 3
/* Option codes: above those of getopt_long(3). */
#define CODE 256

static void set(const struct cli_option *o, const char *value)
{
	if (o->flag)
		*o->flag = true;
	else
		*o->text = value;
}

static void fill(const struct cli_option *all, size_t n, struct option *ret)
{
	for (size_t i = 0; i < n; i++)
		ret[i] = (struct option){
		    .name = all[i].name,
		    .has_arg = all[i].flag ? no_argument : required_argument,
		    .val = CODE + (int)i,
		};
	ret[n] = (struct option){0};
}

static bool refuse(const char *command, const char *what)
{
	cli_complain("%s: %s (see maildest help %s)", command, what, command);
	return false;
}

bool cli_options(struct cli *c, const struct cli_option *own, size_t n, int argc,
    char **argv, int min, int max, char ***ret_words)
{
	struct cli_option all[OWN_MAX + COMMON] = {
	    {"config-dir", NULL, &c->config_dir},
	    {"helper-socket", NULL, &c->helper_socket},
	    {"json", &c->json, NULL},
	};
	struct option options[OWN_MAX + COMMON + 1];
	int code;

	for (size_t i = 0; i < n && i < OWN_MAX; i++)
		all[COMMON + i] = own[i];
	fill(all, COMMON + n, options);
	opterr = 0; /* the program calls itself maildest, not by the command's name */
	optind = 0; /* GNU: begins anew with another argv */
	while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (code < CODE)
			return refuse(argv[0],
			    "there is no such option, or it is used another way");
		set(&all[code - CODE], optarg);
	}
	if (argc - optind < min)
		return refuse(argv[0], "a name is missing");
	if (argc - optind > max)
		return refuse(argv[0], "there are too many words");
	*ret_words = argv + optind;
	return true;
}
