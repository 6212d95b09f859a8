/*
 * shared.c
 *	  Shared memory: a slot for each database that has a worker, and paces.
 *
 * What is in it is of a fixed size, set at the start of the server; it holds
 * no pointer into a process but latches, which are in shared memory
 * themselves.
 */
#include "postgres.h"

#include "base/compat.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

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

/* Once, at the start of the server. */
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

/* How much is wanted can be said only here since 15. */
static void
request_shmem(void)
{
	if (previous_shmem_request_hook)
		previous_shmem_request_hook();
	RequestAddinShmemSpace(shared_size());
	RequestNamedLWLockTranche(EXTENSION_NAME, 2 + MAX_PACES);
}

/*
 * In the postmaster, which fills it; and on Windows in every process, which
 * finds it there.
 */
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
		pg_atomic_init_u32(&shared->no_room, 0);
		for (int i = 0; i < MAX_PACES; i++)
			pace_init(&shared->paces[i], "", &locks[2 + i].lock);
		pace_init_chats(&shared->chats, &locks[1].lock);
		shared->nslots = settings_max_databases;
		for (int i = 0; i < shared->nslots; i++)
			initialize_slot(&shared->slots[i]);
	}
	LWLockRelease(AddinShmemInitLock);
}

/*
 * shared_request(): while preloading: ask for the memory, and install the
 * hooks that come with it.
 */
void
shared_request(void)
{
	compat_install_shmem_request(previous_shmem_request_hook, request_shmem);
	previous_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
}

/* shared_is_available(): was the library preloaded? */
bool
shared_is_available(void)
{
	return shared != NULL;
}

/* shared_slot_count(): how many slots there are; 0 without shared memory. */
int
shared_slot_count(void)
{
	return shared ? shared->nslots : 0;
}

/* shared_slot(): the slot with that number, of any state. */
Slot *
shared_slot(int index)
{
	return &shared->slots[index];
}

/*
 * shared_lock(), shared_unlock(): the lock of all slots and of the table of
 * paces.  It is held for moments, never over anything that waits.
 */
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

/*
 * shared_find_slot(): the database's slot, or with InvalidOid a free one; NULL
 * if there is none.  Without the lock, it may be another's by the time it is
 * used.
 */
Slot *
shared_find_slot(Oid database)
{
	for (int i = 0; i < shared_slot_count(); i++)
		if (shared->slots[i].database == database)
			return &shared->slots[i];
	return NULL;
}

/* shared_my_slot(): the slot of the current database, or NULL. */
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

/* shared_is_served(): does a worker serve the current database? */
bool
shared_is_served(void)
{
	Slot	   *slot = shared_my_slot();

	return slot != NULL && slot->state == SLOT_RUNNING;
}

/* ----------
 * Paces
 * ----------
 */

/*
 * shared_pace(): the pace that all share who send with that key; NULL if there
 * is no shared memory, or no room in it.
 *
 * It is given to others when it is idle: see that its key is still the same
 * before using it.
 */
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

/* shared_pace_entry(): the pace with that number, or NULL if there is none. */
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

/*
 * shared_chat_paces(): what has gone to each chat lately; this process's if
 * there is no shared memory.
 */
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
