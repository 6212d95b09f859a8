/*
 * shared.h
 *	  Shared memory: a slot for each database that has a worker, and paces.
 *
 * It exists only if the library was preloaded; every function here may be
 * called without, and then does nothing.
 */
#ifndef TP_SHARED_H
#define TP_SHARED_H

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#include "server/pace.h"

/* The life of a slot; slot.c has the changes from one state to another. */
typedef enum SlotState
{
	SLOT_FREE,					/* of no database */
	SLOT_STARTING,				/* the launcher asked for a process, which has
								 * yet to find the extension */
	SLOT_RUNNING,				/* the process serves the database */
	SLOT_STOPPED,				/* it was told to end, start another */
	SLOT_FAILED,				/* it ended by an error, start another later */
	SLOT_ABSENT					/* it ended: the extension is not there */
} SlotState;

/* One per database; shared_lock() guards what is not atomic. */
typedef struct Slot
{
	Oid			database;
	SlotState	state;
	int			pid;			/* of the worker, 0 if there is none */
	Latch	   *latch;			/* the worker's, in shared memory; may be
								 * stale, and then a wake-up is spurious */
	pg_atomic_uint32 held_by;	/* pid of a backend whose DDL must not be
								 * disturbed by a worker, or 0 */
	TimestampTz started_at;		/* when the worker came; 0: it has not yet */
	TimestampTz last_error_at;
	char		last_error[256];
	int			last_error_encoding;	/* that of its database */

	/* What the worker is to be told: wake.c. */
	pg_atomic_uint32 listening; /* it waits, with room for more */
	pg_atomic_uint32 work;		/* the outbox may have something new */
	pg_atomic_uint64 work_from; /* from this id on */
	pg_atomic_uint32 times;		/* when messages are due may have changed */
	pg_atomic_uint32 reload;	/* the bots may have changed */
	pg_atomic_uint32 stop;		/* it shall end */

	/* What the worker tells, for people. */
	pg_atomic_uint32 in_flight;
	pg_atomic_uint64 sent;
	pg_atomic_uint64 failed;
	pg_atomic_uint64 retried;

	ConditionVariable settled;	/* some messages of the database have a fate,
								 * or a bot is in trouble, or its worker has
								 * gone */
} Slot;

/* Stands for any database where one is meant that something has come to. */
#define EVERY_DATABASE ((Oid) OID_MAX)

/* While preloading. */
extern void shared_request(void);

/* Slots. */
extern bool shared_is_available(void);
extern int	shared_slot_count(void);
extern Slot *shared_slot(int index);
extern Slot *shared_my_slot(void);
extern bool shared_is_served(void);
extern void shared_lock(LWLockMode mode);
extern void shared_unlock(void);

/* Paces. */
extern Pace *shared_pace(const char *key);
extern Pace *shared_pace_entry(int index);
extern ChatPaces *shared_chat_paces(void);

#endif							/* TP_SHARED_H */
