/*
 * outbox_broadcast.c
 *	  The tables of broadcasts: what the worker does with them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "outbox_broadcast.h"
#include "statement.h"

/* Has a broadcast something to change yet that it has not handed over, or held? */
#define HAS_LEFT(e) \
	"(EXISTS (SELECT FROM @.teams_outbox AS h WHERE h.broadcast = " e ".id" \
	" AND h.due_at = 'infinity')" \
	" OR EXISTS (SELECT FROM @.teams_delivery AS d WHERE d.broadcast = " e ".refers_to" \
	" AND d.id > " e ".position AND d.id <= " e ".up_to AND d.fate = 'sent'" \
	" AND d.activity_id IS NOT NULL))"

/*
 * One that somebody has locked is about to be changed.  Edits wait for earlier
 * ones of the same messages, or the last one would not be the one that counts.
 */
static Statement read_broadcasts = {
	"SELECT b.id, b.kind = 'send', b.refers_to, b.position,"
	" (SELECT count(*) FROM (SELECT FROM @.teams_outbox AS o"
	" WHERE o.broadcast = b.id LIMIT $1) AS o),"
	" b.rate, CASE WHEN t.dry_run THEN 1000000 ELSE t.connector_rate END,"
	" b.send_at, b.expires_at, b.fed_at,"
	" b.kind <> 'send' AND EXISTS (SELECT FROM @.teams_outbox AS o"
	" WHERE o.broadcast = b.refers_to AND o.id <= b.up_to)"
	" OR b.kind = 'edit' AND EXISTS (SELECT FROM @.teams_broadcast AS e"
	" WHERE e.refers_to = b.refers_to AND e.id < b.id AND e.kind = 'edit'"
	" AND e.state IN ('running', 'paused') AND " HAS_LEFT("e") ")"
	" FROM @.teams_broadcast AS b JOIN @.teams_bot AS t ON t.bot = b.bot"
	" WHERE b.state = 'running' ORDER BY b.id FOR UPDATE OF b SKIP LOCKED",
	1, {INT4OID}
};

int
outbox_read_broadcasts(int ahead_most, MemoryContext context,
					   Broadcast **broadcasts)
{
	Datum		values[] = {Int32GetDatum(ahead_most)};
	uint64		count = statement_run(&read_broadcasts, values, NULL);

	*broadcasts = MemoryContextAlloc(context,
									 (count + 1) * sizeof(Broadcast));
	for (uint64 i = 0; i < count; i++)
	{
		Broadcast  *broadcast = &(*broadcasts)[i];

		broadcast->id = result_int8(i, 1);
		broadcast->is_send = result_bool(i, 2);
		broadcast->refers_to = result_int8(i, 3);
		broadcast->position = result_int8(i, 4);
		broadcast->ahead = result_int8(i, 5);
		broadcast->rate = result_int4(i, 6);
		broadcast->bot_rate = result_int4(i, 7);
		broadcast->send_at = result_timestamp(i, 8);
		broadcast->expires_at = result_timestamp(i, 9);
		broadcast->fed_at = result_timestamp(i, 10);
		broadcast->waits = result_bool(i, 11);
	}
	return (int) count;
}

static Statement count_running = {
	"SELECT count(*) FROM @.teams_broadcast AS b"
	" JOIN @.teams_bot AS t ON t.bot = b.bot WHERE b.state = 'running'"
};

int
outbox_count_running(void)
{
	statement_run(&count_running, NULL, NULL);
	return (int) result_int8(0, 1);
}

/*
 * What a feeding has done to its broadcast; "fed" has the new messages.  A
 * change may reach more than had been sent when it was made.  By a rate of its
 * own it is fed as far as the new messages take it from $5 on.
 */
#define NOTE_FED(broken) \
	" UPDATE @.teams_broadcast AS b SET position = p.position," \
	" fed = b.fed + p.fed," \
	" recipients = greatest(b.recipients, b.fed + p.fed), excluded = b.excluded + " broken "," \
	" fed_at = coalesce($5 + p.fed * interval '1 second' / b.rate," \
	" clock_timestamp())," \
	" started_at = coalesce(b.started_at, clock_timestamp())" \
	" FROM (SELECT count(*) AS taken, coalesce(max(n), $2) AS position," \
	" (SELECT count(*) FROM fed) AS fed, (SELECT min(id) FROM fed) AS first" \
	" FROM taken) AS p WHERE b.id = $1 AND p.taken > 0" \
	" RETURNING p.taken, p.first"

