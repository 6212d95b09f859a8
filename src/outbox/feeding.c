/*
 * feeding.c
 *	  The tables of broadcasts: what the worker does with them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "outbox/broadcasts.h"
#include "outbox/statement.h"

/*
 * Has a broadcast something to change yet that it has not handed over, or
 * held?
 */
#define HAS_LEFT(e) \
	"(EXISTS (SELECT FROM @.teams_outbox AS h WHERE h.broadcast = " e ".id" \
	" AND h.due_at = 'infinity')" \
	" OR EXISTS (SELECT FROM @.teams_delivery AS d WHERE d.broadcast = " e ".refers_to" \
	" AND d.id > " e ".position AND d.id <= " e ".up_to AND d.fate = 'sent'" \
	" AND d.activity_id IS NOT NULL))"

/* When it is due: those for later cost nothing until then. */
#define DUE_AT(b) "coalesce(" b ".send_at, '-infinity')"

/*
 * Some of those that are due, from a place on.  Edits wait for earlier ones of
 * the same messages, or the last one would not be the one that counts.
 */
static Statement read_broadcasts = {
	"SELECT b.id, b.kind = 'send', b.refers_to, b.position,"
	" (SELECT count(*) FROM (SELECT FROM @.teams_outbox AS o"
	" WHERE o.broadcast = b.id LIMIT $1) AS o),"
	" b.rate, CASE WHEN t.dry_run THEN 1000000 ELSE t.connector_rate END,"
	" " DUE_AT("b") ", b.expires_at, b.fed_at,"
	" b.kind <> 'send' AND EXISTS (SELECT FROM @.teams_outbox AS o"
	" WHERE o.broadcast = b.refers_to AND o.id <= b.up_to)"
	" OR b.kind = 'edit' AND EXISTS (SELECT FROM @.teams_broadcast AS e"
	" WHERE e.refers_to = b.refers_to AND e.id < b.id AND e.kind = 'edit'"
	" AND e.state IN ('running', 'paused') AND " HAS_LEFT("e") "),"
	" b.template IS NOT NULL"
	" FROM (SELECT * FROM @.teams_broadcast AS d WHERE d.state = 'running'"
	" AND (" DUE_AT("d") ", d.id) > ($2, $3) AND " DUE_AT("d") " <= now()"
	" ORDER BY " DUE_AT("d") ", d.id LIMIT $4) AS b"
	" JOIN @.teams_bot AS t ON t.bot = b.bot"
	" ORDER BY " DUE_AT("b") ", b.id",
	STATEMENT_ARGS(INT4OID, TIMESTAMPTZOID, INT8OID, INT4OID)
};

/*
 * Up to "most" of those that are due, behind a place; what they have in the
 * outbox is counted up to ahead_most.
 */
int
outbox_read_broadcasts(int ahead_most, const BroadcastPlace *after, int most,
					   MemoryContext context, Broadcast **broadcasts)
{
	Datum		values[] = {Int32GetDatum(ahead_most),
		TimestampTzGetDatum(after->due_at), Int64GetDatum(after->id),
	Int32GetDatum(most)};
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
		broadcast->due_at = result_timestamp(i, 8);
		broadcast->expires_at = result_timestamp(i, 9);
		broadcast->fed_at = result_timestamp(i, 10);
		broadcast->waits = result_bool(i, 11);
		broadcast->has_template = result_bool(i, 12);
	}
	return (int) count;
}

/* Of those that are running; a paused one is due when it goes on. */
static Statement next_broadcast = {
	"SELECT " DUE_AT("b") " FROM @.teams_broadcast AS b"
	" WHERE b.state = 'running' AND " DUE_AT("b") " > now()"
	" ORDER BY " DUE_AT("b") " LIMIT 1",
	STATEMENT_NO_ARGS
};

/* When the next of the others will be, or 0. */
TimestampTz
outbox_next_broadcast(void)
{
	return statement_run(&next_broadcast, NULL, NULL) > 0 ?
		result_timestamp(0, 1) : 0;
}

/*
 * One that somebody has locked is about to be changed: then nothing is done.
 * It is locked for no longer than it takes to write what is ready.
 */
