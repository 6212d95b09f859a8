/*
 * shared.c
 *	  Shared memory: a slot for each database that has a worker, what wakes
 *	  workers and the launcher, and counters.
 *
 * A sender wakes the worker without a lock, a system call it could avoid, or
 * anything that can fail, because it does so after its commit: it sets the
 * slot's flag, and the latch only if the flag was clear.  A latch pointer read
 * from a slot whose worker has just gone wakes somebody else for nothing,
 * which every latch user must bear.
 */
#include "postgres.h"

#include "compat.h"
#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "settings.h"
#include "shared.h"

/* How long DDL waits for a worker to leave its database. */
#define HOLD_TIMEOUT_MS 10000

/* For so many bots that send at a time the pace is shared by databases. */
#define MAX_PACES 256

typedef struct SharedState
{
	LWLock	   *lock;
	Latch	   *launcher_latch;
	pg_atomic_uint32 scan;		/* the launcher shall see what databases there
								 * are */
	pg_atomic_uint32 arrived;	/* and look into this one again */
	Pace		paces[MAX_PACES];
	ChatPaces	chats;
	int			nslots;
	Slot		slots[FLEXIBLE_ARRAY_MEMBER];
} SharedState;

static SharedState *shared = NULL;

/* What the current transaction has to do when it commits. */
static bool tell_pending = false;
static bool wake_pending = false;
static int64 wake_from = PG_INT64_MAX;
static bool reload_pending = false;
static bool scan_pending = false;
static Oid	arrived_pending = InvalidOid;
static bool holding = false;

static shmem_request_hook_type previous_shmem_request_hook = NULL;
static shmem_startup_hook_type previous_shmem_startup_hook = NULL;

static Size
shared_size(void)
{
	return add_size(offsetof(SharedState, slots),
					mul_size(settings_max_databases, sizeof(Slot)));
}

/* Once, at start-up. */
static void
initialize_slot(Slot *slot)
{
	memset(slot, 0, sizeof(Slot));
	pg_atomic_init_u32(&slot->held_by, 0);
	pg_atomic_init_u32(&slot->listening, 0);
	pg_atomic_init_u32(&slot->times, 0);
	pg_atomic_init_u32(&slot->work, 0);
	pg_atomic_init_u64(&slot->work_from, PG_INT64_MAX);
	pg_atomic_init_u32(&slot->reload, 0);
	pg_atomic_init_u32(&slot->stop, 0);
	pg_atomic_init_u32(&slot->in_flight, 0);
	pg_atomic_init_u64(&slot->sent, 0);
	pg_atomic_init_u64(&slot->failed, 0);
	pg_atomic_init_u64(&slot->retried, 0);
	ConditionVariableInit(&slot->settled);
}

/* For another database; somebody may still sleep on the old one. */
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

static void
request_shmem(void)
{
	if (previous_shmem_request_hook)
		previous_shmem_request_hook();
	RequestAddinShmemSpace(shared_size());
	RequestNamedLWLockTranche(EXTENSION_NAME, 1);
}

