/*
 * drain.c
 *	  Sends from a session, without a worker.
 *
 * The loop is the worker's, but for its end: it ends when there is nothing
 * more to do, and the session's user may cancel it.  What is on the wire then
 * is in the ledger, as after a crash.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "http/http.h"
#include "outbox/session.h"
#include "server/shared.h"
#include "server/wake.h"
#include "worker/delivery.h"
#include "worker/drain.h"

/* How often to look for what has committed late, if nobody tells. */
#define LOOK_MS 1000

/*
 * What commits while the session sends, perhaps with a lower id than what it
 * has read, is told to the worker's slot.  Without shared memory nobody tells.
 */
static void
look_for_late_commits(Slot *slot)
{
	static TimestampTz looked_at = 0;
	TimestampTz now = GetCurrentTimestamp();
	WakeUp		wake_up = {1, true, true};

	if (slot != NULL)
	{
		if (wake_take(slot, &wake_up))
			delivery_wake(&wake_up);
	}
	else if (TimestampDifferenceExceeds(looked_at, now, LOOK_MS))
	{
		looked_at = now;
		delivery_wake(&wake_up);
	}
}

/* Milliseconds, 0 if it has passed; negative if there is none. */
static long
drain_time_left(TimestampTz deadline)
{
	return deadline == 0 ? -1 :
		TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
}

static void
wait_for_answers(long timeout_ms, long left)
{
	if (left > 0 && (timeout_ms < 0 || left < timeout_ms))
		timeout_ms = left;
	if (timeout_ms != 0)
		http_wait(timeout_ms);
	else
		http_poll();
}

/*
 * Returns whether all is done; not if the deadline came, or the extension
 * went.
 */
static bool
send_until(TimestampTz deadline, MemoryContext context)
{
	Slot	   *slot = shared_my_slot();

	for (;;)
	{
		long		left = drain_time_left(deadline);
		long		timeout_ms;

		MemoryContextSwitchTo(context);
		CHECK_FOR_INTERRUPTS();
		if (left == 0)
			delivery_stop();
		look_for_late_commits(slot);
		if (delivery_advance(&timeout_ms) == DELIVERY_EXTENSION_GONE)
			return false;
		if (delivery_is_idle())
			return true;
		if (left == 0 && delivery_is_quiet())
			return false;
		wait_for_answers(timeout_ms, left);
		MemoryContextReset(context);
	}
}

/*
 * Send what is due from this session, committing as it goes.  Ends when there
 * is nothing more to do, or at the deadline (0: none) when what is on the wire
 * has come back.  Returns whether all was done.
 */
bool
drain_outbox(TimestampTz deadline)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext,
												  "teams_proactive drain",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = CurrentMemoryContext;
	volatile bool drained = false;

	PG_TRY();
	{
		delivery_open(SESSION_PROCEDURE, NULL);
		drained = send_until(deadline, context);
	}
	PG_FINALLY();
	{
		session_leave();
		delivery_close();
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
	}
	PG_END_TRY();
	return drained;
}