#define LOCK_BROADCAST \
	"SELECT l.* FROM @.teams_broadcast AS l WHERE l.id = $1" \
	" AND l.state = 'running' AND l.position = $2 FOR UPDATE SKIP LOCKED"

/*
 * What a feeding has done to its broadcast; "fed" has the new messages.  A
 * change may reach more than had been sent when it was made.  By a rate of its
 * own it is fed as far as the new messages take it from $5 on.
 */
#define NOTE_FED(broken) \
	" noted AS (UPDATE @.teams_broadcast AS b SET position = p.position," \
	" fed = b.fed + p.fed," \
	" recipients = greatest(b.recipients, b.fed + p.fed), excluded = b.excluded + " broken "," \
	" fed_at = coalesce($5 + p.fed * interval '1 second' / b.rate," \
	" clock_timestamp())," \
	" started_at = coalesce(b.started_at, clock_timestamp())" \
	" FROM (SELECT count(*) AS taken, coalesce(max(n), $2) AS position," \
	" (SELECT count(*) FROM fed) AS fed FROM taken) AS p" \
	" WHERE b.id = $1 AND p.taken > 0)" \
	" SELECT (SELECT count(*) FROM c), (SELECT count(*) FROM taken)," \
	" (SELECT min(id) FROM fed)"

/*
 * All get the same: the message says whose it is, and the worker takes the
 * content from there.
 */
static Statement feed_recipients = {
	"WITH c AS MATERIALIZED (" LOCK_BROADCAST "),"
	" taken AS MATERIALIZED ("
	"SELECT r.n, r.target, r.excluded FROM c CROSS JOIN LATERAL ("
	"SELECT * FROM @.teams_recipient AS a WHERE a.broadcast = $1 AND a.n > $2"
	" ORDER BY a.n LIMIT $3) AS r),"
	" fed AS (INSERT INTO @.teams_outbox (bot, target, broadcast, priority,"
	" delivery, expires_at, sender, reference,"
	" application_name)"
	" SELECT c.bot, t.target, $1, c.priority, c.delivery, c.expires_at, c.sender,"
	" c.reference, c.application_name"
	" FROM c CROSS JOIN taken AS t WHERE t.excluded IS NULL"
	" ORDER BY t.n RETURNING id),"
	NOTE_FED("0"),
	STATEMENT_ARGS(INT8OID, INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID)
};

/* A template is filled in for each recipient, and not for longer than so. */
static Statement render_part = {
	"SELECT p.n, p.target, p.activity, p.problem, p.is_excluded"
	" FROM @._teams_render_part($1, $2, $3) AS p",
	STATEMENT_ARGS(INT8OID, INT8OID, INT8OID)
};

/* For whom that fails, it is the reason to exclude them. */
static Statement feed_rendered = {
	"WITH c AS MATERIALIZED (" LOCK_BROADCAST "),"
	" taken AS MATERIALIZED (SELECT t.* FROM c CROSS JOIN"
	" unnest($3, $6, $7, $8, $9) AS t (n, target, activity, problem, is_excluded)),"
	" broken AS (UPDATE @.teams_recipient AS r SET excluded = t.problem"
	" FROM taken AS t WHERE r.broadcast = $1 AND r.n = t.n"
	" AND t.problem IS NOT NULL RETURNING r.n),"
	" fed AS (INSERT INTO @.teams_outbox (bot, target, activity, broadcast,"
	" priority, delivery, expires_at, sender, reference,"
	" application_name)"
	" SELECT c.bot, t.target, t.activity, $1, c.priority, c.delivery,"
	" c.expires_at, c.sender, c.reference, c.application_name"
	" FROM c CROSS JOIN taken AS t"
	" WHERE NOT t.is_excluded AND t.problem IS NULL ORDER BY t.n RETURNING id),"
	NOTE_FED("(SELECT count(*) FROM broken)"),
	STATEMENT_ARGS(INT8OID, INT8OID, INT8ARRAYOID, INT8OID, TIMESTAMPTZOID,
				   TEXTARRAYOID, JSONARRAYOID, TEXTARRAYOID, BOOLARRAYOID)
};

/*
 * A change goes to where the message went, in the order in which those were
 * written.
 */
