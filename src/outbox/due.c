/*
 * due.c
 *	  Reading what is due.
 *
 * One process owns a database's outbox, so reading takes no lock and marks
 * nothing.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/memutils.h"

#include "base/trust.h"
#include "outbox/due.h"
#include "outbox/sql.h"
#include "outbox/statement.h"

/*
 * Has Graph to be asked, even if the target is known?  A job to install the
 * bot has reached its end where the bot is.
 */
#define ASKS_ANYHOW(o) "(" IS_JOB(o) " AND " o ".kind <> 'install')"

/*
 * The columns by which all statements here begin.  Those of the message itself
 * and of what teams_installation knows of its target are in the lists below; a
 * channel is where its team is.  Others may follow, which are the statement's
 * own.
 */
typedef enum MessageColumn
{
	COLUMN_ID = 1,
	COLUMN_BOT,
	COLUMN_KIND,
	COLUMN_SCOPE,
	COLUMN_TARGET,
	COLUMN_PRIORITY,
	COLUMN_ATTEMPTS,
	COLUMN_RETRYING,
	COLUMN_AT_MOST_ONCE,
	COLUMN_ERROR_CODE,
	COLUMN_TEAM,
	COLUMN_STATE,
	COLUMN_HAS_ERROR,
	COLUMN_CHAT_ID,
	COLUMN_SERVICE_URL,
	COLUMN_INSTALLATION_ID,
	COLUMN_USER_ID,
	COLUMN_VERIFY_AT,
	COLUMN_IS_HELD,				/* IS_HELD_BY_TEAM() */
	COLUMN_PLACE,				/* PLACE_COLUMNS() */
	COLUMN_PLACE_URL,
	COLUMN_PARTY,				/* PARTY_OF() */
	FIRST_OWN_COLUMN
} MessageColumn;

#define MESSAGE_COLUMNS(o) \
	o ".id, " o ".bot, " o ".kind, " o ".scope, " o ".target," \
	" " o ".priority, " o ".attempts, " o ".retrying," \
	" " o ".delivery = 'at-most-once', substr(" o ".error_code, 1, 255)," \
	" " o ".team"
#define CHAT_OF(o, i) \
	"CASE WHEN " o ".team IS NULL THEN " i ".chat_id ELSE " o ".target END"
#define TARGET_COLUMNS(o, i) \
	STATE_OF(i) ", " i ".error_code IS NOT NULL, " CHAT_OF(o, i) "," \
	" " i ".service_url, " PERSON_COLUMNS(i)

/* A name may be another's by now; and what tells whether it is. */
#define STATE_OF(i) \
	"CASE WHEN " i ".state = 'installed' AND " i ".verify_at <= now()" \
	" THEN 'unverified' ELSE " i ".state END"
#define PERSON_COLUMNS(i) \
	"CASE WHEN " i ".user_id IS NOT NULL THEN " i ".installation_id END" \
	" AS installation_id, " i ".user_id, " i ".verify_at"

/*
 * Who has a share of what Graph is asked: a sender in each priority, and his
 * broadcasts, all together, beside his other messages.
 */
#define PARTY_OF(o) \
	"hashnameextended(" o ".sender," \
	" ascii(" o ".priority) * 2 + (" o ".broadcast IS NOT NULL)::int)"

#define JOIN_TARGET(o, i) \
	" LEFT JOIN @.teams_installation AS " i " ON " i ".bot = " o ".bot" \
	" AND " i ".scope = CASE WHEN " o ".team IS NULL THEN " o ".scope" \
	" ELSE 'team' END AND " i ".target = coalesce(" o ".team, " o ".target)"

/*
 * Does an earlier message hold the message back?  Retries do, and what asks
 * Graph about a target that is known, as it may change what is: from its time
 * on.
 */
#define HOLDS(r) \
	"(" r ".retrying OR (" ASKS_ANYHOW(r) " AND " r ".due_at IS NULL))"
#define IS_NOT_HELD(o) \
	"NOT EXISTS (SELECT FROM @.teams_outbox AS r WHERE " HOLDS("r") \
	" AND r.bot = " o ".bot AND r.scope = " o ".scope" \
	" AND r.target = " o ".target AND r.id < " o ".id)"

/*
 * Channels are targets of their own, but the bot comes and goes with their
 * team.  So what is for a channel waits for earlier jobs of its team that may
 * change whether the bot is there, or which version; and what takes the bot
 * away waits for what was sent before to any of the channels.  The other jobs
 * do not, as one channel must not keep them, and so the others, waiting.  The
 * first part of the condition is that of an index, and the ids are compared as
 * below.
 */
