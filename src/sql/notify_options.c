/*
 * notify_options.c
 *	  The arguments of a trigger that calls teams_notify().
 *
 * The first is the template, the others are option=column or option='value'.
 * What is wrong with them is an error whatever on_error says: it would be
 * wrong for every row.
 */
#include "postgres.h"

#include "base/compat.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"

#include "sql/notify_options.h"

static const char *const names[NOTIFY_VALUES] = {
	"to", "team", "channel", "chat", "thread", "locale", "bot", "dedupe",
	"priority"
};

pg_noreturn static void
bad_option(const char *argument, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid option of teams_notify(): \"%s\"", argument),
			 errdetail("%s", detail),
			 errhint("Options are to, team, channel, chat, thread, locale, bot, dedupe and priority, with a column or a value in quotes, and expires and on_error.")));
}

/* What is between the quotes; NULL if it has none. */
static char *
unquote(const char *argument, const char *text)
{
	size_t		length = strlen(text);
	char	   *value;
	char	   *end;

	if (text[0] != '\'')
		return NULL;
	if (length < 2 || text[length - 1] != '\'')
		bad_option(argument, "The quotes are not closed.");
	end = value = palloc(length);
	for (const char *c = text + 1; c < text + length - 1; c++)
	{
		if (*c == '\'' && *++c != '\'')
			bad_option(argument, "Quotes within the value have to be doubled.");
		*end++ = *c;
	}
	*end = '\0';
	return value;
}

/* A column of the table, or a literal in quotes. */
static void
take_value(const TriggerData *trigger, const char *argument,
		   const char *name, const char *text, NotifyValue *value)
{
	Relation	table = trigger->tg_relation;

	if (value->is_given)
		bad_option(argument, "The option is given twice.");
	value->is_given = true;
	value->literal = unquote(argument, text);
	if (value->literal != NULL)
		return;
	value->column = SPI_fnumber(RelationGetDescr(table), text);
	if (value->column <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist",
						text, RelationGetRelationName(table)),
				 errhint("Option \"%s\" of trigger \"%s\" names a column. Write %s='%s' for a fixed value.",
						 name, trigger->tg_trigger->tgname, name, text)));
}

/* An argument of the trigger, as option=column or option='value'. */
static void
take_option(const TriggerData *trigger, const char *argument,
			NotifyOptions *options)
{
	const char *equals = strchr(argument, '=');
	char	   *name;
	const char *text;
	const char *literal;

	if (equals == NULL)
		bad_option(argument, "It is not of the form option=column.");
	name = pnstrdup(argument, equals - argument);
	text = equals + 1;
	for (int i = 0; i < NOTIFY_VALUES; i++)
		if (strcmp(name, names[i]) == 0)
		{
			take_value(trigger, argument, name, text, &options->values[i]);
			return;
		}
	literal = unquote(argument, text);
	if (literal == NULL)
		literal = text;
	if (strcmp(name, "expires") == 0)
		options->expires =
			DatumGetIntervalP(DirectFunctionCall3(interval_in,
												  CStringGetDatum(literal),
												  ObjectIdGetDatum(InvalidOid),
												  Int32GetDatum(-1)));
	else if (strcmp(name, "on_error") != 0)
		bad_option(argument, "There is no such option.");
	else if (strcmp(literal, "warn") == 0)
		options->only_warns = true;
	else if (strcmp(literal, "fail") != 0)
		bad_option(argument, "It is neither fail nor warn.");
}

static bool
is_given(const NotifyOptions *options, NotifyOption option)
{
	return options->values[option].is_given;
}

/* Raises an error for what is wrong, as PostgreSQL does for columns. */
void
notify_parse_options(const TriggerData *trigger, NotifyOptions *options)
{
	const Trigger *definition = trigger->tg_trigger;

	memset(options, 0, sizeof(NotifyOptions));
	if (definition->tgnargs == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("teams_notify() has no template"),
				 errhint("Give a template's name as the first argument.")));
	options->template = definition->tgargs[0];
	for (int i = 1; i < definition->tgnargs; i++)
		take_option(trigger, definition->tgargs[i], options);

	if (is_given(options, NOTIFY_TO) + is_given(options, NOTIFY_TEAM) +
		is_given(options, NOTIFY_CHAT) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("teams_notify() must have one of the options to, team and chat"),
				 errhint("They name the column with the user id, the team's id or the chat's id.")));
	if (!is_given(options, NOTIFY_TEAM) &&
		(is_given(options, NOTIFY_CHANNEL) ||
		 is_given(options, NOTIFY_THREAD)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the options channel and thread of teams_notify() go with team")));
}

/* Where the messages of the trigger go: one of the options says it. */
NotifyTarget
notify_target(const NotifyOptions *options)
{
	return is_given(options, NOTIFY_TEAM) ? NOTIFY_TARGET_TEAM :
		is_given(options, NOTIFY_CHAT) ? NOTIFY_TARGET_CHAT :
		NOTIFY_TARGET_USER;
}

/* What an option says for a row; NULL: nothing. */
const char *
notify_value(const NotifyOptions *options, NotifyOption option, HeapTuple row,
			 TupleDesc desc)
{
	const NotifyValue *value = &options->values[option];

	if (value->column == 0)
		return value->literal;
	return SPI_getvalue(row, desc, value->column);
}

/* Rows with the same go into the same digest. */
const char *
notify_recipient(const NotifyOptions *options, HeapTuple row, TupleDesc desc)
{
	StringInfoData recipient;

	initStringInfo(&recipient);
	for (int i = 0; i <= NOTIFY_LAST_OF_RECIPIENT; i++)
	{
		const char *value = notify_value(options, i, row, desc);

		if (value != NULL)
			appendStringInfo(&recipient, "=%s", value);
		appendStringInfoChar(&recipient, '\x01');
	}
	return recipient.data;
}
