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
#include "sql/accept.h"
#include "sql/arguments.h"
#include "sql/no_worker.h"
#include "worker/drain.h"

SQL_FUNCTION(teams_wait);
SQL_FUNCTION(teams_drain);

/* What may be gone in a moment is told after so long. */
#define ABSENT_FOR_MS 1000

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

/* Is there a worker, or is one starting? */
static bool
somebody_sends(void)
{
	Slot	   *slot = shared_my_slot();

	return slot != NULL &&
		(slot->state == SLOT_RUNNING || slot->state == SLOT_STARTING);
}

/* What is known of a message that has no fate yet, for people. */
typedef struct Waiting
{
	int			level;			/* of what is said to whoever waits on */
	const char *code;			/* or NULL */
	const char *reason;			/* or NULL: nothing stands in its way */
	const char *hint;
	bool		is_hopeless;	/* until a person has acted, or for longer
								 * than is waited for */
	bool		is_final;		/* this session will not see its end */
} Waiting;

/* Nobody sends, and that is the first thing to be mended. */
static bool
waits_for_worker(const NoWorker *no_worker, Waiting *waiting)
{
	waiting->level = WARNING;
	waiting->code = "no_worker";
	waiting->reason = no_worker->problem;
	waiting->hint = no_worker->hint;
	return true;
}

/* Its time has not come. */
static bool
waits_for_time(const MessageFate *fate, TimestampTz deadline,
			   Waiting *waiting)
{
	if (fate->due_at <= GetCurrentTimestamp())
		return false;
	waiting->is_hopeless = deadline != 0 && fate->due_at > deadline;
	if (TIMESTAMP_IS_NOEND(fate->due_at))
	{
		waiting->reason = "its broadcast is paused";
		waiting->hint = "See teams_resume_broadcast().";
	}
	else
		waiting->reason = psprintf("it is not to be sent before %s",
								   timestamptz_to_str(fate->due_at));
	return true;
}

/* It is sent elsewhere, and that is seen here. */
static bool
waits_for_primary(Waiting *waiting)
{
	if (!RecoveryInProgress())
		return false;
	waiting->reason = "this server is a standby, from which nothing is sent";
	waiting->hint = "The primary sends it: see teams_status() there.";
	return true;
}

/*
 * Why the message waits, if there is a reason; the first of all that are: a
 * session that sends by teams_drain() has to hear of a paused bot.  While a
 * worker is coming, nothing is said of its absence for a moment, as it may
 * just not be there yet.
 */
static bool
find_reason(const MessageFate *fate, TimestampTz deadline, bool is_early,
			Waiting *waiting)
{
	NoWorker	no_worker;
	bool		is_alone = no_worker_find(&no_worker) &&
		!(no_worker.may_pass && is_early);

	memset(waiting, 0, sizeof(*waiting));
	waiting->level = NOTICE;
	waiting->is_final = is_alone && no_worker.is_final;
	if (is_alone && !fate->needs_somebody)
		return waits_for_worker(&no_worker, waiting);
	if (fate->error == NULL)
		return waits_for_time(fate, deadline, waiting) ||
			waits_for_primary(waiting);
	waiting->code = fate->error_code;
	waiting->reason = text_in_server_encoding(fate->error);
	waiting->hint = fate->hint ? text_in_server_encoding(fate->hint) : NULL;
	waiting->is_hopeless = fate->needs_somebody;
	return true;
}

/* "code: text", as a detail. */
static char *
detail_text(const char *code, const char *text)
{
	return code != NULL ? psprintf("%s: %s", code, text) : pstrdup(text);
}

/* It is not lost: why it waits, and what to do, at that level. */
static void
report_waiting(int level, int64 id, const Waiting *waiting)
{
	ereport(level,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("message " INT64_FORMAT " is still pending", id),
			 waiting->reason ?
			 errdetail("%s", detail_text(waiting->code, waiting->reason)) : 0,
			 waiting->hint ? errhint("%s", waiting->hint) :
			 waiting->reason ? 0 :
			 errhint("It may be on its way, or wait for its turn: see teams_message_detail and teams_status().")));
}

/*
 * Tell why the message waits: at once, and again only when that has changed.
 * Where a person has to act first, it is an error, unless the caller has asked
 * to wait for as long as it takes, and may; else a word to whoever waits.
 * *told is what was said last, palloc'd in the context.
 */
static void
tell_reason(int64 id, const Waiting *waiting, bool is_endless,
			MemoryContext context, char **told)
{
	char	   *reason = detail_text(waiting->code, waiting->reason);

	if (*told != NULL && strcmp(*told, reason) == 0)
		return;
	if (waiting->is_final || (waiting->is_hopeless && !is_endless))
		report_waiting(ERROR, id, waiting);
	report_waiting(waiting->is_hopeless ? WARNING : waiting->level, id,
				   waiting);
	*told = MemoryContextStrdup(context, reason);
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

/* Whose fate is waited for; 0 is what this session has sent last. */
static int64
argument_message(FunctionCallInfo fcinfo)
{
	int64		id;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("id must not be null"),
				 errhint("Give the id that a function that sends has returned, or none for the last one of this session.")));
	id = PG_GETARG_INT64(0);
	if (id == 0)
		id = accept_last();
	if (id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this session has sent no message"),
				 errhint("Give the id that a function that sends has returned.")));
	return id;
}

/* How long to wait at most now, in ms. */
static long
time_left(TimestampTz deadline)
{
	if (deadline == 0)
		return 1000;
	return TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
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
	TimestampTz started_at = GetCurrentTimestamp();
	TimestampTz deadline = deadline_argument(fcinfo, 1);
	int64		id = argument_message(fcinfo);
	Slot	   *slot = shared_my_slot();
	char	   *told = NULL;
	MessageFate *fate;

	SPI_connect_ext(atomic ? 0 : SPI_OPT_NONATOMIC);
	for (;;)
	{
		long		left = time_left(deadline);
		bool		is_early;
		Waiting		waiting;

		if (slot != NULL)
			ConditionVariablePrepareToSleep(&slot->settled);
		statement_attach_function(fcinfo);
		fate = outbox_fate(id, context);
		check_fate(id, fate);
		if (fate->state == FATE_SETTLED)
			break;
		is_early = left > 0 &&
			!TimestampDifferenceExceeds(started_at, GetCurrentTimestamp(),
										ABSENT_FOR_MS);
		if (find_reason(fate, deadline, is_early, &waiting) && left > 0)
			tell_reason(id, &waiting, deadline == 0, context, &told);
		if (left <= 0)
			report_waiting(ERROR, id, &waiting);

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
