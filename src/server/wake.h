/*
 * wake.h
 *	  What commits tell the workers and the launcher.
 */
#ifndef TP_WAKE_H
#define TP_WAKE_H

#include "server/shared.h"

/* What the current transaction tells when it commits. */
extern void wake_tell_at_commit(int64 id);
extern void wake_at_commit(int64 from_id);
extern void wake_reload_at_commit(void);
extern void wake_scan_at_commit(Oid database);

/* Another transaction than the current one has been committed. */
extern void wake_for_anything(void);

/* What has happened since a worker asked last. */
typedef struct WakeUp
{
	int64		from_id;		/* the first id to look at; PG_INT64_MAX:
								 * there is none */
	bool		times;			/* when messages are due may have changed */
	bool		reload;			/* the bots are to be read anew */
} WakeUp;

/* The worker. */
extern bool wake_take(Slot *slot, WakeUp *wake_up);
extern bool wake_listen(Slot *slot);
extern void wake_stop_listening(Slot *slot);

/* The launcher. */
extern void wake_attach_launcher(void);
extern bool wake_has_launcher(void);
extern bool wake_take_scan(Oid *arrived);
extern void wake_launcher(void);

/* DDL that needs a database to itself. */
extern void wake_hold_database(Oid database);

#endif							/* TP_WAKE_H */
