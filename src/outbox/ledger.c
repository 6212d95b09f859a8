/*
 * ledger.c
 *	  Entering into the ledger what is to be sent.
 *
 * What must survive a crash is written once per batch: the ledger entry before
 * the first byte goes on the wire, and the outcomes.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"

#include "outbox/ledger.h"
#include "outbox/sql.h"
#include "outbox/statement.h"
#include "protocol/rules.h"

/* Is it of a broadcast that people may have opted out of? */
#define HAS_TOPIC(o) \
	"EXISTS (SELECT FROM @.teams_broadcast AS t WHERE t.id = " o ".broadcast" \
	" AND t.topic IS NOT NULL)"

/*
 * Ids that are not in the table come with a null: their rows may have been
 * locked, but then they are there.  They are looked for only if some are
 * missing.  Without $2 what has a topic is left, as if it were locked.
 */
static Statement enter_ledger = {
	"WITH post AS MATERIALIZED ("
	"SELECT o.id, o.kind, o.activity, o.refers_to, o.broadcast"
	" FROM @.teams_outbox AS o"
	" WHERE o.id = ANY ($1) AND " IS_DUE("o") " AND " HAS_TIME("o")
	" AND ($2 OR o.broadcast IS NULL OR NOT " HAS_TOPIC("o") ")"
	" ORDER BY o.id"
	" FOR UPDATE SKIP LOCKED),"
	" batch AS ("
	"INSERT INTO @.teams_inflight (ids)"
	" SELECT array_agg(id) FROM post HAVING count(*) > 0 RETURNING batch)"
	" SELECT b.batch, p.id, p.kind,"
	" coalesce(p.activity, c.activity), p.refers_to IS NOT NULL,"
	" r.conversation_id, r.activity_id,"
	" c.topic IS NOT NULL AND p.kind = 'send'"
	" FROM batch AS b CROSS JOIN post AS p"
	" LEFT JOIN @.teams_broadcast AS c ON c.id = p.broadcast"
	" LEFT JOIN @.teams_delivery AS r ON r.id = p.refers_to"
	" UNION ALL"
	" SELECT NULL, w.id, NULL, NULL, NULL, NULL, NULL, NULL FROM unnest($1) AS w (id)"
	" WHERE (SELECT count(*) FROM post) < cardinality($1)"
	" AND NOT EXISTS (SELECT FROM @.teams_outbox AS o"
	" WHERE o.id = w.id AND " IS_DUE("o") ")"
	" ORDER BY 1 NULLS LAST",
	STATEMENT_ARGS(INT8ARRAYOID, BOOLOID)
};

/*
 * Those of the messages whose recipients have opted out since the audience was
 * made.  It is a statement of its own, as one that names a table waits for
 * whoever has that locked, be it looked at or not.
 */
static Statement find_opted_out = {
	"SELECT o.id FROM @.teams_outbox AS o"
	" JOIN @.teams_broadcast AS c ON c.id = o.broadcast"
	" WHERE o.id = ANY ($1) AND o.kind = 'send' AND c.topic IS NOT NULL AND "
	HAS_OPTED_OUT("c.topic", "o.bot", "o.target", USER_OF("o.bot", "o.target")),
	STATEMENT_ARGS(INT8ARRAYOID)
};

/* Can it be run without waiting?  If so, until the transaction ends. */
static bool
can_find_opted_out(void)
{
	return ConditionalLockRelationOid(statement_relation("teams_person"),
									  AccessShareLock) &&
		ConditionalLockRelationOid(statement_relation("teams_opt_out"),
								   AccessShareLock);
}

/* Few of a batch are to people who have opted out. */
static void
mark_opted_out(Datum ids, OutboxPost *posts, int nposts)
{
	uint64		count = statement_run(&find_opted_out, &ids, NULL);

	for (uint64 i = 0; i < count; i++)
		for (int k = 0; k < nposts; k++)
			if (posts[k].id == result_int8(i, 1))
				posts[k].opted_out = true;
}

/* What is too large or has no UTF-8 is a problem, and is not read. */
static void
take_activity(OutboxPost *post, uint64 row, MemoryContext context)
{
	bool		exact = true;

	post->activity = NULL;
	post->problem = NULL;
	if (result_size(row, 4) > RULES_MAX_STORED)
		post->problem = "Its activity is too large to be read.";
	else
		post->activity = result_exact_text(row, 4, context, &exact);
	if (!exact)
		post->problem = "Its activity cannot be written as UTF-8.";
}

/*
 * Enter messages into the ledger and read what to post, in the context.  Those
 * that somebody has locked are left out, and those that have expired, which
 * outbox_expire() will settle, and those that are gone; the ids of the latter
 * go to gone[count].  Returns the batch's id, 0 if none is left.  Nothing may
 * go on the wire before the transaction is committed.
 */
