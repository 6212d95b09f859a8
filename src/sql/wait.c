/*
 * wait.c
 *	  The procedures that wait: for a fate, and while a session sends.
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "outbox/messages.h"
#include "outbox/session.h"
#include "outbox/statement.h"
#include "server/shared.h"
#include "server/slot.h"
#include "sql/arguments.h"
#include "worker/drain.h"

SQL_FUNCTION(teams_wait);
SQL_FUNCTION(teams_drain);

/* ----------
 * Waiting for a fate
 * ----------
 */

/* When an interval that begins now ends; 0 for a null interval. */
static TimestampTz
deadline_argument(FunctionCallInfo fcinfo, int number)
{
	Datum		now = TimestampTzGetDatum(GetCurrentTimestamp());
	Datum		end;

	if (PG_ARGISNULL(number))
		return 0;
	end = DirectFunctionCall2(timestamptz_pl_interval, now,
							  PG_GETARG_DATUM(number));
	return DatumGetTimestampTz(end);
}

/* Do other databases have all the workers that there may be? */
static bool
workers_are_used_up(void)
{
	for (int i = 0; i < shared_slot_count(); i++)
		if (shared_slot(i)->state == SLOT_FREE)
			return false;
	return true;
}

/*
 * What whoever waits in vain can do.  Why there is no worker is told here, as
 * senders may not call teams_status().
 */
static const char *
worker_hint(void)
{
	Slot	   *slot = shared_my_slot();
	char	   *reason = NULL;

	if (!shared_is_available())
		return "Set shared_preload_libraries = 'teams_proactive' and restart the server, or call teams_drain().";
	if (slot == NULL && workers_are_used_up())
		return "Other databases have all workers that there may be: raise teams_proactive.max_databases and restart the server.";
	if (slot != NULL)
	{
		shared_lock(LW_SHARED);
		if (slot->state == SLOT_FAILED && slot->last_error[0] != '\0')
			reason = slot_last_error(slot);
		shared_unlock();
	}
	if (reason != NULL)
		return psprintf("There is no worker: %s.", reason);
	return "See teams_message_detail for what it waits for, and teams_status() for the worker.";
}

/* Is there a worker, or is one starting? */
static bool
somebody_sends(void)
{
	Slot	   *slot = shared_my_slot();

	return slot != NULL &&
		(slot->state == SLOT_RUNNING || slot->state == SLOT_STARTING);
}

/* Why, as a detail of an error: "code: text". */
static int
detail_of(const MessageFate *fate)
{
	if (fate->error == NULL)
		return 0;
	return errdetail("%s: %s", fate->error_code ?
					 text_in_server_encoding(fate->error_code) : "",
					 text_in_server_encoding(fate->error));
}

/* It is not lost: why it waits, for those who may see that. */
static void
still_pending(int64 id, const MessageFate *fate)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("message " INT64_FORMAT " is still pending", id),
			 detail_of(fate),
			 errhint("%s", worker_hint())));
}

/*
 * Nothing if it was sent; else an error by its fate, with what the service has
 * said.
 */
static void
raise_fate(int64 id, const MessageFate *fate)
{
	if (fate->fate == FATE_SENT)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			 errmsg("message " INT64_FORMAT " %s", id,
					fate->fate == FATE_CANCELLED ? "was cancelled" :
					words_name(&fate_words, fate->fate)),
			 detail_of(fate),
			 fate->hint ? errhint("%s", text_in_server_encoding(fate->hint)) : 0));
}

/* Is the message known, committed, and the caller's to see? */
static void
check_fate(int64 id, const MessageFate *fate)
{
	if (fate->state == FATE_UNKNOWN ||
		!has_privs_of_role(GetUserId(), fate->sender))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("message " INT64_FORMAT " does not exist", id),
				 errhint("It may be gone from the history, or not be yours.")));
	if (fate->state == FATE_UNCOMMITTED)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("message " INT64_FORMAT " is not committed yet", id),
				 errhint("It is sent when this transaction commits: wait for it after that.")));
}

/* Sleep until something of this database was settled, or for a moment. */
static void
sleep_a_moment(Slot *slot, long timeout_ms)
{
	if (slot != NULL)
		ConditionVariableTimedSleep(&slot->settled, Min(timeout_ms, 1000),
									compat_wait_event());
	else
	{
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Min(timeout_ms, 100), compat_wait_event());
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * teams_wait(id, timeout): come back when the message is sent, and raise an
 * error if it is not.
 */
Datum
teams_wait(PG_FUNCTION_ARGS)
{
	bool		atomic = fcinfo->context == NULL ||
		!IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic || IsSubTransaction();
	MemoryContext context = CurrentMemoryContext;
	TimestampTz deadline = deadline_argument(fcinfo, 1);
	Slot	   *slot = shared_my_slot();
	MessageFate *fate;
	int64		id;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("id must not be null")));
	id = PG_GETARG_INT64(0);

	SPI_connect_ext(atomic ? 0 : SPI_OPT_NONATOMIC);
	for (;;)
	{
		long		left = 1000;

		if (slot != NULL)
			ConditionVariablePrepareToSleep(&slot->settled);
		statement_attach_function(fcinfo);
		fate = outbox_fate(id, context);
		check_fate(id, fate);
		if (fate->state == FATE_SETTLED)
			break;
		if (deadline != 0)
			left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
												   deadline);
		if (left <= 0 || !shared_is_available())
			still_pending(id, fate);

		/* Hold neither snapshot nor transaction meanwhile, if possible. */
		if (!atomic)
			SPI_commit();
		sleep_a_moment(slot, left);
	}
	ConditionVariableCancelSleep();
	raise_fate(id, fate);
	SPI_finish();
	PG_RETURN_VOID();
}

/* ----------
 * Sending from a session
 * ----------
 */

/*
 * teams_drain(timeout): send what is due from this session, where no worker
 * is.
 */
Datum
teams_drain(PG_FUNCTION_ARGS)
{
	TimestampTz deadline = deadline_argument(fcinfo, 0);

	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("teams_drain cannot run inside a transaction block"),
				 errdetail("It commits as it sends."),
				 errhint("CALL it by itself.")));
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("nothing is sent during recovery")));
	if (somebody_sends() || !session_own_outbox())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("another process sends the messages of this database"),
				 errhint("There is nothing to do: see teams_status(), and use teams_wait() to wait.")));

	PG_TRY();
	{
		SPI_connect_ext(SPI_OPT_NONATOMIC);
		statement_attach_function(fcinfo);
		if (!drain_outbox(deadline))
			ereport(NOTICE,
					(errmsg("there are messages left that are due")));
		SPI_finish();
	}
	PG_FINALLY();
	{
		session_disown_outbox();
	}
	PG_END_TRY();
	PG_RETURN_VOID();
}
