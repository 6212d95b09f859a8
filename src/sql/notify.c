/*
 * notify.c
 *	  teams_notify(): a trigger that tells people of rows, by a template.
 *
 * Whoever changes a row need not be allowed to send.  The message is sent in
 * the name of the table's owner, who must be: it is the owner who lets the
 * table have the trigger.
 *
 * Only the sending is done with the owner's rights.  What a row is as JSON,
 * and what its columns are as text, may be a function's of whoever made their
 * types: that is found out before, with the rights of whoever changes the row,
 * as other triggers would.
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "outbox/messages.h"
#include "outbox/statement.h"
#include "sql/notify_options.h"

SQL_FUNCTION(teams_notify);

/* What one message is about: a row, or those of one recipient. */
typedef struct Subject
{
	const char *values[NOTIFY_VALUES];	/* of the options; NULL: nothing */
	const char *data;			/* JSON for the template */
} Subject;

/* The trigger that has fired. */
typedef struct Firing
{
	TriggerData *trigger;
	NotifyOptions options;
	Oid			owner;			/* of the table */
	Oid			schema;			/* of the extension */
} Firing;

/* ----------
 * Calling the functions of this extension
 * ----------
 */

/* Whether the owner may use it, check_owner() says. */
static Oid
find_function(const Firing *firing, const char *name, int nargs,
			  const Oid *types)
{
	Oid			function;

	function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
							   CStringGetDatum(name),
							   PointerGetDatum(buildoidvector(types, nargs)),
							   ObjectIdGetDatum(firing->schema));
	if (!OidIsValid(function))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function %s.%s does not exist",
						get_namespace_name(firing->schema), name)));
	return function;
}

/*
 * As SQL would, but for the check of rights, which check_owner() has made;
 * null is an error.
 */
static Datum
call_function(Oid function, int nargs, const NullableDatum *arguments)
{
	LOCAL_FCINFO(fcinfo, 10);
	FmgrInfo	info;
	Datum		result;

	fmgr_info(function, &info);
	InitFunctionCallInfoData(*fcinfo, &info, nargs, DEFAULT_COLLATION_OID,
							 NULL, NULL);
	memcpy(fcinfo->args, arguments, nargs * sizeof(NullableDatum));
	result = FunctionCallInvoke(fcinfo);
	if (fcinfo->isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("function %s returned null", get_func_name(function))));
	return result;
}

static NullableDatum
text_or_null(const char *text)
{
	NullableDatum datum = {(Datum) 0, text == NULL};

	if (text != NULL)
		datum.value = CStringGetTextDatum(text);
	return datum;
}

static NullableDatum
not_null(Datum value)
{
	NullableDatum datum = {value, false};

	return datum;
}

/*
 * teams_render() takes functions, too, and calls them as the current user:
 * that is the table's owner here, and whoever made the trigger need not be.
 * Both look with the same snapshot, so that a template which is there for one
 * is there for the other.
 */
static void
check_named_template(const char *name)
{
	if (!outbox_has_template(name))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("template \"%s\" does not exist", name),
				 errhint("See teams_template for those that do. A trigger takes no function in place of one.")));
}

/* The activity, as jsonb, by the template and in the subject's language. */
static Datum
render_subject(const Firing *firing, const Subject *subject)
{
	static const Oid types[] = {TEXTOID, JSONBOID, TEXTOID};
	NullableDatum arguments[3];
	Datum		data;

	check_named_template(firing->options.template);
	data = DirectFunctionCall1(jsonb_in, CStringGetDatum(subject->data));
	arguments[0] = text_or_null(firing->options.template);
	arguments[1] = not_null(data);
	arguments[2] = text_or_null(subject->values[NOTIFY_LOCALE]);
	return call_function(find_function(firing, "teams_render", 3, types), 3,
						 arguments);
}

/* The owner may have lost the right since the trigger was made. */
static void
check_owner(const Firing *firing, Oid function)
{
	char	   *owner = GetUserNameFromId(firing->owner, false);

	if (DatumGetBool(DirectFunctionCall3(has_function_privilege_id_id,
										 ObjectIdGetDatum(firing->owner),
										 ObjectIdGetDatum(function),
										 CStringGetTextDatum("EXECUTE"))))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for function %s",
					get_func_name(function)),
			 errdetail("Notifications are sent in the name of the table's owner, role \"%s\".",
					   owner),
			 errhint("An administrator can call teams_grant(%s, 'sender').",
					 quote_literal_cstr(owner))));
}

