/*
 * statement.c
 *	  Prepared statements on the extension's tables, their results and their
 *	  parameters.
 *
 * Text is UTF-8 on the side of the C code, whatever the database's encoding.
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/encoding.h"
#include "outbox/statement.h"

static Oid	extension_schema = InvalidOid;

/*
 * A renamed schema makes the text of prepared statements wrong, a table that
 * has grown makes their plans slow.
 */
static uint64 plans_generation = 1;
static uint64 prepared_generation = 1;
static List *prepared_statements = NIL;	/* statements that have a plan */

/* Of any schema: which one is not told. */
static void
on_schema_change(Datum arg pg_attribute_unused(),
				 int cache pg_attribute_unused(),
				 uint32 hash pg_attribute_unused())
{
	plans_generation++;
}

/* Say in which schema the tables are. */
void
statement_attach(Oid schema)
{
	static bool watching = false;

	if (!watching)
		CacheRegisterSyscacheCallback(NAMESPACEOID, on_schema_change,
									  (Datum) 0);
	watching = true;

	/* Another schema: the extension was dropped and created again. */
	if (extension_schema != schema)
		plans_generation++;
	extension_schema = schema;
}

/* The same: in that of the SQL function that is running. */
void
statement_attach_function(FunctionCallInfo fcinfo)
{
	statement_attach(get_func_namespace(fcinfo->flinfo->fn_oid));
}

/* Prepare all statements anew when they are run next. */
void
statement_forget_plans(void)
{
	plans_generation++;
}

/* Results of a procedure that goes on and on must not pile up. */
void
statement_free_result(void)
{
	if (SPI_tuptable != NULL)
		SPI_freetuptable(SPI_tuptable);
	SPI_tuptable = NULL;
}

/* Of all statements; none of them is running. */
static void
forget_plans(void)
{
	ListCell   *cell;

	foreach(cell, prepared_statements)
	{
		Statement  *statement = lfirst(cell);

		SPI_freeplan(statement->plan);
		statement->plan = NULL;
	}
	list_free(prepared_statements);
	prepared_statements = NIL;
}

/*
 * With the extension's schema in place of each @, and keep the plan for the
 * next time.
 */
static void
prepare_statement(Statement *statement)
{
	char	   *name = get_namespace_name(extension_schema);
	const char *schema = quote_identifier(name);
	StringInfoData text;
	MemoryContext old;
	SPIPlanPtr	plan;

	initStringInfo(&text);
	for (const char *c = statement->text; *c; c++)
	{
		if (*c == '@')
			appendStringInfoString(&text, schema);
		else
			appendStringInfoChar(&text, *c);
	}
	plan = SPI_prepare(text.data, statement->nargs, statement->args);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s",
			 SPI_result_code_string(SPI_result));
	SPI_keepplan(plan);
	statement->plan = plan;

	old = MemoryContextSwitchTo(TopMemoryContext);
	prepared_statements = lappend(prepared_statements, statement);
	MemoryContextSwitchTo(old);
	pfree(text.data);
}

/*
 * A statement may fire a trigger that runs others; its own plan must be there
 * until it is through.
 */
static int	statements_running = 0;

/* What a statement sees. */
typedef enum View
{
	VIEW_NOW,					/* what the transaction sees now */
	VIEW_LATEST,
	VIEW_ACTIVE					/* the same as the statement that calls us */
} View;

/* The result stays in SPI_tuptable; the memory context is what it was. */
static uint64
execute_statement(Statement *statement, Datum *values, const char *nulls,
				  View view)
{
	MemoryContext context = CurrentMemoryContext;
	int			result;

	if (prepared_generation != plans_generation && statements_running == 0)
	{
		forget_plans();
		prepared_generation = plans_generation;
	}
	if (statement->plan == NULL)
		prepare_statement(statement);
	statement_free_result();
	statements_running++;
	PG_TRY();
	{
		result = view == VIEW_LATEST ?
			SPI_execute_snapshot(statement->plan, values, nulls,
								 GetLatestSnapshot(), InvalidSnapshot, true,
								 false, 0) :
			SPI_execute_plan(statement->plan, values, nulls,
							 view == VIEW_ACTIVE, 0);
	}
	PG_FINALLY();
	{
		statements_running--;
	}
	PG_END_TRY();
	if (result < 0)
		elog(ERROR, "SPI_execute_plan failed: %s",
			 SPI_result_code_string(result));

	/* SPI leaves one in a context of its own. */
	MemoryContextSwitchTo(context);
	return SPI_processed;
}