#define IS_ON(r) "(" IS_DUE(r) " OR " r ".retrying)"
#define IS_HELD_BY_TEAM(o) \
	"CASE WHEN " o ".team IS NOT NULL THEN EXISTS (" \
	"SELECT FROM @.teams_outbox AS j WHERE (j.retrying" \
	" OR " IS_JOB("j") ")" \
	" AND j.bot = " o ".bot AND j.scope = 'team' AND j.target = " o ".team" \
	" AND j.id < " o ".id AND " IS_JOB("j") " AND j.kind <> 'check'" \
	" AND " IS_ON("j") ")" \
	" WHEN " o ".kind = 'uninstall' AND " o ".scope = 'team' THEN EXISTS (" \
	"SELECT FROM @.teams_outbox AS c WHERE c.bot = " o ".bot" \
	" AND c.team = " o ".target AND (c.team, c.id) < (" o ".target, " o ".id)" \
	" AND " IS_ON("c") ")" \
	" ELSE false END"

/*
 * What edits, deletes or answers a message that waits for its time waits with
 * it, until that is due.
 */
#define WAITS(o) \
	"EXISTS (SELECT FROM @.teams_outbox AS w WHERE w.id = " o ".refers_to" \
	" AND w.due_at IS NOT NULL)"

/*
 * Where what an edit or a deletion changes is, which is known once that has
 * its fate: neither whose name the target is nor whether the bot is there
 * matters then.  Empty if it was not sent.  Of a thread, its channel.
 */
#define IS_CHANGE(o) o ".kind IN ('edit', 'delete')"
#define CHAT_OF_DELIVERY(d) "split_part(" d ".conversation_id, ';', 1)"
#define PLACE_OF(o) \
	"CASE WHEN " IS_CHANGE(o) " THEN coalesce((" \
	"SELECT " CHAT_OF_DELIVERY("xd") " FROM @.teams_delivery AS xd" \
	" WHERE xd.id = " o ".refers_to AND xd.activity_id IS NOT NULL)," \
	" (SELECT '' WHERE NOT EXISTS (SELECT FROM @.teams_outbox AS xo" \
	" WHERE xo.id = " o ".refers_to))) END"

/* The service URL of that chat, if it is known, whoever is there by now. */
#define PLACE_URL_OF(o) \
	"(SELECT xi.service_url FROM @.teams_delivery AS xd" \
	" JOIN @.teams_installation AS xi ON xi.bot = xd.bot" \
	" AND xi.chat_id = " CHAT_OF_DELIVERY("xd") \
	" WHERE xd.id = " o ".refers_to AND " IS_CHANGE(o) \
	" AND xi.service_url IS NOT NULL LIMIT 1)"
#define PLACE_COLUMNS(o) PLACE_OF(o) ", " PLACE_URL_OF(o)

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

/* What a state means for the next message; -1 is none. */
static TargetKnowledge
knowledge_of(int state, bool has_error, const char *chat_id)
{
	switch (state)
	{
		case INSTALL_INSTALLED:
			/* Of a team, General may not have been asked for. */
			return chat_id != NULL ? KNOWN_INSTALLED : KNOWN_NOT;
		case INSTALL_UNVERIFIED:
			return KNOWN_UNVERIFIED;
		case INSTALL_REMOVED:
			return KNOWN_REMOVED;
		case INSTALL_UNINSTALLED:
			return KNOWN_UNINSTALLED;
		case INSTALL_BLOCKED:
			return KNOWN_BLOCKED;
		case INSTALL_STALE:
			return has_error ? KNOWN_LOST : KNOWN_NOT;
		default:
			return KNOWN_NOT;
	}
}

/*
 * What is wrong with a row that no trigger has judged, so that nothing can be
 * done for it: as it was written before there were such rules, or by somebody
 * who may pass them by.
 */
static const char *
message_problem(const OutboxMessage *message, int kind, int scope, bool exact)
{
	if (kind < 0 || scope < 0)
		return "Its kind or scope is none that there is.";
	if (!exact)
		return "Its bot or target cannot be written as UTF-8.";
	if (strlen(message->target) > TRUST_MAX_ID ||
		(message->team != NULL && strlen(message->team) > TRUST_MAX_ID))
		return "Its target or team is too long.";
	return NULL;
}

/*
 * What none of the enums knows, or has no UTF-8, makes the message one with a
 * problem; the rest of it can be used nevertheless.
 */
