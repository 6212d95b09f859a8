/*
 * shared.c
 *	  Shared memory: a slot for each database that has a worker, and counters.
 *
 * What wakes workers and the launcher is in wake.c.
 */
#include "postgres.h"

#include "base/compat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "server/shared_internal.h"

SharedState *shared = NULL;

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
	RequestNamedLWLockTranche(EXTENSION_NAME, 2 + MAX_PACES);
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
		LWLockPadded *locks = GetNamedLWLockTranche(EXTENSION_NAME);

		shared->lock = &locks[0].lock;
		shared->launcher_latch = NULL;
		pg_atomic_init_u32(&shared->scan, 1);
		pg_atomic_init_u32(&shared->arrived, EVERY_DATABASE);
		for (int i = 0; i < MAX_PACES; i++)
			pace_init(&shared->paces[i], "", &locks[2 + i].lock);
		pace_init_chats(&shared->chats, &locks[1].lock);
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

Slot *
shared_find_slot(Oid database)
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
	slot = shared_find_slot(MyDatabaseId);
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
		pace_init_chats(own, NULL);
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