/* A key of its own for each table and template, or ids would be mixed up. */
static const char *
dedupe_key(const Firing *firing, const char *value)
{
	Relation	table = firing->trigger->tg_relation;

	if (value == NULL)
		return NULL;
	return psprintf("%s.%s %s %s",
					get_namespace_name(RelationGetNamespace(table)),
					RelationGetRelationName(table), firing->options.template,
					value);
}

/* From now on, as long as the option says; null without the option. */
static NullableDatum
expiry_argument(const NotifyOptions *options)
{
	NullableDatum datum = {(Datum) 0, options->expires == NULL};
	Datum		now = TimestampTzGetDatum(GetCurrentTimestamp());

	if (options->expires != NULL)
		datum.value = DirectFunctionCall2(timestamptz_pl_interval, now,
										  IntervalPGetDatum(options->expires));
	return datum;
}

/* Call teams_send(), teams_send_chat() or teams_post(). */
static void
send_notification(const Firing *firing, const Subject *subject)
{
	static const Oid types[] = {TEXTOID, TEXTOID, JSONBOID, TEXTOID, TEXTOID,
		TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID};
	static const Oid types_to_one[] = {TEXTOID, JSONBOID, TEXTOID,
		TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID};
	const char *const *values = subject->values;
	NullableDatum arguments[10];
	Oid			function;
	int			n = 0;
	NotifyTarget target = notify_target(&firing->options);

	function = target == NOTIFY_TARGET_TEAM ?
		find_function(firing, "teams_post", 10, types) :
		find_function(firing, target == NOTIFY_TARGET_CHAT ?
					  "teams_send_chat" : "teams_send", 8, types_to_one);
	check_owner(firing, function);
	if (target == NOTIFY_TARGET_TEAM)
	{
		arguments[n++] = text_or_null(values[NOTIFY_TEAM]);
		arguments[n++] = text_or_null(values[NOTIFY_CHANNEL]);
	}
	else
		arguments[n++] = text_or_null(values[target == NOTIFY_TARGET_CHAT ?
											 NOTIFY_CHAT : NOTIFY_TO]);
	arguments[n++] = not_null(render_subject(firing, subject));
	if (target == NOTIFY_TARGET_TEAM)
		arguments[n++] = text_or_null(values[NOTIFY_THREAD]);
	arguments[n++] = text_or_null(values[NOTIFY_BOT] ? values[NOTIFY_BOT] : "default");
	arguments[n].value = (Datum) 0;
	arguments[n++].isnull = true;
	arguments[n++] = expiry_argument(&firing->options);
	arguments[n++] = text_or_null(values[NOTIFY_PRIORITY] ? values[NOTIFY_PRIORITY] : "normal");
	arguments[n++] = text_or_null(dedupe_key(firing, values[NOTIFY_DEDUPE]));
	arguments[n++] = text_or_null("at-least-once");
	(void) call_function(function, n, arguments);
}

/* An error takes the rights back, at the end of the (sub)transaction. */
static void
send_as_owner(const Firing *firing, const Subject *subject)
{
	Oid			role;
	int			security_context;

	GetUserIdAndSecContext(&role, &security_context);
	SetUserIdAndSecContext(firing->owner,
						   security_context | SECURITY_LOCAL_USERID_CHANGE);
	send_notification(firing, subject);
	SetUserIdAndSecContext(role, security_context);
}

/* ----------
 * Errors that must not fail the change of the row
 * ----------
 */

/* Cancelled, or to be tried again as a whole: that is not the message's. */
static bool
is_transactions(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TRANSACTION_ROLLBACK;
}

/*
 * The change of the row goes on: the error is kept in a table, and whoever is
 * there gets a warning.
 */