static Statement feed_changes = {
	"WITH c AS MATERIALIZED (" LOCK_BROADCAST "),"
	" taken AS MATERIALIZED (SELECT s.* FROM c CROSS JOIN LATERAL ("
	"SELECT d.id AS n, d.scope, d.target, d.team, d.reference"
	" FROM @.teams_delivery AS d"
	" WHERE d.broadcast = $4 AND d.id > $2 AND d.id <= c.up_to"
	" AND d.fate = 'sent' AND d.activity_id IS NOT NULL"
	" ORDER BY d.broadcast, d.id LIMIT $3) AS s),"
	" fed AS (INSERT INTO @.teams_outbox (bot, kind, scope, target, team,"
	" broadcast, refers_to, priority, sender, reference,"
	" application_name)"
	" SELECT c.bot, c.kind, t.scope, t.target, t.team, $1, t.n, c.priority,"
	" c.sender, t.reference, c.application_name"
	" FROM c CROSS JOIN taken AS t ORDER BY t.n RETURNING id),"
	NOTE_FED("0"),
	STATEMENT_ARGS(INT8OID, INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID)
};

/*
 * The next part of a broadcast with a template, as parameters 3 and 6 to 9 of
 * feed_rendered; false if there are no more recipients.
 */
static bool
render_recipients(int room, Datum *values, char *nulls)
{
	Datum		part[] = {values[0], values[1], Int64GetDatum(room)};
	int			count = (int) statement_run(&render_part, part, NULL);
	int64	   *n = palloc(count * sizeof(int64));
	bool	   *is_excluded = palloc(count * sizeof(bool));

	for (int i = 0; i < count; i++)
	{
		n[i] = result_int8(i, 1);
		is_excluded[i] = result_bool(i, 5);
	}
	values[2] = parameter_int8_array(n, count);
	values[5] = result_array(count, 2, TEXTOID, &nulls[5]);
	values[6] = result_array(count, 3, JSONOID, &nulls[6]);
	values[7] = result_array(count, 4, TEXTOID, &nulls[7]);
	values[8] = parameter_bool_array(is_excluded, count);
	return count > 0;
}

/*
 * Hand over up to "room" recipients to the outbox, or fewer if a template
 * takes its time.  Returns how many; 0: there are no more, -1: somebody has
 * locked or changed the broadcast.  *first_id is the first message's id, or 0.
 * By a rate of its own, what is handed over is counted from "from" on; 0:
 * there is no rate.
 */
int
outbox_feed(const Broadcast *broadcast, int room, TimestampTz from,
			int64 *first_id)
{
	Datum		values[9];
	char		nulls[9] = {' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '};
	Statement  *statement = broadcast->is_send ? &feed_recipients :
		&feed_changes;

	values[0] = Int64GetDatum(broadcast->id);
	values[1] = Int64GetDatum(broadcast->position);
	values[2] = Int64GetDatum(room);
	values[3] = Int64GetDatum(broadcast->refers_to);
	values[4] = TimestampTzGetDatum(from);
	nulls[4] = from != 0 ? ' ' : 'n';
	*first_id = 0;
	if (broadcast->has_template)
	{
		if (!render_recipients(room, values, nulls))
			return 0;
		statement = &feed_rendered;
	}
	statement_run(statement, values, nulls);
	*first_id = result_int8(0, 3);
	return result_int8(0, 1) == 0 ? -1 : (int) result_int8(0, 2);
}

/* Whoever listens to teams_progress hears of it. */
static Statement finish_broadcast = {
	"UPDATE @.teams_broadcast SET state = 'done',"
	" recipients = CASE kind WHEN 'send' THEN recipients ELSE fed END,"
	" finished_at = clock_timestamp()"
	" WHERE id = (SELECT c.id FROM (" LOCK_BROADCAST ") AS c)"
	" RETURNING pg_notify('teams_progress',"
	" json_build_object('broadcast', id, 'state', 'done')::text)",
	STATEMENT_ARGS(INT8OID, INT8OID)
};

/* All is said and done.  False if somebody has locked or changed it. */
bool
outbox_finish_broadcast(const Broadcast *broadcast)
{
	Datum		values[] = {Int64GetDatum(broadcast->id),
	Int64GetDatum(broadcast->position)};

	return statement_run(&finish_broadcast, values, NULL) > 0;
}
