/*
 * outbox.c
 *	  The extension's tables: the only C file with SQL text.
 *
 * One process owns a database's outbox, so reading what is due takes no lock
 * and marks nothing.  What must survive a crash is written once per batch: the
 * ledger entry before the first byte goes on the wire, and the outcomes.
 */
#include "postgres.h"

#include "compat.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "outbox.h"
#include "session.h"
#include "shared.h"

/* ----------
 * Bots
 * ----------
 */

static Statement read_bots = {
	"SELECT bot, tenant_id::text, client_id::text, teams_app_id::text,"
	" manifest_id::text, credential, cloud, multi_tenant,"
	" login_url, graph_url, connector_url, connector_rate, graph_rate,"
	" chat_limits[1], chat_limits[2], chat_limits[3], chat_limits[4],"
	" reinstall, paused_by, home = @.teams_home()"
	" FROM @.teams_bot"
};

static Statement pause_bot = {
	"UPDATE @.teams_bot SET paused_at = now(), paused_reason = $2,"
	" paused_by = $3 WHERE bot = $1 AND paused_at IS NULL",
	3, {TEXTOID, TEXTOID, TEXTOID}
};

static Statement resume_bot = {
	"UPDATE @.teams_bot SET paused_at = NULL, paused_reason = NULL,"
	" paused_by = NULL WHERE bot = $1 AND paused_by = 'worker'",
	1, {TEXTOID}
};

static Statement save_trouble = {
	"UPDATE @.teams_bot SET trouble = $2 WHERE bot = $1",
	2, {TEXTOID, TEXTOID}
};

static Statement save_app_id = {
	"UPDATE @.teams_bot SET teams_app_id = $2::uuid"
	" WHERE bot = $1 AND teams_app_id IS NULL",
	2, {TEXTOID, TEXTOID}
};

List *
outbox_read_bots(MemoryContext context)
{
	uint64		count = session_run(&read_bots, NULL, NULL);
	MemoryContext old = MemoryContextSwitchTo(context);
	List	   *bots = NIL;

	for (uint64 i = 0; i < count; i++)
	{
		OutboxBot  *bot = palloc(sizeof(OutboxBot));

		bot->name = session_text(i, 1, context);
		bot->tenant_id = session_text(i, 2, context);
		bot->client_id = session_text(i, 3, context);
		bot->teams_app_id = session_text(i, 4, context);
		bot->manifest_id = session_text(i, 5, context);
		bot->credential = session_text(i, 6, context);
		bot->cloud = session_text(i, 7, context);
		bot->multi_tenant = session_bool(i, 8);
		bot->login_url = session_text(i, 9, context);
		bot->graph_url = session_text(i, 10, context);
		bot->connector_url = session_text(i, 11, context);
		bot->connector_rate = session_int4(i, 12);
		bot->graph_rate = session_int4(i, 13);
		for (int limit = 0; limit < CHAT_LIMITS; limit++)
			bot->chat_limits[limit] = session_int4(i, 14 + limit);
		bot->reinstall = session_bool(i, 18);
		bot->paused_by = session_text(i, 19, context);
		bot->is_at_home = session_bool(i, 20);
		bots = lappend(bots, bot);
	}
	MemoryContextSwitchTo(old);
	return bots;
}

void
outbox_pause_bot(const char *bot, const char *reason, const char *paused_by)
{
	Datum		values[] = {session_text_datum(bot),
	session_text_datum(reason), session_text_datum(paused_by)};

	session_run(&pause_bot, values, NULL);
}

void
outbox_resume_bot(const char *bot)
{
	Datum		values[] = {session_text_datum(bot)};

	session_run(&resume_bot, values, NULL);
}

/* NULL: there is none any more. */
void
outbox_save_trouble(const char *bot, const char *trouble)
{
	Datum		values[] = {session_text_datum(bot),
	trouble ? session_text_datum(trouble) : (Datum) 0};

	session_run(&save_trouble, values, trouble ? "  " : " n");
}

void
outbox_save_app_id(const char *bot, const char *teams_app_id)
{
	Datum		values[] = {session_text_datum(bot),
	session_text_datum(teams_app_id)};

	session_run(&save_app_id, values, NULL);
}

/* ----------
 * Pending messages
 * ----------
 */

/* What is read of a message, and what take_message() takes. */
#define MESSAGE_COLUMNS(o) \
	o ".id, " o ".bot, " o ".kind = 'send', " o ".scope, " o ".target," \
	" " o ".priority, " o ".attempts, " o ".retrying," \
	" " o ".delivery = 'at-most-once', " o ".error_code"

/* And what is known of its target: the row of teams_installation, if any. */
#define TARGET_COLUMNS(i) \
	i ".state, " i ".error_code IS NOT NULL, " i ".chat_id, " i ".service_url"

#define JOIN_TARGET(o, i) \
	" LEFT JOIN @.teams_installation AS " i " ON " i ".bot = " o ".bot" \
	" AND " i ".scope = " o ".scope AND " i ".target = " o ".target"

/* Does the retry of an earlier message hold the message back? */
#define IS_NOT_HELD(o) \
	"NOT EXISTS (SELECT FROM @.teams_outbox AS r WHERE r.retrying" \
	" AND r.bot = " o ".bot AND r.scope = " o ".scope" \
	" AND r.target = " o ".target AND r.id < " o ".id)"

