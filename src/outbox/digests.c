/*
 * digests.c
 *	  Rows of triggers that wait for the digest that they are in.
 *
 * Who writes one never waits for who writes another, nor for who sends: there
 * is no row that they share.  A row belongs to the digest of its key, and of
 * the person by whatever name, which is due when the first of its rows is.
 * Who sends takes what he sees of it in one statement, and deletes just that.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "outbox/digests.h"
#include "outbox/session.h"
#include "outbox/sql.h"
#include "outbox/statement.h"

/* ----------
 * Collecting
 * ----------
 */

static Statement collect_rows = {
	"INSERT INTO @.teams_digest_row (digest, sender, bot, scope, target, team,"
	" thread, locale, priority, template, expires, schema_name, table_name,"
	" trigger_name, operation, due_at, data)"
	" SELECT pg_catalog.sha256($1), $2[1], $2[2], $2[3], $2[4], $2[5], $2[6],"
	" $2[7], $2[8], $2[9], $3, $2[10], $2[11], $2[12], $2[13],"
	" pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) $4,"
	" a.data::pg_catalog.json"
	" FROM ROWS FROM (pg_catalog.unnest($5)) WITH ORDINALITY AS a (data, n)"
	" ORDER BY a.n",
	STATEMENT_ARGS(BYTEAOID, TEXTARRAYOID, INTERVALOID, INTERVALOID,
				   TEXTARRAYOID)
};

static Datum
text_or_zero(const char *text)
{
	return text != NULL ? CStringGetTextDatum(text) : (Datum) 0;
}

/*
 * Keep rows, as JSON, until so long after now, or until the digest is sent
 * that has others already.
 */
void
outbox_collect(const OutboxDigest *digest, Interval *after,
			   const char *const *rows, int count)
{
	Datum		options[] = {
		text_or_zero(digest->sender), text_or_zero(digest->bot),
		text_or_zero(words_name(&scope_words, digest->scope)),
		text_or_zero(digest->target), text_or_zero(digest->team),
		text_or_zero(digest->thread), text_or_zero(digest->locale),
		text_or_zero(digest->priority), text_or_zero(digest->template),
		text_or_zero(digest->schema), text_or_zero(digest->table),
		text_or_zero(digest->trigger), text_or_zero(digest->operation)
	};
	Datum	   *texts = palloc(count * sizeof(Datum));
	Datum		values[5];
	char		nulls[5] = {' ', ' ', ' ', ' ', ' '};
	Session		session;

	for (int i = 0; i < count; i++)
		texts[i] = CStringGetTextDatum(rows[i]);
	values[0] = CStringGetTextDatum(digest->key);
	values[1] = parameter_array(options, lengthof(options), TEXTOID, &nulls[1]);
	values[2] = IntervalPGetDatum(digest->expires);
	nulls[2] = digest->expires != NULL ? ' ' : 'n';
	values[3] = IntervalPGetDatum(after);
	values[4] = parameter_array(texts, count, TEXTOID, &nulls[4]);
	session_begin(SESSION_CALLER, &session);
	statement_run(&collect_rows, values, nulls);
	session_commit(&session);
}

/* ----------
 * Sending
 * ----------
 */

/*
 * All that can be had is gone, and what is shown of it is returned, a row for
 * each: the first however large it is, or what was deleted would be lost.
 */
static Statement take_digest = {
	"WITH gone AS MATERIALIZED (DELETE FROM @.teams_digest_row"
	" WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT ctid FROM @.teams_digest_row"
	" WHERE digest OPERATOR(pg_catalog.=) $1 AND NOT held"
	" AND target OPERATOR(pg_catalog.=) ANY (ARRAY"
	NAMES_OF("$2", "$3", USER_OF("$2", "$3")) ")"
	" FOR UPDATE SKIP LOCKED)) RETURNING *),"
	" counted AS (SELECT id, data, pg_catalog.row_number() OVER w AS n,"
	" pg_catalog.sum(pg_catalog.octet_length(data::pg_catalog.text)) OVER w AS size,"
	" pg_catalog.count(*) OVER () AS rows FROM gone WINDOW w AS (ORDER BY id))"
	" SELECT g.sender::pg_catalog.text, g.bot, g.scope, g.target, g.team,"
	" g.thread, g.locale, g.priority, g.template, g.schema_name, g.table_name,"
	" g.trigger_name, g.operation,"
	" pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) g.expires,"
	" c.rows, c.data"
	" FROM counted AS c"
	" CROSS JOIN (SELECT * FROM gone ORDER BY id LIMIT 1) AS g"
	" WHERE c.n OPERATOR(pg_catalog.=) 1"
	" OR (c.n OPERATOR(pg_catalog.<=) $4"
	" AND c.size OPERATOR(pg_catalog.<=) $5)"
	" ORDER BY c.n",
	STATEMENT_ARGS(BYTEAOID, TEXTOID, TEXTOID, INT8OID, INT8OID)
};

