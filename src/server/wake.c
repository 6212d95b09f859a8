/*
 * wake.c
 *	  What wakes workers and the launcher, and keeps workers away.
 *
 * A sender wakes the worker without a lock, a system call it could avoid, or
 * anything that can fail, because it does so after its commit: it sets the
 * slot's flag, and the latch only if the flag was clear.  A latch pointer read
 * from a slot whose worker has just gone wakes somebody else for nothing,
 * which every latch user must bear.
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/proc.h"
#include "storage/procarray.h"

#include "server/shared_internal.h"

/* How long DDL waits for a worker to leave its database. */
#define HOLD_TIMEOUT_MS 10000

/* What the current transaction has to do when it commits. */
static bool tell_pending = false;
static bool wake_pending = false;
static int64 wake_from = PG_INT64_MAX;
static bool reload_pending = false;
static bool scan_pending = false;
static Oid	arrived_pending = InvalidOid;
static bool holding = false;

/* ----------
 * Wake-ups
 * ----------
 */

void
shared_wake_worker(Slot *slot)
{
	Latch	   *latch;

	if (pg_atomic_exchange_u32(&slot->work, 1) != 0)
		return;
	latch = slot->latch;
	if (latch != NULL)
		SetLatch(latch);
}

void
shared_wake_launcher(void)
{
	Latch	   *latch = shared ? shared->launcher_latch : NULL;

	if (latch != NULL)
		SetLatch(latch);
}

bool
shared_take_work(Slot *slot, WakeUp *wake_up)
{
	bool		work = pg_atomic_exchange_u32(&slot->work, 0) != 0;

	wake_up->from_id = (int64) pg_atomic_exchange_u64(&slot->work_from,
													  PG_INT64_MAX);
	wake_up->times = pg_atomic_exchange_u32(&slot->times, 0) != 0;
	wake_up->reload = pg_atomic_exchange_u32(&slot->reload, 0) != 0;
	return work || wake_up->times || wake_up->reload ||
		wake_up->from_id != PG_INT64_MAX;
}

bool
shared_listen(Slot *slot)
{
	/* Whoever commits from now on sees this, or we see what it has told. */
	pg_atomic_exchange_u32(&slot->listening, 1);
	return pg_atomic_read_u64(&slot->work_from) == PG_INT64_MAX;
}

void
shared_stop_listening(Slot *slot)
{
	pg_atomic_write_u32(&slot->listening, 0);
}

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

/* Two at a time are not told apart. */
static void
request_scan(Oid arrived)
{
	uint32		other = InvalidOid;

	if (OidIsValid(arrived) &&
		!pg_atomic_compare_exchange_u32(&shared->arrived, &other, arrived) &&
		other != arrived)
		pg_atomic_write_u32(&shared->arrived, EVERY_DATABASE);
	pg_atomic_write_u32(&shared->scan, 1);
	shared_wake_launcher();
}

/* After the commit: nothing here may fail, allocate or wait. */
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
		shared_wake_worker(slot);
	if (reload_pending && (slot == NULL || slot->state != SLOT_RUNNING))
		request_scan(MyDatabaseId);
	if (scan_pending)
		request_scan(arrived_pending);
}

static void
forget_wake_ups(void)
{
	tell_pending = wake_pending = reload_pending = scan_pending = false;
	wake_from = PG_INT64_MAX;
	arrived_pending = InvalidOid;
}

bool
shared_is_served(void)
{
	Slot	   *slot = shared_my_slot();

	return slot != NULL && slot->state == SLOT_RUNNING;
}

void
shared_wake_for_anything(void)
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

static void
watch_transactions(void)
{
	static bool watching = false;

	if (!watching)
		RegisterXactCallback(at_transaction_end, NULL);
	watching = true;
}

void
shared_tell_at_commit(int64 id)
{
	if (shared == NULL)
		return;
	watch_transactions();
	tell_pending = true;
	wake_from = Min(wake_from, id);
}

void
shared_wake_at_commit(int64 from_id)
{
	if (shared == NULL)
		return;
	watch_transactions();
	wake_pending = true;
	wake_from = Min(wake_from, from_id);
}

void
shared_reload_at_commit(void)
{
	if (shared == NULL)
		return;
	watch_transactions();
	wake_pending = true;
	reload_pending = true;
}

void
shared_scan_at_commit(Oid database)
{
	if (shared == NULL)
		return;
	watch_transactions();
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

void
shared_hold_database(Oid database)
{
	Slot	   *slot;
	int			waited_ms = 0;

	if (shared == NULL)
		return;

	shared_lock(LW_EXCLUSIVE);
	slot = shared_find_slot(database);
	if (slot != NULL)
	{
		pg_atomic_write_u32(&slot->held_by, MyProcPid);
		pg_atomic_write_u32(&slot->stop, 1);
		pg_atomic_write_u32(&slot->work, 0);
	}
	shared_unlock();
	if (slot == NULL)
		return;
	watch_transactions();
	holding = true;

	shared_wake_worker(slot);
	ConditionVariablePrepareToSleep(&slot->settled);
	while (!worker_has_left(slot) && waited_ms < HOLD_TIMEOUT_MS)
	{
		if (ConditionVariableTimedSleep(&slot->settled, 100,
										PG_WAIT_EXTENSION))
			waited_ms += 100;
	}
	ConditionVariableCancelSleep();
}