/*
 * The same as "due_at IS NULL", but for the planner: where a target or an id
 * is given, it shall not take the index that all rows of a priority are in.
 */
#define IS_DUE(o) "coalesce(" o ".due_at, '-infinity') = '-infinity'"

/*
 * Ids of one priority from one up to another, and their order.  Written like
 * this, neither can be had from the primary key, by which the planner would
 * look for a few rows among all that are of other priorities.
 */
#define IDS_BETWEEN(o, priority, first, last) \
	"(" o ".priority, " o ".id) >= (" priority ", " first ")" \
	" AND (" o ".priority, " o ".id) <= (" priority ", " last ")"
#define IN_ORDER(o) " ORDER BY " o ".priority, " o ".id"
#define LAST_ID "9223372036854775807"

#define EACH_PRIORITY(k) \
	"(VALUES ('high'), ('normal'), ('low')) AS " k " (priority)"

static const char *const priority_names[PRIORITIES] = {"high", "normal", "low"};

static Priority
priority_by_name(const char *name)
{
	for (int i = 0; i < PRIORITIES; i++)
		if (strcmp(priority_names[i], name) == 0)
			return i;
	return PRIORITY_NORMAL;
}

static TargetKnowledge
knowledge_of(const char *state, bool has_error)
{
	if (state == NULL || strcmp(state, "failed") == 0)
		return KNOWN_NOT;
	if (strcmp(state, "installed") == 0)
		return KNOWN_INSTALLED;
	if (strcmp(state, "removed") == 0)
		return KNOWN_REMOVED;
	if (strcmp(state, "blocked") == 0)
		return KNOWN_BLOCKED;
	return has_error ? KNOWN_LOST : KNOWN_NOT;
}

/* Columns 1 to 15: those above, and the source. */
static void
take_message(OutboxMessage *message, uint64 row, MemoryContext context)
{
	message->id = session_int8(row, 1);
	message->bot = session_text(row, 2, context);
	message->is_send = session_bool(row, 3);
	message->scope = session_text(row, 4, context);
	message->target = session_text(row, 5, context);
	message->priority = priority_by_name(session_text(row, 6, context));
	message->attempts = session_int4(row, 7);
	message->retrying = session_bool(row, 8);
	message->at_most_once = session_bool(row, 9);
	message->error_code = session_text(row, 10, context);
	message->knowledge = knowledge_of(session_text(row, 11, context),
									  session_bool(row, 12));
	message->chat_id = session_text(row, 13, context);
	message->service_url = session_text(row, 14, context);
	message->source = session_int4(row, 15);
}

static int
take_messages(uint64 count, MemoryContext context, OutboxMessage **messages)
{
	*messages = MemoryContextAllocZero(context,
									   (count + 1) * sizeof(OutboxMessage));
	for (uint64 i = 0; i < count; i++)
		take_message(&(*messages)[i], i, context);
	return (int) count;
}

/*
 * A sweep goes by (bot, priority, id), so that it never looks twice at what
 * other transactions keep from being vacuumed.  For each sweep there is also a
 * row that says how far it came; it comes first.
 */
static Statement read_due = {
	"WITH scanned AS MATERIALIZED ("
	"SELECT s.n::int AS source, s.known AS wanted, o.*,"
	" i.state, i.error_code AS target_error, i.chat_id, i.service_url,"
	" coalesce(i.state = 'installed' OR (o.kind = 'send'"
	" AND i.state IN ('removed', 'blocked')), false) AS known"
	" FROM unnest($1, $2, $3, $4, $5) WITH ORDINALITY"
	" AS s (bot, priority, after, known, room, n)"
	" CROSS JOIN LATERAL ("
	"SELECT p.id, p.bot, p.kind, p.scope, p.target, p.priority, p.attempts,"
	" p.retrying, p.delivery, p.error_code FROM @.teams_outbox AS p"
	" WHERE p.bot = s.bot AND "
	IDS_BETWEEN("p", "s.priority", "s.after + 1", LAST_ID)
	" AND p.due_at IS NULL" IN_ORDER("p") " LIMIT s.room) AS o"
	JOIN_TARGET("o", "i") "),"
	" due AS (SELECT d.* FROM scanned AS d WHERE d.known = d.wanted"
	" AND " IS_NOT_HELD("d") "),"
	" found AS (SELECT " MESSAGE_COLUMNS("d") ", d.state,"
	" d.target_error IS NOT NULL, d.chat_id, d.service_url, d.source FROM due AS d"
	" UNION ALL"
	" SELECT " MESSAGE_COLUMNS("e") ", d.state, d.target_error IS NOT NULL,"
	" d.chat_id, d.service_url, -1 FROM due AS d"
	" JOIN " EACH_PRIORITY("o") " ON o.priority <> d.priority"
	" CROSS JOIN LATERAL ("
	"SELECT p.* FROM @.teams_outbox AS p"
	" WHERE p.bot = d.bot AND p.scope = d.scope AND p.target = d.target"
	" AND " IDS_BETWEEN("p", "o.priority", "0", "d.id - 1")
	" AND " IS_DUE("p") IN_ORDER("p") " LIMIT $6) AS e)"
	" SELECT max(d.id), NULL, NULL, NULL, NULL, NULL, count(*)::int, NULL,"
	" NULL, NULL, NULL, NULL, NULL, NULL, d.source, 0 AS class"
	" FROM scanned AS d GROUP BY d.source"
	" UNION ALL"
	" SELECT f.*, 1 FROM found AS f"
	" ORDER BY 16, 1",
	6, {TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, BOOLARRAYOID, INT8ARRAYOID,
	INT4OID}
};

