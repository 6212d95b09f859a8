/*
 * keys.c
 *	  The applications' keys, by which a message is written once, a thread is
 *	  found again, and a broadcast is made once.
 *
 * They are each sender's own, so that nobody can take another's, or keep it
 * waiting.  A key stands for a message that is pending, was sent, or may have
 * been; what came to nothing gives its key to the next.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "outbox/keys.h"
#include "outbox/sql.h"
#include "outbox/statement.h"

/* ----------
 * Messages
 * ----------
 */

#define CAME_TO_NOTHING(id) \
	"EXISTS (SELECT FROM @.teams_delivery AS d" \
	" WHERE d.id OPERATOR(pg_catalog.=) " id \
	" AND d.fate OPERATOR(pg_catalog.<>) 'sent' AND NOT d.doubtful)"

#define IS_THE_KEY \
	"k.bot OPERATOR(pg_catalog.=) $1" \
	" AND k.sender OPERATOR(pg_catalog.=) pg_catalog.pg_get_userbyid($2)" \
	" AND k.dedupe_key OPERATOR(pg_catalog.=) $3"

/* A key waits for the transaction that has written it. */
static Statement claim_key = {
	"INSERT INTO @.teams_dedupe (bot, sender, dedupe_key, id)"
	" VALUES ($1, pg_catalog.pg_get_userbyid($2), $3, pg_catalog.nextval($4))"
	" ON CONFLICT ON CONSTRAINT teams_dedupe_pkey DO NOTHING RETURNING id",
	STATEMENT_ARGS(TEXTOID, OIDOID, TEXTOID, REGCLASSOID)
};

/* Whether the message came to nothing decides who may have the key. */
static Statement find_key = {
	"SELECT id, " CAME_TO_NOTHING("k.id") " FROM @.teams_dedupe AS k"
	" WHERE " IS_THE_KEY,
	STATEMENT_ARGS(TEXTOID, OIDOID, TEXTOID)
};

/* One of several that try it at the same time gets it. */
static Statement take_key = {
	"UPDATE @.teams_dedupe AS k SET id = pg_catalog.nextval($4)"
	" WHERE " IS_THE_KEY " AND " CAME_TO_NOTHING("k.id") " RETURNING id",
	STATEMENT_ARGS(TEXTOID, OIDOID, TEXTOID, REGCLASSOID)
};

/* It was there a moment ago, when the INSERT met it. */
static void
key_is_lost(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("what the dedupe_key stands for has just been removed"),
			 errhint("Try again.")));
}

/*
 * The id for a message with a dedupe_key: a new one, or that of the message
 * that has the key already, and then *is_new is false.
 */
int64
outbox_claim_key(const OutboxNew *message, bool *is_new)
{
	Datum		values[4];

	values[0] = CStringGetTextDatum(message->bot);
	values[1] = ObjectIdGetDatum(message->sender);
	values[2] = CStringGetTextDatum(message->dedupe_key);
	values[3] = ObjectIdGetDatum(statement_relation(OUTBOX_SEQUENCE));

	*is_new = statement_run(&claim_key, values, NULL) > 0;
	if (*is_new)
		return result_int8(0, 1);
	if (statement_run(&find_key, values, NULL) == 0)
		key_is_lost();
	if (!result_bool(0, 2))
		return result_int8(0, 1);
	*is_new = statement_run(&take_key, values, NULL) > 0;
	if (!*is_new && statement_run(&find_key, values, NULL) == 0)
		key_is_lost();
	return result_int8(0, 1);
}

/* ----------
 * Threads
 * ----------
 */

/* What was not sent, or nobody knows whether, has no id to be answered. */
#define WAS_NOT_SENT(id) \
	"EXISTS (SELECT FROM @.teams_delivery AS d" \
	" WHERE d.id OPERATOR(pg_catalog.=) " id \
	" AND d.fate OPERATOR(pg_catalog.<>) 'sent')"

