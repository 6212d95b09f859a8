/*
 * audience.c
 *	  Makes broadcasts: an audience, frozen as rows, and what it is told.
 *
 * A query runs with the caller's rights and is read through a cursor, so that
 * memory is bounded however many it returns; the rows are written with the
 * rights of the tables' owner.
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "base/encoding.h"
#include "base/json.h"
#include "outbox/broadcasts.h"
#include "outbox/statement.h"
#include "outbox/tally.h"
#include "protocol/connector.h"
#include "protocol/rules.h"
#include "sql/arguments.h"
#include "sql/attempt.h"
#include "sql/column_text.h"

SQL_FUNCTION(teams_broadcast_query);
SQL_FUNCTION(teams_broadcast_array);

/* Recipients that are written at a time. */
#define PART 2000

#define MAX_LOCALE 255

/* ----------
 * What is said, and how
 * ----------
 */

/* A rate of zero would never end. */
static void
check_rate(int rate)
{
	if (rate <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rate must be greater than zero"),
				 errdetail("It is a number of messages a second.")));
}

/*
 * Is it the images that make the data of a template large, which the service
 * does not count?
 */
static bool
fits_without_images(Datum data)
{
	Size		size = toast_raw_datum_size(data);
	Jsonb	   *jsonb;

	if (size > RULES_MAX_STORED)
		return false;
	jsonb = DatumGetJsonbP(data);
	return size - connector_images_size(JsonbToCString(NULL, &jsonb->root, size)) <=
		CONNECTOR_MAX_ACTIVITY_SIZE;
}

/*
 * What is wrong with a template's data, or NULL.  The worker joins that of the
 * broadcast and that of each recipient: an error then would stop all
 * broadcasts, and what no message can hold would keep it from sending.
 */
static const char *
data_problem(Datum data)
{
	if (toast_raw_datum_size(data) > CONNECTOR_MAX_ACTIVITY_SIZE &&
		!fits_without_images(data))
		return "data is too large";
	if (!JB_ROOT_IS_OBJECT(DatumGetJsonbP(data)))
		return "data is no object";
	return NULL;
}

static Datum
argument_data(FunctionCallInfo fcinfo, int number)
{
	const char *problem;

	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("data must not be null")));
	problem = data_problem(PG_GETARG_DATUM(number));
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s", problem),
				 errdetail("It must be a JSON object of at most %d bytes, not counting images.",
						   CONNECTOR_MAX_ACTIVITY_SIZE)));
	return PG_GETARG_DATUM(number);
}

/* One of text, activity and template: arguments 1 to 3. */
static void
take_broadcast_content(FunctionCallInfo fcinfo, NewBroadcast *broadcast)
{
	int			given = !PG_ARGISNULL(1) + !PG_ARGISNULL(2) + !PG_ARGISNULL(3);

	if (given != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(given == 0 ? "there is nothing to say" :
						"there is more than one thing to say"),
				 errhint("Give one of text, activity and template.")));
	if (!PG_ARGISNULL(3))
		broadcast->template = argument_text(fcinfo, 3, "template");
	else
		broadcast->activity = argument_content(fcinfo, PG_ARGISNULL(1) ? 2 : 1,
											   !PG_ARGISNULL(1));
	if (broadcast->activity != NULL)
		argument_check_activity(broadcast->activity);
}

/* All arguments but the audience. */
static void
take_broadcast(FunctionCallInfo fcinfo, NewBroadcast *broadcast)
{
	broadcast->kind = KIND_SEND;
	take_broadcast_content(fcinfo, broadcast);
	broadcast->data = argument_data(fcinfo, 4);
	broadcast->title = PG_ARGISNULL(5) ? NULL :
		argument_text(fcinfo, 5, "title");
	broadcast->topic = argument_key(fcinfo, 6, "topic");
	if (!PG_ARGISNULL(8))
	{
		broadcast->rate = PG_GETARG_INT32(8);
		check_rate(broadcast->rate);
	}
	argument_options(fcinfo, 9, &broadcast->options);
	broadcast->options.delivery = argument_delivery(fcinfo, 14);
	broadcast->options.reference = argument_key(fcinfo, 15, "reference");
	broadcast->options.sender = GetUserId();
	statement_attach_function(fcinfo);
	if (tally_bot_mode(broadcast->options.bot) == BOT_MODE_MISSING)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("bot \"%s\" does not exist", broadcast->options.bot),
				 errhint("Create it with teams_configure().")));
}

/* ----------
 * To whom
 * ----------
 */

/* Room for PART recipients, in the current context. */
static Audience *
new_part(void)
{
	Audience   *part = palloc0(sizeof(Audience));

	part->targets = palloc(PART * sizeof(Datum));
	part->locales = palloc(PART * sizeof(Datum));
	part->data = palloc(PART * sizeof(Datum));
	part->excluded = palloc(PART * sizeof(Datum));
	return part;
}

