/*
 * change.c
 *	  SQL functions that act on messages that were written before: cancel, send
 *	  again, edit, delete, and say where they are.
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "outbox/changes.h"
#include "outbox/messages.h"
#include "outbox/statement.h"
#include "protocol/connector.h"
#include "sql/accept.h"
#include "sql/arguments.h"
#include "sql/attempt.h"

SQL_FUNCTION(teams_cancel);
SQL_FUNCTION(teams_retry);
SQL_FUNCTION(teams_edit_text);
SQL_FUNCTION(teams_edit_activity);
SQL_FUNCTION(teams_edit_all_text);
SQL_FUNCTION(teams_edit_all_activity);
SQL_FUNCTION(teams_delete);
SQL_FUNCTION(teams_delete_all);
SQL_FUNCTION(teams_message_url);

/* ----------
 * Functions that return ids
 * ----------
 */

typedef struct Ids
{
	int64	   *ids;
	int			count;
} Ids;

/* The first call of such a function; what it returns goes to ids. */
static Ids *
begin_ids(FunctionCallInfo fcinfo, FuncCallContext **call)
{
	*call = SRF_FIRSTCALL_INIT();
	(*call)->user_fctx =
		MemoryContextAllocZero((*call)->multi_call_memory_ctx, sizeof(Ids));
	statement_attach_function(fcinfo);
	return (*call)->user_fctx;
}

/* One id with each call, until there are no more. */
static Datum
next_id(FunctionCallInfo fcinfo)
{
	FuncCallContext *call = SRF_PERCALL_SETUP();
	const Ids  *ids = call->user_fctx;
	int64		id;

	if (call->call_cntr >= (uint64) ids->count)
		SRF_RETURN_DONE(call);
	id = ids->ids[call->call_cntr];
	accept_note(id);
	SRF_RETURN_NEXT(call, Int64GetDatum(id));
}

/*
 * Which messages are meant: the first argument has their ids, or one with this
 * number their reference.  NULL if neither is given, which are none.
 */
static ArrayType *
take_ids(FunctionCallInfo fcinfo, int reference, bool only_messages)
{
	if (!PG_ARGISNULL(0) && !PG_ARGISNULL(reference))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("both ids and a reference are given"),
				 errhint("Give one of them.")));
	if (!PG_ARGISNULL(0))
		return argument_ids(fcinfo);
	if (!PG_ARGISNULL(reference))
		return outbox_find_reference(argument_text(fcinfo, reference,
												   "reference"),
									 only_messages);
	return NULL;
}

/* ----------
 * Before and after the fate
 * ----------
 */

/* teams_cancel(ids, reference): how many were cancelled. */
Datum
teams_cancel(PG_FUNCTION_ARGS)
{
	ArrayType  *ids;

	statement_attach_function(fcinfo);
	ids = take_ids(fcinfo, 1, false);
	if (ids == NULL)
		PG_RETURN_NULL();
	PG_RETURN_INT64(outbox_cancel(ids, GetUserId()));
}

/* teams_retry(ids, reference): the new ids of those that are sent again. */
Datum
teams_retry(PG_FUNCTION_ARGS)
{
	if (SRF_IS_FIRSTCALL())
	{
		FuncCallContext *call;
		Ids		   *ids = begin_ids(fcinfo, &call);
		ArrayType  *wanted = take_ids(fcinfo, 1, false);

		if (wanted != NULL)
			ids->count = outbox_retry(wanted, GetUserId(),
									  call->multi_call_memory_ctx, &ids->ids);
	}
	return next_id(fcinfo);
}

/* ----------
 * Changing what was sent
 * ----------
 */

/* The functions of the outbox take many ids. */
static ArrayType *
array_of(int64 id)
{
	Datum		element = Int64GetDatum(id);

	return construct_array(&element, 1, INT8OID, sizeof(int64),
						   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

/* As teams_message has it. */
static bool
may_see_all(void)
{
	return pg_class_aclcheck(statement_relation("teams_outbox"), GetUserId(),
							 ACL_SELECT) == ACLCHECK_OK;
}

/* Why there is nothing to change. */
static void
report_unchangeable(int64 id, const char *change)
{
	MessageFate *fate = outbox_fate(id, CurrentMemoryContext);
	bool		is_own = fate->state != FATE_UNKNOWN &&
		has_privs_of_role(GetUserId(), fate->sender);

	if (fate->state == FATE_UNKNOWN || (!is_own && !may_see_all()))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("message " INT64_FORMAT " does not exist", id),
				 errhint("See teams_message; what is older than teams_proactive.retention is not kept.")));
	if (!is_own)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for message " INT64_FORMAT, id),
				 errdetail("Only its sender, and members of that role, can have it %s.",
						   change)));
	if (fate->state == FATE_SETTLED && fate->fate != FATE_SENT)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("message " INT64_FORMAT " cannot be %s", id, change),
				 errdetail("Its fate is \"%s\".",
						   words_name(&fate_words, fate->fate))));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("message " INT64_FORMAT " cannot be %s", id, change),
			 errdetail("It is not a message that Teams has given an id."),
			 errhint("Give the id that a function that sends has returned.")));
}

