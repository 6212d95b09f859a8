/*
 * audiences.c
 *	  The tables of broadcasts: making one, in the caller's transaction.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "outbox/broadcasts.h"
#include "outbox/keys.h"
#include "outbox/sql.h"
#include "outbox/session.h"
#include "outbox/statement.h"

/* A draft, so that nobody hands it over before its audience is complete. */
static Statement create_broadcast = {
	"INSERT INTO @.teams_broadcast (bot, kind, refers_to, title, topic,"
	" activity, template, data, rate, send_at, expires_at, priority,"
	" dedupe_key, delivery, sender, reference, state)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,"
	" pg_catalog.pg_get_userbyid($15), $16, 'draft')"
	" ON CONFLICT (bot, sender, dedupe_key) DO NOTHING RETURNING id",
	STATEMENT_ARGS(TEXTOID, TEXTOID, INT8OID, TEXTOID, TEXTOID, JSONOID,
				   TEXTOID, JSONBOID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID,
				   TEXTOID, TEXTOID, TEXTOID, OIDOID, TEXTOID)
};

/*
 * Make a draft without recipients.  Returns its id, or that of the broadcast
 * that has the key already, and then *is_new is false.  A key whose broadcast
 * came to nothing is free again.
 */
int64
outbox_create_broadcast(const NewBroadcast *broadcast, bool *is_new)
{
	const OutboxNew *options = &broadcast->options;
	Datum		values[16];
	char		nulls[16];
	Session		session;
	int64		id;

	parameter_set_text(&values[0], &nulls[0], options->bot);
	parameter_set_word(&values[1], &nulls[1], &kind_words, broadcast->kind);
	parameter_set_int8(&values[2], &nulls[2], broadcast->refers_to);
	parameter_set_text(&values[3], &nulls[3], broadcast->title);
	parameter_set_text(&values[4], &nulls[4], broadcast->topic);
	parameter_set_text(&values[5], &nulls[5], broadcast->activity);
	parameter_set_text(&values[6], &nulls[6], broadcast->template);
	values[7] = broadcast->data;
	nulls[7] = ' ';
	values[8] = Int32GetDatum(broadcast->rate);
	nulls[8] = broadcast->rate != 0 ? ' ' : 'n';
	parameter_set_int8(&values[9], &nulls[9], options->send_at);
	parameter_set_int8(&values[10], &nulls[10], options->expires_at);
	parameter_set_word(&values[11], &nulls[11], &priority_words,
					   options->priority);
	parameter_set_text(&values[12], &nulls[12], options->dedupe_key);
	parameter_set_word(&values[13], &nulls[13], &delivery_words,
					   options->delivery);
	values[14] = ObjectIdGetDatum(options->sender);
	nulls[14] = ' ';
	parameter_set_text(&values[15], &nulls[15], options->reference);

	session_begin(SESSION_CALLER, &session);
	*is_new = statement_run(&create_broadcast, values, nulls) > 0;
	if (!*is_new && outbox_free_broadcast_key(options))
		*is_new = statement_run(&create_broadcast, values, nulls) > 0;
	id = *is_new ? result_int8(0, 1) : outbox_find_broadcast_key(options);
	session_commit(&session);
	return id;
}

/* What is changed or dropped afterwards is another template. */
static Statement keep_template = {
	"INSERT INTO @.teams_broadcast_template (broadcast, locale, kind, body,"
	" summary) SELECT $1, locale, kind, body, summary FROM @.teams_template"
	" WHERE name OPERATOR(pg_catalog.=) $2",
	STATEMENT_ARGS(INT8OID, TEXTOID)
};

/*
 * Keep a template as it is now, in all its locales, for the broadcast.  False
 * if there is none of that name.
 */
bool
outbox_keep_template(int64 broadcast, const char *name)
{
	Datum		values[] = {Int64GetDatum(broadcast),
	CStringGetTextDatum(name)};
	Session		session;
	bool		found;

	session_begin(SESSION_CALLER, &session);
	found = statement_run(&keep_template, values, NULL) > 0;
	session_commit(&session);
	return found;
}

#define BOT_OF_BROADCAST \
	"(SELECT bot FROM @.teams_broadcast WHERE id OPERATOR(pg_catalog.=) $1)"

/*
 * Whose name a recipient's is, is looked up one by one, as all that is known
 * of them below: nothing is known yet of the sizes of the tables.
 */
static Statement add_recipients = {
	"INSERT INTO @.teams_recipient (broadcast, n, target, user_id, locale,"
	" data, excluded)"
	" SELECT $1, $2 OPERATOR(pg_catalog.+) a.n, a.target,"
	" " USER_OF(BOT_OF_BROADCAST, "a.target") ", a.locale, a.data,"
	" a.excluded FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4),"
	" pg_catalog.unnest($5), pg_catalog.unnest($6))"
	" WITH ORDINALITY AS a (target, locale, data, excluded, n)",
	STATEMENT_ARGS(INT8OID, INT8OID, TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID,
				   TEXTARRAYOID)
};

/* Write a part of an audience; the recipients are numbered from "first" on. */
void
outbox_add_recipients(int64 broadcast, int64 first, const Audience *audience)
{
	Datum		values[6];
	char		nulls[6] = {' ', ' ', ' ', ' ', ' ', ' '};
	int			count = audience->count;
	Session		session;

	values[0] = Int64GetDatum(broadcast);
	values[1] = Int64GetDatum(first - 1);
	values[2] = parameter_array(audience->targets, count, TEXTOID, &nulls[2]);
	values[3] = parameter_array(audience->locales, count, TEXTOID, &nulls[3]);
	values[4] = parameter_array(audience->data, count, JSONBOID, &nulls[4]);
	values[5] = parameter_array(audience->excluded, count, TEXTOID, &nulls[5]);
	session_begin(SESSION_CALLER, &session);
	statement_run(&add_recipients, values, nulls);
	session_commit(&session);
}