/* The rows that say how far the sweeps came; returns how many there were. */
static uint64
take_progress(OutboxSweep *sweeps, int nsweeps, uint64 count)
{
	uint64		row;

	for (int i = 0; i < nsweeps; i++)
	{
		sweeps[i].last = sweeps[i].after;
		sweeps[i].scanned = 0;
	}
	for (row = 0; row < count && session_int4(row, 16) == 0; row++)
	{
		OutboxSweep *sweep = &sweeps[session_int4(row, 15) - 1];

		sweep->last = session_int8(row, 1);
		sweep->scanned = session_int4(row, 7);
	}
	return row;
}

int
outbox_read_due(OutboxSweep *sweeps, int nsweeps, int earlier_room,
				MemoryContext context, OutboxMessage **messages)
{
	const char **bots = palloc(nsweeps * sizeof(char *));
	const char **priorities = palloc(nsweeps * sizeof(char *));
	int64	   *after = palloc(nsweeps * sizeof(int64));
	int64	   *room = palloc(nsweeps * sizeof(int64));
	bool	   *known = palloc(nsweeps * sizeof(bool));
	Datum		values[6];
	uint64		count;
	uint64		skip;

	for (int i = 0; i < nsweeps; i++)
	{
		bots[i] = sweeps[i].bot;
		priorities[i] = priority_names[sweeps[i].priority];
		after[i] = sweeps[i].after;
		room[i] = sweeps[i].room;
		known[i] = sweeps[i].known;
	}
	values[0] = session_text_array(bots, nsweeps);
	values[1] = session_text_array(priorities, nsweeps);
	values[2] = session_int8_array(after, nsweeps);
	values[3] = session_bool_array(known, nsweeps);
	values[4] = session_int8_array(room, nsweeps);
	values[5] = Int32GetDatum(earlier_room);
	count = session_run(&read_due, values, NULL);

	skip = take_progress(sweeps, nsweeps, count);
	*messages = MemoryContextAllocZero(context,
									   (count + 1) * sizeof(OutboxMessage));
	for (uint64 i = skip; i < count; i++)
	{
		OutboxMessage *message = &(*messages)[i - skip];

		take_message(message, i, context);
		if (message->source > 0)
			message->source--;
	}
	return (int) (count - skip);
}

static Statement read_behind = {
	"SELECT " MESSAGE_COLUMNS("o") ", " TARGET_COLUMNS("i") ","
	" (t.n - 1)::int"
	" FROM unnest($1, $2, $3, $4) WITH ORDINALITY"
	" AS t (bot, scope, target, first, n)"
	" CROSS JOIN LATERAL ("
	"SELECT coalesce(min(r.id + 0), " LAST_ID ") AS id"
	" FROM @.teams_outbox AS r WHERE r.retrying"
	" AND r.bot = t.bot AND r.scope = t.scope AND r.target = t.target) AS held"
	" CROSS JOIN LATERAL ("
	"SELECT q.* FROM " EACH_PRIORITY("k") " CROSS JOIN LATERAL ("
	"SELECT p.* FROM @.teams_outbox AS p"
	" WHERE p.bot = t.bot AND p.scope = t.scope AND p.target = t.target"
	" AND " IDS_BETWEEN("p", "k.priority", "t.first", "held.id")
	" AND " IS_DUE("p") IN_ORDER("p") " LIMIT $5) AS q"
	" ORDER BY q.id LIMIT $5) AS o"
	JOIN_TARGET("o", "i")
	" ORDER BY t.n, o.id",
	5, {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT4OID}
};

int
outbox_read_behind(const OutboxBehind *targets, int ntargets, int room,
				   MemoryContext context, OutboxMessage **messages)
{
	const char **bots = palloc(ntargets * sizeof(char *));
	const char **scopes = palloc(ntargets * sizeof(char *));
	const char **ids = palloc(ntargets * sizeof(char *));
	int64	   *from = palloc(ntargets * sizeof(int64));
	Datum		values[5];

	for (int i = 0; i < ntargets; i++)
	{
		bots[i] = targets[i].bot;
		scopes[i] = targets[i].scope;
		ids[i] = targets[i].target;
		from[i] = targets[i].from;
	}
	values[0] = session_text_array(bots, ntargets);
	values[1] = session_text_array(scopes, ntargets);
	values[2] = session_text_array(ids, ntargets);
	values[3] = session_int8_array(from, ntargets);
	values[4] = Int32GetDatum(room);
	return take_messages(session_run(&read_behind, values, NULL), context,
						 messages);
}

/*
 * Ids that are not in the table come with a null: their rows may have been
 * locked, but then they are there.
 */
static Statement enter_ledger = {
	"WITH post AS MATERIALIZED ("
	"SELECT o.id, o.activity::text AS activity FROM @.teams_outbox AS o"
	" WHERE o.id = ANY ($1) AND " IS_DUE("o") " ORDER BY o.id"
	" FOR UPDATE SKIP LOCKED),"
	" batch AS ("
	"INSERT INTO @.teams_inflight (ids)"
	" SELECT array_agg(id) FROM post HAVING count(*) > 0 RETURNING batch)"
	" SELECT b.batch, p.id, p.activity FROM post AS p, batch AS b"
	" UNION ALL"
	" SELECT NULL, w.id, NULL FROM unnest($1) AS w (id)"
	" WHERE NOT EXISTS (SELECT FROM @.teams_outbox AS o"
	" WHERE o.id = w.id AND " IS_DUE("o") ")"
	" ORDER BY 1 NULLS LAST",
	1, {INT8ARRAYOID}
};