/* Edit one message; a null activity deletes it. */
static int64
change_one(FunctionCallInfo fcinfo, const char *activity)
{
	int64	   *ids;
	int64		id = PG_GETARG_INT64(0);

	if (outbox_change(array_of(id), activity, GetUserId(),
					  CurrentMemoryContext, &ids) == 0)
		report_unchangeable(id, activity != NULL ? "edited" : "deleted");
	accept_note(ids[0]);
	return ids[0];
}

/* One message; the activity is judged before it is looked for. */
static Datum
edit(FunctionCallInfo fcinfo, bool is_text)
{
	char	   *activity;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("id must not be null")));
	activity = argument_content(fcinfo, 1, is_text);
	argument_check_activity(activity);
	statement_attach_function(fcinfo);
	PG_RETURN_INT64(change_one(fcinfo, activity));
}

static Datum
edit_text(FunctionCallInfo fcinfo)
{
	return edit(fcinfo, true);
}

static Datum
edit_activity(FunctionCallInfo fcinfo)
{
	return edit(fcinfo, false);
}

/* teams_edit(id, text, on_error): the id of the job that does it. */
Datum
teams_edit_text(PG_FUNCTION_ARGS)
{
	return attempt_call(fcinfo, 2, edit_text);
}

/* teams_edit(id, activity, on_error): the same, with an activity. */
Datum
teams_edit_activity(PG_FUNCTION_ARGS)
{
	return attempt_call(fcinfo, 2, edit_activity);
}

/* Those of the messages that are the caller's; others are passed over. */
static Datum
edit_all(FunctionCallInfo fcinfo, bool is_text)
{
	if (SRF_IS_FIRSTCALL())
	{
		FuncCallContext *call;
		Ids		   *ids = begin_ids(fcinfo, &call);
		ArrayType  *wanted = take_ids(fcinfo, 2, true);
		char	   *activity;

		if (wanted == NULL)
			return next_id(fcinfo);
		activity = argument_content(fcinfo, 1, is_text);
		argument_check_activity(activity);
		ids->count = outbox_change(wanted, activity, GetUserId(),
								   call->multi_call_memory_ctx, &ids->ids);
	}
	return next_id(fcinfo);
}

/* teams_edit(ids, text, reference): the ids of the jobs. */
Datum
teams_edit_all_text(PG_FUNCTION_ARGS)
{
	return edit_all(fcinfo, true);
}

/* teams_edit(ids, activity, reference): the same, with an activity. */
Datum
teams_edit_all_activity(PG_FUNCTION_ARGS)
{
	return edit_all(fcinfo, false);
}

static Datum
delete_one(FunctionCallInfo fcinfo)
{
	int64		id = PG_GETARG_INT64(0);

	statement_attach_function(fcinfo);
	if (outbox_cancel_own(array_of(id), GetUserId()) > 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(change_one(fcinfo, NULL));
}

/*
 * teams_delete(id, on_error): the id of the job that does it; null if the
 * message could be cancelled before it was sent.
 */
Datum
teams_delete(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return attempt_call(fcinfo, 1, delete_one);
}

/*
 * teams_delete(ids, reference): the ids of the jobs for what could not be
 * cancelled.
 */
Datum
teams_delete_all(PG_FUNCTION_ARGS)
{
	if (SRF_IS_FIRSTCALL())
	{
		FuncCallContext *call;
		Ids		   *ids = begin_ids(fcinfo, &call);
		ArrayType  *wanted = take_ids(fcinfo, 1, true);

		if (wanted == NULL)
			return next_id(fcinfo);
		outbox_cancel_own(wanted, GetUserId());
		ids->count = outbox_change(wanted, NULL, GetUserId(),
								   call->multi_call_memory_ctx, &ids->ids);
	}
	return next_id(fcinfo);
}

/* teams_message_url(id): a link to where the message is, or null. */
Datum
teams_message_url(PG_FUNCTION_ARGS)
{
	ConnectorLink link;

	statement_attach_function(fcinfo);
	if (!outbox_read_link(PG_GETARG_INT64(0), GetUserId(), &link))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(connector_message_link(&link)));
}