static void
startup_shmem(void)
{
	bool		found;

	if (previous_shmem_startup_hook)
		previous_shmem_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct(EXTENSION_NAME, shared_size(), &found);
	if (!found)
	{
		shared->lock = &GetNamedLWLockTranche(EXTENSION_NAME)->lock;
		shared->launcher_latch = NULL;
		pg_atomic_init_u32(&shared->scan, 1);
		pg_atomic_init_u32(&shared->arrived, EVERY_DATABASE);
		for (int i = 0; i < MAX_PACES; i++)
			pace_init(&shared->paces[i], "");
		pace_init_chats(&shared->chats);
		shared->nslots = settings_max_databases;
		for (int i = 0; i < shared->nslots; i++)
			initialize_slot(&shared->slots[i]);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
shared_request(void)
{
	compat_install_shmem_request(previous_shmem_request_hook, request_shmem);
	previous_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
}

bool
shared_is_available(void)
{
	return shared != NULL;
}

int
shared_slot_count(void)
{
	return shared ? shared->nslots : 0;
}

Slot *
shared_slot(int index)
{
	return &shared->slots[index];
}

void
shared_lock(LWLockMode mode)
{
	LWLockAcquire(shared->lock, mode);
}

void
shared_unlock(void)
{
	LWLockRelease(shared->lock);
}

static Slot *
find_slot(Oid database)
{
	for (int i = 0; i < shared_slot_count(); i++)
		if (shared->slots[i].database == database)
			return &shared->slots[i];
	return NULL;
}

/* ----------
 * Launcher and workers
 * ----------
 */

void
shared_attach_launcher(void)
{
	/* A worker that the last launcher had started may never have come. */
	shared_lock(LW_EXCLUSIVE);
	for (int i = 0; i < shared->nslots; i++)
		if (shared->slots[i].state == SLOT_STARTING &&
			shared->slots[i].pid == 0)
			shared->slots[i].state = SLOT_STOPPED;
	shared_unlock();
	shared->launcher_latch = &MyProc->procLatch;
	pg_atomic_write_u32(&shared->arrived, EVERY_DATABASE);
	pg_atomic_write_u32(&shared->scan, 1);
}

/* Has a look at the databases been asked for since the last call? */
bool
shared_take_scan_request(Oid *arrived)
{
	if (pg_atomic_exchange_u32(&shared->scan, 0) == 0)
		return false;
	*arrived = (Oid) pg_atomic_exchange_u32(&shared->arrived, InvalidOid);
	return true;
}

/*
 * The database's slot, a new one if it has none; NULL if none is free.  If it is
 * to be looked at again, what was absent may be there now.
 */
Slot *
shared_assign_slot(Oid database, bool again)
{
	Slot	   *slot;

	shared_lock(LW_EXCLUSIVE);
	slot = find_slot(database);
	if (slot == NULL)
	{
		slot = find_slot(InvalidOid);
		if (slot != NULL)
			reset_slot(slot, database);
	}
	else if (again && slot->state == SLOT_ABSENT)
		slot->state = SLOT_STOPPED;
	shared_unlock();
	return slot;
}

void
shared_release_slot(Slot *slot)
{
	shared_lock(LW_EXCLUSIVE);
	slot->database = InvalidOid;
	slot->state = SLOT_FREE;
	pg_atomic_write_u32(&slot->held_by, 0);
	shared_unlock();
}

/* NULL if the slot is not waiting for a worker any more. */
Slot *
shared_attach_worker(int index)
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

void
shared_confirm_worker(Slot *slot)
{
	shared_lock(LW_EXCLUSIVE);
	slot->state = SLOT_RUNNING;
	shared_unlock();
	shared_wake_launcher();
}

/*
 * A worker that leaves a copy may just be told that it is none any more: then
 * another shall look.  Whoever tells after that sees the state (fire_wake_ups).
 */
void
shared_detach_worker(Slot *slot, SlotState state)
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
	shared_wake_launcher();
}

Slot *
shared_my_slot(void)
{
	Slot	   *slot;

	if (shared == NULL)
		return NULL;
	shared_lock(LW_SHARED);
	slot = find_slot(MyDatabaseId);
	shared_unlock();
	return slot;
}

Pace *
shared_pace(const char *key)
{
	Pace	   *found = NULL;

	if (shared == NULL)
		return NULL;
	shared_lock(LW_EXCLUSIVE);
	for (int i = 0; i < MAX_PACES && found == NULL; i++)
	{
		Pace	   *pace = &shared->paces[i];

		/* Entries fill up from the first on. */
		if (pace->key[0] == '\0')
			pace_assign(pace, key);
		if (strcmp(pace->key, key) == 0)
			found = pace;
	}
	for (int i = 0; i < MAX_PACES && found == NULL; i++)
		if (pace_is_idle(&shared->paces[i]))
		{
			found = &shared->paces[i];
			pace_assign(found, key);
		}
	shared_unlock();
	return found;
}

Pace *
shared_pace_entry(int index)
{
	bool		is_used;

	if (shared == NULL || index >= MAX_PACES)
		return NULL;
	shared_lock(LW_SHARED);
	is_used = shared->paces[index].key[0] != '\0';
	shared_unlock();
	return is_used ? &shared->paces[index] : NULL;
}

ChatPaces *
shared_chat_paces(void)
{
	static ChatPaces *own = NULL;

	if (shared != NULL)
		return &shared->chats;
	if (own == NULL)
	{
		own = MemoryContextAlloc(TopMemoryContext, sizeof(ChatPaces));
		pace_init_chats(own);
	}
	return own;
}

void
shared_note_error(Slot *slot, const char *message)
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

char *
shared_last_error(const Slot *slot)
{
	char	   *copy = pstrdup(slot->last_error);

	if (slot->last_error_encoding != GetDatabaseEncoding())
		for (char *c = copy; *c != '\0'; c++)
			if (IS_HIGHBIT_SET(*c))
				*c = '?';
	return copy;
}

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
		find_slot(MyDatabaseId) : NULL;

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
at_transaction_end(XactEvent event, void *arg)
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
	slot = find_slot(database);
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