int64
outbox_enter_ledger(const int64 *ids, int count, MemoryContext context,
					OutboxPost **posts, int *nposts, int64 *gone, int *ngone)
{
	Datum		values[] = {session_int8_array(ids, count)};
	uint64		rows = session_run(&enter_ledger, values, NULL);

	*posts = MemoryContextAlloc(context, (rows + 1) * sizeof(OutboxPost));
	*nposts = 0;
	*ngone = 0;
	for (uint64 i = 0; i < rows; i++)
	{
		OutboxPost *post = &(*posts)[*nposts];

		post->id = session_int8(i, 2);
		post->activity = session_text(i, 3, context);
		if (post->activity != NULL)
			(*nposts)++;
		else
			gone[(*ngone)++] = post->id;
	}
	return *nposts > 0 ? session_int8(0, 1) : 0;
}

static Statement settle = {
	"WITH gone AS ("
	"DELETE FROM @.teams_outbox AS o USING unnest($1, $2, $3, $4, $5, $6,"
	" $7, $8, $9, $10) AS r (id, fate, is_attempt, doubtful, conversation_id,"
	" activity_id, error_code, error, hint, correlation_id)"
	" WHERE o.id = r.id"
	" RETURNING o.id, o.bot, o.kind, o.scope, o.target, o.sender, r.fate,"
	" r.conversation_id, r.activity_id, o.attempts + r.is_attempt::int,"
	" o.doubtful OR r.doubtful, r.error_code, r.error, r.hint,"
	" r.correlation_id, CASE WHEN r.fate <> 'sent' THEN o.activity END,"
	" o.created_at),"
	" account AS ("
	"INSERT INTO @.teams_account (bot, entry, messages)"
	" SELECT bot, fate, count(*) FROM gone GROUP BY bot, fate)"
	" INSERT INTO @.teams_delivery (id, bot, kind, scope, target, sender,"
	" fate, conversation_id, activity_id, attempts, doubtful, error_code,"
	" error, hint, correlation_id, activity, created_at) SELECT * FROM gone"
	" ON CONFLICT (id) DO UPDATE SET (bot, kind, scope, target, sender, fate,"
	" conversation_id, activity_id, attempts, doubtful, error_code, error,"
	" hint, correlation_id, activity, created_at, settled_at) = (excluded.bot,"
	" excluded.kind, excluded.scope, excluded.target, excluded.sender,"
	" excluded.fate, excluded.conversation_id, excluded.activity_id,"
	" excluded.attempts, excluded.doubtful, excluded.error_code,"
	" excluded.error, excluded.hint, excluded.correlation_id,"
	" excluded.activity, excluded.created_at, excluded.settled_at)",
	10, {INT8ARRAYOID, TEXTARRAYOID, BOOLARRAYOID, BOOLARRAYOID, TEXTARRAYOID,
	TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID}
};

static Statement postpone = {
	"UPDATE @.teams_outbox AS o SET retrying = true, due_at = r.due_at,"
	" attempts = o.attempts + r.is_attempt::int,"
	" doubtful = o.doubtful OR r.doubtful,"
	" error_code = r.error_code, error = r.error"
	" FROM unnest($1, $2, $3, $4, $5, $6)"
	" AS r (id, is_attempt, doubtful, due_at, error_code, error)"
	" WHERE o.id = r.id",
	6, {INT8ARRAYOID, BOOLARRAYOID, BOOLARRAYOID, TIMESTAMPTZARRAYOID,
	TEXTARRAYOID, TEXTARRAYOID}
};

/* Outcomes, column by column. */
typedef struct OutcomeColumns
{
	int64	   *id;
	bool	   *is_attempt;
	bool	   *doubtful;
	TimestampTz *due_at;
	const char **fate;
	const char **conversation_id;
	const char **activity_id;
	const char **error_code;
	const char **error;
	const char **hint;
	const char **correlation_id;
} OutcomeColumns;

static void
make_columns(OutcomeColumns *columns, Outcome *const *outcomes, int count)
{
	columns->id = palloc(count * sizeof(int64));
	columns->is_attempt = palloc(count * sizeof(bool));
	columns->doubtful = palloc(count * sizeof(bool));
	columns->due_at = palloc(count * sizeof(TimestampTz));
	columns->fate = palloc(count * sizeof(char *));
	columns->conversation_id = palloc(count * sizeof(char *));
	columns->activity_id = palloc(count * sizeof(char *));
	columns->error_code = palloc(count * sizeof(char *));
	columns->error = palloc(count * sizeof(char *));
	columns->hint = palloc(count * sizeof(char *));
	columns->correlation_id = palloc(count * sizeof(char *));
	for (int i = 0; i < count; i++)
	{
		const Outcome *outcome = outcomes[i];

		columns->id[i] = outcome->id;
		columns->is_attempt[i] = outcome->is_attempt;
		columns->doubtful[i] = outcome->doubtful;
		columns->due_at[i] = outcome->due_at;
		columns->fate[i] = outcome->fate;
		columns->conversation_id[i] = outcome->conversation_id;
		columns->activity_id[i] = outcome->activity_id;
		columns->error_code[i] = outcome->error_code;
		columns->error[i] = outcome->error;
		columns->hint[i] = outcome->hint;
		columns->correlation_id[i] = outcome->correlation_id;
	}
}

