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
#include "access/htup_details.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "sql/column_text.h"
#include "sql/notify_options.h"

static const char *const names[NOTIFY_VALUES] = {
	"to", "team", "channel", "chat", "thread", "locale", "bot", "dedupe",
	"priority", "reference"
};

pg_noreturn static void
bad_option(const char *argument, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid option of teams_notify(): \"%s\"", argument),
			 errdetail("%s", detail),
			 errhint("Options are to, team, channel, chat, thread, locale, bot, dedupe, priority and reference, with a column or a value in quotes; where, with a condition; and delay, digest, expires, null and on_error.")));
}

/*
 * Copy what is between the quotes; NULL if they are wrong, and *problem says
 * how.
 */
static char *
read_quoted(const char *text, const char **problem)
{
	size_t		length = strlen(text);
	char	   *value = palloc(length + 1);
	char	   *end = value;

	*problem = "The quotes are not closed.";
	if (length < 2 || text[length - 1] != '\'')
		return NULL;
	*problem = "Quotes within the value have to be doubled.";
	for (const char *c = text + 1; c < text + length - 1; c++)
	{
		if (*c == '\'' && (*++c != '\'' || c == text + length - 1))
			return NULL;
		*end++ = *c;
	}
	*end = '\0';
	return value;
}

/* What is between the quotes; NULL if it has none. */
static char *
unquote(const char *argument, const char *text)
{
	const char *problem;
	char	   *value;

	if (text[0] != '\'')
		return NULL;
	value = read_quoted(text, &problem);
	if (value == NULL)
		bad_option(argument, problem);
	return value;
}

/* Is it an array?  Several recipients may be in one, and nothing else. */
static bool
check_array(Relation table, const char *argument, NotifyOption option,
			AttrNumber column)
{
	Oid			type = SPI_gettypeid(RelationGetDescr(table), column);

	if (!OidIsValid(get_base_element_type(type)))
		return false;
	if (option != NOTIFY_TO && option != NOTIFY_CHAT)
		bad_option(argument,
				   psprintf("The column is of type %s; only to and chat take an array.",
							format_type_be(type)));
	return true;
}

/* A column of the table, or a literal in quotes. */
static void
take_value(Relation table, const Trigger *trigger, const char *argument,
		   NotifyOption option, const char *text, NotifyOptions *options)
{
	NotifyValue *value = &options->values[option];

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
						 names[option], trigger->tgname, names[option],
						 text)));
	options->has_array |= check_array(table, argument, option, value->column);
}

/*
 * A column by its name, as the other options have it, or any expression, with
 * or without quotes around it.
 */
static const char *
take_condition(Relation table, const char *text)
{
	AttrNumber	column = SPI_fnumber(RelationGetDescr(table), text);
	const char *problem;
	const char *quoted = text[0] == '\'' ? read_quoted(text, &problem) : NULL;

	if (column > 0)
		return quote_identifier(text);
	return quoted != NULL ? quoted : text;
}

/* An interval that is not negative. */
static Interval *
take_interval(const char *argument, const char *text)
{
	Interval   *zero = palloc0(sizeof(Interval));
	Datum		interval = DirectFunctionCall3(interval_in,
											   CStringGetDatum(text),
											   ObjectIdGetDatum(InvalidOid),
											   Int32GetDatum(-1));

	if (DatumGetBool(DirectFunctionCall2(interval_lt, interval,
										 IntervalPGetDatum(zero))))
		bad_option(argument, "The interval is negative.");
	return DatumGetIntervalP(interval);
}

/* One of two words; returns whether it is the second. */
static bool
take_word(const char *argument, const char *text, const char *first,
		  const char *second)
{
	if (strcmp(text, first) != 0 && strcmp(text, second) != 0)
		bad_option(argument,
				   psprintf("It is neither %s nor %s.", first, second));
	return strcmp(text, second) == 0;
}

