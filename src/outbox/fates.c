/*
 * fates.c
 *	  Writing what became of messages: outcomes, expiry, and after a crash.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "outbox/fates.h"
#include "outbox/sql.h"
#include "outbox/statement.h"

/* What is locked is about to be changed by somebody, and comes back later. */
static Statement lock_free = {
	"SELECT id FROM @.teams_outbox WHERE id = ANY ($1)"
	" FOR UPDATE SKIP LOCKED",
	STATEMENT_ARGS(INT8ARRAYOID)
};

/*
 * Lock those of the messages that are still there and that nobody else has
 * locked.  Returns how many, and their ids, palloc'd.
 */
int
outbox_lock_free(const int64 *ids, int count, int64 **locked)
{
	Datum		values[] = {parameter_int8_array(ids, count)};
	int			nlocked = (int) statement_run(&lock_free, values, NULL);

	*locked = palloc((nlocked + 1) * sizeof(int64));
	for (int i = 0; i < nlocked; i++)
		(*locked)[i] = result_int8(i, 1);
	return nlocked;
}

/*
 * An id that the history has already: the sequence was set back.  Few messages
 * meet one, and all would pay for ON CONFLICT.
 */
static Statement replace_history = {
	"DELETE FROM @.teams_delivery WHERE id = ANY ($1)",
	STATEMENT_ARGS(INT8ARRAYOID)
};

/*
 * What was sent needs no content any more, unless it is to be kept; what was
 * not can be sent again with teams_retry().
 */
static Statement settle_messages = {
	"WITH gone AS ("
	"DELETE FROM @.teams_outbox AS o USING unnest($1, $2, $3, $4, $5, $6,"
	" $7, $8, $9, $10) AS r (id, fate, is_attempt, doubtful, conversation_id,"
	" activity_id, error_code, error, hint, correlation_id)"
	" WHERE o.id = r.id"
	" RETURNING o.id, o.bot, o.kind, o.scope, o.target, o.team, o.broadcast,"
	" o.refers_to, o.sender, r.fate,"
	" r.conversation_id, r.activity_id, o.attempts + r.is_attempt::int,"
	" o.doubtful OR r.doubtful, r.error_code, r.error, r.hint,"
	" r.correlation_id,"
	" CASE WHEN r.fate <> 'sent' OR $11 THEN o.activity END,"
	" CASE WHEN r.fate <> 'sent' THEN o.priority END,"
	" CASE WHEN r.fate <> 'sent' THEN o.delivery END, o.created_at,"
	" o.reference, o.notify, o.application_name),"
	" account AS ("
	"INSERT INTO @.teams_account (bot, broadcast, entry, messages)"
	" SELECT bot, broadcast, fate, count(*) FROM gone"
	" GROUP BY bot, broadcast, fate)"
	" INSERT INTO @.teams_delivery (id, bot, kind, scope, target, team,"
	" broadcast, refers_to, sender, fate, conversation_id, activity_id,"
	" attempts, doubtful, error_code,"
	" error, hint, correlation_id, activity, priority, delivery, created_at,"
	" reference, notify, application_name)"
	" SELECT * FROM gone",
	STATEMENT_ARGS(INT8ARRAYOID, TEXTARRAYOID, BOOLARRAYOID, BOOLARRAYOID,
				   TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
				   TEXTARRAYOID, TEXTARRAYOID, BOOLOID)
};

/*
 * What is not to be sent again: of a broadcast that was cancelled or recalled
 * when it was on the wire, or deleted meanwhile.
 */
static Statement end_messages = {
	"WITH r AS (SELECT * FROM unnest($1, $2, $3, $4, $5)"
	" AS r (id, is_attempt, doubtful, error_code, error)),"
	" gone AS (DELETE FROM @.teams_outbox AS o USING r WHERE o.id = r.id"
	" AND (EXISTS (SELECT FROM @.teams_broadcast AS b"
	" WHERE b.id = o.broadcast AND b.ends_with >= o.id)"
	" OR o.kind = 'send' AND EXISTS (SELECT FROM @.teams_outbox AS d"
	" WHERE d.refers_to = o.id AND d.kind = 'delete'))"
	" RETURNING o.id, o.bot, o.kind, o.scope, o.target, o.team, o.broadcast,"
	" o.refers_to, o.sender, o.attempts + r.is_attempt::int AS attempts,"
	" o.doubtful OR r.doubtful AS doubtful, r.error_code, r.error,"
	" o.activity, o.priority, o.delivery, o.created_at,"
	" o.reference, o.notify, o.application_name),"
	WRITE_UNSENT("cancelled", "error_code", "error")
	" SELECT min(id) FROM gone",
	STATEMENT_ARGS(INT8ARRAYOID, BOOLARRAYOID, BOOLARRAYOID, TEXTARRAYOID,
				   TEXTARRAYOID)
};