/*
 * A cursor for a query of a user's, with the rights of the current user; it
 * must only read.  SPI must be connected.
 */
Portal
statement_open_cursor(const char *query)
{
	SPIPlanPtr	plan = SPI_prepare(query, 0, NULL);

	if (plan == NULL || !SPI_is_cursor_plan(plan))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query returns no rows"),
				 errdetail("It must be one SELECT."),
				 errcontext("SQL statement \"%s\"", query)));
	return SPI_cursor_open(NULL, plan, NULL, NULL, true);
}

/*
 * Run a statement; nulls may be NULL, as for SPI_execute_plan().  Returns the
 * number of rows, which the functions below read until the next statement.
 */
uint64
statement_run(Statement *statement, Datum *values, const char *nulls)
{
	return execute_statement(statement, values, nulls, VIEW_NOW);
}

/*
 * The same, reading what has been committed by now, also in a transaction that
 * goes by an older snapshot.
 */
uint64
statement_run_latest(Statement *statement, Datum *values, const char *nulls)
{
	return execute_statement(statement, values, nulls, VIEW_LATEST);
}

/*
 * The same, reading what a STABLE function would see that is called in the
 * same place.
 */
uint64
statement_run_active(Statement *statement, Datum *values, const char *nulls)
{
	return execute_statement(statement, values, nulls, VIEW_ACTIVE);
}

/* The extension's schema, where statement_attach() said that it is. */
Oid
statement_schema(void)
{
	return extension_schema;
}

/* The oid of a table or sequence of the extension; InvalidOid: not there. */
Oid
statement_relation(const char *name)
{
	return get_relname_relid(name, extension_schema);
}

/* ----------
 * Results
 * ----------
 */

/* A row and column of the last result; the datum lies in there. */
static Datum
column_value(uint64 row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						 column, isnull);
}

/* The bytes of a text or json, which are not read for that; 0 for null. */
Size
result_size(uint64 row, int column)
{
	bool		isnull;
	Datum		value = column_value(row, column, &isnull);

	return isnull ? 0 : toast_raw_datum_size(value);
}

/*
 * The same; *exact is set to false if a question mark stands for something,
 * and left alone otherwise.
 */
char *
result_exact_text(uint64 row, int column, MemoryContext context, bool *exact)
{
	bool		isnull;
	Datum		value = column_value(row, column, &isnull);
	char	   *server;
	const char *utf8;
	char	   *kept;

	if (isnull)
		return NULL;
	server = TextDatumGetCString(value);
	utf8 = encoding_to_utf8(server, exact);
	kept = MemoryContextStrdup(context, utf8);
	if (utf8 != server)
		pfree(unconstify(char *, utf8));
	pfree(server);
	return kept;
}

/*
 * A text of a row of the last result, as UTF-8 in the given context; NULL for
 * null.  What has no UTF-8 is a question mark.
 */
char *
result_text(uint64 row, int column, MemoryContext context)
{
	bool		exact;

	return result_exact_text(row, column, context, &exact);
}