/* Most messages answer a thread that is there, and need not write. */
static Statement find_thread = {
	"SELECT root FROM @.teams_thread AS t WHERE t.bot OPERATOR(pg_catalog.=) $1"
	" AND t.scope OPERATOR(pg_catalog.=) $2"
	" AND t.target OPERATOR(pg_catalog.=) $3"
	" AND t.sender OPERATOR(pg_catalog.=) pg_catalog.pg_get_userbyid($4)"
	" AND t.thread OPERATOR(pg_catalog.=) $5 AND NOT " WAS_NOT_SENT("t.root"),
	STATEMENT_ARGS(TEXTOID, TEXTOID, TEXTOID, OIDOID, TEXTOID)
};

/*
 * A key waits for the transaction that has written it.  A thread whose first
 * message came to nothing is started anew.
 */
static Statement claim_thread = {
	"INSERT INTO @.teams_thread AS t (bot, scope, target, sender, thread, root)"
	" VALUES ($1, $2, $3, pg_catalog.pg_get_userbyid($4), $5, $6)"
	" ON CONFLICT ON CONSTRAINT teams_thread_pkey DO UPDATE"
	" SET root = CASE WHEN " WAS_NOT_SENT("t.root")
	" THEN excluded.root ELSE t.root END RETURNING root",
	STATEMENT_ARGS(TEXTOID, TEXTOID, TEXTOID, OIDOID, TEXTOID, INT8OID)
};

/*
 * The message that started the thread with the message's key, if that was not
 * the one with this id: then it does, and 0 is returned.
 */
int64
outbox_claim_thread(const OutboxNew *message, int64 id)
{
	Datum		values[6];
	int64		root;

	values[0] = CStringGetTextDatum(message->bot);
	values[1] = CStringGetTextDatum(words_name(&scope_words, message->scope));
	values[2] = CStringGetTextDatum(message->target);
	values[3] = ObjectIdGetDatum(message->sender);
	values[4] = CStringGetTextDatum(message->thread);
	values[5] = Int64GetDatum(id);

	/* Those who answer do not wait for each other. */
	if (statement_run(&find_thread, values, NULL) == 0)
		statement_run(&claim_thread, values, NULL);
	root = result_int8(0, 1);
	return root != id ? root : 0;
}

/* ----------
 * Broadcasts
 * ----------
 */

static Statement find_broadcast_key = {
	"SELECT id FROM @.teams_broadcast AS k WHERE " IS_THE_KEY,
	STATEMENT_ARGS(TEXTOID, OIDOID, TEXTOID)
};

/* It was cancelled or recalled, or had expired before anybody got it. */
static Statement free_broadcast_key = {
	"UPDATE @.teams_broadcast AS k SET dedupe_key = NULL WHERE " IS_THE_KEY
	" AND (k.state OPERATOR(pg_catalog.=) 'cancelled' OR " IS_RECALLED("k.id")
	" OR (k.state OPERATOR(pg_catalog.=) 'done'"
	" AND k.fed OPERATOR(pg_catalog.=) 0"
	" AND k.recipients OPERATOR(pg_catalog.>) k.excluded))",
	STATEMENT_ARGS(TEXTOID, OIDOID, TEXTOID)
};

/* Bot, sender and key, as parameters 1 to 3. */
static void
set_key_parameters(Datum *values, const OutboxNew *options)
{
	values[0] = CStringGetTextDatum(options->bot);
	values[1] = ObjectIdGetDatum(options->sender);
	values[2] = CStringGetTextDatum(options->dedupe_key);
}

/*
 * Take the dedupe_key from a broadcast that came to nothing; false if the one
 * that has it did not.
 */
bool
outbox_free_broadcast_key(const OutboxNew *options)
{
	Datum		values[3];

	set_key_parameters(values, options);
	return statement_run(&free_broadcast_key, values, NULL) > 0;
}

/* The broadcast that has the key. */
int64
outbox_find_broadcast_key(const OutboxNew *options)
{
	Datum		values[3];

	set_key_parameters(values, options);
	if (statement_run(&find_broadcast_key, values, NULL) == 0)
		key_is_lost();
	return result_int8(0, 1);
}
