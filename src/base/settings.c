/*
 * settings.c
 *	  The extension's configuration parameters.
 *
 * What the worker reads can be set only in the configuration file (SIGHUP):
 * the worker is another process, so a value set in a session would look
 * accepted and do nothing.  Whatever decides where a token or a secret may go
 * is shown and set by superusers alone.
 */
#include "postgres.h"

#include <limits.h>

#include "base/compat.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "base/settings.h"
#include "base/trust.h"

int			settings_max_databases = 16;
char	   *settings_credential_directory;
char	   *settings_ca_file;
char	   *settings_proxy;
char	   *settings_proxy_credential;
int			settings_http_version = HTTP_VERSION_2;
int			settings_max_in_flight = 50;
int			settings_connect_timeout = 10000;
int			settings_request_timeout = 30000;
int			settings_shutdown_grace = 1500;
int			settings_max_attempts = 10;
int			settings_retry_base_delay = 2000;
int			settings_retry_max_delay = 300000;
int			settings_probe_interval = 60000;
int			settings_retention = 30 * 24 * 60;
bool		settings_keep_text = false;
int			settings_name_lifetime = 24 * 60 * 60;

static const struct config_enum_entry http_version_options[] = {
	{"1.1", HTTP_VERSION_1_1, false},
	{"2", HTTP_VERSION_2, false},
	{NULL, 0, false}
};

/* As it is written, and as trust_host_is_listed() takes it. */
static char *allowed_hosts;
static const char *allowed_hosts_list = "";

/* ----------
 * Checks
 * ----------
 */

/*
 * The server writes to its log what a parameter was changed to, and what it
 * was not changed to because that makes no sense: so no password must be in
 * it, and the message must not repeat it.  No URL of a proxy has an @ but
 * after one.
 */
static bool
check_proxy(char **value, void **extra pg_attribute_unused(),
			GucSource source pg_attribute_unused())
{
	if (*value == NULL || strchr(*value, '@') == NULL)
		return true;
	GUC_check_errcode(ERRCODE_INVALID_PARAMETER_VALUE);
	GUC_check_errmsg("teams_proactive.proxy must not have a user or password");
	GUC_check_errdetail("Parameters are written to the server's log.");
	GUC_check_errhint("Write user:password into a file in teams_proactive.credential_directory, and its name into teams_proactive.proxy_credential.");
	return false;
}

/*
 * The names one after the other, each with its NUL, up to an empty one: as
 * trust_host_is_listed() takes them.  NULL if there is no memory.
 */
static char *
pack_hosts(List *hosts, size_t room)
{
	char	   *packed = guc_malloc(LOG, room);
	char	   *end = packed;
	ListCell   *cell;

	if (packed == NULL)
		return NULL;
	foreach(cell, hosts)
	{
		strcpy(end, lfirst(cell));
		end += strlen(end) + 1;
	}
	*end = '\0';
	return packed;
}

/* Why that list cannot be one of hosts; palloc'd, or NULL. */
static char *
hosts_problem(List *hosts)
{
	ListCell   *cell;

	foreach(cell, hosts)
	{
		const char *problem = trust_host_problem(lfirst(cell));

		if (problem != NULL)
			return psprintf("\"%s\": %s", (char *) lfirst(cell), problem);
	}
	return NULL;
}

/*
 * A list like others of PostgreSQL's, of names that a URL's host can be equal
 * to.  It is parsed here, once for all requests: *extra is for assign_hosts().
 */
static bool
check_hosts(char **value, void **extra, GucSource source pg_attribute_unused())
{
	char	   *copy = pstrdup(*value);
	List	   *hosts;
	const char *problem = "List syntax is invalid.";

	if (SplitGUCList(copy, ',', &hosts))
		problem = hosts_problem(hosts);
	if (problem == NULL)
		*extra = pack_hosts(hosts, strlen(*value) + 2);
	else
	{
		GUC_check_errdetail("%s", problem);
		GUC_check_errhint("List the names of hosts, separated by commas. Microsoft's own need not be there.");
	}
	list_free(hosts);
	pfree(copy);
	return problem == NULL && *extra != NULL;
}

static void
assign_hosts(const char *value pg_attribute_unused(), void *extra)
{
	allowed_hosts_list = extra;
}

/*
 * settings_allow_host(): is the host one of teams_proactive.allowed_hosts?
 * Case does not count.  Microsoft's own need not be there: see
 * cloud_has_host().
 */
bool
settings_allow_host(const char *host)
{
	return trust_host_is_listed(host, allowed_hosts_list);
}

/* ----------
 * Definitions
 * ----------
 */

/* What the worker reads, a number. */
static void
define_worker_int(const char *name, const char *description, int *variable,
				  int boot, int min, int max, int flags)
{
	DefineCustomIntVariable(name, description, NULL, variable, boot, min, max,
							PGC_SIGHUP, flags, NULL, NULL, NULL);
}

