/*
 * notify_send.c
 *	  Sends one message of teams_notify(), in the name of the table's owner.
 *
 * Whoever changes a row need not be allowed to send.  Only the sending is done
 * with the owner's rights: what may call functions of others has been done
 * before.
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "outbox/notifications.h"
#include "sql/attempt.h"
#include "sql/notify.h"

/* ----------
 * Calling the functions of this extension
 * ----------
 */

/* Whether the owner may use it, check_owner() says. */
static Oid
find_function(Oid schema, const char *name, int nargs, const Oid *types)
{
	Oid			function;
	oidvector  *arguments = buildoidvector(types, nargs);

	for (int i = 0; i < nargs; i++)
		if (arguments->values[i] == JSONBOID)
			arguments->values[i] =
				GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
								CStringGetDatum("teams_json"),
								ObjectIdGetDatum(schema));
	function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
							   CStringGetDatum(name),
							   PointerGetDatum(arguments),
							   ObjectIdGetDatum(schema));
	if (!OidIsValid(function))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function %s.%s does not exist",
						get_namespace_name(schema), name)));
	return function;
}

/*
 * As SQL would, but for the check of rights, which check_owner() has made;
 * null is an error.
 */
static Datum
call_function(Oid function, int nargs, const NullableDatum *arguments)
{
	LOCAL_FCINFO(fcinfo, 13);
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
render_subject(Oid schema, const Subject *subject)
{
	static const Oid types[] = {TEXTOID, JSONBOID, TEXTOID};
	NullableDatum arguments[3];
	Datum		data;

	check_named_template(subject->template);
	data = DirectFunctionCall1(jsonb_in, CStringGetDatum(subject->data));
	arguments[0] = text_or_null(subject->template);
	arguments[1] = not_null(data);
	arguments[2] = text_or_null(subject->values[NOTIFY_LOCALE]);
	return call_function(find_function(schema, "teams_render", 3, types), 3,
						 arguments);
}

/* The owner may have lost the right since the trigger was made. */
static void
check_owner(Oid role, Oid function)
{
	char	   *owner = GetUserNameFromId(role, false);

	if (DatumGetBool(DirectFunctionCall3(has_function_privilege_id_id,
										 ObjectIdGetDatum(role),
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

/* 0 is null. */
static NullableDatum
time_or_null(TimestampTz time)
{
	NullableDatum datum = {TimestampTzGetDatum(time), time == 0};

	return datum;
}

/* teams_send(), teams_send_chat() or teams_post(), of an activity. */
static Oid
sending_function(Oid schema, NotifyOption target, int *nargs)
{
	static const Oid types[] = {TEXTOID, TEXTOID, JSONBOID, TEXTOID, TEXTOID,
		TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
		BOOLOID, TEXTOID};
	static const Oid types_to_one[] = {TEXTOID, JSONBOID, TEXTOID,
		TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
		BOOLOID, TEXTOID};

	*nargs = target == NOTIFY_TEAM ? lengthof(types) : lengthof(types_to_one);
	return find_function(schema, target == NOTIFY_TEAM ? "teams_post" :
						 target == NOTIFY_CHAT ? "teams_send_chat" :
						 "teams_send", *nargs,
						 target == NOTIFY_TEAM ? types : types_to_one);
}

/* Call it, as the current user, who has the right to. */
static int64
send_subject(Oid schema, const Subject *subject)
{
	const char *const *values = subject->values;
	NullableDatum arguments[13];
	int			nargs;
	Oid			function = sending_function(schema, subject->target, &nargs);
	int			n = 0;

	arguments[n++] = text_or_null(values[subject->target]);
	if (subject->target == NOTIFY_TEAM)
		arguments[n++] = text_or_null(values[NOTIFY_CHANNEL]);
	arguments[n++] = not_null(render_subject(schema, subject));
	if (subject->target == NOTIFY_TEAM)
		arguments[n++] = text_or_null(values[NOTIFY_THREAD]);
	arguments[n++] = text_or_null(values[NOTIFY_BOT] ? values[NOTIFY_BOT] : "default");
	arguments[n++] = time_or_null(subject->send_at);
	arguments[n++] = time_or_null(subject->expires_at);
	arguments[n++] = text_or_null(values[NOTIFY_PRIORITY] ? values[NOTIFY_PRIORITY] : "normal");
	arguments[n++] = text_or_null(values[NOTIFY_DEDUPE]);
	arguments[n++] = text_or_null("at-least-once");
	arguments[n++] = text_or_null(values[NOTIFY_REFERENCE]);
	arguments[n++] = not_null(BoolGetDatum(false));
	arguments[n++] = text_or_null("fail");
	Assert(n == nargs);
	return DatumGetInt64(call_function(function, n, arguments));
}

/*
 * Raise an error if the role may not send the message, or if there is no such
 * template.
 */
void
notify_check_sender(Oid schema, Oid role, const Subject *subject)
{
	int			nargs;

	check_owner(role, sending_function(schema, subject->target, &nargs));
	check_named_template(subject->template);
}

/*
 * Send the message with the rights of the role, which must have that to send.
 * Returns the message's id.  An error takes the rights back, at the end of the
 * (sub)transaction.
 */
int64
notify_send_as(Oid schema, Oid role, const Subject *subject)
{
	Oid			caller;
	int			security_context;
	int64		id;

	GetUserIdAndSecContext(&caller, &security_context);
	SetUserIdAndSecContext(role,
						   security_context | SECURITY_LOCAL_USERID_CHANGE);
	notify_check_sender(schema, role, subject);
	id = send_subject(schema, subject);
	SetUserIdAndSecContext(caller, security_context);
	return id;
}

/* ----------
 * Errors that must not fail the change of the row
 * ----------
 */

/*
 * The change of the row goes on: the error is kept in a table, and whoever is
 * there gets a warning.
 */
static void
report_unsent(const Firing *firing, const char *data, const ErrorData *error)
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
	record.data = data;
	outbox_save_notify_error(&record);
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("notification \"%s\" is not sent: %s",
					firing->options.template, error->message),
			 error->detail ? errdetail_internal("%s", error->detail) : 0,
			 errhint("See teams_notify_error.")));
}

/*
 * Do something for a message under the rule of on_error.  With "warn" it is
 * done in a subtransaction, which takes back what was written if there is an
 * error: then that is reported with the data, and false returned.
 */
bool
notify_try(const Firing *firing, const char *data,
		   void (*action) (void *argument), void *argument)
{
	ErrorData  *error;

	if (!firing->options.only_warns)
	{
		action(argument);
		return true;
	}
	error = attempt(action, argument);
	if (error == NULL)
		return true;
	if (attempt_is_servers(error->sqlerrcode))
		ReThrowError(error);
	report_unsent(firing, data, error);
	return false;
}

/* A message of a firing, as notify_try() has it. */
typedef struct Message
{
	const Firing *firing;
	const Subject *subject;
} Message;

static void
send_message(void *argument)
{
	const Message *message = argument;

	(void) notify_send_as(message->firing->schema, message->firing->owner,
						  message->subject);
}

/*
 * Send the message with the rights of the table's owner.  What is wrong with
 * it is an error, or a warning, as the option on_error says.
 */
void
notify_send(const Firing *firing, const Subject *subject)
{
	Message		message = {firing, subject};

	(void) notify_try(firing, subject->data, send_message, &message);
}