/* Why a recipient gets nothing, or NULL. */
static const char *
person_problem(const char *user_id, const char *locale, Datum data)
{
	if (user_id == NULL || rules_user_id_problem(user_id) != NULL)
		return "invalid user id";
	if (locale != NULL && strlen(locale) > MAX_LOCALE)
		return "invalid locale";
	return data != (Datum) 0 ? data_problem(data) : NULL;
}

/*
 * One that cannot be sent to is kept, with the reason, which is the problem if
 * there is one already.
 */
static void
add_person(Audience *part, const char *user_id, const char *locale,
		   Datum data, const char *problem)
{
	int			i = part->count++;

	if (problem == NULL)
		problem = person_problem(user_id, locale, data);
	if (problem != NULL)
	{
		locale = NULL;
		data = (Datum) 0;
	}
	part->targets[i] = user_id == NULL ? CStringGetTextDatum("") :
		CStringGetTextDatum(asc_tolower(user_id, strlen(user_id)));
	part->locales[i] = locale != NULL ?
		CStringGetTextDatum(locale) : (Datum) 0;
	part->data[i] = data;
	part->excluded[i] = problem != NULL ? CStringGetTextDatum(problem) :
		(Datum) 0;
}

/* The columns of an audience's query; 0 for one that it has not. */
typedef struct Columns
{
	int			user_id;
	int			locale;
	int			data;
	bool		data_is_json;
} Columns;

/* By name; a column that means nothing here is a mistake to be told. */
static Columns
find_columns(TupleDesc descriptor)
{
	Columns		columns = {0};

	for (int i = 0; i < descriptor->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(descriptor, i)->attname);

		if (strcmp(name, "user_id") == 0)
			columns.user_id = i + 1;
		else if (strcmp(name, "locale") == 0)
			columns.locale = i + 1;
		else if (strcmp(name, "data") == 0)
			columns.data = i + 1;
		else
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the audience has a column \"%s\"", name),
					 errhint("It may have user_id, locale and data (jsonb or json); give columns these names with AS.")));
	}
	if (columns.user_id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the audience has no column \"user_id\""),
				 errhint("Write SELECT ... AS user_id.")));
	if (columns.data != 0)
	{
		Oid			type = TupleDescAttr(descriptor, columns.data - 1)->atttypid;

		columns.data_is_json = type == JSONOID;
		if (type != JSONOID && type != JSONBOID)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("the audience's column \"data\" is neither of type jsonb nor json")));
	}
	return columns;
}

/* Data of type json as jsonb, or *problem if jsonb does not take it. */
static Datum
jsonb_of_json(Datum json, const char **problem)
{
	char	   *given;
	bool		exact = true;

	if (toast_raw_datum_size(json) > RULES_MAX_STORED)
	{
		*problem = "data is too large";
		return (Datum) 0;
	}
	given = TextDatumGetCString(json);
	if (json_storage_problem(encoding_to_utf8(given, &exact)) != NULL)
	{
		*problem = "data cannot be stored";
		return (Datum) 0;
	}
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(given));
}

/* The data is not copied: it lies in the tuple. */
static void
add_row(Audience *part, HeapTuple tuple, TupleDesc descriptor,
		const Columns *columns)
{
	const char *locale = columns->locale != 0 ?
		column_text(tuple, descriptor, columns->locale) : NULL;
	Datum		data = (Datum) 0;
	bool		isnull = true;
	const char *problem = NULL;

	if (columns->data != 0)
		data = SPI_getbinval(tuple, descriptor, columns->data, &isnull);
	if (isnull)
		data = (Datum) 0;
	else if (columns->data_is_json)
		data = jsonb_of_json(data, &problem);
	add_person(part, column_text(tuple, descriptor, columns->user_id), locale,
			   data, problem);
}

/* The text after the blanks that it begins with. */
static const char *
without_blanks(const char *text)
{
	return text + strspn(text, " \t\r\n");
}

/*
 * What is given for a query where a person, an array or a table was meant, as
 * an error's message, or NULL; *hint is what to write.  PostgreSQL's parser
 * would only say where it stumbles.
 */
static const char *
query_slip(const char *query, const char **hint)
{
	const char *begin = without_blanks(query);
	size_t		length = strcspn(begin, " \t\r\n,;");
	char	   *word = pnstrdup(begin, length);

	if (*begin == '\0')
	{
		*hint = "Give a query with a column user_id, or an array such as ARRAY['ada@contoso.com'].";
		return "the audience is an empty text";
	}
	if (*begin == '{' || *begin == '[')
	{
		*hint = "Give ARRAY['ada@contoso.com', ...], or cast it to text[]; of JSON, give a query such as $$SELECT jsonb_array_elements_text('[...]') AS user_id$$.";
		return "the audience is a list, not a query";
	}
	if (strpbrk(word, "'(") == NULL && rules_user_id_problem(word) == NULL)
	{
		*hint = psprintf("Give an array: ARRAY[%s].",
						 quote_literal_cstr(word));
		return "the audience is an address or id, not a query";
	}
	if (*without_blanks(begin + length) == '\0' &&
		pg_strcasecmp(word, "SELECT") != 0 &&
		strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "0123456789_.") == length)
	{
		*hint = psprintf("Write a query, such as $$SELECT email AS user_id FROM %s$$.",
						 word);
		return "the audience is a name, not a query";
	}
	return NULL;
}