int64
outbox_enter_ledger(const int64 *ids, int count, MemoryContext context,
					OutboxPost **posts, int *nposts, int64 *gone, int *ngone)
{
	Datum		values[] = {parameter_int8_array(ids, count),
	BoolGetDatum(can_find_opted_out())};
	uint64		rows = statement_run(&enter_ledger, values, NULL);
	int64		batch = rows > 0 ? result_int8(0, 1) : 0;
	bool		has_topics = false;

	*posts = MemoryContextAlloc(context, (rows + 1) * sizeof(OutboxPost));
	*nposts = 0;
	*ngone = 0;
	for (uint64 i = 0; i < rows; i++)
	{
		OutboxPost *post = &(*posts)[*nposts];
		int			kind = result_word(i, 3, &kind_words);

		post->id = result_int8(i, 2);
		post->kind = Max(kind, 0);
		take_activity(post, i, context);
		post->has_referent = result_bool(i, 5);
		post->conversation_id = result_text(i, 6, context);
		post->activity_id = result_text(i, 7, context);
		post->opted_out = false;
		has_topics = has_topics || result_bool(i, 8);
		if (kind >= 0)
			(*nposts)++;
		else
			gone[(*ngone)++] = post->id;
	}
	if (has_topics)
		mark_opted_out(values[0], *posts, *nposts);
	return *nposts > 0 ? batch : 0;
}

/* What is left of a batch is still on the wire. */
static Statement leave_ledger = {
	"UPDATE @.teams_inflight SET ids = ARRAY(SELECT kept.id"
	" FROM unnest(ids) AS kept (id) WHERE kept.id <> ALL ($2))"
	" WHERE batch = ANY ($1)",
	STATEMENT_ARGS(INT8ARRAYOID, INT8ARRAYOID)
};

static Statement close_batches = {
	"DELETE FROM @.teams_inflight WHERE batch = ANY ($1)",
	STATEMENT_ARGS(INT8ARRAYOID)
};

/*
 * Take messages that are to be tried again from their batches: a crash leaves
 * them in no doubt.
 */
void
outbox_leave_ledger(const int64 *batches, int nbatches,
					const int64 *ids, int nids)
{
	Datum		values[2];

	if (nids == 0)
		return;
	values[0] = parameter_int8_array(batches, nbatches);
	values[1] = parameter_int8_array(ids, nids);
	statement_run(&leave_ledger, values, NULL);
}

/* Batches of which each message has been settled or postponed are over. */
void
outbox_close_batches(const int64 *batches, int count)
{
	Datum		values[1];

	if (count == 0)
		return;
	values[0] = parameter_int8_array(batches, count);
	statement_run(&close_batches, values, NULL);
}

/*
 * Only a new message may be there twice: to edit or delete one again does no
 * harm, so that is not called doubtful.
 */
static Statement recover_messages = {
	"WITH ledger AS (DELETE FROM @.teams_inflight RETURNING ids),"
	" doubt AS (SELECT o.id, o.delivery FROM @.teams_outbox AS o"
	" WHERE o.id IN (SELECT unnest(ids) FROM ledger)),"
	" again AS ("
	"UPDATE @.teams_outbox SET attempts = attempts + 1, retrying = true,"
	" doubtful = doubtful OR kind = 'send', error_code = 'interrupted',"
	" error = 'attempted before a crash'"
	" WHERE id IN (SELECT id FROM doubt WHERE delivery = 'at-least-once')),"
	" gone AS ("
	"DELETE FROM @.teams_outbox"
	" WHERE id IN (SELECT id FROM doubt WHERE delivery = 'at-most-once')"
	" RETURNING *),"
	" history AS ("
	"INSERT INTO @.teams_delivery (id, bot, kind, scope, target, team,"
	" broadcast, refers_to, sender, fate, attempts, doubtful, error_code,"
	" error, hint, activity, priority, delivery, created_at, reference,"
	" notify, application_name)"
	" SELECT id, bot, kind, scope, target, team, broadcast, refers_to, sender,"
	" 'failed', attempts + 1, true, 'outcome_unknown', 'attempted before a crash',"
	" 'Look into the chat before you send it again.', activity, priority,"
	" delivery, created_at, reference, notify, application_name"
	" FROM gone ON CONFLICT (id) DO NOTHING),"
	" account AS ("
	"INSERT INTO @.teams_account (bot, broadcast, entry, messages)"
	" SELECT bot, broadcast, 'failed', count(*) FROM gone"
	" GROUP BY bot, broadcast)"
	" SELECT count(*) FROM doubt",
	STATEMENT_NO_ARGS
};

/*
 * Decide about the messages that the ledger has from an earlier life: those
 * are in doubt, and no others.  They are tried again, or have failed if they
 * may arrive once at most.  Returns how many there were.
 */
int64
outbox_recover(void)
{
	statement_run(&recover_messages, NULL, NULL);
	return result_int8(0, 1);
}
