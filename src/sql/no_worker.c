/*
 * no_worker.c
 *	  Why no worker sends what this database has pending.
 *
 * Whoever sends may know, and not just those who may call teams_status(): a
 * message that nobody will send looks like one that is on its way.
 */
#include "postgres.h"

#include "access/xlog.h"

#include "server/shared.h"
#include "server/slot.h"
#include "server/wake.h"
#include "sql/no_worker.h"

/* No process serves the database, and none has been asked for. */
static bool
find_without_slot(NoWorker *found)
{
	if (slot_has_no_room())
	{
		found->problem = psprintf("other databases have all %d workers of teams_proactive.max_databases",
								  shared_slot_count());
		found->hint = "Raise teams_proactive.max_databases and restart the server.";
		return true;
	}
	if (!wake_has_launcher())
	{
		found->problem = "there is no launcher, which starts the workers";
		found->hint = "Raise max_worker_processes and restart the server; its log may say more.";
		found->may_pass = true;
		return true;
	}
	return false;
}

/* What the slot says of its last worker, if that could not be started. */
static bool
find_in_slot(Slot *slot, NoWorker *found)
{
	bool		failed;

	shared_lock(LW_SHARED);
	failed = slot->state == SLOT_FAILED;
	found->problem = failed && slot->last_error[0] != '\0' ?
		slot_last_error(slot) : "the worker has ended by an error";
	shared_unlock();
	found->hint = "It is started again by itself, within a minute; the server's log may say more.";
	return failed;
}

/*
 * Is there a reason why nobody sends, and none is going to at the moment?
 * While a worker is starting, or leaves for a moment, there is none.  On a
 * standby, what is pending is the primary's.
 */
bool
no_worker_find(NoWorker *found)
{
	Slot	   *slot = shared_my_slot();

	found->is_final = found->may_pass = false;
	if (RecoveryInProgress())
		return false;
	if (!shared_is_available())
	{
		found->problem = "the library is not preloaded, so there is no worker";
		found->hint = "Set shared_preload_libraries = 'teams_proactive' and restart the server, or call teams_drain().";
		found->is_final = true;
		return true;
	}
	return slot == NULL ? find_without_slot(found) :
		find_in_slot(slot, found);
}
