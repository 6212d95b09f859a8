/*
 * dry_run.c
 *	  Messages of dry-run bots: they leave the outbox as if they had been sent.
 *
 * Names are qualified, as in messages.c: the trigger on the outbox runs
 * with the search_path of whoever wrote the row.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "outbox/outbox.h"
#include "outbox/session.h"
#include "outbox/statement.h"

/* From a common table expression "gone"; ids are those that a test can tell. */
#define WRITE_RECORDED \
	"INSERT INTO @.teams_delivery (id, bot, kind, scope, target, team," \
	" broadcast, refers_to, sender, fate, conversation_id, activity_id," \
	" attempts, doubtful, activity, priority, delivery, created_at)" \
	" SELECT id, bot, kind, scope, target, team, broadcast, refers_to," \
	" sender, 'sent', pg_catalog.concat('dry-run:', scope, ':', target)," \
	" CASE WHEN kind OPERATOR(pg_catalog.=) 'send'" \
	" THEN pg_catalog.concat('dry-run-', id)" \
	" WHEN kind OPERATOR(pg_catalog.=) ANY ('{edit,delete}')" \
	" THEN pg_catalog.concat('dry-run-', refers_to) END," \
	" 1, false, activity, priority, delivery, created_at" \
	" FROM gone ON CONFLICT (id) DO NOTHING"

static Statement record = {
	"WITH gone AS (DELETE FROM @.teams_outbox"
	" WHERE id OPERATOR(pg_catalog.=) $1 RETURNING *) " WRITE_RECORDED,
	1, {INT8OID}
};

void
outbox_record(int64 id)
{
	Datum		values[] = {Int64GetDatum(id)};
	Session		session;

	session_begin(SESSION_CALLER, &session);
	statement_run(&record, values, NULL);
	session_commit(&session);
}

/* What a bot has on the wire that was none before gets a fate of its own. */
static Statement record_pending = {
	"WITH gone AS (DELETE FROM @.teams_outbox"
	" WHERE id OPERATOR(pg_catalog.=) ANY ("
	"SELECT id FROM @.teams_outbox AS o WHERE bot OPERATOR(pg_catalog.=) $1"
	" AND EXISTS (SELECT FROM @.teams_bot AS b"
	" WHERE b.bot OPERATOR(pg_catalog.=) $1 AND b.dry_run)"
	" AND coalesce(o.expires_at OPERATOR(pg_catalog.>)"
	" pg_catalog.clock_timestamp(), true)"
	" AND NOT EXISTS (SELECT FROM @.teams_inflight"
	" WHERE o.id OPERATOR(pg_catalog.=) ANY (ids))"
	" LIMIT 1000 FOR UPDATE SKIP LOCKED) RETURNING *),"
	" history AS (" WRITE_RECORDED "),"
	" account AS ("
	"INSERT INTO @.teams_account (bot, broadcast, entry, messages)"
	" SELECT bot, broadcast, 'sent', pg_catalog.count(*) FROM gone"
	" GROUP BY bot, broadcast)"
	" SELECT pg_catalog.count(*) FROM gone",
	1, {TEXTOID}
};

int
outbox_record_pending(const char *bot)
{
	Datum		values[] = {parameter_text(bot)};

	statement_run(&record_pending, values, NULL);
	return (int) result_int8(0, 1);
}
