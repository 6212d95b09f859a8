/*
 * messages.c
 *	  What SQL functions do with the outbox, in their callers' transactions.
 *
 * The statements run with the rights of the tables' owner and the search_path
 * of the caller, so every name in them is qualified.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "outbox/keys.h"
#include "outbox/locks.h"
#include "outbox/messages.h"
#include "outbox/session.h"
#include "outbox/sql.h"
#include "outbox/statement.h"
#include "server/wake.h"

/*
 * What this would call, or return, its executor would set up for each message:
 * so the values are given, and the id is known.
 */
static Statement insert_outbox_row = {
	"INSERT INTO @.teams_outbox (id, bot, kind, scope, target, team, activity,"
	" broadcast, refers_to, priority, delivery, sender, due_at, expires_at,"
	" reference, notify, application_name)"
	" OVERRIDING SYSTEM VALUE"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,"
	" $15, $16, $17)",
	STATEMENT_ARGS(INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
				   JSONOID, INT8OID, INT8OID, TEXTOID, TEXTOID, NAMEOID,
				   TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, BOOLOID,
				   TEXTOID)
};

/* There may be bots of the same registration under several names. */
static Statement find_registration = {
	"SELECT FROM @.teams_bot WHERE client_id OPERATOR(pg_catalog.=) $1"
	" AND tenant_id OPERATOR(pg_catalog.=) $2 LIMIT 1",
	STATEMENT_ARGS(UUIDOID, UUIDOID)
};

/* Is it a bot of this database?  Both are uuids. */
bool
outbox_has_registration(Datum client_id, Datum tenant_id)
{
	Datum		values[] = {client_id, tenant_id};
	Session		session;
	bool		found;

	session_begin(SESSION_CALLER, &session);
	found = statement_run_active(&find_registration, values, NULL) > 0;
	session_commit(&session);
	return found;
}

/*
 * A trigger or rule of a user's may have dropped the row; then there is no
 * message, and whoever sends must know.
 */
static void
insert_message(const OutboxNew *message, int64 id)
{
	Datum		values[17];
	char		nulls[17];

	parameter_set_int8(&values[0], &nulls[0], id);
	parameter_set_text(&values[1], &nulls[1], message->bot);
	parameter_set_word(&values[2], &nulls[2], &kind_words, message->kind);
	parameter_set_word(&values[3], &nulls[3], &scope_words, message->scope);
	parameter_set_text(&values[4], &nulls[4], message->target);
	parameter_set_text(&values[5], &nulls[5], message->team);
	parameter_set_text(&values[6], &nulls[6], message->activity);
	parameter_set_int8(&values[7], &nulls[7], message->broadcast);
	parameter_set_int8(&values[8], &nulls[8], message->refers_to);
	parameter_set_word(&values[9], &nulls[9], &priority_words,
					   message->priority);
	parameter_set_word(&values[10], &nulls[10], &delivery_words,
					   message->delivery);
	values[11] = DirectFunctionCall1(pg_get_userbyid,
									 ObjectIdGetDatum(message->sender));
	nulls[11] = ' ';
	parameter_set_int8(&values[12], &nulls[12], message->send_at);
	parameter_set_int8(&values[13], &nulls[13], message->expires_at);
	parameter_set_text(&values[14], &nulls[14], message->reference);
	values[15] = BoolGetDatum(message->notify);
	nulls[15] = message->notify ? ' ' : 'n';
	parameter_set_text(&values[16], &nulls[16],
					   application_name[0] != '\0' ? application_name : NULL);
	if (statement_run(&insert_outbox_row, values, nulls) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
				 errmsg("a trigger or rule has kept the message out of the outbox")));
}

/*
 * Write a message or job in the current transaction.  Returns its id, or that
 * of the message that has its key already.  message->refers_to is set if it
 * answers a thread.
 */
int64
outbox_enqueue(OutboxNew *message)
{
	Session		session;
	bool		is_new = true;
	int64		id = 0;

	session_begin(SESSION_CALLER, &session);
	if (message->dedupe_key != NULL)
		id = outbox_claim_key(message, &is_new);
	if (is_new && id == 0)
	{
		/* What cannot be inserted shall not say that it cannot be numbered. */
		PreventCommandIfReadOnly("INSERT");
		id = nextval_internal(statement_relation(OUTBOX_SEQUENCE), false);
	}
	if (is_new && message->thread != NULL)
		message->refers_to = outbox_claim_thread(message, id);
	if (is_new)
		insert_message(message, id);
	session_commit(&session);
	return id;
}

/* ----------
 * Messages of dry-run bots: they leave the outbox as if they had been sent
 * ----------
 */

