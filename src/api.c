/*
 * api.c
 *	  The functions that SQL calls.
 *
 * They judge their arguments before anything is written, since whoever calls
 * is there to hear what is wrong; a service's complaint comes minutes later.
 */
#include "postgres.h"

#include "compat.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "connector.h"
#include "credential.h"
#include "http.h"
#include "json.h"
#include "outbox.h"
#include "session.h"
#include "settings.h"
#include "shared.h"
#include "tally.h"
#include "trust.h"
#include "worker.h"

SQL_FUNCTION(teams_send_text);
SQL_FUNCTION(teams_send_activity);
SQL_FUNCTION(teams_ensure_installed);
SQL_FUNCTION(teams_cancel);
SQL_FUNCTION(teams_retry);
SQL_FUNCTION(teams_home);
SQL_FUNCTION(teams_wait);
SQL_FUNCTION(teams_drain);
SQL_FUNCTION(teams_check_url);
SQL_FUNCTION(teams_check_credential);
SQL_FUNCTION(teams_accept);
SQL_FUNCTION(teams_wake);
SQL_FUNCTION(teams_throttles);
SQL_FUNCTION(teams_workers);

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

/* The schema of the extension is that of its functions. */
static void
attach(FunctionCallInfo fcinfo)
{
	session_attach(get_func_namespace(fcinfo->flinfo->fn_oid));
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
	int64		id;

	if (message->activity != NULL)
		check_activity_size(message->activity);
	message->scope = "user";
	message->sender = GetUserId();
	attach(fcinfo);
	id = outbox_enqueue(message);
	if (id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("bot \"%s\" does not exist", message->bot),
				 errhint("Create it with teams_configure().")));
	PG_RETURN_INT64(id);
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
	attach(fcinfo);
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
		attach(fcinfo);
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
 * Waiting for a fate
 * ----------
 */

/* When an interval that begins now ends; 0 for a null interval. */
static TimestampTz
deadline_argument(FunctionCallInfo fcinfo, int number)
{
	if (PG_ARGISNULL(number))
		return 0;
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												   TimestampTzGetDatum(GetCurrentTimestamp()),
												   PG_GETARG_DATUM(number)));
}

static const char *
worker_hint(void)
{
	if (!shared_is_available())
		return "Set shared_preload_libraries = 'teams_proactive' and restart the server, or call teams_drain().";
	return "See teams_message for what it waits for, and teams_worker for the worker.";
}

static bool
somebody_sends(void)
{
	Slot	   *slot = shared_my_slot();

	return slot != NULL &&
		(slot->state == SLOT_RUNNING || slot->state == SLOT_STARTING);
}

static void
still_pending(int64 id, const Fate *fate)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("message " INT64_FORMAT " is still pending", id),
			 fate->error ? errdetail("%s: %s",
									 fate->error_code ? fate->error_code : "",
									 fate->error) : 0,
			 errhint("%s", worker_hint())));
}

static void
raise_fate(int64 id, const Fate *fate)
{
	if (strcmp(fate->fate, "sent") == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			 errmsg("message " INT64_FORMAT " %s", id,
					strcmp(fate->fate, "cancelled") == 0 ? "was cancelled" :
					fate->fate),
			 fate->error ? errdetail("%s: %s",
									 fate->error_code ? fate->error_code : "",
									 fate->error) : 0,
			 fate->hint ? errhint("%s", fate->hint) : 0));
}

/* Is the message known, committed, and the caller's to see? */
static void
check_fate(int64 id, const Fate *fate)
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
									PG_WAIT_EXTENSION);
	else
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Min(timeout_ms, 100), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

Datum
teams_wait(PG_FUNCTION_ARGS)
{
	bool		atomic = fcinfo->context == NULL ||
		!IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic || IsSubTransaction();
	MemoryContext context = CurrentMemoryContext;
	TimestampTz deadline = deadline_argument(fcinfo, 1);
	Slot	   *slot = shared_my_slot();
	Fate	   *fate;
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
		attach(fcinfo);
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
				 errhint("There is nothing to do: see teams_worker, and use teams_wait() to wait.")));

	PG_TRY();
	{
		SPI_connect_ext(SPI_OPT_NONATOMIC);
		attach(fcinfo);
		if (!worker_drain(deadline))
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

/*
 * Identity of this database.  A copy made by pg_dump or CREATE DATABASE has
 * another oid, and one in another cluster another system identifier; that of a
 * standby, which may be promoted, is the same.
 */
Datum
teams_home(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(psprintf(UINT64_FORMAT "/%u",
											  GetSystemIdentifier(),
											  MyDatabaseId)));
}

/* ----------
 * Triggers
 * ----------
 */

/* For each new message: count it, and have the worker woken at commit. */
Datum
teams_accept(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	descriptor;
	Datum		id;
	Datum		bot;
	bool		isnull;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("teams_accept must be called as a trigger for each row that is inserted")));
	descriptor = RelationGetDescr(trigger->tg_relation);
	id = SPI_getbinval(trigger->tg_trigtuple, descriptor,
					   SPI_fnumber(descriptor, "id"), &isnull);
	bot = SPI_getbinval(trigger->tg_trigtuple, descriptor,
						SPI_fnumber(descriptor, "bot"), &isnull);
	attach(fcinfo);
	tally_message(TextDatumGetCString(bot));
	shared_wake_at_commit(DatumGetInt64(id));
	return PointerGetDatum(NULL);
}

