/*
 * steer.c
 *	  What people do with a broadcast: look at it beforehand, start, pause,
 *	  resume, cancel, edit and recall it.
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "outbox/broadcasts.h"
#include "outbox/statement.h"
#include "sql/arguments.h"
#include "sql/accept.h"

SQL_FUNCTION(teams_start_broadcast);
SQL_FUNCTION(teams_pause_broadcast);
SQL_FUNCTION(teams_resume_broadcast);
SQL_FUNCTION(teams_cancel_broadcast);
SQL_FUNCTION(teams_recall);
SQL_FUNCTION(teams_edit_broadcast);
SQL_FUNCTION(teams_preview);
SQL_FUNCTION(teams_plan);
SQL_FUNCTION(teams_opt_out);
SQL_FUNCTION(teams_opt_in);

/* Why the caller may not do it: it cannot see the broadcast, or only that. */
static void
report_absent(int64 id)
{
	if (outbox_sees_broadcast(id, GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for broadcast " INT64_FORMAT, id),
				 errdetail("Only its sender, and members of that role, decide what is said.")));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("broadcast " INT64_FORMAT " does not exist", id),
			 errhint("See teams_progress for those that do.")));
}

/* What cannot be done in that state. */
static void
report_state(int64 id, const char *what, BroadcastState state)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("broadcast " INT64_FORMAT " cannot be %s", id, what),
			 errdetail("Its state is \"%s\".",
					   words_name(&broadcast_state_words, state))));
}

/* From one state to another; in any other state it is an error. */
static void
steer_broadcast(FunctionCallInfo fcinfo, BroadcastState from,
				BroadcastState to, const char *what)
{
	int64		id = PG_GETARG_INT64(0);
	BroadcastState state;

	statement_attach_function(fcinfo);
	if (!outbox_steer_broadcast(id, from, to, GetUserId(), &state))
		report_absent(id);
	if (state != from)
		report_state(id, what, state);
}

/* teams_start_broadcast(id): a draft begins to be sent. */
Datum
teams_start_broadcast(PG_FUNCTION_ARGS)
{
	steer_broadcast(fcinfo, BROADCAST_DRAFT, BROADCAST_RUNNING, "started");
	PG_RETURN_VOID();
}

/* teams_pause_broadcast(id): what is not on the wire yet stays here. */
Datum
teams_pause_broadcast(PG_FUNCTION_ARGS)
{
	steer_broadcast(fcinfo, BROADCAST_RUNNING, BROADCAST_PAUSED, "paused");
	PG_RETURN_VOID();
}

/* teams_resume_broadcast(id): what was paused goes on. */
Datum
teams_resume_broadcast(PG_FUNCTION_ARGS)
{
	steer_broadcast(fcinfo, BROADCAST_PAUSED, BROADCAST_RUNNING, "resumed");
	PG_RETURN_VOID();
}

/* teams_cancel_broadcast(id): what is not on the wire yet never gets there. */
Datum
teams_cancel_broadcast(PG_FUNCTION_ARGS)
{
	int64		id = PG_GETARG_INT64(0);
	BroadcastState state;
	bool		is_cancelled;

	statement_attach_function(fcinfo);
	if (!outbox_cancel_broadcast(id, GetUserId(), &state, &is_cancelled))
		report_absent(id);
	if (!is_cancelled)
		report_state(id, "cancelled", state);
	PG_RETURN_VOID();
}

/* A broadcast that changes what another has sent. */
static int64
change_broadcast(FunctionCallInfo fcinfo, Kind kind,
				 const char *activity)
{
	NewBroadcast change = {0};
	int64		recall;
	bool		is_new;
	int64		id;

	if (!outbox_read_broadcast(PG_GETARG_INT64(0), GetUserId(), &change,
							   &recall))
		report_absent(PG_GETARG_INT64(0));
	if (change.kind != KIND_SEND)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("broadcast " INT64_FORMAT " has sent nothing",
						PG_GETARG_INT64(0)),
				 errdetail("It changes what another broadcast has sent.")));
	if (recall != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("broadcast " INT64_FORMAT " is recalled",
						PG_GETARG_INT64(0)),
				 errdetail("Broadcast " INT64_FORMAT " deletes what it has sent.",
						   recall),
				 errhint("See teams_progress for how far that is.")));
	change.kind = kind;
	change.refers_to = PG_GETARG_INT64(0);
	change.activity = activity;
	change.data = DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"));
	change.options.delivery = DELIVERY_AT_LEAST_ONCE;
	change.options.sender = GetUserId();
	id = outbox_create_broadcast(&change, &is_new);
	outbox_complete_broadcast(id, true);
	return id;
}

/*
 * teams_recall(id): delete what the broadcast has sent, by another one, whose
 * id is returned.
 */
