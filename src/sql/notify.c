/*
 * notify.c
 *	  teams_notify(): a trigger that tells people of rows, by a template.
 *
 * Whoever changes a row need not be allowed to send.  The message is sent in
 * the name of the table's owner, who must be: it is the owner who lets the
 * table have the trigger.
 *
 * Only the sending is done with the owner's rights.  What a row is as JSON,
 * what its columns are as text, and whether the condition holds, may be a
 * function's of whoever made their types, or the trigger: that is found out
 * before, with the rights of whoever changes the row, as other triggers would.
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/table.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "outbox/statement.h"
#include "sql/notify.h"

SQL_FUNCTION(teams_notify);
SQL_FUNCTION(teams_check_notify);

/* ----------
 * The messages
 * ----------
 */

/* So long after a time. */
static TimestampTz
time_after(TimestampTz time, Interval *interval)
{
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												   TimestampTzGetDatum(time),
												   IntervalPGetDatum(interval)));
}

/*
 * A key of its own for each table and template, or ids would be mixed up; and
 * for each recipient, if a row has several.
 */
static const char *
dedupe_key(const Firing *firing, const Subject *subject)
{
	const NotifyOptions *options = &firing->options;
	Relation	table = firing->trigger->tg_relation;
	const char *value = subject->values[NOTIFY_DEDUPE];

	if (value == NULL)
		return NULL;
	return psprintf("%s.%s %s %s%s%s",
					get_namespace_name(RelationGetNamespace(table)),
					RelationGetRelationName(table), options->template, value,
					options->has_array ? " " : "",
					options->has_array ? subject->values[options->target] : "");
}

/* What the options say of a row, for one of its recipients. */
static void
take_values(const Firing *firing, const NotifyRow *row, Subject *subject)
{
	const NotifyOptions *options = &firing->options;
	TupleDesc	desc = RelationGetDescr(firing->trigger->tg_relation);
	TimestampTz now = GetCurrentTimestamp();

	memset(subject, 0, sizeof(Subject));
	subject->template = options->template;
	subject->target = options->target;
	for (int i = 0; i < NOTIFY_VALUES; i++)
		subject->values[i] = i == (int) options->target ? row->target :
			notify_value(options, i, row->tuple, desc);
	subject->values[NOTIFY_DEDUPE] = dedupe_key(firing, subject);
	if (options->delay != NULL)
		now = subject->send_at = time_after(now, options->delay);
	if (options->expires != NULL)
		subject->expires_at = time_after(now, options->expires);
}

/* Are they for the same one? */
static bool
are_of_one(const NotifyRow *a, const NotifyRow *b)
{
	return strcmp(a->recipient, b->recipient) == 0;
}

/* How many of the rows are for the same one as the first. */
static int
same_recipient(const NotifyRow *rows, int count)
{
	int			n = 1;

	while (n < count && are_of_one(&rows[n], &rows[0]))
		n++;
	return n;
}

/*
 * One message for the row, the new one, or that which was deleted; one to each
 * if it names several.
 */
static void
notify_of_row(const Firing *firing)
{
	TriggerData *trigger = firing->trigger;
	HeapTuple	old = TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ? NULL :
	trigger->tg_trigtuple;
	HeapTuple	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
	trigger->tg_newtuple : trigger->tg_trigtuple;
	int			count;
	NotifyRow  *rows = notify_expand_row(firing, row, old, &count);
	const char *data = count > 0 && firing->options.digest == NULL ?
	notify_data_of_row(firing, row, old) : NULL;

	for (int first = 0; first < count;
		 first += same_recipient(&rows[first], count - first))
	{
		Subject		subject;

		take_values(firing, &rows[first], &subject);
		subject.data = data;
		if (firing->options.digest != NULL)
			notify_collect(firing, &subject, &rows[first], 1);
		else
			notify_send(firing, &subject);
	}
}

pg_noreturn static void
refuse_unseen(const Trigger *trigger, bool of_old)
{
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("trigger \"%s\" does not see the rows that have changed",
					trigger->tgname),
			 errhint("Create it FOR EACH ROW, or with REFERENCING %s TABLE AS.",
					 of_old ? "OLD" : "NEW")));
}

/* Those that the statement has left, or taken. */
static Tuplestorestate *
changed_rows(const TriggerData *trigger)
{
	bool		of_old = TRIGGER_FIRED_BY_DELETE(trigger->tg_event);
	Tuplestorestate *store = of_old ? trigger->tg_oldtable :
	trigger->tg_newtable;

	if (store == NULL)
		refuse_unseen(trigger->tg_trigger, of_old);
	return store;
}

