/*
 * launcher.c
 *	  The process that keeps a worker in every database with the extension.
 *
 * Whether a database has the extension can be seen only from inside it.  So
 * the launcher, which is connected to no database, starts a worker in each and
 * lets that find out: it stays or it leaves.  This is done for one database at
 * a time, so that a look around takes one background worker slot beyond those
 * in use.  There is no polling: the launcher looks when it starts, and when
 * DDL (ddl.c) says that a database or the extension came or went; and it looks
 * into a database again only when something has come there.
 *
 * It starts after recovery, hence also after a promotion, and never on a
 * standby.
 */
#include "postgres.h"

#include "base/compat.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "server/databases.h"
#include "server/launcher.h"
#include "server/slot.h"
#include "server/wake.h"

/* Delays before a failed worker is started again. */
#define RESTART_MIN_DELAY_MS 1000
#define RESTART_MAX_DELAY_MS 60000

/* A worker that lived this long was healthy: the delays start anew. */
#define HEALTHY_UPTIME_MS 60000

/* What the launcher alone knows of a slot. */
typedef struct Restart
{
	unsigned int failures;		/* in a row */
	TimestampTz not_before;		/* of the next start; 0: not chosen yet */
} Restart;

PGDLLEXPORT void teams_launcher_main(Datum arg);

static Restart *restarts;		/* by the slots' numbers */

/* The one worker that has been started and not yet said what it found. */
static Slot *starting = NULL;
static BackgroundWorkerHandle *starting_handle = NULL;

/* Databases that were found to need no worker, in TopMemoryContext. */
static List *absent_databases = NIL;

/*
 * There are databases that have not been looked at for want of a slot, of
 * which this is the first; a slot that comes free lets the scan go on.
 */
static bool scan_unfinished = false;
static Oid	waiting_database = InvalidOid;
static bool slot_came_free = false;

/* Each trouble is logged once, until it is over. */
static bool warned_no_slot = false;
static bool warned_no_process = false;

/*
 * launcher_register(): while preloading: have the postmaster start the
 * launcher once it accepts writes, and again five seconds after it has died.
 */
void
launcher_register(void)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	snprintf(worker.bgw_name, BGW_MAXLEN, "teams_proactive launcher");
	snprintf(worker.bgw_type, BGW_MAXLEN, "teams_proactive launcher");
	snprintf(worker.bgw_library_name, BGW_MAXLEN, EXTENSION_NAME);
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "teams_launcher_main");
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 5;
	RegisterBackgroundWorker(&worker);
}

/* ----------
 * Starting a worker
 * ----------
 */

/* Tell teams_worker, and the log once. */
static void
complain_of_no_process(Slot *slot)
{
	const char *name = databases_name(slot->database);

	slot_note_error(slot, "could not start the worker: all processes of "
					"max_worker_processes are in use; raise it and restart "
					"the server");
	if (!warned_no_process)
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("could not start a teams_proactive worker"),
				 errdetail("Database \"%s\" has none.", name),
				 errhint("Raise max_worker_processes and restart the server.")));
}

/*
 * Ask the postmaster for a worker for that slot.  It is told when the worker
 * ends, and tells us by our latch.  False if there is no process for it now.
 */
static bool
start_worker(Slot *slot, int index)
{
	BackgroundWorker worker;
	MemoryContext old;
	bool		registered;

	memset(&worker, 0, sizeof(worker));
	snprintf(worker.bgw_name, BGW_MAXLEN,
			 "teams_proactive worker for database %u", slot->database);
	snprintf(worker.bgw_type, BGW_MAXLEN, "teams_proactive worker");
	snprintf(worker.bgw_library_name, BGW_MAXLEN, EXTENSION_NAME);
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "teams_worker_main");
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_main_arg = Int32GetDatum(index);
	worker.bgw_notify_pid = MyProcPid;

	slot_begin_start(slot);
	old = MemoryContextSwitchTo(TopMemoryContext);
	registered = RegisterDynamicBackgroundWorker(&worker, &starting_handle);
	MemoryContextSwitchTo(old);
	if (registered)
		starting = slot;
	else
	{
		slot_fail_start(slot);
		complain_of_no_process(slot);
	}
	warned_no_process = !registered;
	return registered;
}

/* ----------
 * Looking around
 * ----------
 */

/*
 * Of the databases without the extension, look again into the one where it may
 * have come, and forget those that have gone.
 */
static void
trim_absent(Oid arrived, List *databases)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	List	   *absent = NIL;
	ListCell   *cell;

	foreach(cell, absent_databases)
	{
		Oid			database = lfirst_oid(cell);

		if (arrived != EVERY_DATABASE && arrived != database &&
			list_member_oid(databases, database))
			absent = lappend_oid(absent, database);
	}
	list_free(absent_databases);
	absent_databases = absent;
	MemoryContextSwitchTo(old);
}

/*
 * Give every database a slot, so that a worker looks at it.  If there are not
 * enough the scan is unfinished: it goes on when a slot comes free, which
 * those of databases without the extension do at once.
 */
static void
scan_databases(List *databases, Oid arrived)
{
	ListCell   *cell;

	scan_unfinished = false;
	foreach(cell, databases)
	{
		Oid			database = lfirst_oid(cell);
		bool		again = arrived == EVERY_DATABASE || arrived == database;

		if (list_member_oid(absent_databases, database) ||
			slot_assign(database, again) != NULL)
			continue;
		scan_unfinished = true;
		waiting_database = database;
		return;
	}
}

