/*
 * teams_proactive.c
 *	  Where PostgreSQL enters the library.
 */
#include "postgres.h"

#include "base/compat.h"
#include "fmgr.h"
#include "miscadmin.h"

#include "base/settings.h"
#include "server/ddl.h"
#include "server/launcher.h"
#include "server/shared.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	settings_define();

	/*
	 * Without preloading, messages can be enqueued, and sent by
	 * teams_drain(). pg_upgrade must not have messages sent.
	 */
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;

	shared_request();
	ddl_install_hooks();
	launcher_register();
}