/* The text that is the query, if it looks like one. */
static char *
argument_query(FunctionCallInfo fcinfo)
{
	char	   *query = argument_text(fcinfo, 0, "audience");
	const char *hint;
	const char *slip = query_slip(query, &hint);

	if (slip != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s", slip),
				 errdetail("A text is taken for a query that returns the people."),
				 errhint("%s", hint)));
	return query;
}

/* As the caller: all that the query returns. */
static void
add_query(int64 broadcast, const char *query)
{
	MemoryContext part_context = AllocSetContextCreate(CurrentMemoryContext,
													   "teams_proactive audience",
													   ALLOCSET_DEFAULT_SIZES);
	int64		first = 1;
	Portal		portal;
	MemoryContext old;

	SPI_connect();
	portal = statement_open_cursor(query);
	for (;;)
	{
		Columns		columns;
		Audience   *part;

		SPI_cursor_fetch(portal, true, PART);
		if (SPI_processed == 0 && first > 1)
			break;
		columns = find_columns(SPI_tuptable->tupdesc);
		if (SPI_processed == 0)
			break;
		old = MemoryContextSwitchTo(part_context);
		part = new_part();
		for (uint64 i = 0; i < SPI_processed; i++)
			add_row(part, SPI_tuptable->vals[i], SPI_tuptable->tupdesc,
					&columns);
		outbox_add_recipients(broadcast, first, part);
		MemoryContextSwitchTo(old);

		/* Not before they are written: the data lies in the tuples. */
		SPI_freetuptable(SPI_tuptable);
		first += part->count;
		MemoryContextReset(part_context);
		CHECK_FOR_INTERRUPTS();
	}
	SPI_cursor_close(portal);
	SPI_finish();
	MemoryContextDelete(part_context);
}

/* The array is there as a whole, so its parts need no context of their own. */
static void
add_array(int64 broadcast, ArrayType *array)
{
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements,
					  &nulls, &count);
	for (int first = 0; first < count; first += PART)
	{
		Audience   *part = new_part();

		for (int i = first; i < Min(count, first + PART); i++)
			add_person(part,
					   nulls[i] ? NULL : TextDatumGetCString(elements[i]),
					   NULL, (Datum) 0, NULL);
		outbox_add_recipients(broadcast, first + 1, part);
	}
}

/* A template that fails for the first recipient is wrong for all. */
static void
check_template(int64 id)
{
	char	   *bot;
	char	   *activity;
	char	   *problem = NULL;

	if (!outbox_preview(id, NULL, GetUserId(), &bot, &activity, &problem))
		return;
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the template cannot be filled in for the first recipient"),
				 errdetail("%s", pg_any_to_server(problem, strlen(problem),
												  PG_UTF8))));
	if (activity != NULL)
		argument_check_activity(text_in_server_encoding(activity));
}

/*
 * Write down what is said; false if that was done before, by its key.  From
 * now on it is the same for all, whatever becomes of the template.
 */
static bool
begin_broadcast(FunctionCallInfo fcinfo, int64 *id)
{
	NewBroadcast broadcast = {0};
	bool		is_new;

	take_broadcast(fcinfo, &broadcast);
	*id = outbox_create_broadcast(&broadcast, &is_new);
	if (is_new && broadcast.template != NULL &&
		!outbox_keep_template(*id, broadcast.template))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("template \"%s\" does not exist", broadcast.template),
				 errhint("See teams_template for those that do. A broadcast takes no function in place of one.")));
	return is_new;
}

/* The audience is complete; unless it is a draft, it begins. */
static void
end_broadcast(FunctionCallInfo fcinfo, int64 id)
{
	check_template(id);
	outbox_complete_broadcast(id, !argument_flag(fcinfo, 7));
}

static Datum
broadcast_query(FunctionCallInfo fcinfo)
{
	char	   *query = argument_query(fcinfo);
	int64		id;

	if (begin_broadcast(fcinfo, &id))
	{
		add_query(id, query);
		end_broadcast(fcinfo, id);
	}
	PG_RETURN_INT64(id);
}

static Datum
broadcast_array(FunctionCallInfo fcinfo)
{
	int64		id;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("audience must not be null")));
	if (begin_broadcast(fcinfo, &id))
	{
		add_array(id, PG_GETARG_ARRAYTYPE_P(0));
		end_broadcast(fcinfo, id);
	}
	PG_RETURN_INT64(id);
}

/* teams_broadcast(query, ...): a broadcast to the people whom it returns. */
Datum
teams_broadcast_query(PG_FUNCTION_ARGS)
{
	return attempt_call(fcinfo, 16, broadcast_query);
}

/* teams_broadcast(user_ids, ...): a broadcast to the people of an array. */
Datum
teams_broadcast_array(PG_FUNCTION_ARGS)
{
	return attempt_call(fcinfo, 16, broadcast_array);
}