/*
 * Only now is it known what the attempt has come to: until then the row said
 * nothing of it.
 */
static Statement postpone_messages = {
	"UPDATE @.teams_outbox AS o SET retrying = true, due_at = r.due_at,"
	" attempts = o.attempts + r.is_attempt::int,"
	" doubtful = o.doubtful OR r.doubtful,"
	" error_code = r.error_code, error = r.error"
	" FROM unnest($1, $2, $3, $4, $5, $6)"
	" AS r (id, is_attempt, doubtful, due_at, error_code, error)"
	" WHERE o.id = r.id",
	STATEMENT_ARGS(INT8ARRAYOID, BOOLARRAYOID, BOOLARRAYOID,
				   TIMESTAMPTZARRAYOID, TEXTARRAYOID, TEXTARRAYOID)
};

/* Outcomes, column by column. */
typedef struct OutcomeColumns
{
	int64	   *id;
	bool	   *is_attempt;
	bool	   *doubtful;
	TimestampTz *due_at;
	int		   *fate;
	const char **conversation_id;
	const char **activity_id;
	const char **error_code;
	const char **error;
	const char **hint;
	const char **correlation_id;
} OutcomeColumns;

/* An array a column, as unnest() takes them. */
static void
make_columns(OutcomeColumns *columns, Outcome *const *outcomes, int count)
{
	columns->id = palloc(count * sizeof(int64));
	columns->is_attempt = palloc(count * sizeof(bool));
	columns->doubtful = palloc(count * sizeof(bool));
	columns->due_at = palloc(count * sizeof(TimestampTz));
	columns->fate = palloc(count * sizeof(int));
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

/*
 * Messages that have their fate leave the outbox for the history, and are
 * counted.  All outcomes are final; their rows are locked.
 */
void
outbox_settle(Outcome *const *outcomes, int count)
{
	OutcomeColumns columns;
	Datum		values[11];

	if (count == 0)
		return;
	make_columns(&columns, outcomes, count);
	values[0] = parameter_int8_array(columns.id, count);
	values[1] = parameter_word_array(columns.fate, count, &fate_words);
	values[2] = parameter_bool_array(columns.is_attempt, count);
	values[3] = parameter_bool_array(columns.doubtful, count);
	values[4] = parameter_text_array(columns.conversation_id, count);
	values[5] = parameter_text_array(columns.activity_id, count);
	values[6] = parameter_text_array(columns.error_code, count);
	values[7] = parameter_text_array(columns.error, count);
	values[8] = parameter_text_array(columns.hint, count);
	values[9] = parameter_text_array(columns.correlation_id, count);
	values[10] = BoolGetDatum(settings_keep_text);
	statement_run(&replace_history, values, NULL);
	statement_run(&settle_messages, values, NULL);
}

/*
 * Have messages sent again later; those that were cancelled when they were on
 * the wire end instead.  Returns the id of the first of these, or 0.
 */
int64
outbox_postpone(Outcome *const *outcomes, int count)
{
	OutcomeColumns columns;
	Datum		values[6];
	Datum		ended[5];
	int64		first;

	if (count == 0)
		return 0;
	make_columns(&columns, outcomes, count);
	values[0] = ended[0] = parameter_int8_array(columns.id, count);
	values[1] = ended[1] = parameter_bool_array(columns.is_attempt, count);
	values[2] = ended[2] = parameter_bool_array(columns.doubtful, count);
	values[3] = parameter_timestamp_array(columns.due_at, count);
	values[4] = ended[3] = parameter_text_array(columns.error_code, count);
	values[5] = ended[4] = parameter_text_array(columns.error, count);
	statement_run(&end_messages, ended, NULL);
	first = result_int8(0, 1);
	statement_run(&postpone_messages, values, NULL);
	return first;
}

/*
 * The same for what was postponed before the transaction that cancelled it was
 * committed.
 */
static Statement end_postponed = {
	"WITH gone AS (DELETE FROM @.teams_outbox WHERE id IN ("
	"SELECT o.id FROM @.teams_broadcast AS b"
	" JOIN @.teams_outbox AS o ON o.broadcast = b.id AND o.id <= b.ends_with"
	" WHERE NOT EXISTS (SELECT FROM @.teams_inflight WHERE o.id = ANY (ids))"
	" FOR UPDATE OF o SKIP LOCKED) RETURNING *),"
	WRITE_UNSENT("cancelled", "error_code", "error")
	" SELECT min(id) FROM gone",
	STATEMENT_NO_ARGS
};

/*
 * Cancel what was postponed just before the transaction that cancelled it was
 * committed.  Returns the id of the first, or 0.
 */
int64
outbox_end_postponed(void)
{
	statement_run(&end_postponed, NULL, NULL);
	return result_int8(0, 1);
}

/*
 * What is on the wire may arrive, and does not expire.  Whether a message held
 * others back, those who wait for it want to know.
 */
static Statement expire_messages = {
	"WITH gone AS (DELETE FROM @.teams_outbox WHERE id IN ("
	"SELECT id FROM @.teams_outbox AS o WHERE expires_at <= now()"
	" AND NOT EXISTS (SELECT FROM @.teams_inflight WHERE o.id = ANY (ids))"
	" ORDER BY expires_at LIMIT 1000 FOR UPDATE SKIP LOCKED) RETURNING *),"
	WRITE_UNSENT("expired", "coalesce(error_code, 'expired')",
				 "coalesce(error, 'it could not be sent in time')")
	" SELECT id, bot, retrying OR team IS NOT NULL OR due_at IS NOT NULL"
	" OR " IS_JOB("gone") " FROM gone",
	STATEMENT_NO_ARGS
};

/*
 * Settle what has expired and is not on the wire, up to a thousand.  Returns
 * how many; what is known of them is palloc'd in the context.
 */
int
outbox_expire(MemoryContext context, OutboxExpired **expired)
{
	uint64		count = statement_run(&expire_messages, NULL, NULL);

	*expired = MemoryContextAlloc(context,
								  (count + 1) * sizeof(OutboxExpired));
	for (uint64 i = 0; i < count; i++)
	{
		(*expired)[i].id = result_int8(i, 1);
		(*expired)[i].bot = result_text(i, 2, context);
		(*expired)[i].held_back = result_bool(i, 3);
	}
	return (int) count;
}

/* What is on the wire has been found good, and locked rows come back. */
static Statement refuse_messages = {
	"WITH gone AS (DELETE FROM @.teams_outbox AS o"
	" USING unnest($1, $2) AS r (id, problem) WHERE o.id = r.id AND o.id IN ("
	"SELECT f.id FROM @.teams_outbox AS f WHERE f.id = ANY ($1)"
	" AND NOT EXISTS (SELECT FROM @.teams_inflight WHERE f.id = ANY (ids))"
	" FOR UPDATE SKIP LOCKED) RETURNING o.*, r.problem),"
	WRITE_UNSENT("failed", "'invalid_row'", "problem")
	" SELECT count(*)::int FROM gone",
	STATEMENT_ARGS(INT8ARRAYOID, TEXTARRAYOID)
};

/*
 * Settle rows as failed for which nothing can be done, with the problem of
 * each.  Returns how many nobody had locked.
 */
int
outbox_refuse(const int64 *ids, const char *const *problems, int count)
{
	Datum		values[] = {parameter_int8_array(ids, count),
	parameter_text_array(problems, count)};

	statement_run(&refuse_messages, values, NULL);
	return result_int4(0, 1);
}

/*
 * A message goes with its key.  Somebody may be about to take a key from a
 * message that came to nothing, for as long as they like: then it stays.
 */
static Statement purge_history = {
	"WITH d AS MATERIALIZED ("
	"SELECT id FROM @.teams_delivery"
	" WHERE settled_at < now() - $1 * interval '1 minute'"
	" AND NOT EXISTS (SELECT FROM @.teams_thread WHERE root = teams_delivery.id)"
	" LIMIT 1000"
	" FOR UPDATE SKIP LOCKED),"
	" k AS MATERIALIZED (SELECT id, ctid FROM @.teams_dedupe"
	" WHERE id = ANY (ARRAY(SELECT id FROM d)) FOR UPDATE SKIP LOCKED),"
	" keys AS (DELETE FROM @.teams_dedupe WHERE ctid = ANY (ARRAY(SELECT ctid FROM k))),"
	" old AS (DELETE FROM @.teams_delivery WHERE id = ANY (ARRAY("
	"SELECT d.id FROM d WHERE NOT EXISTS (SELECT FROM @.teams_dedupe AS u"
	" WHERE u.id = d.id AND NOT EXISTS (SELECT FROM k WHERE k.id = u.id))))"
	" RETURNING id),"
	" errors AS (DELETE FROM @.teams_notify_error WHERE id IN ("
	"SELECT id FROM @.teams_notify_error"
	" WHERE at < now() - $1 * interval '1 minute'"
	" ORDER BY at LIMIT 1000 FOR UPDATE SKIP LOCKED) RETURNING id)"
	" SELECT (SELECT count(*) FROM old) + (SELECT count(*) FROM errors)",
	STATEMENT_ARGS(INT4OID)
};

/* By place, and not by key: a broadcast may have a million of them. */
static Statement purge_recipients = {
	"DELETE FROM @.teams_recipient WHERE ctid = ANY (ARRAY("
	"SELECT r.ctid FROM @.teams_broadcast AS b"
	" JOIN @.teams_recipient AS r ON r.broadcast = b.id"
	" WHERE b.finished_at < now() - $1 * interval '1 minute' LIMIT 1000))",
	STATEMENT_ARGS(INT4OID)
};

/*
 * Somebody may be about to edit or recall one.  Messages of one that was
 * cancelled may still be pending.  The account of a bot goes on without it.
 */
static Statement purge_broadcasts = {
	"WITH old AS (DELETE FROM @.teams_broadcast WHERE id IN ("
	"SELECT b.id FROM @.teams_broadcast AS b"
	" WHERE b.finished_at < now() - $1 * interval '1 minute'"
	" AND NOT EXISTS (SELECT FROM @.teams_recipient WHERE broadcast = b.id)"
	" AND NOT EXISTS (SELECT FROM @.teams_outbox WHERE broadcast = b.id)"
	" FOR UPDATE SKIP LOCKED) RETURNING id),"
	" templates AS (DELETE FROM @.teams_broadcast_template AS t USING old"
	" WHERE t.broadcast = old.id)"
	" UPDATE @.teams_account SET broadcast = NULL FROM old"
	" WHERE coalesce(teams_account.broadcast, 0) = old.id",
	STATEMENT_ARGS(INT4OID)
};

/*
 * Remove up to a thousand old messages from the history, as many recipients of
 * old broadcasts, and broadcasts without any.  Returns how many rows.
 */
int64
outbox_purge_history(int retention_minutes)
{
	Datum		values[] = {Int32GetDatum(retention_minutes)};
	int64		count;

	statement_run(&purge_history, values, NULL);
	count = result_int8(0, 1);
	count += statement_run(&purge_recipients, values, NULL);
	statement_run(&purge_broadcasts, values, NULL);
	return count;
}

#define SAME_ENTRY(a, b) \
	a ".bot = " b ".bot AND coalesce(" a ".broadcast, 0) = b_id" \
	" AND " a ".entry = " b ".entry"

/*
 * Entries of which there are new rows are added up with what there is of them;
 * others are left as they are.  Rows that were committed late wait for the
 * next of their kind.
 */
static Statement fold_account = {
	"WITH new AS MATERIALIZED (SELECT * FROM @.teams_account WHERE id > $1"
	" ORDER BY id LIMIT $2),"
	" entries AS MATERIALIZED (SELECT e.* FROM ("
	"SELECT DISTINCT bot, coalesce(broadcast, 0) AS b_id, entry FROM new) AS e"
	" WHERE (SELECT count(*) FROM (SELECT FROM @.teams_account AS a"
	" WHERE " SAME_ENTRY("a", "e") " LIMIT 2) AS two) > 1),"
	" old AS (DELETE FROM @.teams_account AS a USING entries AS e"
	" WHERE " SAME_ENTRY("a", "e") " RETURNING a.*),"
	" sums AS (INSERT INTO @.teams_account (bot, broadcast, entry, messages,"
	" latest) SELECT bot, broadcast, entry, sum(messages), max(latest) FROM old"
	" GROUP BY bot, broadcast, entry)"
	" SELECT (SELECT count(*)::int FROM new), (SELECT max(id) FROM new)",
	STATEMENT_ARGS(INT8OID, INT4OID)
};

/*
 * Add up the account: up to so many rows behind an id, which is moved on.
 * False if there are more.
 */
bool
outbox_fold_account(int64 *after, int most)
{
	Datum		values[] = {Int64GetDatum(*after), Int32GetDatum(most)};
	bool		is_all;

	statement_run(&fold_account, values, NULL);
	is_all = result_int4(0, 1) < most;
	*after = Max(*after, result_int8(0, 2));
	return is_all;
}