/*
 * From a common table expression "gone"; ids are those that a test can tell.
 */
#define WRITE_RECORDED \
	"INSERT INTO @.teams_delivery (id, bot, kind, scope, target, team," \
	" broadcast, refers_to, sender, fate, conversation_id, activity_id," \
	" attempts, doubtful, activity, priority, delivery, created_at," \
	" reference, notify, application_name)" \
	" SELECT id, bot, kind, scope, target, team, broadcast, refers_to," \
	" sender, 'sent', pg_catalog.concat('dry-run:', scope, ':', target)," \
	" CASE WHEN kind OPERATOR(pg_catalog.=) 'send'" \
	" THEN pg_catalog.concat('dry-run-', id)" \
	" WHEN kind OPERATOR(pg_catalog.=) ANY ('{edit,delete}')" \
	" THEN pg_catalog.concat('dry-run-', refers_to) END," \
	" 1, false, activity, priority, delivery, created_at, reference, notify," \
	" application_name" \
	" FROM gone ON CONFLICT (id) DO NOTHING"

static Statement record_message = {
	"WITH gone AS (DELETE FROM @.teams_outbox"
	" WHERE id OPERATOR(pg_catalog.=) $1 RETURNING *) " WRITE_RECORDED,
	STATEMENT_ARGS(INT8OID)
};

/*
 * A message of a dry-run bot that the current transaction has written goes to
 * the history as if it had been sent.
 */
void
outbox_record(int64 id)
{
	Datum		values[] = {Int64GetDatum(id)};
	Session		session;

	session_begin(SESSION_CALLER, &session);
	statement_run(&record_message, values, NULL);
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
	STATEMENT_ARGS(TEXTOID)
};

/*
 * The same for what a dry-run bot has in the outbox otherwise, up to a
 * thousand that are not on the wire.  Returns how many.  To be called by the
 * worker, within its session.
 */
int
outbox_record_pending(const char *bot)
{
	Datum		values[] = {parameter_text(bot)};

	statement_run(&record_pending, values, NULL);
	return (int) result_int8(0, 1);
}

/* ----------
 * Messages that are not on the wire yet, or came to nothing
 * ----------
 */

/*
 * Edits and deletions have the reference of what they change.  Of the index of
 * the outbox, refers_to is the first column.
 */
static Statement find_reference = {
	"SELECT id FROM @.teams_outbox WHERE reference OPERATOR(pg_catalog.=) $1"
	" AND refers_to IS NULL"
	" AND (kind OPERATOR(pg_catalog.=) 'send' OR NOT $2)"
	" UNION ALL SELECT id FROM @.teams_outbox"
	" WHERE reference OPERATOR(pg_catalog.=) $1 AND refers_to IS NOT NULL"
	" AND (kind OPERATOR(pg_catalog.=) 'send' OR NOT $2)"
	" UNION ALL SELECT id FROM @.teams_delivery"
	" WHERE reference OPERATOR(pg_catalog.=) $1"
	" AND (kind OPERATOR(pg_catalog.=) 'send' OR NOT $2)",
	STATEMENT_ARGS(TEXTOID, BOOLOID)
};

/*
 * The ids of all that has the reference, palloc'd, or of the messages without
 * what changes them.  Whose they are is not looked at: as with other ids, that
 * is up to what is done with them.
 */
ArrayType *
outbox_find_reference(const char *reference, bool only_messages)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[] = {CStringGetTextDatum(reference),
	BoolGetDatum(only_messages)};
	Session		session;
	uint64		count;
	int64	   *ids;

	session_begin(SESSION_CALLER, &session);
	count = statement_run(&find_reference, values, NULL);
	ids = result_ids(count, context);
	session_commit(&session);
	return DatumGetArrayTypeP(parameter_int8_array(ids, (int) count));
}

/* The worker is told, since what waited behind one may go now. */
static Statement cancel_messages = {
	"WITH gone AS (DELETE FROM @.teams_outbox"
	" WHERE id OPERATOR(pg_catalog.=) ANY ($1) RETURNING *),"
	WRITE_UNSENT("cancelled", "error_code", "error")
	" SELECT pg_catalog.count(*), pg_catalog.min(id) FROM gone",
	STATEMENT_ARGS(INT8ARRAYOID)
};

/* Locked, a message cannot get on the wire before this transaction ends. */
static int64
cancel_unsent(Unsent which, ArrayType *ids, Oid role)
{
	Datum		values[1];
	int64		count;
	Session		session;

	session_begin(SESSION_CALLER, &session);
	values[0] = PointerGetDatum(outbox_lock_unsent(which, ids, role));
	statement_run(&cancel_messages, values, NULL);
	count = result_int8(0, 1);
	if (count > 0)
		wake_at_commit(result_int8(0, 2));
	session_commit(&session);
	return count;
}