/* Those that are the same for all rows, with or without quotes. */
static void
take_setting(const char *argument, const char *name, const char *text,
			 NotifyOptions *options)
{
	if (strcmp(name, "delay") == 0)
		options->delay = take_interval(argument, text);
	else if (strcmp(name, "digest") == 0)
		options->digest = take_interval(argument, text);
	else if (strcmp(name, "expires") == 0)
		options->expires = take_interval(argument, text);
	else if (strcmp(name, "null") == 0)
		options->needs_target = take_word(argument, text, "skip", "fail");
	else if (strcmp(name, "on_error") == 0)
		options->only_warns = take_word(argument, text, "fail", "warn");
	else
		bad_option(argument, "There is no such option.");
}

/* An argument of the trigger, as option=column or option='value'. */
static void
take_option(Relation table, const Trigger *trigger, const char *argument,
			NotifyOptions *options)
{
	const char *equals = strchr(argument, '=');
	const char *literal;
	char	   *name;

	if (equals == NULL)
		bad_option(argument, "It is not of the form option=column.");
	name = pnstrdup(argument, equals - argument);
	for (int i = 0; i < NOTIFY_VALUES; i++)
		if (strcmp(name, names[i]) == 0)
		{
			take_value(table, trigger, argument, i, equals + 1, options);
			return;
		}
	if (strcmp(name, "where") == 0)
	{
		if (options->where != NULL)
			bad_option(argument, "The option is given twice.");
		if (equals[1] == '\0')
			bad_option(argument, "There is no condition.");
		options->where = take_condition(table, equals + 1);
		return;
	}
	literal = unquote(argument, equals + 1);
	take_setting(argument, name, literal != NULL ? literal : equals + 1,
				 options);
}

static bool
is_given(const NotifyOptions *options, NotifyOption option)
{
	return options->values[option].is_given;
}

/*
 * Read the arguments of a trigger on the table.  Raises an error for what is
 * wrong with them, as PostgreSQL does for columns.
 */
void
notify_parse_options(Relation table, const Trigger *trigger,
					 NotifyOptions *options)
{
	memset(options, 0, sizeof(NotifyOptions));
	if (trigger->tgnargs == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("teams_notify() has no template"),
				 errhint("Give a template's name as the first argument.")));
	options->template = trigger->tgargs[0];
	for (int i = 1; i < trigger->tgnargs; i++)
		take_option(table, trigger, trigger->tgargs[i], options);

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
	if (options->digest != NULL &&
		(options->delay != NULL || is_given(options, NOTIFY_DEDUPE) ||
		 is_given(options, NOTIFY_REFERENCE)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the options delay, dedupe and reference of teams_notify() do not go with digest"),
				 errdetail("A digest says what has come until its time, and each row is in one.")));
	options->target = is_given(options, NOTIFY_TEAM) ? NOTIFY_TEAM :
		is_given(options, NOTIFY_CHAT) ? NOTIFY_CHAT : NOTIFY_TO;
}

/* What an option says for a row, as text; NULL: nothing. */
char *
notify_value(const NotifyOptions *options, NotifyOption option, HeapTuple row,
			 TupleDesc desc)
{
	const NotifyValue *value = &options->values[option];

	if (value->column == 0)
		return value->literal != NULL ? pstrdup(value->literal) : NULL;
	return column_text(row, desc, value->column);
}

/*
 * Whom the row is for, as texts: nobody, one, or those of an array, of whom
 * none is null; if there must be one, null stands for nobody.
 */
List *
notify_targets(const NotifyOptions *options, HeapTuple row, TupleDesc desc)
{
	const NotifyValue *value = &options->values[options->target];

	if (value->column == 0)
		return list_make1(pstrdup(value->literal));
	if (heap_attisnull(row, value->column, desc))
		return options->needs_target ? list_make1(NULL) : NIL;
	if (options->has_array)
		return column_array(row, desc, value->column);
	return list_make1(column_text(row, desc, value->column));
}
