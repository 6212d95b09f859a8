/*
 * fate.c
 *	  Tells whoever listens what became of messages that were sent with
 *	  notify => true.
 *
 * The trigger is on the history, which all fates are written to: so one is
 * told by the transaction that records it, and by none that is rolled back.
 * Anybody can listen, whatever his rights, and so nothing is told of whom a
 * message was for and what it said.
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/xact.h"
#include "commands/async.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/json.h"
#include "utils/rel.h"

#include "outbox/messages.h"

#define CHANNEL "teams_message"

/*
 * Bytes of an error code.  Each byte may take six in the payload, which must
 * have less than 8000, or what it tells of could not be recorded.
 */
#define MAX_CODE 255

/* How full PostgreSQL's queue of notifications may be. */
#define MAX_QUEUE_USAGE 0.9

SQL_FUNCTION(teams_tell_fate);

/*
 * Is there room for more?  If somebody listens and does not read, a full queue
 * would keep fates from being recorded: then they are not told.  It is looked
 * at once in a transaction.
 */
static bool
queue_has_room(void)
{
	static TransactionId looked_in = InvalidTransactionId;
	static bool has_room;
	TransactionId now_in = GetTopTransactionId();

	if (looked_in != now_in)
	{
		Datum		usage = OidFunctionCall0(F_PG_NOTIFICATION_QUEUE_USAGE);

		has_room = DatumGetFloat8(usage) < MAX_QUEUE_USAGE;
	}
	looked_in = now_in;
	return has_room;
}

/* A column as JSON, behind its name. */
static void
append_text(StringInfo payload, const char *name, HeapTuple row,
			TupleDesc desc, const char *column, int most)
{
	char	   *value = SPI_getvalue(row, desc, SPI_fnumber(desc, column));

	appendStringInfo(payload, ", \"%s\": ", name);
	if (value == NULL)
	{
		appendStringInfoString(payload, "null");
		return;
	}
	value[pg_mbcliplen(value, strlen(value), most)] = '\0';
	escape_json(payload, value);
}

/*
 * The trigger, after a row of the history is inserted: {"id": 1, "reference":
 * "order 42", "state": "sent", "error_code": null}.
 */
Datum
teams_tell_fate(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	desc;
	HeapTuple	row;
	StringInfoData payload;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		!TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("this function must be called as a trigger after each row that is inserted")));
	if (!queue_has_room())
		return PointerGetDatum(NULL);
	desc = RelationGetDescr(trigger->tg_relation);
	row = trigger->tg_trigtuple;
	initStringInfo(&payload);
	appendStringInfo(&payload, "{\"id\": %s",
					 SPI_getvalue(row, desc, SPI_fnumber(desc, "id")));
	append_text(&payload, "reference", row, desc, "reference",
				MESSAGE_MAX_REFERENCE);
	append_text(&payload, "state", row, desc, "fate", MAX_CODE);
	append_text(&payload, "error_code", row, desc, "error_code", MAX_CODE);
	appendStringInfoChar(&payload, '}');
	Async_Notify(CHANNEL, payload.data);
	return PointerGetDatum(NULL);
}