/* What decides where a token or a secret may go, a text. */
static void
define_protected_string(const char *name, const char *description,
						const char *detail, char **variable, const char *boot,
						GucStringCheckHook check)
{
	DefineCustomStringVariable(name, description, detail, variable, boot,
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   check, NULL, NULL);
}

/* Whether and when something is tried again. */
static void
define_retries(void)
{
	define_worker_int("teams_proactive.max_attempts",
					  "Sets after how many failed attempts to give up.",
					  &settings_max_attempts, 10, 1, 1000, 0);
	define_worker_int("teams_proactive.retry_base_delay",
					  "Sets the upper bound of the first delay before a retry.",
					  &settings_retry_base_delay, 2000, 1, INT_MAX,
					  GUC_UNIT_MS);
	define_worker_int("teams_proactive.retry_max_delay",
					  "Sets the upper bound of any delay before a retry.",
					  &settings_retry_max_delay, 300000, 1, INT_MAX,
					  GUC_UNIT_MS);
}

/*
 * settings_define(): define the parameters.  Those of PGC_POSTMASTER exist
 * only while shared_preload_libraries is being processed.
 */
void
settings_define(void)
{
	if (process_shared_preload_libraries_in_progress)
		DefineCustomIntVariable("teams_proactive.max_databases",
								"Sets how many databases can have a worker.",
								NULL, &settings_max_databases,
								16, 1, 1024, PGC_POSTMASTER, 0,
								NULL, NULL, NULL);

	define_protected_string("teams_proactive.credential_directory",
							"Sets the directory of the credential files.",
							"A relative path starts at the data directory.",
							&settings_credential_directory,
							"teams_credentials", NULL);
	DefineCustomStringVariable("teams_proactive.allowed_hosts",
							   "Lists hosts besides Microsoft's that a token may be sent to.",
							   "Plain http is accepted for loopback hosts only.",
							   &allowed_hosts, "", PGC_SIGHUP,
							   GUC_SUPERUSER_ONLY | GUC_LIST_INPUT,
							   check_hosts, assign_hosts, NULL);
	define_protected_string("teams_proactive.ca_file",
							"Sets the file of trusted certificate authorities.",
							"If empty, libcurl's default is used.",
							&settings_ca_file, "", NULL);
	define_protected_string("teams_proactive.proxy",
							"Sets the proxy for requests to the services.",
							"If empty, there is none; the environment is not looked at.",
							&settings_proxy, "", check_proxy);
	define_protected_string("teams_proactive.proxy_credential",
							"Sets the file with the user and password for the proxy.",
							"It is in the directory of the credential files, and has user:password in it.",
							&settings_proxy_credential, "", NULL);

	DefineCustomEnumVariable("teams_proactive.http_version",
							 "Sets the highest HTTP version to negotiate.",
							 NULL, &settings_http_version, HTTP_VERSION_2,
							 http_version_options, PGC_SIGHUP, 0,
							 NULL, NULL, NULL);

	define_worker_int("teams_proactive.max_in_flight",
					  "Sets how many requests a worker may have in flight for a bot.",
					  &settings_max_in_flight, 50, 1, 1000, 0);
	define_worker_int("teams_proactive.connect_timeout",
					  "Sets how long to wait for a connection.",
					  &settings_connect_timeout, 10000, 100, INT_MAX,
					  GUC_UNIT_MS);
	define_worker_int("teams_proactive.request_timeout",
					  "Sets how long to wait for the answer to a request.",
					  &settings_request_timeout, 30000, 100, INT_MAX,
					  GUC_UNIT_MS);
	define_worker_int("teams_proactive.shutdown_grace",
					  "Sets how long a stopping worker waits for answers.",
					  &settings_shutdown_grace, 1500, 0, 60000, GUC_UNIT_MS);
	define_retries();
	define_worker_int("teams_proactive.probe_interval",
					  "Sets how soon a bot that a worker has paused is tried again.",
					  &settings_probe_interval, 60000, 10, 86400000,
					  GUC_UNIT_MS);
	define_worker_int("teams_proactive.retention",
					  "Sets how long the history of messages is kept; -1 means for ever.",
					  &settings_retention, 30 * 24 * 60, -1, INT_MAX,
					  GUC_UNIT_MIN);

	/* Also for one database, by ALTER DATABASE. */
	DefineCustomBoolVariable("teams_proactive.keep_text",
							 "Keeps what messages said in their history.",
							 NULL, &settings_keep_text, false, PGC_SUSET, 0,
							 NULL, NULL, NULL);
	define_worker_int("teams_proactive.name_lifetime",
					  "Sets after how long it is asked again whose a user principal name is; -1 means never.",
					  &settings_name_lifetime, 24 * 60 * 60, -1, INT_MAX,
					  GUC_UNIT_S);

	MarkGUCPrefixReserved(EXTENSION_NAME);
}
