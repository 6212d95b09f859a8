/*
 * wake.c
 *	  What commits tell the workers and the launcher, and what keeps workers
 *	  away.
 *
 * A sender wakes the worker without a lock, a system call it could avoid, or
 * anything that can fail, because it does so after its commit: it sets the
 * slot's flag, and the latch only if the flag was clear.  A latch pointer read
 * from a slot whose worker has just gone wakes somebody else for nothing,
 * which every latch user must bear.
 *
 * A message that is to be sent at once wakes the worker only if it listens,
 * for a busy one looks at "work_from" anyway.  The sender writes "work_from"
 * and reads "listening", the worker writes "listening" and reads "work_from",
 * each with a barrier between the two: so at least one of them sees what the
 * other has written, and no message is overlooked.
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/proc.h"

#include "server/shared_internal.h"
#include "server/wake.h"

/* How long DDL waits for a worker to leave its database. */
#define HOLD_TIMEOUT_MS 10000

/* What the current transaction has to do when it commits. */
static bool tell_pending = false;
static bool wake_pending = false;
static int64 wake_from = PG_INT64_MAX;
static bool reload_pending = false;
static bool scan_pending = false;
static Oid	arrived_pending = InvalidOid;

/* Has it sent a worker away, who may come back when it ends? */
static bool holding = false;

/* ----------
 * Worker and launcher
 * ----------
 */

/* Set the worker's latch, unless that was done since it looked last. */
static void
wake_worker(Slot *slot)
{
	Latch	   *latch;

	if (pg_atomic_exchange_u32(&slot->work, 1) != 0)
		return;
	latch = slot->latch;
	if (latch != NULL)
		SetLatch(latch);
}

/* wake_launcher(): a slot's state has changed, or a scan is asked for. */
void
wake_launcher(void)
{
	Latch	   *latch = shared ? shared->launcher_latch : NULL;

	if (latch != NULL)
		SetLatch(latch);
}

/*
 * wake_attach_launcher(): the launcher, once it runs: become the one that is
 * woken.  Nobody can have told it of what happened before: it is asked to look
 * into every database.
 */
void
wake_attach_launcher(void)
{
	shared->launcher_latch = &MyProc->procLatch;
	pg_atomic_write_u32(&shared->arrived, EVERY_DATABASE);
	pg_atomic_write_u32(&shared->scan, 1);
}

/*
 * wake_has_launcher(): has there been one since the server started?  It starts
 * after recovery; or never, if there is no process for it.
 */
bool
wake_has_launcher(void)
{
	return shared != NULL && shared->launcher_latch != NULL;
}

/*
 * wake_take_scan(): has a look at the databases been asked for since the last
 * call?  Then *arrived is the one that may have got what it lacked when it was
 * looked at; or InvalidOid, or EVERY_DATABASE.
 */
bool
wake_take_scan(Oid *arrived)
{
	if (pg_atomic_exchange_u32(&shared->scan, 0) == 0)
		return false;
	*arrived = (Oid) pg_atomic_exchange_u32(&shared->arrived, InvalidOid);
	return true;
}

/*
 * wake_take(): the worker, when it is awake: what has happened since the last
 * call?  False if nothing has.
 */
bool
wake_take(Slot *slot, WakeUp *wake_up)
{
	bool		work = pg_atomic_exchange_u32(&slot->work, 0) != 0;

	wake_up->from_id = (int64) pg_atomic_exchange_u64(&slot->work_from,
													  PG_INT64_MAX);
	wake_up->times = pg_atomic_exchange_u32(&slot->times, 0) != 0;
	wake_up->reload = pg_atomic_exchange_u32(&slot->reload, 0) != 0;
	return work || wake_up->times || wake_up->reload ||
		wake_up->from_id != PG_INT64_MAX;
}

/*
 * wake_listen(): the worker, before it waits: new messages shall wake it.
 * False if there are some already, of which nobody has told it.  The exchange
 * is a barrier, which a write would not be.
 */
bool
wake_listen(Slot *slot)
{
	pg_atomic_exchange_u32(&slot->listening, 1);
	return pg_atomic_read_u64(&slot->work_from) == PG_INT64_MAX;
}

/* wake_stop_listening(): the worker, after it has waited. */
void
wake_stop_listening(Slot *slot)
{
	pg_atomic_write_u32(&slot->listening, 0);
}

/* ----------
 * After a commit: nothing here may fail, allocate or wait
 * ----------
 */

/* Lower the first id that the worker has to look at. */
static void
lower_work_from(Slot *slot, int64 from_id)
{
	uint64		current = pg_atomic_read_u64(&slot->work_from);

	while ((uint64) from_id < current &&
		   !pg_atomic_compare_exchange_u64(&slot->work_from, &current,
										   (uint64) from_id))
		;
}

/*
 * Ask the launcher for a look at the databases.  If two have arrived before it
 * looks, it looks into every database.
 */
static void
request_scan(Oid arrived)
{
	uint32		other = InvalidOid;

	if (OidIsValid(arrived) &&
		!pg_atomic_compare_exchange_u32(&shared->arrived, &other, arrived) &&
		other != arrived)
		pg_atomic_write_u32(&shared->arrived, EVERY_DATABASE);
	pg_atomic_write_u32(&shared->scan, 1);
	wake_launcher();
}

/*
 * Tell what is pending.  The slot is looked up without a lock: if it becomes
 * another database's meanwhile, that one's worker is woken for nothing.
 */