void
outbox_settle(Outcome *const *outcomes, int count)
{
	OutcomeColumns columns;
	Datum		values[10];

	if (count == 0)
		return;
	make_columns(&columns, outcomes, count);
	values[0] = session_int8_array(columns.id, count);
	values[1] = session_text_array(columns.fate, count);
	values[2] = session_bool_array(columns.is_attempt, count);
	values[3] = session_bool_array(columns.doubtful, count);
	values[4] = session_text_array(columns.conversation_id, count);
	values[5] = session_text_array(columns.activity_id, count);
	values[6] = session_text_array(columns.error_code, count);
	values[7] = session_text_array(columns.error, count);
	values[8] = session_text_array(columns.hint, count);
	values[9] = session_text_array(columns.correlation_id, count);
	session_run(&settle, values, NULL);
}

void
outbox_postpone(Outcome *const *outcomes, int count)
{
	OutcomeColumns columns;
	Datum		values[6];

	if (count == 0)
		return;
	make_columns(&columns, outcomes, count);
	values[0] = session_int8_array(columns.id, count);
	values[1] = session_bool_array(columns.is_attempt, count);
	values[2] = session_bool_array(columns.doubtful, count);
	values[3] = session_timestamp_array(columns.due_at, count);
	values[4] = session_text_array(columns.error_code, count);
	values[5] = session_text_array(columns.error, count);
	session_run(&postpone, values, NULL);
}

static Statement leave_ledger = {
	"UPDATE @.teams_inflight SET ids = ARRAY(SELECT kept.id"
	" FROM unnest(ids) AS kept (id) WHERE kept.id <> ALL ($2))"
	" WHERE batch = ANY ($1)",
	2, {INT8ARRAYOID, INT8ARRAYOID}
};

static Statement close_batches = {
	"DELETE FROM @.teams_inflight WHERE batch = ANY ($1)",
	1, {INT8ARRAYOID}
};

void
outbox_leave_ledger(const int64 *batches, int nbatches,
					const int64 *ids, int nids)
{
	Datum		values[2];

	if (nids == 0)
		return;
	values[0] = session_int8_array(batches, nbatches);
	values[1] = session_int8_array(ids, nids);
	session_run(&leave_ledger, values, NULL);
}

void
outbox_close_batches(const int64 *batches, int count)
{
	Datum		values[1];

	if (count == 0)
		return;
	values[0] = session_int8_array(batches, count);
	session_run(&close_batches, values, NULL);
}

/* A thousand at a time: the rest follows in the next transaction. */
static Statement make_ready = {
	"WITH ready AS ("
	"UPDATE @.teams_outbox SET due_at = NULL WHERE id IN ("
	"SELECT id FROM @.teams_outbox WHERE due_at <= now()"
	" ORDER BY due_at LIMIT 1000 FOR UPDATE SKIP LOCKED) RETURNING *)"
	" SELECT " MESSAGE_COLUMNS("o") ", " TARGET_COLUMNS("i") ", 0"
	" FROM ready AS o" JOIN_TARGET("o", "i")
	" ORDER BY o.id"
};

int
outbox_make_ready(MemoryContext context, OutboxMessage **messages)
{
	return take_messages(session_run(&make_ready, NULL, NULL), context,
						 messages);
}

/* What is on the wire does not expire. */
static Statement next_due = {
	"SELECT least((SELECT due_at FROM @.teams_outbox"
	" WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1),"
	" (SELECT expires_at FROM @.teams_outbox AS o"
	" WHERE expires_at IS NOT NULL AND NOT EXISTS ("
	"SELECT FROM @.teams_inflight WHERE o.id = ANY (ids))"
	" ORDER BY expires_at LIMIT 1))"
};

TimestampTz
outbox_next_due(void)
{
	return session_run(&next_due, NULL, NULL) > 0 ? session_timestamp(0, 1) : 0;
}

/*
 * Rows that leave the outbox without having been sent: their fate and error,
 * from a common table expression "gone".
 */
#define WRITE_UNSENT(fate, code, error) \
	" history AS (" \
	"INSERT INTO @.teams_delivery (id, bot, kind, scope, target, sender," \
	" fate, attempts, doubtful, error_code, error, activity, created_at)" \
	" SELECT id, bot, kind, scope, target, sender, '" fate "', attempts," \
	" doubtful, " code ", " error ", activity, created_at FROM gone)," \
	" account AS (" \
	"INSERT INTO @.teams_account (bot, entry, messages)" \
	" SELECT bot, '" fate "', pg_catalog.count(*) FROM gone GROUP BY bot)"

static Statement expire = {
	"WITH gone AS (DELETE FROM @.teams_outbox WHERE id IN ("
	"SELECT id FROM @.teams_outbox AS o WHERE expires_at <= now()"
	" AND NOT EXISTS (SELECT FROM @.teams_inflight WHERE o.id = ANY (ids))"
	" ORDER BY expires_at LIMIT 1000 FOR UPDATE SKIP LOCKED) RETURNING *),"
	WRITE_UNSENT("expired", "coalesce(error_code, 'expired')",
				 "coalesce(error, 'it could not be sent in time')")
	" SELECT id, bot, retrying FROM gone"
};

