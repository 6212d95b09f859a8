/*
 * outbox_change.c
 *	  Messages that change or answer others, in their callers' transactions.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "outbox.h"
#include "outbox_sql.h"
#include "session.h"
#include "statement.h"

/* What is not sent yet is sent, and then changed: that keeps the order. */
static Statement change = {
	"WITH wanted AS ("
	"SELECT id, bot, scope, target, team, priority FROM @.teams_delivery"
	" WHERE id OPERATOR(pg_catalog.=) ANY ($1)"
	" AND kind OPERATOR(pg_catalog.=) 'send'"
	" AND fate OPERATOR(pg_catalog.=) 'sent' AND activity_id IS NOT NULL"
	" AND " IS_OWN
	" UNION ALL"
	" SELECT id, bot, scope, target, team, priority FROM @.teams_outbox"
	" WHERE id OPERATOR(pg_catalog.=) ANY ($1)"
	" AND kind OPERATOR(pg_catalog.=) 'send' AND " IS_OWN ")"
	" INSERT INTO @.teams_outbox (bot, kind, scope, target, team, activity,"
	" refers_to, priority, sender)"
	" SELECT bot, CASE WHEN $4 IS NULL THEN 'delete' ELSE 'edit' END, scope,"
	" target, team, $4, id, coalesce(priority, 'normal'),"
	" pg_catalog.pg_get_userbyid($2) FROM wanted ORDER BY id RETURNING id",
	4, {INT8ARRAYOID, OIDOID, OIDOID, JSONOID}
};

int
outbox_change(ArrayType *ids, const char *activity, Oid role,
			  MemoryContext context, int64 **new_ids)
{
	Datum		values[4];
	char		nulls[4] = {' ', ' ', ' ', activity != NULL ? ' ' : 'n'};
	Session		session;
	uint64		count;

	session_begin(SESSION_CALLER, &session);
	values[0] = PointerGetDatum(ids);
	values[1] = ObjectIdGetDatum(role);
	values[2] = ObjectIdGetDatum(statement_relation("teams_outbox"));
	values[3] = activity != NULL ? CStringGetTextDatum(activity) : (Datum) 0;
	count = statement_run(&change, values, nulls);
	*new_ids = result_ids(count, context);
	session_commit(&session);
	return (int) count;
}

/*
 * A key waits for the transaction that has written it.  A thread whose first
 * message came to nothing is started anew.
 */
static Statement claim_thread = {
	"INSERT INTO @.teams_thread AS t (bot, scope, target, thread, root)"
	" VALUES ($1, $2, $3, $4, $5)"
	" ON CONFLICT ON CONSTRAINT teams_thread_pkey DO UPDATE"
	" SET root = CASE WHEN EXISTS (SELECT FROM @.teams_delivery AS d"
	" WHERE d.id OPERATOR(pg_catalog.=) t.root"
	" AND d.fate OPERATOR(pg_catalog.<>) 'sent')"
	" THEN excluded.root ELSE t.root END RETURNING root",
	5, {TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID}
};

int64
outbox_claim_thread(const OutboxNew *message, int64 id)
{
	Datum		values[] = {CStringGetTextDatum(message->bot),
		CStringGetTextDatum(message->scope),
		CStringGetTextDatum(message->target),
	CStringGetTextDatum(message->thread), Int64GetDatum(id)};
	int64		root;

	statement_run(&claim_thread, values, NULL);
	root = result_int8(0, 1);
	return root != id ? root : 0;
}

static Statement read_link = {
	"SELECT b.cloud, b.tenant_id::pg_catalog.text,"
	" CASE WHEN d.scope OPERATOR(pg_catalog.=) 'team'"
	" THEN d.target ELSE d.team END,"
	" d.conversation_id, d.activity_id"
	" FROM @.teams_delivery AS d JOIN @.teams_bot AS b"
	" ON b.bot OPERATOR(pg_catalog.=) d.bot"
	" WHERE d.id OPERATOR(pg_catalog.=) $1"
	" AND d.conversation_id IS NOT NULL AND d.activity_id IS NOT NULL"
	" AND " IS_VISIBLE,
	3, {INT8OID, OIDOID, OIDOID}
};

bool
outbox_read_link(int64 id, Oid role, ConnectorLink *link)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[3];
	Session		session;
	bool		found;

	session_begin(SESSION_CALLER, &session);
	values[0] = Int64GetDatum(id);
	values[1] = ObjectIdGetDatum(role);
	values[2] = ObjectIdGetDatum(statement_relation("teams_outbox"));
	found = statement_run(&read_link, values, NULL) > 0;
	if (found)
	{
		link->cloud = result_text(0, 1, context);
		link->tenant_id = result_text(0, 2, context);
		link->team = result_text(0, 3, context);
		link->conversation_id = result_text(0, 4, context);
		link->activity_id = result_text(0, 5, context);
	}
	session_commit(&session);
	return found;
}
