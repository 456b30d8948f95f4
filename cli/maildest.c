/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maildest: what an administrator types. Each command is a file of its own (cmd-*.c);
 * here is the table of them.
 */

#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "options.h"
#include "tls.h"

static const struct command commands[] = {
    {"add", "[NAME]", "write a destination, open its port, try it",
	"      --preset=PRESET      m365 (Microsoft 365, app-only), gmail (app "
	"password),\n"
	"                           gmail-oauth (refresh token of the client), "
	"on-premise\n"
	"                           (through SAP's Connectivity proxy), password\n"
	"      --protocol=PROTOCOL  smtp, smtps, imap4, imap4s, pop3 or pop3s\n"
	"      --host=HOST          the mail server\n"
	"      --port=PORT          its port (default: the protocol's)\n"
	"      --user=USER          who logs in there\n"
	"      --token-url=URL      the token service\n"
	"      --azure-tenant=ID    Microsoft 365: the directory, instead of "
	"--token-url\n"
	"      --client-id=ID       the OAuth client\n"
	"      --scope=SCOPE        what the token is for\n"
	"      --location-id=ID     the Cloud Connector's\n"
	"      --secret-file=FILE   the OAuth client's secret; - is standard input\n"
	"      --password-file=FILE the password; - is standard input\n"
	"      --connectivity-file=FILE\n"
	"                           write connectivity.json: a service key of the\n"
	"                           Connectivity service\n"
	"      --no-service         only the destination, no port for it\n"
	"      --no-test            do not log in to the server\n"
	"      --force              replace files that are there, and open a port\n"
	"                           that others have\n"
	"  Secrets are never words of a command line: they are asked for on a terminal, "
	"or\n"
	"  come from a file.\n",
	cmd_add},
    {"apply", "", "make the running sockets those of the configuration",
	"      --dry-run            only say what would be done\n"
	"      --force              though another program has, or will have, a port\n"
	"      --keep               apply nothing: keep the units that systemd has "
	"(at boot)\n",
	cmd_apply},
    {"check", "[NAME]", "read the configuration and say what is wrong with it", "",
	cmd_check},
    {"forget", "NAME", "have the helper forget a destination's tokens",
	"      --tenant=TENANT      of this tenant alone\n", cmd_forget},
    {"hosts", "", "print lines for /etc/hosts", "", cmd_hosts},
    {"list", "[NAME]", "list the services, where they listen and how they are", "",
	cmd_list},
    {"sessions", "[NAME]",
	"list the sessions: of which service, whose, how long, how much", "",
	cmd_sessions},
    {"status", "", "say how all of it is, for people and monitors",
	"      --openmetrics        numbers for Prometheus, named as SAP's proxy names "
	"them\n",
	cmd_status},
    {"stop", "--sessions [NAME]", "end sessions",
	"      --sessions           yes, sessions: the ports stay open\n", cmd_stop},
    {"sync", "", "check the resources and keep what the generator needs",
	"      --quiet              say only what is wrong\n", cmd_sync},
    {"test", "NAME", "log in to the mail server as a session does, step by step",
	"      --tenant=TENANT      with this tenant's tokens\n"
	"      --as-is              as the user who calls; root else becomes maildest,\n"
	"                           where no other configuration folder is named\n",
	cmd_test},
};

static const char head[] =
    "Usage: maildest COMMAND [OPTION...] [NAME]\n"
    "\n"
    "Plain mail ports in front of servers that demand TLS and OAuth 2.0.\n"
    "\n";

static const char tail[] =
    "\n"
    "Every command takes:\n"
    "      --config-dir=DIR     configuration (default: $MAILDEST_CONFIG_DIR,\n"
    "                           /etc/maildest, for users ~/.config/maildest)\n"
    "      --helper-socket=PATH where maildest-helper listens\n"
    "      --json               answer in JSON\n"
    "\n"
    "Exit status: 0 all is well; 1 something failed; 2 wrong usage; 3 the\n"
    "configuration is wrong, or services are not as it says; 4 a login or token was\n"
    "refused; 5 network or server; 6 access denied; 7 there is no such thing; 8 all\n"
    "works, but something ends soon, or connections were refused.\n";

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < ELEMENTSOF(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static void print_usage(FILE *out)
{
	(void)fputs(head, out); /* nobody to tell if it fails, here and below */
	for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
		char left[40];
		int n = snprintf(
		    left, sizeof(left), "%s %s", commands[i].name, commands[i].arguments);

		(void)fprintf(out, "  %-23s %s\n",
		    n < (int)sizeof(left) ? left : commands[i].name, commands[i].summary);
	}
	(void)fputs(tail, out);
}

static int help(const char *name)
{
	const struct command *command = name ? find(name) : NULL;

	if (!name) {
		print_usage(stdout);
		return CLI_OK;
	}
	if (!command) {
		cli_complain("there is no such command (see maildest --help)");
		return CLI_USAGE;
	}
	printf("Usage: maildest %s [OPTION...] %s\n\n%c%s.\n%s%s", command->name,
	    command->arguments, command->summary[0] - 'a' + 'A', command->summary + 1,
	    *command->help ? "\n" : "", command->help);
	(void)fputs(tail, stdout);
	return CLI_OK;
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0)
			return true;
	return false;
}

static int run(int argc, char **argv)
{
	const char *no_colour = getenv("NO_COLOR");
	struct cli c = {
	    .colour = isatty(STDOUT_FILENO) && (!no_colour || !*no_colour),
	    .progress = isatty(STDERR_FILENO),
	};
	const struct command *command = find(argv[0]);

	if (!command) {
		cli_complain(
		    argv[0][0] == '-'
			? "options stand behind the command (see maildest --help)"
			: "there is no such command (see maildest --help)");
		return CLI_USAGE;
	}
	if (wants_help(argc, argv))
		return help(argv[0]);
	return command->run(&c, argc, argv);
}

int main(int argc, char **argv)
{
	int status;

	if (tls_init() < 0) {
		cli_complain("OpenSSL is not usable");
		return CLI_FAILED;
	}
	(void)signal(SIGPIPE, SIG_IGN); /* a closed connection is an errno here */
	log_open("maildest", -1);
	if (argc < 2) {
		print_usage(stderr);
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("maildest " MAILDEST_VERSION);
		return CLI_OK;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return help(argc > 2 ? argv[2] : NULL);
	status = run(argc - 1, argv + 1);
	if (fflush(stdout) != 0 && status == CLI_OK)
		return CLI_FAILED; /* what was to be said has not been said */
	return status;
}