/* All slots are in use by workers, and there are databases left. */
static void
warn_no_slot(void)
{
	if (scan_unfinished && !warned_no_slot)
	{
		const char *name = databases_name(waiting_database);

		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("there are more databases than teams_proactive can have workers for"),
				 errdetail("There is no room to look into database \"%s\".", name),
				 errhint("Raise teams_proactive.max_databases and restart the server.")));
	}
	warned_no_slot = scan_unfinished;
	slot_set_no_room(scan_unfinished);
}

/* ----------
 * One slot after the other
 * ----------
 */

/* A worker has found nothing to serve there. */
static void
note_absent(Oid database)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	absent_databases = list_append_unique_oid(absent_databases, database);
	MemoryContextSwitchTo(old);
}

/*
 * A worker has ended by an error, or could not be started: choose when to try
 * again, later with each failure in a row.
 */
static void
note_failure(Slot *slot, Restart *restart)
{
	int			delay;

	if (slot->started_at != 0 &&
		TimestampDifferenceExceeds(slot->started_at, GetCurrentTimestamp(),
								   HEALTHY_UPTIME_MS))
		restart->failures = 0;
	delay = RESTART_MIN_DELAY_MS << Min(restart->failures, 10);
	restart->failures++;
	restart->not_before =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
									Min(delay, RESTART_MAX_DELAY_MS));
}

/* Has the worker that was started last found what it is to find? */
static bool
is_still_starting(void)
{
	pid_t		pid;

	if (starting == NULL)
		return false;
	if (starting->state == SLOT_STARTING &&
		GetBackgroundWorkerPid(starting_handle, &pid) != BGWH_STOPPED)
		return true;

	/* It may have ended before it could attach to its slot. */
	slot_fail_start(starting);
	pfree(starting_handle);
	starting = NULL;
	return false;
}

/* Another database may have it. */
static void
release_slot(Slot *slot)
{
	slot_release(slot);
	slot_came_free = true;
}

/*
 * Bring one slot forward: release it, or start its worker.  Returns false if
 * that has to wait until *not_before.
 */
static bool
serve_slot(int index, TimestampTz *not_before)
{
	Slot	   *slot = shared_slot(index);
	Restart    *restart = &restarts[index];

	slot_drop_stale_hold(slot);
	switch (slot->state)
	{
		case SLOT_FREE:
		case SLOT_STARTING:
		case SLOT_RUNNING:
			return true;
		case SLOT_ABSENT:
			note_absent(slot->database);
			release_slot(slot);
			memset(restart, 0, sizeof(Restart));
			return true;
		case SLOT_STOPPED:
			memset(restart, 0, sizeof(Restart));
			break;
		case SLOT_FAILED:
			if (restart->not_before == 0)
				note_failure(slot, restart);
			break;
	}

	/* Whoever holds the database asks for a scan when done with it. */
	if (pg_atomic_read_u32(&slot->held_by) != 0)
		return true;
	if (restart->not_before > GetCurrentTimestamp())
	{
		*not_before = restart->not_before;
		return false;
	}
	restart->not_before = 0;
	if (!databases_have(slot->database))
		release_slot(slot);
	else if (!start_worker(slot, index))
	{
		note_failure(slot, restart);
		*not_before = restart->not_before;
		return false;
	}
	return true;
}

/* Serve all slots; returns for how many ms there is nothing more to do. */
static long
serve_slots(void)
{
	TimestampTz now;
	long		timeout = -1;

	for (int i = 0; i < shared_slot_count(); i++)
	{
		TimestampTz not_before;

		if (is_still_starting())
			return 1000;
		if (!serve_slot(i, &not_before))
		{
			long		wait;

			now = GetCurrentTimestamp();
			wait = TimestampDifferenceMilliseconds(now, not_before) + 1;
			timeout = timeout < 0 ? wait : Min(timeout, wait);
		}
	}
	return is_still_starting() ? 1000 : timeout;
}

/* See which databases there are, if that was asked for or is unfinished. */
static void
look_around(void)
{
	Oid			arrived = InvalidOid;
	bool		is_asked;
	List	   *databases;

	/* A worker that is still looking may have looked too early. */
	is_asked = !is_still_starting() && wake_take_scan(&arrived);
	if (!is_asked && !scan_unfinished)
		return;
	databases = databases_list();
	if (is_asked)
		trim_absent(arrived, databases);
	scan_databases(databases, arrived);
}

/*
 * teams_launcher_main(): the process.  It is connected to no database, but may
 * read the catalogs that all databases share.
 */
void
teams_launcher_main(Datum arg pg_attribute_unused())
{
	MemoryContext loop_context;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);

	restarts = MemoryContextAllocZero(TopMemoryContext,
									  shared_slot_count() * sizeof(Restart));
	loop_context = AllocSetContextCreate(TopMemoryContext,
										 "teams_proactive launcher loop",
										 ALLOCSET_DEFAULT_SIZES);
	slot_forget_starts();
	wake_attach_launcher();
	pgstat_report_activity(STATE_IDLE, NULL);

	for (;;)
	{
		long		timeout;

		MemoryContextSwitchTo(loop_context);
		slot_came_free = false;
		look_around();
		timeout = serve_slots();
		if (scan_unfinished && slot_came_free)
			timeout = 0;
		if (timeout < 0)
			warn_no_slot();
		MemoryContextSwitchTo(TopMemoryContext);
		MemoryContextReset(loop_context);

		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_EXIT_ON_PM_DEATH |
						 (timeout >= 0 ? WL_TIMEOUT : 0),
						 timeout, compat_wait_event());
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();

		/* With another code the postmaster would not start it again. */
		if (ShutdownRequestPending)
			proc_exit(1);
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
	}
}
