/*
 * accept.c
 *	  What is written into the outbox, by whatever statement: judged, counted,
 *	  and the worker woken for it.
 *
 * The rules for a row stand here rather than in CHECK constraints.  PostgreSQL
 * reads those from their stored form again for each statement, which for a
 * message sent alone took as long as writing it.
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "replication/logicalworker.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/trust.h"
#include "outbox/messages.h"
#include "outbox/session.h"
#include "outbox/statement.h"
#include "outbox/tally.h"
#include "protocol/activity.h"
#include "protocol/rules.h"
#include "server/wake.h"
#include "sql/accept.h"
#include "sql/arguments.h"

SQL_FUNCTION(teams_accept);
SQL_FUNCTION(teams_judge);
SQL_FUNCTION(teams_wake);

/* The columns that count here, and where the table has them. */
typedef enum Column
{
	COLUMN_ID,
	COLUMN_BOT,
	COLUMN_KIND,
	COLUMN_SCOPE,
	COLUMN_TARGET,
	COLUMN_TEAM,
	COLUMN_ACTIVITY,
	COLUMN_BROADCAST,
	COLUMN_REFERS_TO,
	COLUMN_PRIORITY,
	COLUMN_DELIVERY,
	COLUMN_ATTEMPTS,
	COLUMN_DUE_AT,
	COLUMN_EXPIRES_AT,
	COLUMN_CREATED_AT,
	COLUMN_ERROR_CODE,
	COLUMN_ERROR,
	COLUMN_REFERENCE,
	COLUMNS
} Column;

static const char *const column_names[COLUMNS] = {
	"id", "bot", "kind", "scope", "target", "team", "activity", "broadcast",
	"refers_to", "priority", "delivery", "attempts", "due_at",
	"expires_at", "created_at", "error_code", "error", "reference"
};

/* Bytes of what a row says of earlier attempts. */
#define MAX_CODE 255
#define MAX_ERROR 10000

/* A row that is judged; NULL values are NULL pointers, unknown words -1. */
typedef struct NewRow
{
	const char *bot;
	int			kind;
	int			scope;
	const char *target;
	const char *team;
	Datum		activity;		/* 0 if null */
	bool		knows_activity; /* it has been judged */
	bool		has_broadcast;
	bool		has_referent;
	int			priority;
	int			delivery;
	int			attempts;
	Size		code_size;		/* of error_code */
	Size		error_size;
	Size		reference_size;
} NewRow;

/* Found by name, once: a column that an upgrade adds may stand anywhere. */
static const AttrNumber *
column_numbers(Relation outbox)
{
	static AttrNumber numbers[COLUMNS];
	static Oid	known_of = InvalidOid;

	if (known_of == RelationGetRelid(outbox))
		return numbers;
	known_of = InvalidOid;
	for (int i = 0; i < COLUMNS; i++)
	{
		numbers[i] = SPI_fnumber(RelationGetDescr(outbox), column_names[i]);
		if (numbers[i] <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("table \"%s\" has no column \"%s\"",
							RelationGetRelationName(outbox),
							column_names[i])));
	}
	known_of = RelationGetRelid(outbox);
	return numbers;
}

/* 0 for null. */
static Datum
value_of(TupleTableSlot *slot, AttrNumber number)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, number, &isnull);

	return isnull ? (Datum) 0 : value;
}

/* NULL for null. */
static const char *
text_of(TupleTableSlot *slot, AttrNumber number)
{
	Datum		value = value_of(slot, number);

	return value != (Datum) 0 ? TextDatumGetCString(value) : NULL;
}

/* The value of a text in a list of words, or -1. */
static int
word_of(TupleTableSlot *slot, AttrNumber number, const WordList *list)
{
	Datum		value = value_of(slot, number);
	text	   *word;

	if (value == (Datum) 0)
		return -1;
	word = DatumGetTextPP(value);
	return words_find(list, VARDATA_ANY(word), VARSIZE_ANY_EXHDR(word));
}

