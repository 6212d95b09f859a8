/*
 * slot.c
 *	  The life of a slot, from one worker of a database to the next.
 *
 * Each change of state is a function here.  The launcher makes some of them
 * and the workers the others; README.md has the picture.
 */
#include "postgres.h"

#include "base/compat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/timestamp.h"

#include "server/shared_internal.h"
#include "server/slot.h"
#include "server/wake.h"

/* ----------
 * The launcher
 * ----------
 */

/*
 * slot_forget_starts(): a new launcher takes over.  A worker that the last one
 * had asked for may never have come: another is to be started.
 */
void
slot_forget_starts(void)
{
	shared_lock(LW_EXCLUSIVE);
	for (int i = 0; i < shared->nslots; i++)
		if (shared->slots[i].state == SLOT_STARTING &&
			shared->slots[i].pid == 0)
			shared->slots[i].state = SLOT_STOPPED;
	shared_unlock();
}

/*
 * Let a free slot be the database's.  Somebody may still sleep on what it was
 * before, so the condition variable stays as it is.
 */
static void
reset_slot(Slot *slot, Oid database)
{
	slot->database = database;
	slot->state = SLOT_STOPPED;
	slot->started_at = 0;
	slot->last_error_at = 0;
	slot->last_error[0] = '\0';
	pg_atomic_write_u32(&slot->held_by, 0);
	pg_atomic_write_u64(&slot->sent, 0);
	pg_atomic_write_u64(&slot->failed, 0);
	pg_atomic_write_u64(&slot->retried, 0);
}

/*
 * slot_assign(): the database's slot, a new one if it has none; NULL if none
 * is free.  With "again" the extension may have come since a worker looked for
 * it, so another one shall.
 */
Slot *
slot_assign(Oid database, bool again)
{
	Slot	   *slot;

	shared_lock(LW_EXCLUSIVE);
	slot = shared_find_slot(database);
	if (slot == NULL)
	{
		slot = shared_find_slot(InvalidOid);
		if (slot != NULL)
			reset_slot(slot, database);
	}
	else if (again && slot->state == SLOT_ABSENT)
		slot->state = SLOT_STOPPED;
	shared_unlock();
	return slot;
}

/* slot_release(): the database needs no worker any more. */
void
slot_release(Slot *slot)
{
	shared_lock(LW_EXCLUSIVE);
	slot->database = InvalidOid;
	slot->state = SLOT_FREE;
	pg_atomic_write_u32(&slot->held_by, 0);
	shared_unlock();
}

/* slot_begin_start(): a process is being asked for; it will slot_attach(). */
void
slot_begin_start(Slot *slot)
{
	shared_lock(LW_EXCLUSIVE);
	slot->state = SLOT_STARTING;
	slot->started_at = 0;
	shared_unlock();
}

/*
 * slot_fail_start(): there is no process after all, or it ended before it
 * could say what it found.  If it did say, that holds.
 */
void
slot_fail_start(Slot *slot)
{
	shared_lock(LW_EXCLUSIVE);
	if (slot->state == SLOT_STARTING)
		slot->state = SLOT_FAILED;
	shared_unlock();
}

/*
 * slot_set_no_room(): say whether there are databases that get no slot, since
 * others have all that there are.
 */
void
slot_set_no_room(bool no_room)
{
	pg_atomic_write_u32(&shared->no_room, no_room);
}

/*
 * slot_has_no_room(): what was said last; false if the library was not
 * preloaded.
 */
bool
slot_has_no_room(void)
{
	return shared != NULL && pg_atomic_read_u32(&shared->no_room) != 0;
}

/* slot_drop_stale_hold(): forget a holder that has died without a word. */
void
slot_drop_stale_hold(Slot *slot)
{
	uint32		holder = pg_atomic_read_u32(&slot->held_by);

	if (holder != 0 && BackendPidGetProc((int) holder) == NULL)
		pg_atomic_compare_exchange_u32(&slot->held_by, &holder, 0);
}

/* ----------
 * A worker
 * ----------
 */

/*
 * slot_attach(): take over the slot with that number, of which the launcher
 * has told this process.  All of the outbox is new to it.
 *
 * NULL if the slot does not wait for a worker any more: DDL holds the
 * database, or another launcher has thought better of it.
 */
Slot *
slot_attach(int index)
{
	Slot	   *slot = &shared->slots[index];
	bool		welcome;

	shared_lock(LW_EXCLUSIVE);
	welcome = slot->state == SLOT_STARTING &&
		pg_atomic_read_u32(&slot->held_by) == 0;
	if (welcome)
	{
		slot->pid = MyProcPid;
		slot->latch = &MyProc->procLatch;
		slot->started_at = GetCurrentTimestamp();
		pg_atomic_write_u32(&slot->stop, 0);
		pg_atomic_write_u32(&slot->reload, 0);
		pg_atomic_write_u64(&slot->work_from, 0);
		pg_atomic_write_u32(&slot->work, 1);
	}
	else if (slot->state == SLOT_STARTING)
		slot->state = SLOT_STOPPED;
	shared_unlock();
	if (!welcome)
		ConditionVariableBroadcast(&slot->settled);
	return welcome ? slot : NULL;
}

/*
 * slot_confirm(): the worker has found the extension and serves the database.
 */
void
slot_confirm(Slot *slot)
{
	shared_lock(LW_EXCLUSIVE);
	slot->state = SLOT_RUNNING;
	shared_unlock();
	wake_launcher();
}

/*
 * slot_detach(): the worker ends; the state says what is to become of the
 * slot: SLOT_STOPPED, SLOT_FAILED or SLOT_ABSENT.
 *
 * A worker that finds nothing to serve may just be told that there is
 * something now: then another shall look.  Whoever tells after the barrier
 * sees the new state, and asks for a scan (wake.c).
 */
void
slot_detach(Slot *slot, SlotState state)
{
	shared_lock(LW_EXCLUSIVE);
	slot->state = state;
	pg_memory_barrier();
	if (state == SLOT_ABSENT && pg_atomic_read_u32(&slot->reload) != 0)
		slot->state = SLOT_STOPPED;
	slot->pid = 0;
	slot->latch = NULL;
	pg_atomic_write_u32(&slot->in_flight, 0);
	shared_unlock();
	ConditionVariableBroadcast(&slot->settled);
	wake_launcher();
}

/* ----------
 * Its trouble
 * ----------
 */

/*
 * slot_note_error(): remember a worker's trouble for teams_worker_detail.
 * The message is in the encoding of the worker's database, and cut between
 * characters.  NULL for the slot is allowed: then nobody is told.
 */
void
slot_note_error(Slot *slot, const char *message)
{
	int			length;

	if (slot == NULL)
		return;
	shared_lock(LW_EXCLUSIVE);
	length = pg_mbcliplen(message, strlen(message),
						  sizeof(slot->last_error) - 1);
	memcpy(slot->last_error, message, length);
	slot->last_error[length] = '\0';
	slot->last_error_encoding = GetDatabaseEncoding();
	slot->last_error_at = GetCurrentTimestamp();
	shared_unlock();
}

/*
 * slot_last_error(): the trouble of a slot as this database can show it,
 * palloc'd: what another one has that is not ASCII becomes a question mark if
 * the encodings differ.  Call it with shared_lock() held.
 */
char *
slot_last_error(const Slot *slot)
{
	char	   *copy = pstrdup(slot->last_error);

	if (slot->last_error_encoding != GetDatabaseEncoding())
		for (char *c = copy; *c != '\0'; c++)
			if (IS_HIGHBIT_SET(*c))
				*c = '?';
	return copy;
}
