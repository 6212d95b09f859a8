/*
 * shared.h
 *	  Shared memory: a slot for each database that has a worker, what wakes
 *	  workers and the launcher, and counters.
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

typedef enum SlotState
{
	SLOT_FREE,
	SLOT_STARTING,				/* the launcher asked for a process, which has
								 * yet to find the extension */
	SLOT_RUNNING,				/* the process serves the database */
	SLOT_STOPPED,				/* it was told to end, start another */
	SLOT_FAILED,				/* it ended by an error, start another later */
	SLOT_ABSENT					/* it ended: the extension is not there */
} SlotState;

/* One per database; "lock" of SharedState guards what is not atomic. */
typedef struct Slot
{
	Oid			database;
	SlotState	state;
	int			pid;			/* 0 unless running */
	Latch	   *latch;			/* the worker's, in shared memory; may be
								 * stale, and then a wake-up is spurious */
	pg_atomic_uint32 held_by;	/* pid of a backend whose DDL must not be
								 * disturbed by a worker, or 0 */
	TimestampTz started_at;
	TimestampTz last_error_at;
	char		last_error[256];
	int			last_error_encoding;	/* that of its database */

	pg_atomic_uint32 listening; /* the worker waits, with room for more */
	pg_atomic_uint32 work;		/* the outbox may have something new */
	pg_atomic_uint64 work_from; /* from this id on */
	pg_atomic_uint32 times;		/* when messages are due may have changed */
	pg_atomic_uint32 reload;	/* the bots may have changed */
	pg_atomic_uint32 stop;		/* the worker shall end */

	pg_atomic_uint32 in_flight;
	pg_atomic_uint64 sent;
	pg_atomic_uint64 failed;
	pg_atomic_uint64 retried;

	ConditionVariable settled;	/* some messages of the database have a fate */
} Slot;

extern bool shared_is_available(void);
extern int	shared_slot_count(void);
extern Slot *shared_slot(int index);
extern void shared_lock(LWLockMode mode);
extern void shared_unlock(void);

/* While preloading: ask for the memory and install the hooks for it. */
extern void shared_request(void);

/*
 * The launcher: become the one that is woken; take what it is asked.  A
 * database that "arrived" may have got what it lacked when it was looked at;
 * InvalidOid: none has.
 */
#define EVERY_DATABASE ((Oid) OID_MAX)

extern void shared_attach_launcher(void);
extern bool shared_take_scan_request(Oid *arrived);
extern Slot *shared_assign_slot(Oid database, bool again);
extern void shared_release_slot(Slot *slot);

/* A worker: take over its slot, say that it serves, give the slot back. */
extern Slot *shared_attach_worker(int index);
extern void shared_confirm_worker(Slot *slot);
extern void shared_detach_worker(Slot *slot, SlotState state);

/* The slot of the current database, or NULL. */
extern Slot *shared_my_slot(void);

/* Wake at once. */
extern void shared_wake_worker(Slot *slot);
extern void shared_wake_launcher(void);

/* A transaction of unknown content has been committed in this database. */
extern void shared_wake_for_anything(void);

/*
 * At the commit of the current transaction, wake this database's worker: for
 * messages from this id on, or to read the bots anew.  It is only told of a
 * message that is to be sent at once, and woken if it listens.
 */
extern void shared_tell_at_commit(int64 id);
extern void shared_wake_at_commit(int64 from_id);
extern void shared_reload_at_commit(void);

/*
 * The worker: what has happened since the last call?  False if nothing has.
 */
typedef struct WakeUp
{
	int64		from_id;		/* the first id to look at, PG_INT64_MAX for none */
	bool		times;			/* when messages are due may have changed */
	bool		reload;			/* the bots are to be read anew */
} WakeUp;

extern bool shared_take_work(Slot *slot, WakeUp *wake_up);

/*
 * The worker, before it waits and after: new messages shall wake it.  False if
 * there are some already.
 */
extern bool shared_listen(Slot *slot);
extern void shared_stop_listening(Slot *slot);

/* Does a worker serve the current database? */
extern bool shared_is_served(void);

/*
 * At commit, have the launcher see which databases there are, and whether the
 * extension, or a bot that is at home, is now in the one that is given.
 */
extern void shared_scan_at_commit(Oid database);

/*
 * Keep workers out of a database until the end of the current transaction,
 * stopping one that runs; for DDL that needs the database to itself.
 */
extern void shared_hold_database(Oid database);

/*
 * The pace that all share who send with that key; NULL if there is no shared
 * memory, or no room in it.  It is given to others when it is idle: see that
 * its key is still the same before using it.
 */
extern Pace *shared_pace(const char *key);

/* The entry with that number, or NULL if there is none. */
extern Pace *shared_pace_entry(int index);

/* What has gone to each chat lately; this process's if there is no other. */
extern ChatPaces *shared_chat_paces(void);

/*
 * Remember a worker's trouble for the view teams_worker; the message is in the
 * encoding of the worker's database, and cut between characters.
 */
extern void shared_note_error(Slot *slot, const char *message);

/*
 * The trouble of a slot as this database can show it, palloc'd: what another
 * one has that is not ASCII becomes a question mark if the encodings differ.
 */
extern char *shared_last_error(const Slot *slot);

#endif							/* TP_SHARED_H */