/*
 * One message for each recipient, with all rows that are theirs; or these are
 * collected.
 */
static void
notify_of_rows(const Firing *firing)
{
	int			count;
	NotifyRow  *rows = notify_read_rows(firing,
										changed_rows(firing->trigger), &count);

	for (int first = 0, next; first < count; first = next)
	{
		Subject		subject;

		next = first + same_recipient(&rows[first], count - first);
		take_values(firing, &rows[first], &subject);
		if (firing->options.digest != NULL)
		{
			notify_collect(firing, &subject, &rows[first], next - first);
			continue;
		}
		subject.data = notify_data_of_rows(firing, &rows[first], next - first);
		notify_send(firing, &subject);
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

pg_noreturn static void
refuse_event(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("teams_notify() must be called after INSERT, UPDATE or DELETE")));
}

/*
 * The condition is understood once for a statement, or for what is deferred:
 * once for rows that are new, and once for those that are gone, as events of
 * both kinds may come with one flinfo.
 */
static Condition *
take_condition(FunctionCallInfo fcinfo, const Firing *firing)
{
	FmgrInfo   *flinfo = fcinfo->flinfo;
	TriggerData *trigger = firing->trigger;
	bool		of_old = TRIGGER_FIRED_BY_DELETE(trigger->tg_event);
	Condition **conditions;

	if (firing->options.where == NULL)
		return NULL;
	if (flinfo->fn_extra == NULL)
		flinfo->fn_extra = MemoryContextAllocZero(flinfo->fn_mcxt,
												  2 * sizeof(Condition *));
	conditions = flinfo->fn_extra;
	if (conditions[of_old] == NULL)
		conditions[of_old] =
			condition_prepare(firing->options.where, trigger->tg_relation,
							  trigger->tg_trigger, of_old, flinfo->fn_mcxt);
	return conditions[of_old];
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
		refuse_event();

	notify_parse_options(firing.trigger->tg_relation,
						 firing.trigger->tg_trigger, &firing.options);
	firing.condition = take_condition(fcinfo, &firing);
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

/* ----------
 * Its definition
 * ----------
 */

/* The function of that name beside this one. */
static Oid
trigger_function(Oid schema)
{
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
						   CStringGetDatum("teams_notify"),
						   PointerGetDatum(buildoidvector(NULL, 0)),
						   ObjectIdGetDatum(schema));
}

/* What would be wrong each time that it fires. */
static void
check_trigger(Relation table, const Trigger *trigger)
{
	bool		of_old = TRIGGER_FOR_DELETE(trigger->tgtype);
	NotifyOptions options;

	if (!TRIGGER_FOR_AFTER(trigger->tgtype) ||
		TRIGGER_FOR_TRUNCATE(trigger->tgtype))
		refuse_event();
	if (!TRIGGER_FOR_ROW(trigger->tgtype) &&
		(of_old ? trigger->tgoldtable : trigger->tgnewtable) == NULL)
		refuse_unseen(trigger, of_old);
	notify_parse_options(table, trigger, &options);
	if (options.where != NULL)
		(void) condition_prepare(options.where, table, trigger, of_old,
								 CurrentMemoryContext);
}

/*
 * teams_check_notify(): event trigger, after CREATE TRIGGER.  If it is one
 * that calls teams_notify(), what is wrong with its arguments is an error now
 * and not when it first fires.
 */
Datum
teams_check_notify(PG_FUNCTION_ARGS)
{
	Oid			function =
		trigger_function(get_func_namespace(fcinfo->flinfo->fn_oid));
	CreateTrigStmt *command;
	Relation	table;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("teams_check_notify() must be called as an event trigger")));
	command = (CreateTrigStmt *) ((EventTriggerData *) fcinfo->context)->parsetree;
	if (!IsA(command, CreateTrigStmt) || IsBinaryUpgrade)
		PG_RETURN_NULL();
	table = table_openrv_extended(command->relation, NoLock, true);
	if (table == NULL)
		PG_RETURN_NULL();
	for (int i = 0;
		 table->trigdesc != NULL && i < table->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &table->trigdesc->triggers[i];

		if (trigger->tgfoid == function &&
			strcmp(trigger->tgname, command->trigname) == 0)
			check_trigger(table, trigger);
	}
	table_close(table, NoLock);
	PG_RETURN_NULL();
}