static void
report_unsent(const Firing *firing, const Subject *subject,
			  const ErrorData *error)
{
	Relation	table = firing->trigger->tg_relation;
	OutboxNotifyError record;

	record.schema = get_namespace_name(RelationGetNamespace(table));
	record.table = RelationGetRelationName(table);
	record.trigger = firing->trigger->tg_trigger->tgname;
	record.template = firing->options.template;
	record.error_code = unpack_sql_state(error->sqlerrcode);
	record.error = error->message;
	record.hint = error->hint;
	record.data = subject->data;
	outbox_save_notify_error(&record);
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("notification \"%s\" is not sent: %s",
					firing->options.template, error->message),
			 error->detail ? errdetail_internal("%s", error->detail) : 0,
			 errhint("See teams_notify_error.")));
}

/*
 * In a subtransaction, which takes back what was written if there is an error.
 */
static void
try_to_send(const Firing *firing, const Subject *subject)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner resources = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		send_as_owner(firing, subject);
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
	if (error == NULL)
		return;
	if (is_transactions(error))
		ReThrowError(error);
	report_unsent(firing, subject, error);
}

static void
notify_about(const Firing *firing, const Subject *subject)
{
	if (firing->options.only_warns)
		try_to_send(firing, subject);
	else
		send_as_owner(firing, subject);
}

/* ----------
 * What the template gets
 * ----------
 */

/*
 * Text, and not jsonb: what cannot be jsonb is the message's error, under the
 * rule of on_error, and not the row's.
 */
static char *
row_json(const Firing *firing, HeapTuple row)
{
	TupleDesc	desc = RelationGetDescr(firing->trigger->tg_relation);
	Datum		record = heap_copy_tuple_as_datum(row, desc);

	return TextDatumGetCString(DirectFunctionCall1(row_to_json, record));
}

/* What the options name, as text. */
static void
take_values(const Firing *firing, HeapTuple row, Subject *subject)
{
	TupleDesc	desc = RelationGetDescr(firing->trigger->tg_relation);

	for (int i = 0; i < NOTIFY_VALUES; i++)
		subject->values[i] = notify_value(&firing->options, i, row, desc);
}

/* Names have no characters that JSON would escape, texts may have. */
static void
append_member(StringInfo data, const char *name, const char *text)
{
	appendStringInfo(data, ",\"%s\":", name);
	escape_json(data, text);
}

/* The table and the operation, and the end. */
static void
append_event(const Firing *firing, StringInfo data)
{
	Relation	table = firing->trigger->tg_relation;
	TriggerEvent event = firing->trigger->tg_event;

	append_member(data, "table", RelationGetRelationName(table));
	append_member(data, "schema",
				  get_namespace_name(RelationGetNamespace(table)));
	append_member(data, "operation", TRIGGER_FIRED_BY_INSERT(event) ? "INSERT" :
				  TRIGGER_FIRED_BY_UPDATE(event) ? "UPDATE" : "DELETE");
	appendStringInfoChar(data, '}');
}

/* One message for the row: the new one, or that which was deleted. */
static void
notify_of_row(const Firing *firing)
{
	TriggerData *trigger = firing->trigger;
	HeapTuple	old = TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ? NULL :
	trigger->tg_trigtuple;
	HeapTuple	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
	trigger->tg_newtuple : trigger->tg_trigtuple;
	StringInfoData data;
	Subject		subject;

	initStringInfo(&data);
	appendStringInfo(&data, "{\"row\":%s,\"old\":%s", row_json(firing, row),
					 old != NULL ? row_json(firing, old) : "null");
	append_event(firing, &data);
	take_values(firing, row, &subject);
	subject.data = data.data;
	notify_about(firing, &subject);
}

/* ----------
 * Digests: the rows of a statement, one message for each recipient
 * ----------
 */

typedef struct Row
{
	HeapTuple	tuple;
	const char *recipient;
	int			number;
} Row;

/*
 * By recipient, and then in the order in which the statement has changed them.
 */
static int
compare_rows(const void *a, const void *b)
{
	const Row  *x = a;
	const Row  *y = b;
	int			order = strcmp(x->recipient, y->recipient);

	return order != 0 ? order : x->number - y->number;
}