/* Of the first row of the result. */
static void
read_digest(OutboxDigest *digest, MemoryContext context)
{
	const char **texts[] = {
		&digest->sender, &digest->bot, NULL, &digest->target, &digest->team,
		&digest->thread, &digest->locale, &digest->priority,
		&digest->template, &digest->schema, &digest->table, &digest->trigger,
		&digest->operation
	};

	for (size_t i = 0; i < lengthof(texts); i++)
		if (texts[i] != NULL)
			*texts[i] = result_text(0, i + 1, context);
	digest->scope = result_word(0, 3, &scope_words);
	digest->expires_at = result_timestamp(0, 14);
	digest->count = result_int8(0, 15);
}

/*
 * Take the rows of a digest for a target, by all of its names, and tell of the
 * first of them; false if there are none that nobody has locked.  The target
 * and the bot are texts.  What is returned is palloc'd.
 */
bool
outbox_take_digest(Datum key, Datum bot, Datum target,
				   OutboxDigest *digest)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[] = {key, bot, target,
		Int64GetDatum(OUTBOX_DIGEST_MAX_ROWS),
	Int64GetDatum(OUTBOX_DIGEST_MAX_SIZE)};
	Session		session;

	memset(digest, 0, sizeof(OutboxDigest));
	session_begin(SESSION_CALLER, &session);
	digest->shown = (int) statement_run(&take_digest, values, NULL);
	digest->rows = MemoryContextAlloc(context,
									  (digest->shown + 1) * sizeof(char *));
	if (digest->shown > 0)
		read_digest(digest, context);
	for (int i = 0; i < digest->shown; i++)
		digest->rows[i] = result_text(i, 16, context);
	session_commit(&session);
	return digest->shown > 0;
}

/* In the history, and counted, as one that was accepted. */
static Statement fail_digest = {
	"WITH failed AS (INSERT INTO @.teams_delivery (id, bot, kind, scope,"
	" target, team, sender, fate, attempts, doubtful, error_code, error, hint,"
	" priority, delivery, created_at)"
	" VALUES (pg_catalog.nextval($1), $2[1], 'send', $2[2], $2[3], $2[4],"
	" $2[5], 'failed', 0, false, 'digest_failed', $3, $4, $2[6],"
	" 'at-least-once', pg_catalog.now()) RETURNING id, bot),"
	" account AS (INSERT INTO @.teams_account (bot, entry, messages)"
	" SELECT f.bot, e.entry, 1 FROM failed AS f"
	" CROSS JOIN (VALUES ('accepted'), ('failed')) AS e (entry))"
	" SELECT id FROM failed",
	STATEMENT_ARGS(REGCLASSOID, TEXTARRAYOID, TEXTOID, TEXTOID)
};

/*
 * Write that the message of a digest has failed before there was one.  Returns
 * its id.  The error is in the database's encoding.
 */
int64
outbox_fail_digest(const OutboxDigest *digest, const char *error,
				   const char *hint)
{
	const char *texts[] = {
		digest->bot, words_name(&scope_words, digest->scope), digest->target,
		digest->team, digest->sender, digest->priority
	};
	Datum		values[4];
	Session		session;
	int64		id;

	session_begin(SESSION_CALLER, &session);
	values[0] = ObjectIdGetDatum(statement_relation(OUTBOX_SEQUENCE));
	values[1] = parameter_text_array(texts, lengthof(texts));
	values[2] = CStringGetTextDatum(error);
	values[3] = CStringGetTextDatum(hint);
	statement_run(&fail_digest, values, NULL);
	id = result_int8(0, 1);
	session_commit(&session);
	return id;
}

static Statement next_digest = {
	"SELECT due_at FROM @.teams_digest_row WHERE NOT held"
	" ORDER BY due_at LIMIT 1",
	STATEMENT_NO_ARGS
};

/* The worker, within its session: when the next one is due; 0: none is. */
TimestampTz
outbox_next_digest(void)
{
	return statement_run(&next_digest, NULL, NULL) > 0 ?
		result_timestamp(0, 1) : 0;
}

/* How that is done is up to a function, which judges and renders. */
static Statement send_digest = {
	"SELECT @._teams_send_digest(d.digest, d.bot, d.target)"
	" FROM (SELECT digest, bot, target FROM @.teams_digest_row WHERE NOT held"
	" AND due_at OPERATOR(pg_catalog.<=) pg_catalog.clock_timestamp()"
	" ORDER BY due_at LIMIT 1) AS d",
	STATEMENT_NO_ARGS
};

/*
 * The same: have the one sent that has been due for the longest time.  False
 * if none is; *id is the message's, or 0 if somebody has locked its rows.
 */
bool
outbox_send_digest(int64 *id)
{
	bool		found = statement_run(&send_digest, NULL, NULL) > 0;

	*id = found ? result_int8(0, 1) : 0;
	return found;
}