Datum
teams_recall(PG_FUNCTION_ARGS)
{
	int64		recall;

	statement_attach_function(fcinfo);
	recall = change_broadcast(fcinfo, KIND_DELETE, NULL);
	outbox_end_broadcast(PG_GETARG_INT64(0), GetUserId());
	PG_RETURN_INT64(recall);
}

/*
 * teams_edit_broadcast(id, text or activity): what the broadcast has sent, and
 * will send, says something else; returns the id of the one that changes it.
 */
Datum
teams_edit_broadcast(PG_FUNCTION_ARGS)
{
	char	   *activity;
	int64		id;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("broadcast must not be null")));
	if (PG_ARGISNULL(1) == PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("give either text or activity")));
	activity = argument_content(fcinfo, PG_ARGISNULL(1) ? 2 : 1,
								!PG_ARGISNULL(1));
	argument_check_activity(activity);
	statement_attach_function(fcinfo);
	id = change_broadcast(fcinfo, KIND_EDIT, activity);
	outbox_replace_activity(PG_GETARG_INT64(0), activity, GetUserId());
	PG_RETURN_INT64(id);
}

/*
 * teams_preview(id, user_id, locale): send to somebody what the first
 * recipient gets, or those who have the locale, if it is not null.
 */
Datum
teams_preview(PG_FUNCTION_ARGS)
{
	int64		id;
	OutboxNew	message = {0};
	char	   *locale = NULL;
	char	   *bot;
	char	   *activity;
	char	   *problem;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	id = PG_GETARG_INT64(0);
	if (!PG_ARGISNULL(2))
		locale = text_to_cstring(PG_GETARG_TEXT_PP(2));
	message.target = argument_user_id(fcinfo, 1);
	statement_attach_function(fcinfo);
	if (!outbox_preview(id, locale, GetUserId(), &bot, &activity,
						&problem))
		report_absent(id);
	if (activity == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("broadcast " INT64_FORMAT " cannot be shown", id),
				 problem ? errdetail("%s", text_in_server_encoding(problem)) : 0));
	message.kind = KIND_SEND;
	message.scope = SCOPE_USER;
	message.bot = bot;
	message.activity = text_in_server_encoding(activity);
	message.priority = PRIORITY_HIGH;
	message.delivery = DELIVERY_AT_LEAST_ONCE;
	PG_RETURN_INT64(accept_message(fcinfo, &message));
}

/* Installing and sending go on side by side; the slower of them counts. */
static int64
seconds_of(const BroadcastPlan *plan)
{
	int			rate = plan->connector_rate;
	int64		messages = plan->known + plan->to_install;
	int64		sending;
	int64		installing;

	if (plan->rate != 0)
		rate = Min(rate, plan->rate);
	sending = (messages + rate - 1) / rate;
	installing = (plan->to_install + plan->graph_rate - 1) / plan->graph_rate;
	return Max(sending, installing);
}

/*
 * teams_plan(id): one row of numbers: to whom it would go, and how long that
 * takes.
 */
Datum
teams_plan(PG_FUNCTION_ARGS)
{
	int64		id = PG_GETARG_INT64(0);
	BroadcastPlan plan;
	TupleDesc	descriptor;
	HeapTuple	row;
	char	   *excluded;
	Datum		values[6];
	bool		nulls[6] = {false};
	TimestampTz start;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	statement_attach_function(fcinfo);
	if (!outbox_plan(id, GetUserId(), &plan))
		report_absent(id);
	start = Max(plan.send_at, GetCurrentTransactionStartTimestamp());
	values[0] = Int64GetDatum(plan.known);
	values[1] = Int64GetDatum(plan.to_install);
	values[2] = Int64GetDatum(plan.unreachable);
	excluded = text_in_server_encoding(plan.excluded);
	values[3] = DirectFunctionCall1(jsonb_in, CStringGetDatum(excluded));
	values[4] = Int64GetDatum(seconds_of(&plan));
	values[5] = TimestampTzGetDatum(start + seconds_of(&plan) * USECS_PER_SEC);
	row = heap_form_tuple(BlessTupleDesc(descriptor), values, nulls);
	PG_RETURN_DATUM(HeapTupleGetDatum(row));
}

/* For the caller's application: any person, any topic. */
static void
set_opt_out(FunctionCallInfo fcinfo, bool out)
{
	char	   *target = argument_user_id(fcinfo, 0);
	char	   *topic = argument_key(fcinfo, 1, "topic");

	statement_attach_function(fcinfo);
	outbox_opt_out(target, topic, out);
}

/* teams_opt_out(user_id, topic): nothing of that topic any more. */
Datum
teams_opt_out(PG_FUNCTION_ARGS)
{
	set_opt_out(fcinfo, true);
	PG_RETURN_VOID();
}

/* teams_opt_in(user_id, topic): all of that topic again. */
Datum
teams_opt_in(PG_FUNCTION_ARGS)
{
	set_opt_out(fcinfo, false);
	PG_RETURN_VOID();
}
