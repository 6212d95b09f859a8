/*
 * options.c
 *	  The command line.
 */
#include "options.h"
#include "base/sim.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
"teams-sim stands in for Entra ID, Microsoft Graph and the Bot Connector.\n"
"\n"
"Usage:\n"
"  teams-sim [OPTION]...\n"
"\n"
"Where it listens (only ever on 127.0.0.1):\n"
"  --port=N               port of the services (default: a free one)\n"
"  --admin-port=N         port of the administration (default: a free one)\n"
"  --port-file=FILE       write \"PORT ADMIN\" to FILE once both are open\n"
"  --tls-cert=FILE        serve HTTPS with this certificate (PEM); the\n"
"  --tls-key=FILE         administration stays on HTTP\n"
"\n"
"What it knows and how it behaves:\n"
"  --config=FILE          read bots, apps and users from FILE (JSON, as for\n"
"                         POST /config)\n"
"  --latency-ms=N         let each answer of the services take so long\n"
"  --enforce-quotas       answer 429 beyond the published limits\n"
"  --[no-]strict-conversations\n"
"                         answer 412 if two sends to one chat overlap\n"
"                         (default: yes)\n"
"  --forget-messages      count messages, but do not keep them\n"
"\n"
"What it shows:\n"
"  --transcript=FILE      add to FILE what people see in Teams, as it happens\n"
"  --styled               with what is bold on a terminal\n"
"\n"
"General:\n"
"  --exit-with-parent     end when the process that started this one ends\n"
"  --quiet                do not say on which ports it listens\n"
"  --help                 show this help and exit\n"
"\n"
"With PORT and ADMIN being the two ports, the services are at\n"
"  http://127.0.0.1:PORT/login              Entra ID\n"
"  http://127.0.0.1:PORT/graph/v1.0         Microsoft Graph (also .../beta)\n"
"  http://127.0.0.1:PORT/connector/teams    Bot Connector\n"
"and http://127.0.0.1:ADMIN/ explains the administration.\n";

enum
{
	OPT_PORT = 256,
	OPT_ADMIN_PORT,
	OPT_PORT_FILE,
	OPT_TLS_CERT,
	OPT_TLS_KEY,
	OPT_CONFIG,
	OPT_TRANSCRIPT,
	OPT_STYLED,
	OPT_LATENCY,
	OPT_ENFORCE_QUOTAS,
	OPT_STRICT,
	OPT_NO_STRICT,
	OPT_FORGET,
	OPT_EXIT_WITH_PARENT,
	OPT_QUIET,
	OPT_HELP
};

static const struct option long_options[] = {
	{"port", required_argument, NULL, OPT_PORT},
	{"admin-port", required_argument, NULL, OPT_ADMIN_PORT},
	{"port-file", required_argument, NULL, OPT_PORT_FILE},
	{"tls-cert", required_argument, NULL, OPT_TLS_CERT},
	{"tls-key", required_argument, NULL, OPT_TLS_KEY},
	{"config", required_argument, NULL, OPT_CONFIG},
	{"transcript", required_argument, NULL, OPT_TRANSCRIPT},
	{"styled", no_argument, NULL, OPT_STYLED},
	{"latency-ms", required_argument, NULL, OPT_LATENCY},
	{"enforce-quotas", no_argument, NULL, OPT_ENFORCE_QUOTAS},
	{"strict-conversations", no_argument, NULL, OPT_STRICT},
	{"no-strict-conversations", no_argument, NULL, OPT_NO_STRICT},
	{"forget-messages", no_argument, NULL, OPT_FORGET},
	{"exit-with-parent", no_argument, NULL, OPT_EXIT_WITH_PARENT},
	{"quiet", no_argument, NULL, OPT_QUIET},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0}
};

static void __attribute__((noreturn))
misused(void)
{
	fprintf(stderr, "Try \"teams-sim --help\" for more information.\n");
	exit(2);
}

static double
read_number(const char *text, const char *what, double max)
{
	char	   *end;
	double		value = strtod(text, &end);

	if (*text == '\0' || *end != '\0' || !(value >= 0 && value <= max))
	{
		fprintf(stderr, "teams-sim: \"%s\" is no %s\n", text, what);
		misused();
	}
	return value;
}

static void
take_option(SimOptions *options, int option)
{
	switch (option)
	{
		case OPT_PORT:
			options->port = (uint16_t) read_number(optarg, "port", 65535);
			break;
		case OPT_ADMIN_PORT:
			options->admin_port = (uint16_t) read_number(optarg, "port",
														 65535);
			break;
		case OPT_PORT_FILE:
			options->port_file = optarg;
			break;
		case OPT_TLS_CERT:
			options->tls_cert = optarg;
			break;
		case OPT_TLS_KEY:
			options->tls_key = optarg;
			break;
		case OPT_CONFIG:
			options->config = optarg;
			break;
		case OPT_TRANSCRIPT:
			options->transcript = optarg;
			break;
		case OPT_STYLED:
			options->styled = true;
			break;
		case OPT_LATENCY:
			sim_settings.latency_ms = read_number(optarg, "latency", 3600e3);
			break;
		case OPT_ENFORCE_QUOTAS:
			sim_settings.enforce_quotas = true;
			break;
		case OPT_STRICT:
		case OPT_NO_STRICT:
			sim_settings.strict_conversations = option == OPT_STRICT;
			break;
		case OPT_FORGET:
			sim_settings.forget_messages = true;
			break;
		case OPT_EXIT_WITH_PARENT:
			options->exit_with_parent = true;
			break;
		case OPT_QUIET:
			options->quiet = true;
			break;
		case OPT_HELP:
			fputs(help, stdout);
			exit(0);
		default:
			misused();
	}
}

/* Read them, some into sim_settings; ends the program if they are wrong. */
void
sim_read_options(SimOptions *options, int argc, char **argv)
{
	int			option;

	memset(options, 0, sizeof(*options));
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		take_option(options, option);
	if (optind < argc)
	{
		fprintf(stderr, "teams-sim: unexpected argument \"%s\"\n",
				argv[optind]);
		misused();
	}
	if ((options->tls_cert == NULL) != (options->tls_key == NULL))
	{
		fprintf(stderr, "teams-sim: --tls-cert and --tls-key go together\n");
		misused();
	}
}