/*
 * A template is filled in for each recipient; for whom that fails, it is the
 * reason to exclude them.
 */
static Statement feed_recipients = {
	"WITH taken AS MATERIALIZED ("
	"SELECT r.n, r.target, r.excluded, r.locale, r.data"
	" FROM @.teams_recipient AS r WHERE r.broadcast = $1 AND r.n > $2"
	" ORDER BY r.n LIMIT $3),"
	" rendered AS MATERIALIZED ("
	"SELECT t.n, t.target, c.bot, c.priority, c.delivery, c.expires_at,"
	" c.sender, m.activity, m.problem"
	" FROM @.teams_broadcast AS c CROSS JOIN taken AS t"
	" LEFT JOIN LATERAL @.teams_render_for(c.id, c.template,"
	" c.data || coalesce(t.data, '{}'), t.locale) AS m"
	" ON c.template IS NOT NULL"
	" WHERE c.id = $1 AND t.excluded IS NULL),"
	" broken AS (UPDATE @.teams_recipient AS r SET excluded = e.problem"
	" FROM rendered AS e WHERE r.broadcast = $1 AND r.n = e.n"
	" AND e.problem IS NOT NULL RETURNING r.n),"
	" fed AS (INSERT INTO @.teams_outbox (bot, target, activity, broadcast,"
	" priority, delivery, expires_at, sender)"
	" SELECT bot, target, activity, $1, priority, delivery, expires_at, sender"
	" FROM rendered WHERE problem IS NULL ORDER BY n RETURNING id)"
	NOTE_FED("(SELECT count(*) FROM broken)"),
	5, {INT8OID, INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID}
};

static Statement feed_changes = {
	"WITH taken AS MATERIALIZED ("
	"SELECT d.id AS n, d.scope, d.target, d.team FROM @.teams_delivery AS d"
	" WHERE d.broadcast = $4 AND d.id > $2 AND d.id <= (SELECT up_to"
	" FROM @.teams_broadcast WHERE id = $1) AND d.fate = 'sent'"
	" AND d.activity_id IS NOT NULL ORDER BY d.broadcast, d.id LIMIT $3),"
	" fed AS (INSERT INTO @.teams_outbox (bot, kind, scope, target, team,"
	" broadcast, refers_to, priority, sender)"
	" SELECT c.bot, c.kind, t.scope, t.target, t.team, $1, t.n, c.priority,"
	" c.sender FROM @.teams_broadcast AS c CROSS JOIN taken AS t"
	" WHERE c.id = $1 ORDER BY t.n RETURNING id)"
	NOTE_FED("0"),
	5, {INT8OID, INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID}
};

int
outbox_feed(const Broadcast *broadcast, int room, TimestampTz from,
			int64 *first_id)
{
	Datum		values[5];
	char		nulls[] = {' ', ' ', ' ', ' ', from != 0 ? ' ' : 'n'};

	values[0] = Int64GetDatum(broadcast->id);
	values[1] = Int64GetDatum(broadcast->position);
	values[2] = Int64GetDatum(room);
	values[3] = Int64GetDatum(broadcast->refers_to);
	values[4] = TimestampTzGetDatum(from);
	*first_id = 0;
	if (statement_run(broadcast->is_send ? &feed_recipients : &feed_changes,
					  values, nulls) == 0)
		return 0;
	*first_id = result_int8(0, 2);
	return (int) result_int8(0, 1);
}

static Statement finish = {
	"UPDATE @.teams_broadcast SET state = 'done',"
	" recipients = CASE kind WHEN 'send' THEN recipients ELSE fed END,"
	" finished_at = clock_timestamp() WHERE id = $1"
	" RETURNING pg_notify('teams_progress',"
	" json_build_object('broadcast', id, 'state', 'done')::text)",
	1, {INT8OID}
};

void
outbox_finish_broadcast(int64 id)
{
	Datum		values[] = {Int64GetDatum(id)};

	statement_run(&finish, values, NULL);
}
