/*
 * main.c
 *	  teams-sim: a local stand-in for Entra ID, Graph and the Bot Connector.
 *
 * Starts the two ports and then waits for the signal to end.  There is
 * nothing to be saved, so the end is immediate.
 */
#include "admin/admin.h"
#include "base/memory.h"
#include "http/timer.h"
#include "options.h"
#include "service/service.h"
#include "show/feed.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static SimServer services = {
	.name = "services",
	.max_body = 8 * 1024 * 1024,
	.begin = sim_service_begin,
	.handle = sim_service_handle,
	.answer = sim_service_answer,
	.end = sim_service_end,
	.connected = sim_service_connected
};

static SimServer administration = {
	.name = "administration",
	.max_body = (size_t) 512 * 1024 * 1024,
	.handle = sim_admin_handle
};

static void __attribute__((noreturn, format(printf, 1, 2)))
fail(const char *format,...)
{
	va_list		args;

	fputs("teams-sim: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static char *
read_file(const char *path)
{
	FILE	   *file = fopen(path, "rb");
	char	   *text = NULL;
	size_t		length = 0;
	ssize_t		got;

	if (file == NULL)
		fail("could not open \"%s\": %s", path, strerror(errno));
	got = getdelim(&text, &length, '\0', file);
	if (got < 0)
		fail("could not read \"%s\", or it is empty", path);
	fclose(file);
	return text;
}

static void
read_config(const char *path)
{
	json_error_t error;
	json_t	   *config;
	char	   *problem;

	config = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (config == NULL)
		fail("could not read \"%s\": line %d: %s", path, error.line,
			 error.text);
	if (!json_is_object(config))
		fail("\"%s\" does not hold a JSON object", path);
	problem = sim_configure(config);
	if (problem != NULL)
		fail("\"%s\": %s", path, problem);
	json_decref(config);
}

/* Readers see the whole file or none, whenever they look. */
static void
write_port_file(const char *path)
{
	char	   *temporary = sim_format("%s.tmp", path);
	FILE	   *file = fopen(temporary, "w");

	if (file == NULL ||
		fprintf(file, "%u %u\n", services.port, administration.port) < 0 ||
		fclose(file) != 0 || rename(temporary, path) != 0)
		fail("could not write \"%s\": %s", path, strerror(errno));
	free(temporary);
}

/* Every connection takes a descriptor; ask for as many as we may have. */
static void
raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
	{
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void
start(const SimOptions *options)
{
	if (options->tls_cert != NULL)
	{
		services.tls_cert = read_file(options->tls_cert);
		services.tls_key = read_file(options->tls_key);
	}
	if (options->config != NULL)
		read_config(options->config);
	if (options->transcript != NULL &&
		!sim_feed_open(options->transcript, options->styled))
		fail("could not open \"%s\": %s", options->transcript,
			 strerror(errno));
	services.port = options->port;
	administration.port = options->admin_port;
	if (!sim_timer_start())
		fail("could not start a thread");
	if (!sim_http_start(&services))
		fail("could not serve on port %u", services.port);
	if (!sim_http_start(&administration))
		fail("could not serve on port %u", administration.port);
}

int
main(int argc, char **argv)
{
	SimOptions	options;
	sigset_t	signals;
	pid_t		parent = getppid();
	int			received;

	sim_read_options(&options, argc, argv);
	if (options.exit_with_parent)
	{
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			return 0;
	}
	signal(SIGPIPE, SIG_IGN);

	/* The threads inherit this, so only sigwait() sees these signals. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	raise_file_limit();
	start(&options);
	if (options.port_file != NULL)
		write_port_file(options.port_file);
	if (!options.quiet)
	{
		printf("teams-sim: services on %s://127.0.0.1:%u,"
			   " administration on http://127.0.0.1:%u\n",
			   services.tls_cert != NULL ? "https" : "http",
			   services.port, administration.port);
		fflush(stdout);
	}
	sigwait(&signals, &received);
	_exit(0);
}
