/*
 * api.c
 *	  The functions that SQL calls.
 *
 * They judge their arguments before anything is written, since whoever calls
 * is there to hear what is wrong; a service's complaint comes minutes later.
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "connector.h"
#include "credential.h"
#include "http.h"
#include "json.h"
#include "outbox.h"
#include "session.h"
#include "statement.h"
#include "tally.h"
#include "trust.h"

SQL_FUNCTION(teams_send_text);
SQL_FUNCTION(teams_send_activity);
SQL_FUNCTION(teams_ensure_installed);
SQL_FUNCTION(teams_cancel);
SQL_FUNCTION(teams_retry);
SQL_FUNCTION(teams_check_url);
SQL_FUNCTION(teams_check_credential);

#define MAX_DEDUPE_KEY 255

/* ----------
 * Arguments
 * ----------
 */

static char *
text_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
	return text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/* A user id in the form in which it is stored: both kinds ignore case. */
static char *
user_id_argument(FunctionCallInfo fcinfo, int number)
{
	char	   *user_id = text_argument(fcinfo, number, "user_id");
	const char *problem = trust_user_id_problem(user_id);

	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid user id: \"%s\"", user_id),
				 errdetail("%s", problem),
				 errhint("Give the Entra object id or the user principal name of a person, such as ada@contoso.com.")));
	return asc_tolower(user_id, strlen(user_id));
}

static char *
delivery_argument(FunctionCallInfo fcinfo, int number)
{
	char	   *delivery = text_argument(fcinfo, number, "delivery");

	if (strcmp(delivery, "at-least-once") != 0 &&
		strcmp(delivery, "at-most-once") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown kind of delivery: \"%s\"", delivery),
				 errhint("Give \"at-least-once\" or \"at-most-once\".")));
	return delivery;
}

static char *
priority_argument(FunctionCallInfo fcinfo, int number)
{
	char	   *priority = text_argument(fcinfo, number, "priority");

	if (strcmp(priority, "high") != 0 && strcmp(priority, "normal") != 0 &&
		strcmp(priority, "low") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown priority: \"%s\"", priority),
				 errhint("Give \"high\", \"normal\" or \"low\".")));
	return priority;
}

/* A point in time; 0 for null, and for what means at once or never. */
static TimestampTz
time_argument(FunctionCallInfo fcinfo, int number)
{
	TimestampTz time;

	if (PG_ARGISNULL(number))
		return 0;
	time = PG_GETARG_TIMESTAMPTZ(number);
	return TIMESTAMP_IS_NOBEGIN(time) ? 0 : time;
}

static char *
dedupe_key_argument(FunctionCallInfo fcinfo, int number)
{
	char	   *key;
	int			length;

	if (PG_ARGISNULL(number))
		return NULL;
	key = text_argument(fcinfo, number, "dedupe_key");
	length = pg_mbstrlen(key);
	if (length == 0 || length > MAX_DEDUPE_KEY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dedupe_key must have between 1 and %d characters",
						MAX_DEDUPE_KEY),
				 errdetail("It has %d.", length)));
	return key;
}

/* ----------
 * Activities
 * ----------
 */

static void
check_activity_size(const char *activity)
{
	const char *utf8 = pg_server_to_any(activity, strlen(activity), PG_UTF8);
	size_t		size = connector_activity_size(utf8);

	if (size > CONNECTOR_MAX_ACTIVITY_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("message is too large"),
				 errdetail("Its activity has %zu bytes as UTF-16; Teams accepts %d.",
						   size, CONNECTOR_MAX_ACTIVITY_SIZE),
				 errhint("Shorten the message, or send it in parts.")));
}

static char *
activity_of_text(const char *text)
{
	StringInfoData activity;

	if (text[strspn(text, " \t\r\n")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("message text is empty")));
	initStringInfo(&activity);
	appendStringInfoString(&activity, "{\"type\":\"message\",\"text\":");
	json_append_string(&activity, text);
	appendStringInfoChar(&activity, '}');
	return activity.data;
}

static JsonbValue *
activity_member(Jsonb *activity, const char *name)
{
	JsonbValue	key;

	key.type = jbvString;
	key.val.string.val = unconstify(char *, name);
	key.val.string.len = strlen(name);
	return findJsonbValueFromContainer(&activity->root, JB_FOBJECT, &key);
}

