/*
 * changes.c
 *	  Messages that change or answer others, in their callers' transactions.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/settings.h"
#include "outbox/changes.h"
#include "outbox/locks.h"
#include "outbox/session.h"
#include "outbox/sql.h"
#include "outbox/statement.h"

/*
 * What is not on the wire yet says the new thing when it gets there.  The edit
 * has then been carried out, and is in the history as a job of its own.
 */
static Statement rewrite_messages = {
	"WITH rewritten AS (UPDATE @.teams_outbox SET activity = $3"
	" WHERE id OPERATOR(pg_catalog.=) ANY ($1)"
	" RETURNING id, bot, scope, target, team, priority, reference),"
	" edits AS (SELECT pg_catalog.nextval($4) AS edit, r.*"
	" FROM (SELECT * FROM rewritten ORDER BY id) AS r),"
	" account AS (INSERT INTO @.teams_account (bot, broadcast, entry, messages)"
	" SELECT e.bot, NULL, n.entry, pg_catalog.count(*)"
	" FROM edits AS e CROSS JOIN (VALUES ('accepted'), ('sent')) AS n (entry)"
	" GROUP BY e.bot, n.entry)"
	" INSERT INTO @.teams_delivery (id, bot, kind, scope, target, team,"
	" refers_to, sender, fate, attempts, doubtful, activity, created_at,"
	" reference)"
	" SELECT edit, bot, 'edit', scope, target, team, id,"
	" pg_catalog.pg_get_userbyid($2), 'sent', 0, false,"
	" CASE WHEN $5 THEN $3 END, pg_catalog.now(), reference"
	" FROM edits RETURNING id",
	STATEMENT_ARGS(INT8ARRAYOID, OIDOID, JSONOID, REGCLASSOID, BOOLOID)
};

/* What is on the wire or has been sent is changed by a job that follows it. */
static Statement write_changes = {
	"WITH wanted AS ("
	"SELECT id, bot, scope, target, team, priority, reference"
	" FROM @.teams_delivery"
	" WHERE id OPERATOR(pg_catalog.=) ANY ($1)"
	" AND kind OPERATOR(pg_catalog.=) 'send'"
	" AND fate OPERATOR(pg_catalog.=) 'sent' AND activity_id IS NOT NULL"
	" AND " IS_OWN
	" UNION ALL"
	" SELECT id, bot, scope, target, team, priority, reference"
	" FROM @.teams_outbox"
	" WHERE id OPERATOR(pg_catalog.=) ANY ($1)"
	" AND id OPERATOR(pg_catalog.<>) ALL ($5)"
	" AND kind OPERATOR(pg_catalog.=) 'send' AND " IS_OWN ")"
	" INSERT INTO @.teams_outbox (bot, kind, scope, target, team, activity,"
	" refers_to, priority, sender, reference)"
	" SELECT bot, CASE WHEN $4 IS NULL THEN 'delete' ELSE 'edit' END, scope,"
	" target, team, $4, id, coalesce(priority, 'normal'),"
	" pg_catalog.pg_get_userbyid($2), reference FROM wanted"
	" ORDER BY id RETURNING id",
	STATEMENT_ARGS(INT8ARRAYOID, OIDOID, OIDOID, JSONOID, INT8ARRAYOID)
};

/* Those that can be rewritten; the new ids go to *new_ids. */
static int
rewrite_unsent(ArrayType *unsent, const char *activity, Oid role,
			   MemoryContext context, int64 **new_ids)
{
	Datum		values[5];

	values[0] = PointerGetDatum(unsent);
	values[1] = ObjectIdGetDatum(role);
	values[2] = CStringGetTextDatum(activity);
	values[3] = ObjectIdGetDatum(statement_relation(OUTBOX_SEQUENCE));
	values[4] = BoolGetDatum(settings_keep_text);
	*new_ids = result_ids(statement_run(&rewrite_messages, values, NULL),
						  context);
	return ArrayGetNItems(ARR_NDIM(unsent), ARR_DIMS(unsent));
}

/*
 * Give another activity to those of the messages that the role, or one of
 * which it is a member, has sent or is about to; or delete them if that is
 * NULL.  What is not on the wire yet is rewritten; for the others a job is
 * written.  Returns how many, and the ids of the jobs like outbox_retry().
 */
int
outbox_change(ArrayType *ids, const char *activity, Oid role,
			  MemoryContext context, int64 **new_ids)
{
	Datum		values[5];
	char		nulls[5] = {' ', ' ', ' ', activity != NULL ? ' ' : 'n', ' '};
	ArrayType  *unsent = construct_empty_array(INT8OID);
	int64	   *rewritten = NULL;
	int64	   *jobs;
	Session		session;
	int			nrewritten = 0;
	int			njobs;

	session_begin(SESSION_CALLER, &session);
	if (activity != NULL)
	{
		unsent = outbox_lock_unsent(UNSENT_REWRITABLE, ids, role);
		nrewritten = rewrite_unsent(unsent, activity, role, context,
									&rewritten);
	}
	values[0] = PointerGetDatum(ids);
	values[1] = ObjectIdGetDatum(role);
	values[2] = ObjectIdGetDatum(statement_relation("teams_outbox"));
	values[3] = activity != NULL ? CStringGetTextDatum(activity) : (Datum) 0;
	values[4] = PointerGetDatum(unsent);
	njobs = (int) statement_run(&write_changes, values, nulls);
	jobs = result_ids(njobs, context);
	session_commit(&session);

	*new_ids = MemoryContextAlloc(context,
								  (nrewritten + njobs + 1) * sizeof(int64));
	if (nrewritten > 0)
		memcpy(*new_ids, rewritten, nrewritten * sizeof(int64));
	memcpy(*new_ids + nrewritten, jobs, njobs * sizeof(int64));
	return nrewritten + njobs;
}

/* Of a channel the link names the team, which is its target's or its own. */
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
	STATEMENT_ARGS(INT8OID, OIDOID, OIDOID)
};

/* Where a message is that was sent; false if the role cannot know. */
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