/*
 * Cancel messages that the role may see and that are not on the wire.  Returns
 * how many.
 */
int64
outbox_cancel(ArrayType *ids, Oid role)
{
	return cancel_unsent(UNSENT_VISIBLE, ids, role);
}

/*
 * The same of those that the role, or one of which it is a member, has sent.
 */
int64
outbox_cancel_own(ArrayType *ids, Oid role)
{
	return cancel_unsent(UNSENT_OWN, ids, role);
}

/*
 * Until teams_resume(); see there.  Where a due_at of infinity is looked for,
 * a broadcast is meant, not this.
 */
static Statement hold_loaded = {
	"UPDATE @.teams_outbox SET due_at = 'infinity', retrying = false,"
	" held_due_at = coalesce(due_at, '-infinity')"
	" WHERE id OPERATOR(pg_catalog.=) $1",
	STATEMENT_ARGS(INT8OID)
};

/* Hold a message back that was not written here, until teams_resume(). */
void
outbox_hold_loaded(int64 id)
{
	Datum		values[] = {Int64GetDatum(id)};
	Session		session;

	session_begin(SESSION_CALLER, &session);
	statement_run(&hold_loaded, values, NULL);
	session_commit(&session);
}

/* What waits for a retry keeps nobody behind it while it is held. */
static Statement hold_messages = {
	"UPDATE @.teams_outbox SET due_at = 'infinity', retrying = false"
	" WHERE id OPERATOR(pg_catalog.=) ANY ($1) AND (due_at IS NULL OR retrying)",
	STATEMENT_ARGS(INT8ARRAYOID)
};

/*
 * Hold messages back that the role may see and that are not on the wire, until
 * their due_at is something else again.
 */
void
outbox_hold(ArrayType *ids, Oid role)
{
	Datum		values[1];
	Session		session;

	session_begin(SESSION_CALLER, &session);
	values[0] = PointerGetDatum(outbox_lock_unsent(UNSENT_VISIBLE, ids, role));
	statement_run(&hold_messages, values, NULL);
	session_commit(&session);
}

/*
 * The keys go with it.  Of a broadcast that was edited it says what that says
 * now, and of one that was recalled nothing is sent.  A broadcast counts its
 * recipients: what became of them before is not counted there any more, but
 * still for the bot.
 */
static Statement retry_messages = {
	"WITH again AS (UPDATE @.teams_delivery AS d"
	" SET retried_as = pg_catalog.nextval($4) WHERE id OPERATOR(pg_catalog.=) ANY ($1)"
	" AND fate OPERATOR(pg_catalog.<>) 'sent' AND retried_as IS NULL"
	" AND coalesce(error_code, '') OPERATOR(pg_catalog.<>) ALL"
	" ('{invalid_row,digest_failed}')"
	" AND (broadcast IS NULL OR NOT " IS_RECALLED("d.broadcast") ")"
	" AND " IS_VISIBLE " RETURNING *),"
	" of_broadcasts AS (SELECT bot, broadcast, fate, pg_catalog.count(*) AS messages"
	" FROM again WHERE broadcast IS NOT NULL GROUP BY bot, broadcast, fate),"
	" account AS ("
	"INSERT INTO @.teams_account (bot, broadcast, entry, messages)"
	" SELECT bot, broadcast, fate, OPERATOR(pg_catalog.-) messages"
	" FROM of_broadcasts UNION ALL"
	" SELECT bot, NULL, fate, messages FROM of_broadcasts),"
	" keys AS (UPDATE @.teams_dedupe AS k SET id = a.retried_as FROM again AS a"
	" WHERE k.id OPERATOR(pg_catalog.=) a.id),"
	" threads AS (UPDATE @.teams_thread AS t SET root = a.retried_as"
	" FROM again AS a WHERE t.root OPERATOR(pg_catalog.=) a.id)"
	" INSERT INTO @.teams_outbox (id, bot, kind, scope, target, team, activity,"
	" broadcast, refers_to, priority, delivery, sender, reference, notify)"
	" OVERRIDING SYSTEM VALUE"
	" SELECT retried_as, bot, kind, scope, target, team, CASE"
	" WHEN kind OPERATOR(pg_catalog.=) 'send' AND EXISTS (SELECT"
	" FROM @.teams_broadcast AS b WHERE b.id OPERATOR(pg_catalog.=) again.broadcast"
	" AND b.activity IS NOT NULL) THEN NULL ELSE activity END, broadcast,"
	" refers_to, coalesce(priority, 'normal'), coalesce(delivery, 'at-least-once'),"
	" pg_catalog.pg_get_userbyid($2), reference, notify FROM again"
	" ORDER BY id RETURNING id",
	STATEMENT_ARGS(INT8ARRAYOID, OIDOID, OIDOID, REGCLASSOID)
};

