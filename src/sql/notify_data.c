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

static char *
row_json(const Firing *firing, HeapTuple row)
{
	TupleDesc	desc = RelationGetDescr(firing->trigger->tg_relation);
	Datum		record = heap_copy_tuple_as_datum(row, desc);

	return TextDatumGetCString(DirectFunctionCall1(row_to_json, record));
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

/* Of one row; old is NULL if there was none before. */
char *
notify_data_of_row(const Firing *firing, HeapTuple row, HeapTuple old)
{
	StringInfoData data;

	initStringInfo(&data);
	appendStringInfo(&data, "{\"row\":%s,\"old\":%s", row_json(firing, row),
					 old != NULL ? row_json(firing, old) : "null");
	append_event(firing, &data);
	return data.data;
}

/* Of all rows of a recipient, each once. */
char *
notify_data_of_rows(const Firing *firing, const NotifyRow *rows, int count)
{
	StringInfoData data;
	int			different = 0;

	initStringInfo(&data);
	appendStringInfoString(&data, "{\"rows\":[");
	for (int i = 0; i < count; i++)
	{
		if (i > 0 && rows[i].number == rows[i - 1].number)
			continue;
		if (different++ > 0)
			appendStringInfoChar(&data, ',');
		appendStringInfoString(&data, row_json(firing, rows[i].tuple));
	}
	appendStringInfo(&data, "],\"count\":%d", different);
	append_event(firing, &data);
	return data.data;
}