/* The rows that the statement has changed; read as a scan of them does it. */
static Row *
read_rows(const Firing *firing, Tuplestorestate *store, int *count)
{
	TupleDesc	desc = RelationGetDescr(firing->trigger->tg_relation);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	int			pointer = tuplestore_alloc_read_pointer(store,
														EXEC_FLAG_REWIND);
	int			room = 64;
	Row		   *rows = palloc(room * sizeof(Row));

	*count = 0;
	tuplestore_select_read_pointer(store, pointer);
	tuplestore_rescan(store);
	while (tuplestore_gettupleslot(store, true, false, slot))
	{
		Row		   *row;

		CHECK_FOR_INTERRUPTS();
		if (*count == room)
			rows = repalloc_huge(rows, (room *= 2) * sizeof(Row));
		row = &rows[*count];
		row->tuple = ExecCopySlotHeapTuple(slot);
		row->recipient = notify_recipient(&firing->options, row->tuple, desc);
		row->number = (*count)++;
	}
	tuplestore_select_read_pointer(store, 0);
	ExecDropSingleTupleTableSlot(slot);
	return rows;
}

static bool
are_of_one(const Row *a, const Row *b)
{
	return strcmp(a->recipient, b->recipient) == 0;
}

/* One message for each recipient, with all rows that are theirs. */
static void
notify_of_rows(const Firing *firing)
{
	TriggerData *trigger = firing->trigger;
	Tuplestorestate *store = TRIGGER_FIRED_BY_DELETE(trigger->tg_event) ?
	trigger->tg_oldtable : trigger->tg_newtable;
	int			count;
	Row		   *rows;

	if (store == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" does not see the rows that have changed",
						trigger->tg_trigger->tgname),
				 errhint("Create it FOR EACH ROW, or with REFERENCING %s TABLE AS.",
						 TRIGGER_FIRED_BY_DELETE(trigger->tg_event) ?
						 "OLD" : "NEW")));
	rows = read_rows(firing, store, &count);
	qsort(rows, count, sizeof(Row), compare_rows);
	for (int first = 0, next; first < count; first = next)
	{
		StringInfoData data;
		Subject		subject;

		initStringInfo(&data);
		appendStringInfoString(&data, "{\"rows\":");
		for (next = first;
			 next < count && are_of_one(&rows[next], &rows[first]); next++)
		{
			appendStringInfoChar(&data, next == first ? '[' : ',');
			appendStringInfoString(&data, row_json(firing, rows[next].tuple));
		}
		appendStringInfoChar(&data, ']');
		append_event(firing, &data);
		take_values(firing, rows[first].tuple, &subject);
		subject.data = data.data;
		notify_about(firing, &subject);
	}
}

/* ----------
 * The trigger
 * ----------
 */

/* So that an error says which trigger it was, as those of PL/pgSQL do. */
static void
add_context(void *arg)
{
	const TriggerData *trigger = arg;

	errcontext("teams_notify() in trigger \"%s\" on table \"%s\"",
			   trigger->tg_trigger->tgname,
			   RelationGetRelationName(trigger->tg_relation));
}

/*
 * teams_notify(template, option=column ...): the trigger.  What is wrong with
 * its definition is an error for each row; what is wrong with a message is
 * one, or a warning, as on_error says.
 */
Datum
teams_notify(PG_FUNCTION_ARGS)
{
	Firing		firing;
	ErrorContextCallback context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("teams_notify() must be called as a trigger")));
	firing.trigger = (TriggerData *) fcinfo->context;
	context.callback = add_context;
	context.arg = firing.trigger;
	context.previous = error_context_stack;
	error_context_stack = &context;
	if (!TRIGGER_FIRED_AFTER(firing.trigger->tg_event) ||
		TRIGGER_FIRED_BY_TRUNCATE(firing.trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("teams_notify() must be called after INSERT, UPDATE or DELETE")));

	notify_parse_options(firing.trigger, &firing.options);
	firing.owner = firing.trigger->tg_relation->rd_rel->relowner;
	firing.schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	statement_attach_function(fcinfo);
	if (TRIGGER_FIRED_FOR_ROW(firing.trigger->tg_event))
		notify_of_row(&firing);
	else
		notify_of_rows(&firing);
	error_context_stack = context.previous;
	return PointerGetDatum(NULL);
}