int
outbox_expire(MemoryContext context, OutboxExpired **expired)
{
	uint64		count = session_run(&expire, NULL, NULL);

	*expired = MemoryContextAlloc(context,
								  (count + 1) * sizeof(OutboxExpired));
	for (uint64 i = 0; i < count; i++)
	{
		(*expired)[i].id = session_int8(i, 1);
		(*expired)[i].bot = session_text(i, 2, context);
		(*expired)[i].retrying = session_bool(i, 3);
	}
	return (int) count;
}

static Statement purge_history = {
	"WITH old AS ("
	"DELETE FROM @.teams_delivery WHERE ctid = ANY (ARRAY("
	"SELECT ctid FROM @.teams_delivery"
	" WHERE settled_at < now() - $1 * interval '1 minute' LIMIT 1000))"
	" RETURNING id),"
	" keys AS (DELETE FROM @.teams_dedupe AS k USING old WHERE k.id = old.id)"
	" SELECT count(*) FROM old",
	1, {INT4OID}
};

int64
outbox_purge_history(int retention_minutes)
{
	Datum		values[] = {Int32GetDatum(retention_minutes)};

	session_run(&purge_history, values, NULL);
	return session_int8(0, 1);
}

static Statement fold_account = {
	"WITH old AS (DELETE FROM @.teams_account RETURNING *)"
	" INSERT INTO @.teams_account (bot, entry, messages)"
	" SELECT bot, entry, sum(messages) FROM old GROUP BY bot, entry"
};

void
outbox_fold_account(void)
{
	session_run(&fold_account, NULL, NULL);
}

static Statement recover = {
	"WITH ledger AS (DELETE FROM @.teams_inflight RETURNING ids),"
	" doubt AS (SELECT o.id, o.delivery FROM @.teams_outbox AS o"
	" WHERE o.id IN (SELECT unnest(ids) FROM ledger)),"
	" again AS ("
	"UPDATE @.teams_outbox SET attempts = attempts + 1, retrying = true,"
	" doubtful = true, error_code = 'interrupted',"
	" error = 'attempted before a crash'"
	" WHERE id IN (SELECT id FROM doubt WHERE delivery = 'at-least-once')),"
	" gone AS ("
	"DELETE FROM @.teams_outbox"
	" WHERE id IN (SELECT id FROM doubt WHERE delivery = 'at-most-once')"
	" RETURNING *),"
	" history AS ("
	"INSERT INTO @.teams_delivery (id, bot, kind, scope, target, sender, fate,"
	" attempts, doubtful, error_code, error, hint, activity, created_at)"
	" SELECT id, bot, kind, scope, target, sender, 'failed', attempts + 1,"
	" true, 'outcome_unknown', 'attempted before a crash',"
	" 'Look into the chat before you send it again.', activity, created_at"
	" FROM gone),"
	" account AS ("
	"INSERT INTO @.teams_account (bot, entry, messages)"
	" SELECT bot, 'failed', count(*) FROM gone GROUP BY bot)"
	" SELECT count(*) FROM doubt"
};

int64
outbox_recover(void)
{
	session_run(&recover, NULL, NULL);
	return session_int8(0, 1);
}

/* ----------
 * Installations
 * ----------
 */

static Statement save_installations = {
	"INSERT INTO @.teams_installation AS i (bot, scope, target, state,"
	" installation_id, app_version, chat_id, installed_by_us, error_code,"
	" error)"
	" SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
	" ON CONFLICT (bot, scope, target) DO UPDATE SET"
	" state = excluded.state, installation_id = excluded.installation_id,"
	" app_version = excluded.app_version, chat_id = excluded.chat_id,"
	" installed_by_us = i.installed_by_us OR excluded.installed_by_us,"
	" error_code = excluded.error_code, error = excluded.error,"
	" since = CASE WHEN i.state = excluded.state THEN i.since"
	" ELSE excluded.since END, checked_at = now()",
	10, {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
	TEXTARRAYOID, TEXTARRAYOID, BOOLARRAYOID, TEXTARRAYOID, TEXTARRAYOID}
};

/* One text column of the records, by the offset of its field. */
static Datum
installation_column(OutboxInstallation *const *records, int count,
					size_t offset)
{
	const char **column = palloc(count * sizeof(char *));

	for (int i = 0; i < count; i++)
		column[i] = *(const char *const *) ((const char *) records[i] + offset);
	return session_text_array(column, count);
}

void
outbox_save_installations(OutboxInstallation *const *records, int count)
{
	static const size_t offsets[] = {
		offsetof(OutboxInstallation, bot),
		offsetof(OutboxInstallation, scope),
		offsetof(OutboxInstallation, target),
		offsetof(OutboxInstallation, state),
		offsetof(OutboxInstallation, installation_id),
		offsetof(OutboxInstallation, app_version),
		offsetof(OutboxInstallation, chat_id),
		0,						/* installed_by_us is no text */
		offsetof(OutboxInstallation, error_code),
		offsetof(OutboxInstallation, error)
	};
	Datum		values[lengthof(offsets)];
	bool	   *by_us;

	if (count == 0)
		return;
	by_us = palloc(count * sizeof(bool));
	for (int i = 0; i < count; i++)
		by_us[i] = records[i]->installed_by_us;
	for (int i = 0; i < lengthof(offsets); i++)
		values[i] = i == 7 ? session_bool_array(by_us, count) :
			installation_column(records, count, offsets[i]);
	session_run(&save_installations, values, NULL);
}