static void
bad_activity(const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid activity"),
			 errdetail("%s", detail),
			 errhint("%s", hint)));
}

/* What the Bot Connector would refuse or mishandle (contract 4.2, 8). */
static char *
activity_of_jsonb(Jsonb *activity)
{
	JsonbValue *type;
	JsonbValue *text;
	JsonbValue *attachments;

	if (!JB_ROOT_IS_OBJECT(activity))
		bad_activity("An activity is a JSON object.",
					 "For a plain text, call teams_send(user_id text, text text).");
	type = activity_member(activity, "type");
	if (type == NULL || type->type != jbvString || type->val.string.len == 0)
		bad_activity("The activity has no \"type\".",
					 "Most activities are of type \"message\".");
	text = activity_member(activity, "text");
	attachments = activity_member(activity, "attachments");
	if (text != NULL && text->type == jbvString && text->val.string.len > 0 &&
		attachments != NULL && attachments->type == jbvBinary &&
		JsonContainerIsArray(attachments->val.binary.data) &&
		JsonContainerSize(attachments->val.binary.data) > 0)
		bad_activity("The activity has both text and attachments; Teams would split it into two messages without a usable id.",
					 "Send two messages, or put the text into the card.");
	return JsonbToCString(NULL, &activity->root, VARSIZE(activity));
}

/* ----------
 * Sending
 * ----------
 */

/* The arguments that are the same for all, from this number on. */
static void
take_options(FunctionCallInfo fcinfo, int first, OutboxNew *message)
{
	message->bot = text_argument(fcinfo, first, "bot");
	message->send_at = time_argument(fcinfo, first + 1);
	message->expires_at = time_argument(fcinfo, first + 2);
	message->priority = priority_argument(fcinfo, first + 3);
	message->dedupe_key = dedupe_key_argument(fcinfo, first + 4);

	if (message->send_at != 0 && TIMESTAMP_IS_NOEND(message->send_at))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("send_at must not be infinity")));
	if (message->expires_at != 0 && TIMESTAMP_IS_NOEND(message->expires_at))
		message->expires_at = 0;
	if (message->expires_at != 0 &&
		message->expires_at <= Max(message->send_at, GetCurrentTimestamp()))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("message would expire before it is sent"),
				 errhint("Give an expires_at in the future, and after send_at.")));
}

static Datum
enqueue(FunctionCallInfo fcinfo, OutboxNew *message)
{
	if (message->activity != NULL)
		check_activity_size(message->activity);
	message->scope = "user";
	message->sender = GetUserId();
	statement_attach_function(fcinfo);

	/* One for which this transaction has sent before was there. */
	if (!tally_has_bot(message->bot) && !outbox_has_bot(message->bot))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("bot \"%s\" does not exist", message->bot),
				 errhint("Create it with teams_configure().")));
	PG_RETURN_INT64(outbox_enqueue(message));
}

Datum
teams_send_text(PG_FUNCTION_ARGS)
{
	OutboxNew	message = {0};

	message.kind = "send";
	message.target = user_id_argument(fcinfo, 0);
	message.activity = activity_of_text(text_argument(fcinfo, 1, "text"));
	take_options(fcinfo, 2, &message);
	message.delivery = delivery_argument(fcinfo, 7);
	return enqueue(fcinfo, &message);
}

Datum
teams_send_activity(PG_FUNCTION_ARGS)
{
	OutboxNew	message = {0};

	message.kind = "send";
	message.target = user_id_argument(fcinfo, 0);
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("activity must not be null")));
	message.activity = activity_of_jsonb(PG_GETARG_JSONB_P(1));
	take_options(fcinfo, 2, &message);
	message.delivery = delivery_argument(fcinfo, 7);
	return enqueue(fcinfo, &message);
}

Datum
teams_ensure_installed(PG_FUNCTION_ARGS)
{
	OutboxNew	message = {0};

	message.kind = "install";
	message.target = user_id_argument(fcinfo, 0);
	take_options(fcinfo, 1, &message);
	message.delivery = "at-least-once";
	return enqueue(fcinfo, &message);
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