static void
take_message(OutboxMessage *message, uint64 row, MemoryContext context)
{
	int			kind = result_word(row, COLUMN_KIND, &kind_words);
	int			scope = result_word(row, COLUMN_SCOPE, &scope_words);
	int			priority = result_word(row, COLUMN_PRIORITY, &priority_words);
	int			state = result_word(row, COLUMN_STATE, &install_state_words);
	bool		exact = true;

	message->id = result_int8(row, COLUMN_ID);
	message->bot = result_exact_text(row, COLUMN_BOT, context, &exact);
	message->kind = Max(kind, 0);
	message->scope = Max(scope, 0);
	message->target = result_exact_text(row, COLUMN_TARGET, context, &exact);
	message->priority = priority >= 0 ? priority : PRIORITY_NORMAL;
	message->attempts = result_int4(row, COLUMN_ATTEMPTS);
	message->retrying = result_bool(row, COLUMN_RETRYING);
	message->at_most_once = result_bool(row, COLUMN_AT_MOST_ONCE);
	message->error_code = result_text(row, COLUMN_ERROR_CODE, context);
	message->team = result_exact_text(row, COLUMN_TEAM, context, &exact);
	message->problem = message_problem(message, kind, scope, exact);
	message->chat_id = result_text(row, COLUMN_CHAT_ID, context);
	message->knowledge =
		knowledge_of(state, result_bool(row, COLUMN_HAS_ERROR),
					 message->chat_id);
	message->service_url = result_text(row, COLUMN_SERVICE_URL, context);
	message->installation_id = result_text(row, COLUMN_INSTALLATION_ID,
										   context);
	message->user_id = result_text(row, COLUMN_USER_ID, context);
	message->verify_at = result_timestamp(row, COLUMN_VERIFY_AT);
	message->is_held = result_bool(row, COLUMN_IS_HELD);
	message->place = result_text(row, COLUMN_PLACE, context);
	message->place_url = result_text(row, COLUMN_PLACE_URL, context);
	message->party = result_int8(row, COLUMN_PARTY);
}

/* Zeroed, so that what a statement does not have is 0, false or NULL. */
static OutboxMessage *
make_messages(uint64 count, MemoryContext context)
{
	return MemoryContextAllocZero(context,
								  (count + 1) * sizeof(OutboxMessage));
}

/* Is it of a party that its sweep leaves out? */
#define IS_LEFT_OUT(d) \
	"((" d ".sweep, " d ".party) IN (SELECT * FROM unnest($11, $12)))"

/*
 * Has the table nothing else that is before it, and due to the same target?
 * What comes later comes behind it.
 */
#define IS_FIRST(d) \
	"NOT EXISTS (SELECT FROM " EACH_PRIORITY("xk") " CROSS JOIN LATERAL (" \
	"SELECT FROM @.teams_outbox AS xp WHERE xp.bot = " d ".bot" \
	" AND xp.scope = " d ".scope AND xp.target = " d ".target" \
	" AND " IDS_BETWEEN("xp", "xk.priority", "0", d ".id - 1") \
	" AND " IS_DUE("xp") " LIMIT 1) AS xf)"

/* How far a sweep came is in each row of what it found, or in one without. */
typedef enum DueColumn
{
	COLUMN_AT_ONCE = FIRST_OWN_COLUMN,
	COLUMN_IS_EARLIER,
	COLUMN_FOUND_BY,
	COLUMN_SWEEP,				/* the same, and there if nothing was found */
	COLUMN_LAST,
	COLUMN_SCANNED,
	COLUMN_PASSED_FROM
} DueColumn;

/*
 * A sweep goes by (bot, priority, id), so that it never looks twice at what
 * other transactions keep from being vacuumed.
 */