/* The bytes of a text, without reading it; 0 for null. */
static Size
size_of(TupleTableSlot *slot, AttrNumber number)
{
	Datum		value = value_of(slot, number);

	return value != (Datum) 0 ? toast_raw_datum_size(value) - VARHDRSZ : 0;
}

/*
 * The activity of the message that accept_message() is writing: the caller's
 * arguments have been judged, and reading it as JSON twice more would cost as
 * much as all other rules.  What counts is what the row says, not who writes
 * it, so that whatever a trigger or function writes meanwhile is judged as
 * ever.
 */
static const char *judged_activity = NULL;

/* Bytes of the same length first, which needs no detoasting. */
static bool
is_judged(Datum activity)
{
	size_t		size;
	text	   *json;

	if (judged_activity == NULL)
		return false;
	size = strlen(judged_activity);
	if (toast_raw_datum_size(activity) - VARHDRSZ != size)
		return false;
	json = DatumGetTextPP(activity);
	return memcmp(VARDATA_ANY(json), judged_activity, size) == 0;
}

/* What of the row the rules are about. */
static void
take_row(TupleTableSlot *slot, const AttrNumber *number, NewRow *row)
{
	row->bot = text_of(slot, number[COLUMN_BOT]);
	row->kind = word_of(slot, number[COLUMN_KIND], &kind_words);
	row->scope = word_of(slot, number[COLUMN_SCOPE], &scope_words);
	row->target = text_of(slot, number[COLUMN_TARGET]);
	row->team = text_of(slot, number[COLUMN_TEAM]);
	row->activity = value_of(slot, number[COLUMN_ACTIVITY]);
	row->knows_activity = row->activity != (Datum) 0 &&
		is_judged(row->activity);
	row->has_broadcast = !slot_attisnull(slot, number[COLUMN_BROADCAST]);
	row->has_referent = !slot_attisnull(slot, number[COLUMN_REFERS_TO]);
	row->priority = word_of(slot, number[COLUMN_PRIORITY], &priority_words);
	row->delivery = word_of(slot, number[COLUMN_DELIVERY], &delivery_words);
	row->attempts = DatumGetInt32(value_of(slot, number[COLUMN_ATTEMPTS]));
	row->code_size = size_of(slot, number[COLUMN_ERROR_CODE]);
	row->error_size = size_of(slot, number[COLUMN_ERROR]);
	row->reference_size = size_of(slot, number[COLUMN_REFERENCE]);
}

/* As activity_problem(), of JSON as it is stored. */
static const char *
content_problem(Datum json, const char **hint)
{
	Datum		string = CStringGetDatum(TextDatumGetCString(json));
	Datum		activity = DirectFunctionCall1(jsonb_in, string);

	return activity_problem(DatumGetJsonbP(activity), hint);
}

/*
 * What is wrong with a row as a sentence, and with which column; or NULL.
 * What the worker writes it has judged itself: here it must not meet an error.
 */