static void
fire_wake_ups(void)
{
	Slot	   *slot = tell_pending || wake_pending ?
		shared_find_slot(MyDatabaseId) : NULL;

	if (slot != NULL)
		lower_work_from(slot, wake_from);
	if (slot != NULL && wake_pending)
		pg_atomic_write_u32(&slot->times, 1);
	if (slot != NULL && reload_pending)
	{
		/* Set the latch also if there is work already. */
		pg_atomic_write_u32(&slot->reload, 1);
		pg_atomic_write_u32(&slot->work, 0);
	}
	pg_memory_barrier();
	if (slot != NULL &&
		(wake_pending || pg_atomic_read_u32(&slot->listening) != 0))
		wake_worker(slot);
	if (reload_pending && (slot == NULL || slot->state != SLOT_RUNNING))
		request_scan(MyDatabaseId);
	if (scan_pending)
		request_scan(arrived_pending);
}

/* There is nothing pending any more. */
static void
forget_wake_ups(void)
{
	tell_pending = wake_pending = reload_pending = scan_pending = false;
	wake_from = PG_INT64_MAX;
	arrived_pending = InvalidOid;
}

/*
 * wake_for_anything(): a transaction of unknown content has been committed in
 * this database, by COMMIT PREPARED: its worker looks at all.
 */
void
wake_for_anything(void)
{
	if (!shared_is_served())
		return;
	wake_pending = reload_pending = true;
	wake_from = 0;
	fire_wake_ups();
	forget_wake_ups();
}

/* The databases that this process has held may have workers again. */
static void
release_holds(void)
{
	for (int i = 0; i < shared->nslots; i++)
	{
		uint32		mine = MyProcPid;

		pg_atomic_compare_exchange_u32(&shared->slots[i].held_by, &mine, 0);
	}
	request_scan(InvalidOid);
}

/*
 * What the transaction did is visible to others by now if it has committed.
 * One that is prepared tells nothing: see wake_for_anything().
 */
static void
at_transaction_end(XactEvent event, void *arg pg_attribute_unused())
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			fire_wake_ups();
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			break;
		default:
			return;
	}
	if (holding)
		release_holds();
	holding = false;
	forget_wake_ups();
}

/* ----------
 * Before a commit
 * ----------
 */

/*
 * See to it that the end of this transaction is noticed; false: nobody is
 * told.
 */
static bool
watch_transaction(void)
{
	static bool watching = false;

	if (shared == NULL)
		return false;
	if (!watching)
		RegisterXactCallback(at_transaction_end, NULL);
	watching = true;
	return true;
}

/*
 * wake_tell_at_commit(): the current transaction has written a message that is
 * to be sent at once.  When it commits, this database's worker learns of it,
 * and is woken if it listens.
 */
void
wake_tell_at_commit(int64 id)
{
	if (!watch_transaction())
		return;
	tell_pending = true;
	wake_from = Min(wake_from, id);
}

/*
 * wake_at_commit(): the current transaction has changed messages from that id
 * on, or when they are due.  When it commits, this database's worker is woken.
 */
void
wake_at_commit(int64 from_id)
{
	if (!watch_transaction())
		return;
	wake_pending = true;
	wake_from = Min(wake_from, from_id);
}

/*
 * wake_reload_at_commit(): the current transaction has changed the bots.  When
 * it commits, this database's worker reads them anew; if it has none, the
 * launcher looks whether it needs one now.
 */
void
wake_reload_at_commit(void)
{
	if (!watch_transaction())
		return;
	wake_pending = true;
	reload_pending = true;
}

/*
 * wake_scan_at_commit(): when the current transaction commits, the launcher
 * sees which databases there are, and whether the extension, or a bot that is
 * at home, is now in the given one; InvalidOid: in none that it knows of.
 */
void
wake_scan_at_commit(Oid database)
{
	if (!watch_transaction())
		return;
	scan_pending = true;
	if (!OidIsValid(arrived_pending) || !OidIsValid(database))
		arrived_pending = Max(arrived_pending, database);
	else if (database != arrived_pending)
		arrived_pending = EVERY_DATABASE;
}

/* ----------
 * DDL that needs a database to itself
 * ----------
 */

static bool
worker_has_left(Slot *slot)
{
	bool		left;

	shared_lock(LW_SHARED);
	left = slot->state != SLOT_RUNNING && slot->state != SLOT_STARTING;
	shared_unlock();
	return left;
}

/* The database's slot, whose worker is told to end; NULL if it has none. */
static Slot *
take_hold(Oid database)
{
	Slot	   *slot;

	shared_lock(LW_EXCLUSIVE);
	slot = shared_find_slot(database);
	if (slot != NULL)
	{
		pg_atomic_write_u32(&slot->held_by, MyProcPid);
		pg_atomic_write_u32(&slot->stop, 1);
		pg_atomic_write_u32(&slot->work, 0);
	}
	shared_unlock();
	return slot;
}

/*
 * wake_hold_database(): keep workers out of a database until the end of the
 * current transaction.  One that runs is stopped, and is waited for, though no
 * longer than HOLD_TIMEOUT_MS: then the command fails as it would without us.
 */
void
wake_hold_database(Oid database)
{
	Slot	   *slot;
	int			waited_ms = 0;

	if (shared == NULL)
		return;
	slot = take_hold(database);
	if (slot == NULL)
		return;
	(void) watch_transaction();
	holding = true;

	wake_worker(slot);
	ConditionVariablePrepareToSleep(&slot->settled);
	while (!worker_has_left(slot) && waited_ms < HOLD_TIMEOUT_MS)
	{
		if (ConditionVariableTimedSleep(&slot->settled, 100,
										compat_wait_event()))
			waited_ms += 100;
	}
	ConditionVariableCancelSleep();
}
