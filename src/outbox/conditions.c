/*
 * conditions.c
 *	  Conditions of users' on rows of their tables: what the option where= of
 *	  teams_notify() says.
 *
 * One is evaluated with the rights of whoever changes the row, as that of a
 * trigger's WHEN is: whoever may create a trigger on a table can have those
 * who change its rows call functions anyhow, but not its owner.  Names are
 * found in pg_catalog only, or what a condition means would be up to the
 * search_path of whoever comes along.
 *
 * The row is a whole one of the table's type, so that functions can be given
 * it; its columns are found first, and those of the other version of the row
 * by that one's name.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"

#include "outbox/conditions.h"

struct Condition
{
	SPIPlanPtr	plan;
	MemoryContextCallback free_plan;
};

#define CONDITION_OF(row, other) \
	"SELECT (SELECT (\n%s\n) FROM pg_catalog.unnest(ARRAY[$1]) AS " row ")" \
	" FROM pg_catalog.unnest(ARRAY[$2]) AS " other

/* What is found by name from here on; ends with AtEOXact_GUC(). */
static int
pin_search_path(void)
{
	int			level = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	return level;
}

/* So that the condition can be read where the trigger's tables are not. */
static void
register_table(Relation table, char *name)
{
	EphemeralNamedRelation relation;

	if (name == NULL)
		return;
	relation = palloc0(sizeof(EphemeralNamedRelationData));
	relation->md.name = name;
	relation->md.reliddesc = RelationGetRelid(table);
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	(void) SPI_register_relation(relation);
}

/* Anything but one SELECT that is true or false is none. */
static void
check_plan(SPIPlanPtr plan, const char *expression)
{
	CachedPlanSource *source;
	Oid			type;

	if (plan == NULL || !SPI_is_cursor_plan(plan))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("invalid condition: \"%s\"", expression)));
	source = linitial(SPI_plan_get_plan_sources(plan));
	type = getBaseType(TupleDescAttr(source->resultDesc, 0)->atttypid);
	if (type != BOOLOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("condition \"%s\" is of type %s, not boolean",
						expression, format_type_be(type))));
}

/* What it cannot make sense of is told with what it looks at. */
static SPIPlanPtr
make_plan(const char *expression, Oid rowtype, bool of_old)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			types[] = {rowtype, rowtype};
	SPIPlanPtr	volatile plan = NULL;
	char	   *query = psprintf(of_old ? CONDITION_OF("old", "new") :
								 CONDITION_OF("new", "old"), expression);

	PG_TRY();
	{
		plan = SPI_prepare(query, lengthof(types), types);
		check_plan(plan, expression);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		if (error->hint == NULL || error->sqlerrcode == ERRCODE_UNDEFINED_FUNCTION)
			error->hint = pstrdup("A condition names columns, or the rows new and old; what is not PostgreSQL's own is named with its schema.");
		ReThrowError(error);
	}
	PG_END_TRY();
	return plan;
}

static void
free_plan(void *plan)
{
	SPI_freeplan(plan);
}

/*
 * Understand a boolean expression over rows of the table, for a trigger that
 * looks at old rows or at new ones.  The condition lasts as long as the
 * context.  What is wrong with it is an error.
 */
Condition *
condition_prepare(const char *expression, Relation table,
				  const Trigger *trigger, bool of_old, MemoryContext context)
{
	Condition  *condition = MemoryContextAllocZero(context,
												   sizeof(Condition));
	int			level = pin_search_path();

	SPI_connect();
	register_table(table, trigger->tgoldtable);
	register_table(table, trigger->tgnewtable);
	condition->plan = make_plan(expression, table->rd_rel->reltype, of_old);
	SPI_keepplan(condition->plan);
	SPI_finish();
	AtEOXact_GUC(true, level);

	condition->free_plan.func = free_plan;
	condition->free_plan.arg = condition->plan;
	MemoryContextRegisterResetCallback(context, &condition->free_plan);
	return condition;
}

/*
 * Is it true, and not null, of a row?  The other is the row as it was before,
 * or NULL.
 */
bool
condition_holds(const Condition *condition, TriggerData *trigger,
				HeapTuple row, HeapTuple other)
{
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	Datum		values[2] = {heap_copy_tuple_as_datum(row, desc), (Datum) 0};
	char		nulls[2] = {' ', 'n'};
	int			level = pin_search_path();
	bool		isnull;
	Datum		result;
	int			code;

	if (other != NULL)
	{
		values[1] = heap_copy_tuple_as_datum(other, desc);
		nulls[1] = ' ';
	}
	SPI_connect();
	(void) SPI_register_trigger_data(trigger);
	code = SPI_execute_plan(condition->plan, values, nulls, false, 1);
	if (code != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "SPI_execute_plan failed: %s",
			 SPI_result_code_string(code));
	result = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
						   &isnull);
	SPI_finish();
	AtEOXact_GUC(true, level);
	return !isnull && DatumGetBool(result);
}