/* ----------
 * For SQL functions
 * ----------
 */

#define OUTBOX_SEQUENCE "teams_outbox_id_seq"

/* Run with the caller's search_path: every name is qualified. */
static Statement enqueue = {
	"INSERT INTO @.teams_outbox (id, bot, kind, scope, target, activity,"
	" delivery, priority, due_at, expires_at, sender) OVERRIDING SYSTEM VALUE"
	" SELECT coalesce($11, pg_catalog.nextval($12)),"
	" b.bot, $2, $3, $4, $5, $6, $7, $8, $9, $10 FROM @.teams_bot AS b"
	" WHERE b.bot OPERATOR(pg_catalog.=) $1 RETURNING id",
	12, {TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONOID, TEXTOID, TEXTOID,
	TIMESTAMPTZOID, TIMESTAMPTZOID, REGROLEOID, INT8OID, REGCLASSOID}
};

/* A key waits for the transaction that has written it. */
static Statement claim_key = {
	"INSERT INTO @.teams_dedupe (bot, dedupe_key, id)"
	" SELECT b.bot, $2, pg_catalog.nextval($3)"
	" FROM @.teams_bot AS b WHERE b.bot OPERATOR(pg_catalog.=) $1"
	" ON CONFLICT (bot, dedupe_key) DO NOTHING RETURNING id",
	3, {TEXTOID, TEXTOID, REGCLASSOID}
};

static Statement find_key = {
	"SELECT id FROM @.teams_dedupe WHERE bot OPERATOR(pg_catalog.=) $1"
	" AND dedupe_key OPERATOR(pg_catalog.=) $2",
	2, {TEXTOID, TEXTOID}
};

/* Returns the id for a message with a key, 0 if the bot does not exist. */
static int64
claim_dedupe_key(const OutboxNew *message, bool *is_new)
{
	Datum		values[] = {CStringGetTextDatum(message->bot),
	CStringGetTextDatum(message->dedupe_key),
	ObjectIdGetDatum(session_relation(OUTBOX_SEQUENCE))};

	*is_new = session_run(&claim_key, values, NULL) > 0;
	if (*is_new || session_run(&find_key, values, NULL) > 0)
		return session_int8(0, 1);
	return 0;
}

static int64
insert_message(const OutboxNew *message, int64 id)
{
	Datum		values[12];
	char		nulls[12 + 1] = "            ";

	values[0] = CStringGetTextDatum(message->bot);
	values[1] = CStringGetTextDatum(message->kind);
	values[2] = CStringGetTextDatum(message->scope);
	values[3] = CStringGetTextDatum(message->target);
	values[4] = (Datum) 0;
	if (message->activity != NULL)
		values[4] = CStringGetTextDatum(message->activity);
	else
		nulls[4] = 'n';
	values[5] = CStringGetTextDatum(message->delivery);
	values[6] = CStringGetTextDatum(message->priority);
	values[7] = TimestampTzGetDatum(message->send_at);
	nulls[7] = message->send_at != 0 ? ' ' : 'n';
	values[8] = TimestampTzGetDatum(message->expires_at);
	nulls[8] = message->expires_at != 0 ? ' ' : 'n';
	values[9] = ObjectIdGetDatum(message->sender);
	values[10] = Int64GetDatum(id);
	nulls[10] = id != 0 ? ' ' : 'n';
	values[11] = ObjectIdGetDatum(session_relation(OUTBOX_SEQUENCE));
	return session_run(&enqueue, values, nulls) > 0 ? session_int8(0, 1) : 0;
}

int64
outbox_enqueue(const OutboxNew *message)
{
	Session		session;
	bool		is_new = true;
	int64		id = 0;

	session_begin(SESSION_CALLER, &session);
	if (message->dedupe_key != NULL)
		id = claim_dedupe_key(message, &is_new);
	if (is_new)
		id = insert_message(message, id);
	session_commit(&session);
	return id;
}

static Statement note_accepted = {
	"INSERT INTO @.teams_account (bot, entry, messages)"
	" VALUES ($1, 'accepted', $2)",
	2, {TEXTOID, INT8OID}
};

void
outbox_note_accepted(const char *bot, int64 messages)
{
	Datum		values[] = {CStringGetTextDatum(bot), Int64GetDatum(messages)};
	Session		session;

	session_begin(SESSION_CALLER, &session);
	session_run(&note_accepted, values, NULL);
	session_commit(&session);
}

/* May the role see the message?  It goes by the rule of teams_message. */
#define IS_VISIBLE \
	"(pg_catalog.pg_has_role($2, sender, 'USAGE') OR" \
	" pg_catalog.has_table_privilege($2, $3, 'SELECT'))"

static Statement lock_messages = {
	"SELECT FROM @.teams_outbox WHERE id OPERATOR(pg_catalog.=) ANY ($1)"
	" AND " IS_VISIBLE " ORDER BY id FOR UPDATE",
	3, {INT8ARRAYOID, OIDOID, OIDOID}
};

static Statement read_ledger = {
	"SELECT pg_catalog.unnest(ids) FROM @.teams_inflight"
};

