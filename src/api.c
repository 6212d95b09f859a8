/*
 * api.c
 *	  The functions that SQL calls.
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "arguments.h"
#include "credential.h"
#include "http.h"
#include "outbox.h"
#include "session.h"
#include "statement.h"
#include "submit.h"
#include "trust.h"

SQL_FUNCTION(teams_send_text);
SQL_FUNCTION(teams_send_activity);
SQL_FUNCTION(teams_ensure_installed);
SQL_FUNCTION(teams_cancel);
SQL_FUNCTION(teams_retry);
SQL_FUNCTION(teams_check_url);
SQL_FUNCTION(teams_check_credential);

/* ----------
 * Sending
 * ----------
 */

Datum
teams_send_text(PG_FUNCTION_ARGS)
{
	OutboxNew	message = {0};

	message.kind = "send";
	message.scope = "user";
	message.target = user_id_argument(fcinfo, 0);
	message.activity = activity_of_text(text_argument(fcinfo, 1, "text"));
	take_options(fcinfo, 2, &message);
	message.delivery = delivery_argument(fcinfo, 7);
	PG_RETURN_INT64(submit(fcinfo, &message));
}

Datum
teams_send_activity(PG_FUNCTION_ARGS)
{
	OutboxNew	message = {0};

	message.kind = "send";
	message.scope = "user";
	message.target = user_id_argument(fcinfo, 0);
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("activity must not be null")));
	message.activity = activity_of_jsonb(PG_GETARG_JSONB_P(1));
	take_options(fcinfo, 2, &message);
	message.delivery = delivery_argument(fcinfo, 7);
	PG_RETURN_INT64(submit(fcinfo, &message));
}

Datum
teams_ensure_installed(PG_FUNCTION_ARGS)
{
	OutboxNew	message = {0};

	message.kind = "install";
	message.scope = "user";
	message.target = user_id_argument(fcinfo, 0);
	take_options(fcinfo, 1, &message);
	message.delivery = "at-least-once";
	PG_RETURN_INT64(submit(fcinfo, &message));
}

/* ----------
 * Thinking better of it
 * ----------
 */

static ArrayType *
ids_argument(FunctionCallInfo fcinfo)
{
	ArrayType  *ids = PG_GETARG_ARRAYTYPE_P(0);

	if (array_contains_nulls(ids))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("ids must not be null")));
	return ids;
}

Datum
teams_cancel(PG_FUNCTION_ARGS)
{
	statement_attach_function(fcinfo);
	PG_RETURN_INT64(outbox_cancel(ids_argument(fcinfo), GetUserId()));
}

typedef struct NewIds
{
	int64	   *ids;
	int			count;
} NewIds;

Datum
teams_retry(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;
	NewIds	   *new_ids;
	int64		id;

	if (SRF_IS_FIRSTCALL())
	{
		call = SRF_FIRSTCALL_INIT();
		new_ids = MemoryContextAlloc(call->multi_call_memory_ctx,
									 sizeof(NewIds));
		statement_attach_function(fcinfo);
		new_ids->count = outbox_retry(ids_argument(fcinfo), GetUserId(),
									  call->multi_call_memory_ctx,
									  &new_ids->ids);
		call->user_fctx = new_ids;
	}
	call = SRF_PERCALL_SETUP();
	new_ids = call->user_fctx;
	if (call->call_cntr >= new_ids->count)
		SRF_RETURN_DONE(call);
	id = new_ids->ids[call->call_cntr];
	SRF_RETURN_NEXT(call, Int64GetDatum(id));
}

/* ----------
 * Configuration
 * ----------
 */

Datum
teams_check_url(PG_FUNCTION_ARGS)
{
	char	   *parameter = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *url = text_to_cstring(PG_GETARG_TEXT_PP(1));
	const char *problem = strpbrk(url, "?#") != NULL ?
		"The URL must not have a query or fragment." : http_url_problem(url);

	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s cannot be used: \"%s\"", parameter, url),
				 errdetail("%s", problem),
				 errhint("Tokens go only to hosts that the server's administrator allows.")));
	PG_RETURN_VOID();
}

Datum
teams_check_credential(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *problem = credential_problem(name);

	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("credential \"%s\" cannot be used", name),
				 errdetail("%s", problem),
				 errhint("Put the client secret into a file of that name in teams_proactive.credential_directory, readable by the server's user only.")));
	PG_RETURN_VOID();
}