static Statement read_due = {
	"WITH scanned AS MATERIALIZED ("
	"SELECT s.n::int - 1 AS sweep, s.takes_known, s.takes_unknown, s.alone,"
	" s.ahead, s.first_party, o.*,"
	" " STATE_OF("i") " AS state, i.error_code AS target_error,"
	" " CHAT_OF("o", "i") " AS chat_id, i.service_url,"
	" " PERSON_COLUMNS("i") ","
	" coalesce((" STATE_OF("i") " = 'installed'"
	" AND " CHAT_OF("o", "i") " IS NOT NULL"
	" AND NOT " ASKS_ANYHOW("o") ") OR (" IS_MESSAGE("o")
	" AND i.state IN ('removed', 'uninstalled', 'blocked')), false) AS known,"
	" " PLACE_OF("o") " AS place, " PLACE_URL_OF("o") " AS place_url"
	" FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) WITH ORDINALITY"
	" AS s (bot, priority, after, takes_known, takes_unknown, alone, ahead,"
	" room, first_party, n)"
	" CROSS JOIN LATERAL ("
	"SELECT p.id, p.bot, p.kind, p.scope, p.target, p.priority, p.attempts,"
	" p.retrying, p.delivery, p.error_code, p.team, p.expires_at,"
	" p.refers_to, " PARTY_OF("p") " AS party FROM @.teams_outbox AS p"
	" WHERE p.bot = s.bot AND "
	IDS_BETWEEN("p", "s.priority", "s.after + 1", LAST_ID)
	" AND p.due_at IS NULL" IN_ORDER("p") " LIMIT s.room) AS o"
	JOIN_TARGET("o", "i") "),"
	" due AS (SELECT d.*, a.at_once FROM scanned AS d CROSS JOIN LATERAL ("
	"SELECT d.known OR (d.takes_known AND d.place IS NOT NULL"
	" AND " IS_FIRST("d") ") AS at_once OFFSET 0) AS a"
	" WHERE CASE WHEN a.at_once THEN d.takes_known ELSE d.takes_unknown END"
	" AND NOT " IS_LEFT_OUT("d")
	" AND " HAS_TIME("d") " AND NOT " WAITS("d") " AND " IS_NOT_HELD("d") "),"
	" found AS MATERIALIZED (SELECT " MESSAGE_COLUMNS("d") ", d.state,"
	" d.target_error IS NOT NULL, d.chat_id, d.service_url,"
	" d.installation_id, d.user_id, d.verify_at, " IS_HELD_BY_TEAM("d") ","
	" d.place, d.place_url, d.party, d.at_once, false, d.sweep FROM due AS d"
	" UNION ALL"
	" SELECT " MESSAGE_COLUMNS("e") ", d.state, d.target_error IS NOT NULL,"
	" d.chat_id, d.service_url, d.installation_id, d.user_id, d.verify_at,"
	" " IS_HELD_BY_TEAM("e") ", " PLACE_COLUMNS("e") ", d.party, false, true,"
	" d.sweep FROM due AS d"
	" JOIN " EACH_PRIORITY("o")
	" ON CASE WHEN o.priority = d.priority THEN d.ahead ELSE NOT d.alone END"
	" OR d.state IN ('removed', 'uninstalled', 'blocked') OR " ASKS_ANYHOW("d")
	" CROSS JOIN LATERAL ("
	"SELECT p.* FROM @.teams_outbox AS p"
	" WHERE p.bot = d.bot AND p.scope = d.scope AND p.target = d.target"
	" AND " IDS_BETWEEN("p", "o.priority", "0", "d.id - 1")
	" AND " IS_DUE("p") " AND " HAS_TIME("p") " AND NOT " WAITS("p")
	IN_ORDER("p") " LIMIT $10) AS e),"
	" progress AS (SELECT d.sweep, max(d.id), count(*)::int,"
	" min(d.id) FILTER (WHERE NOT d.known AND d.party <> d.first_party"
	" AND " IS_LEFT_OUT("d") ") FROM scanned AS d GROUP BY d.sweep)"
	" SELECT f.*, p.* FROM progress AS p"
	" LEFT JOIN found AS f ON f.sweep = p.sweep ORDER BY f.id",
	STATEMENT_ARGS(TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, BOOLARRAYOID,
				   BOOLARRAYOID, BOOLARRAYOID, BOOLARRAYOID, INT8ARRAYOID,
				   INT8ARRAYOID, INT4OID, INT8ARRAYOID, INT8ARRAYOID)
};

/* The same in all rows of a sweep. */
static void
take_progress(OutboxSweep *sweep, uint64 row)
{
	sweep->last = result_int8(row, COLUMN_LAST);
	sweep->scanned = result_int4(row, COLUMN_SCANNED);
	sweep->passed_from = result_int8(row, COLUMN_PASSED_FROM);
}

