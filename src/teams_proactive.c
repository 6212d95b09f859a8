/*
 * teams_proactive.c
 *	  Where PostgreSQL enters the library.
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/xact.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"

#include "base/settings.h"
#include "server/ddl.h"
#include "server/launcher.h"
#include "server/shared.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

/* The transaction that has loaded the library makes the extension. */
static bool is_created = false;

/*
 * Whoever has just made the extension hears that nothing will be sent.  While
 * its script runs, notices are not shown; and whoever restores a dump, which
 * sets client_min_messages, has other worries.
 */
static void
tell_at_commit(XactEvent event, void *arg pg_attribute_unused())
{
	if (is_created && event == XACT_EVENT_PRE_COMMIT)
		ereport(NOTICE,
				(errmsg("teams_proactive is not preloaded, so no worker sends messages"),
				 errhint("Set shared_preload_libraries = 'teams_proactive' and restart the server, or send with CALL teams_drain().")));
	if (event != XACT_EVENT_PARALLEL_PRE_COMMIT)
		is_created = false;
}

void
_PG_init(void)
{
	settings_define();

	/*
	 * Without preloading, messages can be enqueued, and sent by
	 * teams_drain(). pg_upgrade must not have messages sent.
	 */
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
	{
		is_created = creating_extension && !IsBinaryUpgrade;
		if (is_created)
			RegisterXactCallback(tell_at_commit, NULL);
		return;
	}

	shared_request();
	ddl_install_hooks();
	launcher_register();
}