/*
 * Send messages again that the role may see and that were not sent.  Returns
 * how many; their new ids go to *new_ids, palloc'd in the context.
 */
int
outbox_retry(ArrayType *ids, Oid role, MemoryContext context, int64 **new_ids)
{
	Datum		values[4];
	Session		session;
	uint64		count;

	session_begin(SESSION_CALLER, &session);
	values[0] = PointerGetDatum(ids);
	values[1] = ObjectIdGetDatum(role);
	values[2] = ObjectIdGetDatum(statement_relation("teams_outbox"));
	values[3] = ObjectIdGetDatum(statement_relation(OUTBOX_SEQUENCE));
	count = statement_run(&retry_messages, values, NULL);
	*new_ids = result_ids(count, context);
	session_commit(&session);
	return (int) count;
}

/*
 * In the history, or still in the outbox, and then why it waits, as
 * teams_message_detail has it; the xmin tells whether this transaction has
 * written it.
 */
static Statement read_fate = {
	"SELECT " ROLE_OF("d.sender") ", d.fate, d.error_code, d.error, d.hint,"
	" NULL::pg_catalog.xid, NULL::pg_catalog.timestamptz, false"
	" FROM @.teams_delivery AS d WHERE d.id OPERATOR(pg_catalog.=) $1"
	" UNION ALL"
	" SELECT " ROLE_OF("o.sender") ", NULL,"
	" CASE WHEN b.bot IS NULL THEN 'bot_not_configured'"
	" WHEN b.paused_at IS NOT NULL THEN 'bot_paused'"
	" WHEN o.held_due_at IS NOT NULL THEN 'loaded'"
	" WHEN b.trouble IS NOT NULL THEN 'bot_in_trouble'"
	" ELSE o.error_code END,"
	" CASE WHEN b.bot IS NULL THEN 'the bot does not exist'"
	" WHEN b.paused_at IS NOT NULL THEN b.paused_reason"
	" WHEN o.held_due_at IS NOT NULL THEN " LOADED_REASON
	" WHEN b.trouble IS NOT NULL THEN b.trouble ELSE o.error END,"
	" CASE WHEN b.bot IS NULL THEN 'Create it with teams_configure(), or call teams_cancel().'"
	" WHEN b.paused_at IS NOT NULL THEN b.paused_hint"
	" WHEN o.held_due_at IS NOT NULL"
	" THEN 'Call teams_resume() if it shall be sent, else teams_cancel().'"
	" WHEN b.trouble IS NOT NULL THEN b.trouble_hint END,"
	" o.xmin, CASE WHEN NOT o.retrying THEN o.due_at END,"
	" b.bot IS NULL OR b.paused_at IS NOT NULL OR o.held_due_at IS NOT NULL"
	" FROM @.teams_outbox AS o LEFT JOIN @.teams_bot AS b"
	" ON b.bot OPERATOR(pg_catalog.=) o.bot"
	" WHERE o.id OPERATOR(pg_catalog.=) $1",
	STATEMENT_ARGS(INT8OID)
};

/*
 * What became of a message by now, whatever the caller's transaction has seen
 * of it; palloc'd in the context, in UTF-8.
 */
MessageFate *
outbox_fate(int64 id, MemoryContext context)
{
	Datum		values[] = {Int64GetDatum(id)};
	MessageFate *fate = MemoryContextAllocZero(context, sizeof(MessageFate));
	Session		session;

	session_begin(SESSION_CALLER, &session);
	if (statement_run_latest(&read_fate, values, NULL) == 0)
		fate->state = FATE_UNKNOWN;
	else
	{
		TransactionId xmin = (TransactionId) result_int4(0, 6);
		int			known = result_word(0, 2, &fate_words);

		fate->sender = (Oid) result_int4(0, 1);
		fate->fate = Max(known, 0);
		fate->error_code = result_text(0, 3, context);
		fate->error = result_text(0, 4, context);
		fate->hint = result_text(0, 5, context);
		fate->due_at = result_timestamp(0, 7);
		fate->needs_somebody = result_bool(0, 8);
		fate->state = known >= 0 ? FATE_SETTLED :
			TransactionIdIsCurrentTransactionId(xmin) ? FATE_UNCOMMITTED :
			FATE_PENDING;
	}
	session_commit(&session);
	return fate;
}
