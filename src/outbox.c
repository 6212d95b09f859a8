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

/* ----------
 * Bots
 * ----------
 */

static Statement read_bots = {
	"SELECT bot, tenant_id::text, client_id::text, teams_app_id::text,"
	" manifest_id::text, credential, cloud, multi_tenant,"
	" login_url, graph_url, connector_url, connector_rate, graph_rate,"
	" paused_at IS NOT NULL"
	" FROM @.teams_bot"
};

static Statement pause_bot = {
	"UPDATE @.teams_bot SET paused_at = now(), paused_reason = $2"
	" WHERE bot = $1 AND paused_at IS NULL",
	2, {TEXTOID, TEXTOID}
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
		bot->paused = session_bool(i, 14);
		bots = lappend(bots, bot);
	}
	MemoryContextSwitchTo(old);
	return bots;
}

void
outbox_pause_bot(const char *bot, const char *reason)
{
	Datum		values[] = {session_text_datum(bot),
	session_text_datum(reason)};

	session_run(&pause_bot, values, NULL);
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

/*
 * The sweep goes by (bot, id), so that it never looks twice at what other
 * transactions keep from being vacuumed.
 */
static Statement read_due = {
	"SELECT o.id, o.bot, o.kind = 'send', o.scope, o.target, o.attempts,"
	" o.retrying, o.delivery = 'at-most-once', o.error_code,"
	" i.chat_id, i.service_url"
	" FROM unnest($1, $2, $3) AS s (bot, after, room)"
	" CROSS JOIN LATERAL ("
	"SELECT id, p.bot, kind, scope, target, attempts, retrying, delivery,"
	" error_code"
	" FROM @.teams_outbox AS p"
	" WHERE p.bot = s.bot AND p.id > s.after AND p.due_at IS NULL"
	" AND NOT EXISTS (SELECT FROM @.teams_outbox AS r"
	" WHERE r.retrying AND r.bot = p.bot AND r.scope = p.scope"
	" AND r.target = p.target AND r.id < p.id)"
	" ORDER BY p.id LIMIT s.room) AS o"
	" LEFT JOIN @.teams_installation AS i ON i.bot = o.bot"
	" AND i.scope = o.scope AND i.target = o.target"
	" AND i.state = 'installed'"
	" ORDER BY o.id",
	3, {TEXTARRAYOID, INT8ARRAYOID, INT8ARRAYOID}
};

int
outbox_read_due(const OutboxSweep *sweeps, int nsweeps,
				MemoryContext context, OutboxMessage **messages)
{
	const char **bots = palloc(nsweeps * sizeof(char *));
	int64	   *after = palloc(nsweeps * sizeof(int64));
	int64	   *room = palloc(nsweeps * sizeof(int64));
	Datum		values[3];
	uint64		count;

	for (int i = 0; i < nsweeps; i++)
	{
		bots[i] = sweeps[i].bot;
		after[i] = sweeps[i].after;
		room[i] = sweeps[i].room;
	}
	values[0] = session_text_array(bots, nsweeps);
	values[1] = session_int8_array(after, nsweeps);
	values[2] = session_int8_array(room, nsweeps);
	count = session_run(&read_due, values, NULL);

	*messages = MemoryContextAllocZero(context,
									   (count + 1) * sizeof(OutboxMessage));
	for (uint64 i = 0; i < count; i++)
	{
		OutboxMessage *message = &(*messages)[i];

		message->id = session_int8(i, 1);
		message->bot = session_text(i, 2, context);
		message->is_send = session_bool(i, 3);
		message->scope = session_text(i, 4, context);
		message->target = session_text(i, 5, context);
		message->attempts = session_int4(i, 6);
		message->retrying = session_bool(i, 7);
		message->at_most_once = session_bool(i, 8);
		message->error_code = session_text(i, 9, context);
		message->chat_id = session_text(i, 10, context);
		message->service_url = session_text(i, 11, context);
	}
	return (int) count;
}

static Statement enter_ledger = {
	"WITH post AS MATERIALIZED ("
	"SELECT id, activity::text AS activity FROM @.teams_outbox"
	" WHERE id = ANY ($1) AND due_at IS NULL ORDER BY id"
	" FOR UPDATE SKIP LOCKED),"
	" batch AS ("
	"INSERT INTO @.teams_inflight (ids)"
	" SELECT array_agg(id) FROM post HAVING count(*) > 0 RETURNING batch)"
	" SELECT b.batch, p.id, p.activity FROM post AS p, batch AS b",
	1, {INT8ARRAYOID}
};

int64
outbox_enter_ledger(const int64 *ids, int count, MemoryContext context,
					OutboxPost **posts, int *nposts)
{
	Datum		values[] = {session_int8_array(ids, count)};
	uint64		rows = session_run(&enter_ledger, values, NULL);

	*posts = MemoryContextAlloc(context, (rows + 1) * sizeof(OutboxPost));
	*nposts = (int) rows;
	for (uint64 i = 0; i < rows; i++)
	{
		(*posts)[i].id = session_int8(i, 2);
		(*posts)[i].activity = session_text(i, 3, context);
	}
	return rows > 0 ? session_int8(0, 1) : 0;
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
	" r.correlation_id, o.created_at)"
	" INSERT INTO @.teams_delivery (id, bot, kind, scope, target, sender,"
	" fate, conversation_id, activity_id, attempts, doubtful, error_code,"
	" error, hint, correlation_id, created_at) SELECT * FROM gone"
	" ON CONFLICT (id) DO UPDATE SET (bot, kind, scope, target, sender, fate,"
	" conversation_id, activity_id, attempts, doubtful, error_code, error,"
	" hint, correlation_id, created_at, settled_at) = (excluded.bot,"
	" excluded.kind, excluded.scope, excluded.target, excluded.sender,"
	" excluded.fate, excluded.conversation_id, excluded.activity_id,"
	" excluded.attempts, excluded.doubtful, excluded.error_code,"
	" excluded.error, excluded.hint, excluded.correlation_id,"
	" excluded.created_at, excluded.settled_at)",
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
	" ORDER BY due_at LIMIT 1000 FOR UPDATE SKIP LOCKED) RETURNING bot, id)"
	" SELECT bot, min(id) FROM ready GROUP BY bot"
};

static Statement next_due = {
	"SELECT due_at FROM @.teams_outbox WHERE due_at IS NOT NULL"
	" ORDER BY due_at LIMIT 1"
};

List *
outbox_make_ready(MemoryContext context)
{
	uint64		count = session_run(&make_ready, NULL, NULL);
	MemoryContext old = MemoryContextSwitchTo(context);
	List	   *ready = NIL;

	for (uint64 i = 0; i < count; i++)
	{
		OutboxDue  *due = palloc(sizeof(OutboxDue));

		due->bot = session_text(i, 1, context);
		due->first_id = session_int8(i, 2);
		ready = lappend(ready, due);
	}
	MemoryContextSwitchTo(old);
	return ready;
}

TimestampTz
outbox_next_due(void)
{
	return session_run(&next_due, NULL, NULL) > 0 ? session_timestamp(0, 1) : 0;
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
	" attempts, doubtful, error_code, error, hint, created_at)"
	" SELECT id, bot, kind, scope, target, sender, 'failed', attempts + 1,"
	" true, 'outcome_unknown', 'attempted before a crash',"
	" 'Look into the chat before you send it again.', created_at FROM gone)"
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
	" checked_at = now()",
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

/* Run with the caller's search_path: every name is qualified. */
static Statement enqueue = {
	"INSERT INTO @.teams_outbox (bot, kind, scope, target, activity, delivery,"
	" sender) SELECT b.bot, $2, $3, $4, $5, $6, $7 FROM @.teams_bot AS b"
	" WHERE b.bot OPERATOR(pg_catalog.=) $1 RETURNING id",
	7, {TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONOID, TEXTOID, REGROLEOID}
};

int64
outbox_enqueue(const OutboxNew *message)
{
	Datum		values[7];
	char		nulls[7 + 1] = "       ";
	Session		session;
	int64		id = 0;

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
	values[6] = ObjectIdGetDatum(message->sender);

	session_begin(SESSION_CALLER, &session);
	if (session_run(&enqueue, values, nulls) > 0)
		id = session_int8(0, 1);
	session_commit(&session);
	return id;
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