/* One person by name and by object id is one. */
#define PERSON(r) "coalesce(" r "user_id, " r "target)"

/* Most have none, and need no join to find that out. */
static Statement find_duplicates = {
	"SELECT FROM @.teams_recipient"
	" WHERE broadcast OPERATOR(pg_catalog.=) $1 AND excluded IS NULL"
	" GROUP BY " PERSON("")
	" HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1 LIMIT 1",
	STATEMENT_ARGS(INT8OID)
};

/* By the key, so that it is no work of all with all. */
static Statement exclude_duplicates = {
	"UPDATE @.teams_recipient AS r SET excluded = 'duplicate'"
	" FROM (SELECT n, pg_catalog.row_number()"
	" OVER (PARTITION BY " PERSON("") " ORDER BY n) AS place"
	" FROM @.teams_recipient"
	" WHERE broadcast OPERATOR(pg_catalog.=) $1 AND excluded IS NULL) AS d"
	" WHERE r.broadcast OPERATOR(pg_catalog.=) $1"
	" AND r.n OPERATOR(pg_catalog.=) d.n"
	" AND d.place OPERATOR(pg_catalog.>) 1",
	STATEMENT_ARGS(INT8OID)
};

/*
 * Whoever gets nothing of the topic, by whatever name they said so.  Most
 * topics have nobody: that is found out before anybody is looked at.
 */
static Statement exclude_opted_out = {
	"UPDATE @.teams_recipient AS r SET excluded = 'opted out'"
	" FROM @.teams_broadcast AS b"
	" WHERE b.id OPERATOR(pg_catalog.=) $1"
	" AND EXISTS (SELECT FROM @.teams_opt_out"
	" WHERE topic OPERATOR(pg_catalog.=) (SELECT topic"
	" FROM @.teams_broadcast WHERE id OPERATOR(pg_catalog.=) $1))"
	" AND r.broadcast OPERATOR(pg_catalog.=) $1 AND r.excluded IS NULL"
	" AND " HAS_OPTED_OUT("b.topic", "b.bot", "r.target", "r.user_id"),
	STATEMENT_ARGS(INT8OID)
};

/* By the directory; those of whom it knows nothing are let be. */
#define WHY_UNREACHABLE \
	"(SELECT CASE WHEN p.is_guest THEN 'guest'" \
	" WHEN NOT p.is_enabled THEN 'disabled'" \
	" WHEN NOT p.is_licensed THEN 'no licence' END" \
	" FROM @.teams_person AS p WHERE p.bot OPERATOR(pg_catalog.=)" \
	" " BOT_OF_BROADCAST \
	" AND p.id OPERATOR(pg_catalog.=) " PERSON("r.") ")"

/* Where no directory has been read, nobody is looked for in it. */
static Statement exclude_unreachable = {
	"UPDATE @.teams_recipient AS r SET excluded = " WHY_UNREACHABLE
	" WHERE broadcast OPERATOR(pg_catalog.=) $1 AND excluded IS NULL"
	" AND EXISTS (SELECT FROM @.teams_person)"
	" AND " WHY_UNREACHABLE " IS NOT NULL",
	STATEMENT_ARGS(INT8OID)
};

/*
 * What was excluded, and how many are left, is counted once; it starts if it
 * is no draft.
 */
static Statement complete_send = {
	"UPDATE @.teams_broadcast AS b SET recipients = c.recipients,"
	" excluded = c.excluded,"
	" state = CASE WHEN $2 THEN 'running' ELSE b.state END"
	" FROM (SELECT pg_catalog.count(*) AS recipients,"
	" pg_catalog.count(excluded) AS excluded FROM @.teams_recipient"
	" WHERE broadcast OPERATOR(pg_catalog.=) $1) AS c"
	" WHERE b.id OPERATOR(pg_catalog.=) $1",
	STATEMENT_ARGS(INT8OID, BOOLOID)
};

/* What is edited or deleted is in the history, or will be. */
static Statement complete_change = {
	"UPDATE @.teams_broadcast AS b SET state = 'running',"
	" up_to = (SELECT last_value FROM @.teams_outbox_id_seq),"
	" recipients = (SELECT pg_catalog.count(*) FROM @.teams_delivery AS d"
	" WHERE d.broadcast OPERATOR(pg_catalog.=) b.refers_to"
	" AND d.fate OPERATOR(pg_catalog.=) 'sent'"
	" AND d.activity_id IS NOT NULL)"
	" WHERE b.id OPERATOR(pg_catalog.=) $1"
	" AND b.kind OPERATOR(pg_catalog.<>) 'send'",
	STATEMENT_ARGS(INT8OID)
};

/*
 * The audience is complete: exclude who must not get the message, and count.
 * Then the broadcast starts, if it shall; one that changes another does in any
 * case.
 */
void
outbox_complete_broadcast(int64 broadcast, bool start)
{
	Datum		values[] = {Int64GetDatum(broadcast), BoolGetDatum(start)};
	Session		session;

	session_begin(SESSION_CALLER, &session);
	if (statement_run(&complete_change, values, NULL) == 0)
	{
		if (statement_run(&find_duplicates, values, NULL) > 0)
			statement_run(&exclude_duplicates, values, NULL);
		statement_run(&exclude_opted_out, values, NULL);
		statement_run(&exclude_unreachable, values, NULL);
		statement_run(&complete_send, values, NULL);
	}
	session_commit(&session);
}