static const char *
row_problem(const NewRow *row, Column *column, const char **hint)
{
	const KindTraits *kind;
	const char *problem;

	*column = COLUMN_BOT;
	if (!trust_is_bot_name(row->bot))
		return "It is no name for a bot.";
	*column = COLUMN_KIND;
	if (row->kind < 0)
		return psprintf("It is none of %s.", words_enumerate(&kind_words));
	kind = &kind_traits[row->kind];
	*column = COLUMN_SCOPE;
	if (row->scope < 0)
		return psprintf("It is none of %s.", words_enumerate(&scope_words));
	*column = COLUMN_TARGET;
	problem = rules_target_problem(row->scope, row->target);
	if (problem != NULL)
		return problem;
	*column = COLUMN_TEAM;
	if ((row->team != NULL) != (row->scope == SCOPE_CHANNEL))
		return "A channel has a team, and nothing else has.";
	if (row->team != NULL &&
		(problem = rules_target_problem(SCOPE_TEAM, row->team)) != NULL)
		return problem;
	*column = COLUMN_ACTIVITY;
	if (kind->has_activity ?
		row->activity == (Datum) 0 && !row->has_broadcast :
		row->activity != (Datum) 0)
		return "What is sent or edited has an activity, and nothing else has.";
	if (row->activity != (Datum) 0 && !row->knows_activity &&
		(problem = rules_json_problem(row->activity)) != NULL)
		return problem;
	*column = COLUMN_REFERS_TO;
	if (kind->has_referent && !row->has_referent)
		return "What is edited or deleted is not given.";
	*column = COLUMN_PRIORITY;
	if (row->priority < 0)
		return psprintf("It is none of %s.",
						words_enumerate(&priority_words));
	*column = COLUMN_DELIVERY;
	if (row->delivery < 0)
		return "It is neither at-least-once nor at-most-once.";
	*column = COLUMN_ATTEMPTS;
	if (row->attempts < 0 || row->attempts > 1000000)
		return "It is not between 0 and 1000000.";
	*column = COLUMN_ERROR_CODE;
	if (row->code_size > MAX_CODE)
		return "It is longer than 255 bytes.";
	*column = COLUMN_ERROR;
	if (row->error_size > MAX_ERROR)
		return "It is longer than 10000 bytes.";
	*column = COLUMN_REFERENCE;
	if (row->reference_size > MESSAGE_MAX_REFERENCE)
		return psprintf("It is longer than %d bytes.",
						MESSAGE_MAX_REFERENCE);
	*column = COLUMN_ACTIVITY;
	if (row->activity != (Datum) 0 && !row->knows_activity &&
		!session_is_senders())
		return content_problem(row->activity, hint);
	return NULL;
}

/* An error that names the column and what is wrong with it. */
static void
judge_row(Relation outbox, TupleTableSlot *slot, const AttrNumber *numbers)
{
	NewRow		row;
	Column		column;
	const char *problem;
	const char *hint = "Functions such as teams_send() write rows that are right.";

	take_row(slot, numbers, &row);
	problem = row_problem(&row, &column, &hint);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("invalid \"%s\" in a row for \"%s\"",
						column_names[column], RelationGetRelationName(outbox)),
				 errdetail("%s", problem),
				 errhint("%s", hint)));
}

/* The trigger's data, if it was called as it should be. */
static TriggerData *
row_trigger(FunctionCallInfo fcinfo, bool is_insert)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		is_insert != TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("this function must be called as a trigger after each row that is %s",
						is_insert ? "inserted" : "updated")));
	return trigger;
}

/* Is it to be sent now, whenever that is? */
static bool
has_no_times(TupleTableSlot *slot, const AttrNumber *numbers)
{
	return slot_attisnull(slot, numbers[COLUMN_DUE_AT]) &&
		slot_attisnull(slot, numbers[COLUMN_EXPIRES_AT]);
}

/* Then it is not sent, nor recorded as if it had been. */
static bool
has_expired(TupleTableSlot *slot, const AttrNumber *numbers)
{
	return !slot_attisnull(slot, numbers[COLUMN_EXPIRES_AT]) &&
		DatumGetTimestampTz(value_of(slot, numbers[COLUMN_EXPIRES_AT])) <=
		GetCurrentTimestamp();
}

/*
 * Was it written at another time than it says?  Then it comes from a dump, or
 * by logical replication: it is another database's message, or one of an
 * earlier time, which may have been sent long ago.
 */
static bool
is_loaded(TupleTableSlot *slot, const AttrNumber *numbers)
{
	return DatumGetTimestampTz(value_of(slot, numbers[COLUMN_CREATED_AT])) !=
		GetCurrentTransactionStartTimestamp();
}

/*
 * For each new row: judge it, count it, have the worker woken at commit; or
 * record it, if its bot is a dry-run bot; or hold it, if it has been loaded.
 * What replication brings, the publisher has counted, and it says what becomes
 * of it.
 */