/* For other changes, but its own: have the worker look at all of it again. */
Datum
teams_wake(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || trigger->tg_trigger->tgnargs != 1)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("teams_wake must be called as a trigger")));
	if (session_is_senders())
		return PointerGetDatum(NULL);
	if (strcmp(trigger->tg_trigger->tgargs[0], "bot") == 0)
		shared_reload_at_commit();
	else
		shared_wake_at_commit(1);
	return PointerGetDatum(NULL);
}

/* ----------
 * The workers
 * ----------
 */

/* Start a function that returns rows; one after the other is formed later. */
static FuncCallContext *
begin_rows(FunctionCallInfo fcinfo)
{
	FuncCallContext *call = SRF_FIRSTCALL_INIT();
	MemoryContext old = MemoryContextSwitchTo(call->multi_call_memory_ctx);
	TupleDesc	descriptor;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	call->tuple_desc = BlessTupleDesc(descriptor);
	MemoryContextSwitchTo(old);
	return call;
}

static const char *
state_name(SlotState state)
{
	switch (state)
	{
		case SLOT_FREE:
			return "free";
		case SLOT_STARTING:
			return "starting";
		case SLOT_RUNNING:
			return "running";
		case SLOT_STOPPED:
			return "stopped";
		case SLOT_FAILED:
			return "failed";
		case SLOT_ABSENT:
			return "absent";
	}
	return "unknown";
}

static HeapTuple
slot_tuple(TupleDesc descriptor, Slot *slot)
{
	Datum		values[10];
	bool		nulls[10] = {0};

	values[0] = ObjectIdGetDatum(slot->database);
	values[1] = Int32GetDatum(slot->pid);
	nulls[1] = slot->pid == 0;
	values[2] = CStringGetTextDatum(state_name(slot->state));
	values[3] = TimestampTzGetDatum(slot->started_at);
	nulls[3] = slot->started_at == 0;
	values[4] = Int32GetDatum((int) pg_atomic_read_u32(&slot->in_flight));
	values[5] = Int64GetDatum((int64) pg_atomic_read_u64(&slot->sent));
	values[6] = Int64GetDatum((int64) pg_atomic_read_u64(&slot->failed));
	values[7] = Int64GetDatum((int64) pg_atomic_read_u64(&slot->retried));
	values[8] = CStringGetTextDatum(slot->last_error);
	nulls[8] = slot->last_error[0] == '\0';
	values[9] = TimestampTzGetDatum(slot->last_error_at);
	nulls[9] = slot->last_error_at == 0;
	return heap_form_tuple(descriptor, values, nulls);
}

Datum
teams_workers(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;

	if (SRF_IS_FIRSTCALL())
		begin_rows(fcinfo)->max_calls = shared_slot_count();
	call = SRF_PERCALL_SETUP();
	while (call->call_cntr < call->max_calls)
	{
		Slot	   *slot = shared_slot((int) call->call_cntr);
		HeapTuple	tuple = NULL;

		shared_lock(LW_SHARED);
		if (slot->state != SLOT_FREE && slot->state != SLOT_ABSENT)
			tuple = slot_tuple(call->tuple_desc, slot);
		shared_unlock();
		if (tuple != NULL)
			SRF_RETURN_NEXT(call, HeapTupleGetDatum(tuple));
		call->call_cntr++;
	}
	SRF_RETURN_DONE(call);
}

/* ----------
 * What limits the bots
 * ----------
 */

static HeapTuple
throttle_tuple(TupleDesc descriptor, Pace *pace, PaceKind kind)
{
	static const char *const scopes[PACE_KINDS] =
	{"connector", "graph read", "graph write"};
	PaceState	state = pace_state(pace, kind);
	char	   *client_id = pstrdup(pace->key);
	char	   *tenant_id = strchr(client_id, '/');
	Datum		values[7];
	bool		nulls[7] = {0};

	*tenant_id++ = '\0';
	values[0] = DirectFunctionCall1(uuid_in, CStringGetDatum(client_id));
	values[1] = DirectFunctionCall1(uuid_in, CStringGetDatum(tenant_id));
	values[2] = CStringGetTextDatum(scopes[kind]);
	values[3] = Int32GetDatum(state.left);
	values[4] = Float4GetDatum((float4) state.share);
	values[5] = TimestampTzGetDatum(state.until);
	nulls[5] = state.until == 0;
	values[6] = Int64GetDatum(state.complaints);
	return heap_form_tuple(descriptor, values, nulls);
}

Datum
teams_throttles(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;
	Pace	   *pace;
	HeapTuple	tuple;

	if (SRF_IS_FIRSTCALL())
		begin_rows(fcinfo);
	call = SRF_PERCALL_SETUP();
	pace = shared_pace_entry((int) (call->call_cntr / PACE_KINDS));
	if (pace == NULL)
		SRF_RETURN_DONE(call);
	tuple = throttle_tuple(call->tuple_desc, pace,
						   call->call_cntr % PACE_KINDS);
	SRF_RETURN_NEXT(call, HeapTupleGetDatum(tuple));
}