/* The sweeps, as the arrays that are parameters 1 to 9. */
static void
set_sweeps(const OutboxSweep *sweeps, int nsweeps, Datum *values)
{
	const char **bots = palloc(nsweeps * sizeof(char *));
	int		   *priorities = palloc(nsweeps * sizeof(int));
	int64	   *after = palloc(nsweeps * sizeof(int64));
	int64	   *room = palloc(nsweeps * sizeof(int64));
	bool	   *known = palloc(nsweeps * sizeof(bool));
	bool	   *unknown = palloc(nsweeps * sizeof(bool));
	bool	   *alone = palloc(nsweeps * sizeof(bool));
	bool	   *ahead = palloc(nsweeps * sizeof(bool));
	int64	   *first_parties = palloc(nsweeps * sizeof(int64));

	for (int i = 0; i < nsweeps; i++)
	{
		bots[i] = sweeps[i].bot;
		priorities[i] = sweeps[i].priority;
		after[i] = sweeps[i].after;
		room[i] = sweeps[i].room;
		known[i] = sweeps[i].known;
		unknown[i] = sweeps[i].unknown;
		alone[i] = sweeps[i].alone;
		ahead[i] = sweeps[i].ahead;
		first_parties[i] = sweeps[i].first_party;
	}
	values[0] = parameter_text_array(bots, nsweeps);
	values[1] = parameter_word_array(priorities, nsweeps, &priority_words);
	values[2] = parameter_int8_array(after, nsweeps);
	values[3] = parameter_bool_array(known, nsweeps);
	values[4] = parameter_bool_array(unknown, nsweeps);
	values[5] = parameter_bool_array(alone, nsweeps);
	values[6] = parameter_bool_array(ahead, nsweeps);
	values[7] = parameter_int8_array(room, nsweeps);
	values[8] = parameter_int8_array(first_parties, nsweeps);
}

/* The parties that sweeps leave out: parameters 11 and 12. */
static void
set_parties(const OutboxSweep *sweeps, int nsweeps, Datum *values)
{
	int64	   *sources;
	int64	   *parties;
	int			count = 0;

	for (int i = 0; i < nsweeps; i++)
		count += sweeps[i].nwithout;
	sources = palloc(count * sizeof(int64));
	parties = palloc(count * sizeof(int64));
	count = 0;
	for (int i = 0; i < nsweeps; i++)
		for (int j = 0; j < sweeps[i].nwithout; j++)
		{
			sources[count] = i;
			parties[count++] = sweeps[i].without[j];
		}
	values[0] = parameter_int8_array(sources, count);
	values[1] = parameter_int8_array(parties, count);
}

/*
 * Read messages that are due and that no retry of an earlier one to the same
 * target holds back, in the order of their ids; and with each, up to
 * "earlier_room" that are due to the same target in other priorities, or were
 * passed over, and come before it, unless there are none.  Returns how many,
 * in the context, and sets how far each sweep came.
 */
int
outbox_read_due(OutboxSweep *sweeps, int nsweeps, int earlier_room,
				MemoryContext context, OutboxMessage **messages)
{
	Datum		values[12];
	uint64		nrows;
	int			count = 0;

	set_sweeps(sweeps, nsweeps, values);
	values[9] = Int32GetDatum(earlier_room);
	set_parties(sweeps, nsweeps, &values[10]);
	nrows = statement_run(&read_due, values, NULL);

	for (int i = 0; i < nsweeps; i++)
	{
		sweeps[i].last = sweeps[i].after;
		sweeps[i].scanned = 0;
		sweeps[i].passed_from = 0;
	}
	*messages = make_messages(nrows, context);
	for (uint64 row = 0; row < nrows; row++)
	{
		int			sweep = result_int4(row, COLUMN_SWEEP);
		OutboxMessage *message = &(*messages)[count];

		take_progress(&sweeps[sweep], row);
		if (result_int8(row, COLUMN_ID) == 0)
			continue;
		take_message(message, row, context);
		message->source = sweep;
		message->at_once = result_bool(row, COLUMN_AT_ONCE);
		message->is_earlier = result_bool(row, COLUMN_IS_EARLIER);
		count++;
	}
	return count;
}

/*
 * Up to the first message that holds the others back, that one included, for
 * each target.
 */