Datum
teams_accept(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = row_trigger(fcinfo, true);
	TupleTableSlot *slot = trigger->tg_trigslot;
	const AttrNumber *numbers = column_numbers(trigger->tg_relation);
	int64		id = DatumGetInt64(value_of(slot, numbers[COLUMN_ID]));
	const char *bot = text_of(slot, numbers[COLUMN_BOT]);
	bool		loaded = is_loaded(slot, numbers);
	bool		is_replicated = loaded && IsLogicalWorker();
	bool		is_recorded;

	/* What the worker makes of a broadcast is judged when it is read. */
	if (!session_is_senders())
		judge_row(trigger->tg_relation, slot, numbers);
	statement_attach_function(fcinfo);
	is_recorded = !is_replicated && !has_expired(slot, numbers) &&
		tally_bot_mode(bot) == BOT_MODE_RECORDS;
	if (!is_replicated)
		tally_message(bot,
					  DatumGetInt64(value_of(slot, numbers[COLUMN_BROADCAST])),
					  is_recorded);
	if (is_recorded)
		outbox_record(id);
	else if (loaded)
		outbox_hold_loaded(id);
	else if (has_no_times(slot, numbers))
		wake_tell_at_commit(id);
	else
		wake_at_commit(id);
	return PointerGetDatum(NULL);
}

/* For a row that somebody has changed, other than by the worker's means. */
Datum
teams_judge(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = row_trigger(fcinfo, false);

	judge_row(trigger->tg_relation, trigger->tg_newslot,
			  column_numbers(trigger->tg_relation));
	return PointerGetDatum(NULL);
}

/* For other changes, but its own: have the worker look at all of it again. */
Datum
teams_wake(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	const char *table;

	if (!CALLED_AS_TRIGGER(fcinfo) || trigger->tg_trigger->tgnargs != 1)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("teams_wake must be called as a trigger")));
	table = trigger->tg_trigger->tgargs[0];
	if (strcmp(table, "bot") == 0)
	{
		tally_forget_modes(trigger->tg_relation);
		wake_reload_at_commit();
	}
	else if (!session_is_senders())
	{
		if (strcmp(table, "outbox") == 0)
			wake_at_commit(1);
		else
			wake_reload_at_commit();
	}
	return PointerGetDatum(NULL);
}

/* ----------
 * The way from SQL functions into the outbox
 * ----------
 */

/* The id that a function of this session has returned last; 0: none has. */
static int64 last_id = 0;

/*
 * A trigger may send a message itself while this one is written: then that has
 * an activity of its own, and this one's is back afterwards.
 */
static int64
enqueue_judged(OutboxNew *message)
{
	const char *outer = judged_activity;
	int64		id;

	judged_activity = message->is_judged ? message->activity : NULL;
	PG_TRY();
	{
		id = outbox_enqueue(message);
	}
	PG_FINALLY();
	{
		judged_activity = outer;
	}
	PG_END_TRY();
	return id;
}

/*
 * Write a message or job of the calling role into the outbox, in the current
 * transaction; returns its id, or that of the one that has its key already.
 * Raises an error if the bot does not exist, the activity is too large, or the
 * trigger finds something else wrong.
 */
int64
accept_message(FunctionCallInfo fcinfo, OutboxNew *message)
{
	int64		id;

	if (message->activity != NULL)
		argument_check_activity(message->activity);
	message->sender = GetUserId();
	statement_attach_function(fcinfo);

	if (tally_bot_mode(message->bot) == BOT_MODE_MISSING)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("bot \"%s\" does not exist", message->bot),
				 errhint("Create it with teams_configure().")));
	id = enqueue_judged(message);
	accept_note(id);
	return id;
}

/* A function returns that id to whoever has sent or changed a message. */
void
accept_note(int64 id)
{
	last_id = id;
}

/*
 * The message or job that this session has sent last, whatever became of the
 * transaction; 0 if it has sent none.
 */
int64
accept_last(void)
{
	return last_id;
}