/* Numbers of a row of the last result; 0 for null. */
int64
result_int8(uint64 row, int column)
{
	bool		isnull;
	Datum		value = column_value(row, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

/* The first column of so many rows, palloc'd in the context. */
int64 *
result_ids(uint64 count, MemoryContext context)
{
	int64	   *ids = MemoryContextAlloc(context, (count + 1) * sizeof(int64));

	for (uint64 i = 0; i < count; i++)
		ids[i] = result_int8(i, 1);
	return ids;
}

int
result_int4(uint64 row, int column)
{
	bool		isnull;
	Datum		value = column_value(row, column, &isnull);

	return isnull ? 0 : DatumGetInt32(value);
}

/* A boolean of a row of the last result; false for null. */
bool
result_bool(uint64 row, int column)
{
	bool		isnull;
	Datum		value = column_value(row, column, &isnull);

	return !isnull && DatumGetBool(value);
}

/*
 * The value of a word of a row of the last result, or -1 if the list does not
 * have it, or it is null.
 */
int
result_word(uint64 row, int column, const WordList *list)
{
	bool		isnull;
	Datum		value = column_value(row, column, &isnull);
	text	   *word;

	if (isnull)
		return -1;
	word = DatumGetTextPP(value);
	return words_find(list, VARDATA_ANY(word), VARSIZE_ANY_EXHDR(word));
}

/* A time of a row of the last result; 0 for null. */
TimestampTz
result_timestamp(uint64 row, int column)
{
	bool		isnull;
	Datum		value = column_value(row, column, &isnull);

	return isnull ? 0 : DatumGetTimestampTz(value);
}

/* ----------
 * Parameters
 * ----------
 */

/* The same of a column of the last result, with so many rows: a copy. */
Datum
result_array(uint64 count, int column, Oid type, char *null)
{
	Datum	   *values = palloc((count + 1) * sizeof(Datum));

	for (uint64 i = 0; i < count; i++)
	{
		bool		isnull;

		values[i] = column_value(i, column, &isnull);
		if (isnull)
			values[i] = (Datum) 0;
	}
	return parameter_array(values, (int) count, type, null);
}

/*
 * A text from UTF-8; what the database's encoding does not have becomes
 * question marks.
 */
Datum
parameter_text(const char *text)
{
	bool		exact;

	return CStringGetTextDatum(encoding_from_utf8(text, &exact));
}

/* A text, in the database's encoding; NULL is null. */
void
parameter_set_text(Datum *value, char *null, const char *text)
{
	*value = text != NULL ? CStringGetTextDatum(text) : (Datum) 0;
	*null = text != NULL ? ' ' : 'n';
}

/* A value as the word that the tables have for it. */
void
parameter_set_word(Datum *value, char *null, const WordList *list, int number)
{
	parameter_set_text(value, null, words_name(list, number));
}

/* A number; 0 is null. */
void
parameter_set_int8(Datum *value, char *null, int64 number)
{
	*value = Int64GetDatum(number);
	*null = number != 0 ? ' ' : 'n';
}

/* One dimension, whose first index is 1; nulls may be NULL. */
static Datum
make_array(Datum *values, bool *nulls, int count, Oid type, int length,
		   bool by_value, char align)
{
	int			lower_bound = 1;

	return PointerGetDatum(construct_md_array(values, nulls, 1, &count,
											  &lower_bound, type, length,
											  by_value, align));
}

/* The same of many; NULL is null. */
Datum
parameter_text_array(const char *const *texts, int count)
{
	Datum	   *values = palloc(count * sizeof(Datum));
	bool	   *nulls = palloc(count * sizeof(bool));

	for (int i = 0; i < count; i++)
	{
		nulls[i] = texts[i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : parameter_text(texts[i]);
	}
	return make_array(values, nulls, count, TEXTOID, -1, false, TYPALIGN_INT);
}

/* Words by their values in the list. */
Datum
parameter_word_array(const int *values, int count, const WordList *list)
{
	Datum	   *words = palloc(list->count * sizeof(Datum));
	Datum	   *texts = palloc(count * sizeof(Datum));

	for (int i = 0; i < list->count; i++)
		words[i] = CStringGetTextDatum(list->words[i]);
	for (int i = 0; i < count; i++)
		texts[i] = words[values[i]];
	return make_array(texts, NULL, count, TEXTOID, -1, false, TYPALIGN_INT);
}

/*
 * An array of texts or jsonb, where 0 is null; if all are, *null becomes 'n'.
 */
Datum
parameter_array(const Datum *values, int count, Oid type, char *null)
{
	bool	   *nulls = palloc(count * sizeof(bool));

	*null = 'n';
	for (int i = 0; i < count; i++)
	{
		nulls[i] = values[i] == (Datum) 0;
		if (!nulls[i])
			*null = ' ';
	}
	if (*null == 'n')
		return (Datum) 0;
	return make_array(unconstify(Datum *, values), nulls, count, type, -1,
					  false, TYPALIGN_INT);
}

Datum
parameter_int8_array(const int64 *numbers, int count)
{
	Datum	   *values = palloc(count * sizeof(Datum));

	for (int i = 0; i < count; i++)
		values[i] = Int64GetDatum(numbers[i]);
	return make_array(values, NULL, count, INT8OID, sizeof(int64),
					  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

Datum
parameter_bool_array(const bool *flags, int count)
{
	Datum	   *values = palloc(count * sizeof(Datum));

	for (int i = 0; i < count; i++)
		values[i] = BoolGetDatum(flags[i]);
	return make_array(values, NULL, count, BOOLOID, 1, true, TYPALIGN_CHAR);
}

Datum
parameter_timestamp_array(const TimestampTz *times, int count)
{
	Datum	   *values = palloc(count * sizeof(Datum));

	for (int i = 0; i < count; i++)
		values[i] = TimestampTzGetDatum(times[i]);
	return make_array(values, NULL, count, TIMESTAMPTZOID, sizeof(int64),
					  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}