static Statement read_behind = {
	"SELECT " MESSAGE_COLUMNS("o") ", " TARGET_COLUMNS("o", "i") ","
	" " IS_HELD_BY_TEAM("o") ", " PLACE_COLUMNS("o") ", " PARTY_OF("o") ","
	" (t.n - 1)::int"
	" FROM unnest($1, $2, $3) WITH ORDINALITY"
	" AS t (bot, scope, target, n)"
	" CROSS JOIN LATERAL ("
	"SELECT coalesce(min(r.id + 0), " LAST_ID ") AS id"
	" FROM @.teams_outbox AS r WHERE " HOLDS("r")
	" AND r.bot = t.bot AND r.scope = t.scope AND r.target = t.target) AS held"
	" CROSS JOIN LATERAL ("
	"SELECT q.* FROM " EACH_PRIORITY("k") " CROSS JOIN LATERAL ("
	"SELECT p.* FROM @.teams_outbox AS p"
	" WHERE p.bot = t.bot AND p.scope = t.scope AND p.target = t.target"
	" AND " IDS_BETWEEN("p", "k.priority", "0", "held.id")
	" AND " IS_DUE("p") " AND " HAS_TIME("p") " AND NOT " WAITS("p")
	IN_ORDER("p") " LIMIT $4) AS q"
	" ORDER BY q.id LIMIT $4) AS o"
	JOIN_TARGET("o", "i")
	" ORDER BY t.n, o.id",
	STATEMENT_ARGS(TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4OID)
};

/*
 * Read the first that are due to each target, no more than "room" for each, in
 * the context: by target, then by id.  Returns how many.
 */
int
outbox_read_behind(const OutboxBehind *targets, int ntargets, int room,
				   MemoryContext context, OutboxMessage **messages)
{
	const char **bots = palloc(ntargets * sizeof(char *));
	int		   *scopes = palloc(ntargets * sizeof(int));
	const char **ids = palloc(ntargets * sizeof(char *));
	Datum		values[4];
	uint64		nrows;

	for (int i = 0; i < ntargets; i++)
	{
		bots[i] = targets[i].bot;
		scopes[i] = targets[i].scope;
		ids[i] = targets[i].target;
	}
	values[0] = parameter_text_array(bots, ntargets);
	values[1] = parameter_word_array(scopes, ntargets, &scope_words);
	values[2] = parameter_text_array(ids, ntargets);
	values[3] = Int32GetDatum(room);
	nrows = statement_run(&read_behind, values, NULL);
	*messages = make_messages(nrows, context);
	for (uint64 row = 0; row < nrows; row++)
	{
		take_message(&(*messages)[row], row, context);
		(*messages)[row].source = result_int4(row, FIRST_OWN_COLUMN);
	}
	return (int) nrows;
}

/* A thousand at a time: the rest follows in the next transaction. */
static Statement make_ready = {
	"WITH ready AS ("
	"UPDATE @.teams_outbox SET due_at = NULL, was_due_at = due_at"
	" WHERE id IN ("
	"SELECT id FROM @.teams_outbox WHERE due_at <= now()"
	" ORDER BY due_at LIMIT 1000 FOR UPDATE SKIP LOCKED) RETURNING *)"
	" SELECT " MESSAGE_COLUMNS("o") ", " TARGET_COLUMNS("o", "i") ","
	" " IS_HELD_BY_TEAM("o") ", " PLACE_COLUMNS("o") ", " PARTY_OF("o") ","
	" EXISTS (SELECT FROM @.teams_outbox AS f WHERE f.refers_to = o.id)"
	" FROM ready AS o" JOIN_TARGET("o", "i")
	" ORDER BY o.id",
	STATEMENT_NO_ARGS
};

/*
 * Make messages ready whose time has come, up to a thousand, and read them in
 * the order of their ids, in the context.  Returns how many.
 */
int
outbox_make_ready(MemoryContext context, OutboxMessage **messages)
{
	uint64		nrows = statement_run(&make_ready, NULL, NULL);

	*messages = make_messages(nrows, context);
	for (uint64 row = 0; row < nrows; row++)
	{
		take_message(&(*messages)[row], row, context);
		(*messages)[row].has_followers = result_bool(row, FIRST_OWN_COLUMN);
	}
	return (int) nrows;
}

/* What is on the wire does not expire. */
static Statement next_due = {
	"SELECT d.time FROM (SELECT least((SELECT due_at FROM @.teams_outbox"
	" WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1),"
	" (SELECT expires_at FROM @.teams_outbox AS o"
	" WHERE expires_at IS NOT NULL AND NOT EXISTS ("
	"SELECT FROM @.teams_inflight WHERE o.id = ANY (ids))"
	" ORDER BY expires_at LIMIT 1))) AS d (time) WHERE d.time IS NOT NULL",
	STATEMENT_NO_ARGS
};

/* When the next message becomes due, or expires, or 0. */
TimestampTz
outbox_next_due(void)
{
	TimestampTz due;

	if (statement_run(&next_due, NULL, NULL) == 0)
		return 0;

	/* Zero is a time, too, but for us it means that there is none. */
	due = result_timestamp(0, 1);
	return due != 0 ? due : 1;
}
