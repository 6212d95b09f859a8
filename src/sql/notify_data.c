/*
 * notify_data.c
 *	  What the template of a trigger teams_notify() gets.
 *
 * Text, and not jsonb: what cannot be jsonb is the message's error, under the
 * rule of on_error, and not the row's.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"

#include "sql/notify.h"

/* A row, by the casts that its types have. */
char *
notify_row_json(const Firing *firing, HeapTuple row)
{
	TupleDesc	desc = RelationGetDescr(firing->trigger->tg_relation);
	Datum		record = heap_copy_tuple_as_datum(row, desc);

	return TextDatumGetCString(DirectFunctionCall1(row_to_json, record));
}

/* What was done to it. */
const char *
notify_operation(const Firing *firing)
{
	TriggerEvent event = firing->trigger->tg_event;

	return TRIGGER_FIRED_BY_INSERT(event) ? "INSERT" :
		TRIGGER_FIRED_BY_UPDATE(event) ? "UPDATE" : "DELETE";
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
append_event(StringInfo data, const char *table, const char *schema,
			 const char *operation)
{
	append_member(data, "table", table);
	append_member(data, "schema", schema);
	append_member(data, "operation", operation);
	appendStringInfoChar(data, '}');
}

static const char *
table_schema(const Firing *firing)
{
	Relation	table = firing->trigger->tg_relation;

	return get_namespace_name(RelationGetNamespace(table));
}

/* Of one row; old is NULL if there was none before. */
char *
notify_data_of_row(const Firing *firing, HeapTuple row, HeapTuple old)
{
	StringInfoData data;

	initStringInfo(&data);
	appendStringInfo(&data, "{\"row\":%s,\"old\":%s",
					 notify_row_json(firing, row),
					 old != NULL ? notify_row_json(firing, old) : "null");
	append_event(&data, RelationGetRelationName(firing->trigger->tg_relation),
				 table_schema(firing), notify_operation(firing));
	return data.data;
}

/*
 * Of the first rows that there are, as JSON; "count" says how many there are,
 * "more" how many are not shown.
 */
char *
notify_digest_data(const char *const *rows, int shown, int64 count,
				   const char *table, const char *schema,
				   const char *operation)
{
	StringInfoData data;

	initStringInfo(&data);
	appendStringInfoString(&data, "{\"rows\":[");
	for (int i = 0; i < shown; i++)
	{
		if (i > 0)
			appendStringInfoChar(&data, ',');
		appendStringInfoString(&data, rows[i]);
	}
	appendStringInfo(&data, "],\"count\":" INT64_FORMAT
					 ",\"more\":" INT64_FORMAT, count, count - shown);
	append_event(&data, table, schema, operation);
	return data.data;
}

/* Of all rows of a recipient, each once. */
char *
notify_data_of_rows(const Firing *firing, const NotifyRow *rows, int count)
{
	const char **texts = palloc(count * sizeof(char *));
	int			different = 0;

	for (int i = 0; i < count; i++)
		if (i == 0 || rows[i].number != rows[i - 1].number)
			texts[different++] = notify_row_json(firing, rows[i].tuple);
	return notify_digest_data(texts, different, different,
							  RelationGetRelationName(firing->trigger->tg_relation),
							  table_schema(firing), notify_operation(firing));
}
