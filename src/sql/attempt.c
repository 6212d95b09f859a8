/*
 * attempt.c
 *	  Errors in a message that must not fail the transaction that sends it.
 *
 * With on_error => 'warn' a function that sends does its work in a
 * subtransaction, and what is wrong with the message is a warning.  Others pay
 * nothing for that.  What is wrong with the server, or is to be tried again
 * with the transaction as a whole, stays an error.
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "sql/arguments.h"
#include "sql/attempt.h"

/*
 * Warnings of a transaction that are shown: enough to see what is wrong, and
 * not so many that a statement about many rows buries all else, also in the
 * server's log.
 */
#define MOST_WARNINGS 20

/* Messages of this transaction that came to a warning. */
static int64 unsent = 0;

/* The others are counted, and told of at the end. */
static void
tell_of_others(void)
{
	int64		others = unsent - MOST_WARNINGS;

	if (others <= 0)
		return;
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg_plural(INT64_FORMAT " more message could not be written",
						   INT64_FORMAT " more messages could not be written",
						   (unsigned long) others, others),
			 errdetail("Of each transaction the first %d are told of.",
					   MOST_WARNINGS)));
}

static void
at_transaction_end(XactEvent event, void *arg pg_attribute_unused())
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			tell_of_others();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			unsent = 0;
			break;
		default:
			break;
	}
}

/* The same error as a warning; the context is added once more by itself. */
static void
warn(ErrorData *error)
{
	static bool watching = false;

	if (!watching)
		RegisterXactCallback(at_transaction_end, NULL);
	watching = true;
	if (++unsent > MOST_WARNINGS)
		return;
	error->elevel = WARNING;
	error->context = NULL;
	ThrowErrorData(error);
}

/*
 * May the same succeed later, or once more?  There is no memory or no disk, it
 * was cancelled, it is in a deadlock, a lock is not to be had.
 */
bool
attempt_may_pass(int sqlstate)
{
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_TO_CATEGORY(ERRCODE_T_R_SERIALIZATION_FAILURE):
		case ERRCODE_TO_CATEGORY(ERRCODE_INSUFFICIENT_RESOURCES):
		case ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION):
		case ERRCODE_TO_CATEGORY(ERRCODE_SYSTEM_ERROR):
			return true;
	}
	return sqlstate == ERRCODE_LOCK_NOT_AVAILABLE;
}

/*
 * Is it the transaction's or the server's, and not the message's?  Then
 * on_error does not count.  An assertion is for whoever made it, and PL/pgSQL
 * does not catch it by OTHERS, either.
 */
bool
attempt_is_servers(int sqlstate)
{
	return attempt_may_pass(sqlstate) ||
		ERRCODE_TO_CATEGORY(sqlstate) ==
		ERRCODE_TO_CATEGORY(ERRCODE_INTERNAL_ERROR) ||
		sqlstate == ERRCODE_STATEMENT_TOO_COMPLEX ||
		sqlstate == ERRCODE_ASSERT_FAILURE;
}

/*
 * Do something in a subtransaction.  If there is an error, what was written is
 * taken back, and the error is returned, palloc'd, to be reported or raised
 * again; NULL if there was none.
 */
ErrorData *
attempt(void (*action) (void *argument), void *argument)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner resources = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		action(argument);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = resources;
	return error;
}

/* A call of a function of ours, and what it returns. */
typedef struct Call
{
	FunctionCallInfo fcinfo;
	Datum		(*call) (FunctionCallInfo fcinfo);
	Datum		result;
} Call;

static void
do_call(void *argument)
{
	Call	   *call = argument;

	call->result = call->call(call->fcinfo);
}

/*
 * What a function returns that has an argument on_error, by its number: if
 * that says so, an error that is the message's is a warning, and the result
 * null.  The result is passed by value.
 */
Datum
attempt_call(FunctionCallInfo fcinfo, int on_error,
			 Datum (*call) (FunctionCallInfo fcinfo))
{
	Call		attempted = {fcinfo, call, (Datum) 0};
	ErrorData  *error;

	if (!argument_only_warns(fcinfo, on_error))
		return call(fcinfo);
	error = attempt(do_call, &attempted);
	if (error == NULL)
		return attempted.result;
	if (attempt_is_servers(error->sqlerrcode))
		ReThrowError(error);
	warn(error);
	FreeErrorData(error);
	PG_RETURN_NULL();
}