static Statement cancel = {
	"WITH gone AS (DELETE FROM @.teams_outbox"
	" WHERE id OPERATOR(pg_catalog.=) ANY ($1)"
	" AND id OPERATOR(pg_catalog.<>) ALL ($4) AND " IS_VISIBLE " RETURNING *),"
	WRITE_UNSENT("cancelled", "error_code", "error")
	" SELECT pg_catalog.count(*), pg_catalog.min(id) FROM gone",
	4, {INT8ARRAYOID, OIDOID, OIDOID, INT8ARRAYOID}
};

/*
 * First the rows are locked, so that the worker cannot put them on the wire;
 * what is there already is then seen in the ledger, as it is now and not as it
 * was when the transaction began.
 */
int64
outbox_cancel(ArrayType *ids, Oid role)
{
	Datum		values[4];
	int64	   *on_wire;
	int64		count;
	uint64		nwire;
	Session		session;

	values[0] = PointerGetDatum(ids);
	values[1] = ObjectIdGetDatum(role);
	session_begin(SESSION_CALLER, &session);
	values[2] = ObjectIdGetDatum(session_relation("teams_outbox"));
	session_run(&lock_messages, values, NULL);
	nwire = session_run_latest(&read_ledger, NULL, NULL);
	on_wire = palloc((nwire + 1) * sizeof(int64));
	for (uint64 i = 0; i < nwire; i++)
		on_wire[i] = session_int8(i, 1);
	values[3] = session_int8_array(on_wire, nwire);
	session_run(&cancel, values, NULL);
	count = session_int8(0, 1);
	if (count > 0)
		shared_wake_at_commit(session_int8(0, 2));
	session_commit(&session);
	return count;
}

static Statement retry = {
	"WITH again AS (UPDATE @.teams_delivery"
	" SET retried_as = pg_catalog.nextval($4) WHERE id OPERATOR(pg_catalog.=) ANY ($1)"
	" AND fate OPERATOR(pg_catalog.<>) 'sent' AND retried_as IS NULL"
	" AND " IS_VISIBLE " RETURNING *)"
	" INSERT INTO @.teams_outbox (id, bot, kind, scope, target, activity,"
	" sender) OVERRIDING SYSTEM VALUE"
	" SELECT retried_as, bot, kind, scope, target, activity,"
	" $2::pg_catalog.regrole FROM again"
	" ORDER BY id RETURNING id",
	4, {INT8ARRAYOID, OIDOID, OIDOID, REGCLASSOID}
};

int
outbox_retry(ArrayType *ids, Oid role, MemoryContext context, int64 **new_ids)
{
	Datum		values[4];
	Session		session;
	uint64		count;

	session_begin(SESSION_CALLER, &session);
	values[0] = PointerGetDatum(ids);
	values[1] = ObjectIdGetDatum(role);
	values[2] = ObjectIdGetDatum(session_relation("teams_outbox"));
	values[3] = ObjectIdGetDatum(session_relation(OUTBOX_SEQUENCE));
	count = session_run(&retry, values, NULL);
	*new_ids = MemoryContextAlloc(context, (count + 1) * sizeof(int64));
	for (uint64 i = 0; i < count; i++)
		(*new_ids)[i] = session_int8(i, 1);
	session_commit(&session);
	return (int) count;
}

static Statement read_fate = {
	"SELECT d.sender, d.fate, d.error_code, d.error, d.hint,"
	" NULL::pg_catalog.xid"
	" FROM @.teams_delivery AS d WHERE d.id OPERATOR(pg_catalog.=) $1"
	" UNION ALL"
	" SELECT o.sender, NULL,"
	" CASE WHEN b.bot IS NULL THEN 'bot_not_configured'"
	" WHEN b.paused_at IS NOT NULL THEN 'bot_paused'"
	" WHEN b.trouble IS NOT NULL THEN 'bot_in_trouble'"
	" ELSE o.error_code END,"
	" CASE WHEN b.bot IS NULL THEN 'the bot does not exist'"
	" WHEN b.paused_at IS NOT NULL THEN b.paused_reason"
	" WHEN b.trouble IS NOT NULL THEN b.trouble ELSE o.error END,"
	" NULL, o.xmin"
	" FROM @.teams_outbox AS o LEFT JOIN @.teams_bot AS b"
	" ON b.bot OPERATOR(pg_catalog.=) o.bot"
	" WHERE o.id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

Fate *
outbox_fate(int64 id, MemoryContext context)
{
	Datum		values[] = {Int64GetDatum(id)};
	Fate	   *fate = MemoryContextAllocZero(context, sizeof(Fate));
	Session		session;

	session_begin(SESSION_CALLER, &session);
	if (session_run(&read_fate, values, NULL) == 0)
		fate->state = FATE_UNKNOWN;
	else
	{
		TransactionId xmin = (TransactionId) session_int4(0, 6);

		fate->sender = (Oid) session_int4(0, 1);
		fate->fate = session_text(0, 2, context);
		fate->error_code = session_text(0, 3, context);
		fate->error = session_text(0, 4, context);
		fate->hint = session_text(0, 5, context);
		fate->state = fate->fate != NULL ? FATE_SETTLED :
			TransactionIdIsCurrentTransactionId(xmin) ? FATE_UNCOMMITTED :
			FATE_PENDING;
	}
	session_commit(&session);
	return fate;
}
