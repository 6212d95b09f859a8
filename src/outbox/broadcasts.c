/*
 * broadcasts.c
 *	  The tables of broadcasts: steering one and looking at it beforehand, in
 *	  the caller's transaction.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "outbox/broadcasts.h"
#include "outbox/locks.h"
#include "outbox/sql.h"
#include "outbox/session.h"
#include "outbox/statement.h"

/* ----------
 * Steering one
 * ----------
 */

/* One that the role may see: whoever looks after sending may stop it. */
static Statement lock_broadcast = {
	"SELECT state FROM @.teams_broadcast"
	" WHERE id OPERATOR(pg_catalog.=) $1 AND " IS_VISIBLE " FOR UPDATE",
	STATEMENT_ARGS(INT8OID, OIDOID, OIDOID)
};

/* One that the role may have sent in its own name. */
static Statement lock_own_broadcast = {
	"SELECT state FROM @.teams_broadcast"
	" WHERE id OPERATOR(pg_catalog.=) $1 AND " IS_OWN " FOR UPDATE",
	STATEMENT_ARGS(INT8OID, OIDOID, OIDOID)
};

static Statement find_broadcast = {
	"SELECT FROM @.teams_broadcast"
	" WHERE id OPERATOR(pg_catalog.=) $1 AND " IS_VISIBLE,
	STATEMENT_ARGS(INT8OID, OIDOID, OIDOID)
};

/* Whoever has decided that has decided for one that was loaded, too. */
static Statement set_state = {
	"UPDATE @.teams_broadcast SET state = $2, held = false"
	" WHERE id OPERATOR(pg_catalog.=) $1"
	" RETURNING pg_catalog.pg_notify('teams_progress',"
	" pg_catalog.json_build_object('broadcast', id, 'state', $2)::pg_catalog.text)",
	STATEMENT_ARGS(INT8OID, TEXTOID)
};

/*
 * What is on the wire arrives, but what comes back from there is not sent
 * again: it goes by ends_with.  One that is done has its retries, at most.
 */
static Statement end_broadcast = {
	"UPDATE @.teams_broadcast SET state = CASE"
	" WHEN state OPERATOR(pg_catalog.=) 'done' THEN state ELSE 'cancelled' END,"
	" held = false,"
	" finished_at = coalesce(finished_at, pg_catalog.clock_timestamp()),"
	" ends_with = (SELECT last_value FROM @.teams_outbox_id_seq)"
	" WHERE id OPERATOR(pg_catalog.=) $1"
	" RETURNING pg_catalog.pg_notify('teams_progress',"
	" pg_catalog.json_build_object('broadcast', id, 'state', state)::pg_catalog.text)",
	STATEMENT_ARGS(INT8OID)
};

/* What would change messages that are about to be deleted. */
static Statement find_edits = {
	"SELECT id FROM @.teams_broadcast"
	" WHERE refers_to OPERATOR(pg_catalog.=) $1"
	" AND kind OPERATOR(pg_catalog.=) 'edit'"
	" AND state OPERATOR(pg_catalog.=) ANY ('{running,paused}')"
	" ORDER BY id FOR UPDATE",
	STATEMENT_ARGS(INT8OID)
};

/* Its messages that are in the outbox, on the wire or not. */
static Statement read_pending = {
	"SELECT id FROM @.teams_outbox"
	" WHERE broadcast OPERATOR(pg_catalog.=) $1",
	STATEMENT_ARGS(INT8OID)
};

/*
 * What was held back when it was paused; what came from a dump stays, until
 * teams_resume().
 */
static Statement let_go = {
	"UPDATE @.teams_outbox SET due_at = NULL"
	" WHERE broadcast OPERATOR(pg_catalog.=) $1"
	" AND due_at OPERATOR(pg_catalog.=) 'infinity'"
	" AND held_due_at IS NULL",
	STATEMENT_ARGS(INT8OID)
};

/* About a broadcast that the role may see: false if there is none. */
static bool
run_about(Statement *statement, int64 id, Oid role)
{
	Datum		values[3];

	values[0] = Int64GetDatum(id);
	values[1] = ObjectIdGetDatum(role);
	values[2] = ObjectIdGetDatum(statement_relation("teams_broadcast"));
	return statement_run(statement, values, NULL) > 0;
}

/* May the role see the broadcast? */
bool
outbox_sees_broadcast(int64 id, Oid role)
{
	Session		session;
	bool		found;

	session_begin(SESSION_CALLER, &session);
	found = run_about(&find_broadcast, id, role);
	session_commit(&session);
	return found;
}

/* As an array in the context, which is empty if there are none. */
static ArrayType *
pending_of(int64 id, MemoryContext context)
{
	Datum		values[] = {Int64GetDatum(id)};
	uint64		count = statement_run(&read_pending, values, NULL);
	MemoryContext old = MemoryContextSwitchTo(context);
	int64	   *ids = result_ids(count, context);
	ArrayType  *array = DatumGetArrayTypeP(parameter_int8_array(ids,
																(int) count));

	MemoryContextSwitchTo(old);
	return array;
}

/* Returns what the outbox has of it. */
static ArrayType *
change_state(int64 id, BroadcastState to, MemoryContext context)
{
	const char *word = words_name(&broadcast_state_words, to);
	Datum		values[] = {Int64GetDatum(id), CStringGetTextDatum(word)};

	statement_run(&set_state, values, NULL);
	if (to == BROADCAST_RUNNING)
		statement_run(&let_go, values, NULL);
	return pending_of(id, context);
}

/* Who may stop everybody's messages may let go on what was stopped. */
static bool
is_operators(BroadcastState from, BroadcastState to)
{
	return to != BROADCAST_RUNNING || from == BROADCAST_PAUSED;
}

/*
 * Change the state of a broadcast to running or paused, if it is "from".  What
 * the outbox has of it is let go or held back.  Whoever may see it may do
 * that, except for starting it, which is its sender's.  Returns false if the
 * role may not; else *state is the state that it had.
 */
bool
outbox_steer_broadcast(int64 id, BroadcastState from, BroadcastState to,
					   Oid role, BroadcastState *state)
{
	MemoryContext context = CurrentMemoryContext;
	ArrayType  *pending = NULL;
	Session		session;
	bool		found;

	session_begin(SESSION_CALLER, &session);
	found = run_about(is_operators(from, to) ? &lock_broadcast :
					  &lock_own_broadcast, id, role);
	if (found)
		*state = result_word(0, 1, &broadcast_state_words);
	if (found && *state == from)
		pending = change_state(id, to, context);
	session_commit(&session);

	if (pending != NULL && to == BROADCAST_PAUSED)
		outbox_hold(pending, role);
	return found;
}

/* One that is locked. */
static void
end_locked(int64 id, Oid role)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[] = {Int64GetDatum(id)};
	ArrayType  *pending;
	Session		session;

	session_begin(SESSION_CALLER, &session);
	statement_run(&end_broadcast, values, NULL);
	pending = pending_of(id, context);
	session_commit(&session);
	outbox_cancel(pending, role);
}

/*
 * Cancel a broadcast that the role may see: also one that is done, but has
 * messages that are sent again.  Returns false if there is none.  *state is
 * what it was, and *is_cancelled false if there was nothing to cancel in that.
 */
bool
outbox_cancel_broadcast(int64 id, Oid role, BroadcastState *state,
						bool *is_cancelled)
{
	MemoryContext context = CurrentMemoryContext;
	Session		session;
	bool		found;

	*is_cancelled = false;
	session_begin(SESSION_CALLER, &session);
	found = run_about(&lock_broadcast, id, role);
	if (found)
	{
		*state = result_word(0, 1, &broadcast_state_words);
		/* An empty array has no dimension. */
		*is_cancelled = *state < BROADCAST_DONE ||
			ARR_NDIM(pending_of(id, context)) > 0;
	}
	session_commit(&session);
	if (*is_cancelled)
		end_locked(id, role);
	return found;
}

/*
 * End a broadcast that is about to be recalled, whatever its state, and the
 * edits of it that are running; what is pending of them is cancelled.
 */
void
outbox_end_broadcast(int64 id, Oid role)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[] = {Int64GetDatum(id)};
	Session		session;
	int64	   *edits;
	int			count;

	session_begin(SESSION_CALLER, &session);
	count = (int) statement_run(&find_edits, values, NULL);
	edits = result_ids(count, context);
	session_commit(&session);
	for (int i = 0; i < count; i++)
		end_locked(edits[i], role);
	end_locked(id, role);
}

/* Locked, it gets no more messages than those that are there to be changed. */
static Statement read_broadcast = {
	"SELECT b.bot, b.priority, b.kind, (SELECT x.id FROM @.teams_broadcast AS x"
	" WHERE " IS_RECALL_OF("b.id") " LIMIT 1) FROM @.teams_broadcast AS b"
	" WHERE b.id OPERATOR(pg_catalog.=) $1 AND " IS_OWN " FOR UPDATE OF b",
	STATEMENT_ARGS(INT8OID, OIDOID, OIDOID)
};

/*
 * For a broadcast that changes another: lock that one until the transaction
 * ends, and read its bot, priority and kind, and the id of the broadcast that
 * recalls it already, or 0.  False if it is not the role's to change.
 */
bool
outbox_read_broadcast(int64 id, Oid role, NewBroadcast *broadcast,
					  int64 *recall)
{
	MemoryContext context = CurrentMemoryContext;
	Session		session;
	bool		found;

	session_begin(SESSION_CALLER, &session);
	found = run_about(&read_broadcast, id, role);
	if (found)
	{
		broadcast->options.bot = result_text(0, 1, context);
		broadcast->options.priority = result_word(0, 2, &priority_words);
		broadcast->kind = result_word(0, 3, &kind_words);
		*recall = result_int8(0, 4);
	}
	session_commit(&session);
	return found;
}

/* What is pending says what it has by then. */
static Statement replace_activity = {
	"UPDATE @.teams_broadcast SET activity = $2, template = NULL"
	" WHERE id OPERATOR(pg_catalog.=) $1",
	STATEMENT_ARGS(INT8OID, JSONOID)
};

/*
 * What a template had made of them does not count any more.  They say it
 * themselves: a worker that takes them up just now has the latest version of
 * their rows, but perhaps not of the broadcast's.
 */
static Statement replace_rendered = {
	"UPDATE @.teams_outbox SET activity = $2"
	" WHERE id OPERATOR(pg_catalog.=) ANY ($1) AND activity IS NOT NULL",
	STATEMENT_ARGS(INT8ARRAYOID, JSONOID)
};

/*
 * What is pending of the broadcast, and what it has yet to hand over, says
 * something else from now on.
 */
void
outbox_replace_activity(int64 id, const char *activity, Oid role)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[] = {Int64GetDatum(id), CStringGetTextDatum(activity)};
	Datum		unsent[2];
	Session		session;

	session_begin(SESSION_CALLER, &session);
	statement_run(&replace_activity, values, NULL);
	unsent[0] = PointerGetDatum(outbox_lock_unsent(UNSENT_REWRITABLE,
												   pending_of(id, context),
												   role));
	unsent[1] = values[1];
	statement_run(&replace_rendered, unsent, NULL);
	session_commit(&session);
}

/* ----------
 * Looking at one beforehand
 * ----------
 */

/*
 * The template is filled in as for the first recipient who is not excluded,
 * with their data over the broadcast's; for a locale, as for the first who has
 * that, or else as if the first had it.
 */
static Statement read_preview = {
	"SELECT b.bot, coalesce(b.activity, m.activity)::pg_catalog.text, m.problem"
	" FROM @.teams_broadcast AS b"
	" LEFT JOIN LATERAL (SELECT r.data, r.locale FROM @.teams_recipient AS r"
	" WHERE r.broadcast OPERATOR(pg_catalog.=) b.id AND r.excluded IS NULL"
	" ORDER BY coalesce(pg_catalog.replace(pg_catalog.lower(r.locale), '_', '-')"
	" OPERATOR(pg_catalog.=) pg_catalog.replace(pg_catalog.lower($4), '_', '-'),"
	" false) DESC, r.n LIMIT 1) AS r ON true"
	" LEFT JOIN LATERAL @._teams_render_for(b.id, b.template,"
	" b.data OPERATOR(pg_catalog.||) coalesce(r.data, '{}'),"
	" coalesce($4, r.locale)) AS m"
	" ON b.template IS NOT NULL"
	" WHERE b.id OPERATOR(pg_catalog.=) $1 AND " IS_OWN,
	STATEMENT_ARGS(INT8OID, OIDOID, OIDOID, TEXTOID)
};

/*
 * What the first recipient gets, as JSON, and from which bot; or the problem
 * with the template, in UTF-8.  With a locale, which may be NULL, what those
 * get who have that.  False if the broadcast is not the role's.
 */
bool
outbox_preview(int64 id, const char *locale, Oid role, char **bot,
			   char **activity, char **problem)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[4];
	char		nulls[4] = "    ";
	Session		session;
	bool		found;

	session_begin(SESSION_CALLER, &session);
	values[0] = Int64GetDatum(id);
	values[1] = ObjectIdGetDatum(role);
	values[2] = ObjectIdGetDatum(statement_relation("teams_broadcast"));
	parameter_set_text(&values[3], &nulls[3], locale);
	found = statement_run(&read_preview, values, nulls) > 0;
	if (found)
	{
		*bot = result_text(0, 1, context);
		*activity = result_text(0, 2, context);
		*problem = result_text(0, 3, context);
	}
	session_commit(&session);
	return found;
}

/* Of those who have not got it yet. */
static Statement read_plan = {
	"SELECT pg_catalog.count(*) FILTER (WHERE r.excluded IS NULL"
	" AND i.state OPERATOR(pg_catalog.=) 'installed'),"
	" pg_catalog.count(*) FILTER (WHERE r.n IS NOT NULL AND r.excluded IS NULL"
	" AND coalesce(i.state, 'absent') OPERATOR(pg_catalog.<>)"
	" ALL ('{installed,removed,uninstalled,blocked}'::pg_catalog.text[])),"
	" pg_catalog.count(*) FILTER (WHERE r.excluded IS NULL"
	" AND i.state OPERATOR(pg_catalog.=)"
	" ANY ('{removed,uninstalled,blocked}'::pg_catalog.text[])),"
	" (SELECT coalesce(pg_catalog.jsonb_object_agg(e.excluded, e.count), '{}')"
	" FROM (SELECT x.excluded, pg_catalog.count(*) FROM @.teams_recipient AS x"
	" WHERE x.broadcast OPERATOR(pg_catalog.=) b.id"
	" AND x.excluded IS NOT NULL GROUP BY x.excluded) AS e)::pg_catalog.text,"
	" t.connector_rate, t.graph_rate, b.rate, b.send_at"
	" FROM @.teams_broadcast AS b"
	" JOIN @.teams_bot AS t ON t.bot OPERATOR(pg_catalog.=) b.bot"
	" LEFT JOIN @.teams_recipient AS r"
	" ON r.broadcast OPERATOR(pg_catalog.=) b.id"
	" AND r.n OPERATOR(pg_catalog.>) b.position"
	" LEFT JOIN @.teams_installation AS i"
	" ON i.bot OPERATOR(pg_catalog.=) b.bot"
	" AND i.scope OPERATOR(pg_catalog.=) 'user'"
	" AND i.target OPERATOR(pg_catalog.=) r.target"
	" WHERE b.id OPERATOR(pg_catalog.=) $1 AND " IS_VISIBLE
	" GROUP BY b.id, t.bot",
	STATEMENT_ARGS(INT8OID, OIDOID, OIDOID)
};

/*
 * How many recipients are still to get the broadcast, and at which rates.
 * False if the role may not see it.
 */
bool
outbox_plan(int64 id, Oid role, BroadcastPlan *result)
{
	MemoryContext context = CurrentMemoryContext;
	Session		session;
	bool		found;

	session_begin(SESSION_CALLER, &session);
	found = run_about(&read_plan, id, role);
	if (found)
	{
		result->known = result_int8(0, 1);
		result->to_install = result_int8(0, 2);
		result->unreachable = result_int8(0, 3);
		result->excluded = result_text(0, 4, context);
		result->connector_rate = result_int4(0, 5);
		result->graph_rate = result_int4(0, 6);
		result->rate = result_int4(0, 7);
		result->send_at = result_timestamp(0, 8);
	}
	session_commit(&session);
	return found;
}

/* ----------
 * Topics
 * ----------
 */

/* Somebody who has opted out already stays so, since then. */
static Statement opt_out = {
	"INSERT INTO @.teams_opt_out (target, topic) VALUES ($1, $2)"
	" ON CONFLICT DO NOTHING",
	STATEMENT_ARGS(TEXTOID, TEXTOID)
};

/* Also what the person has said under another name. */
static Statement opt_in = {
	"DELETE FROM @.teams_opt_out WHERE topic OPERATOR(pg_catalog.=) $2"
	" AND target OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT $1 UNION ALL"
	" SELECT n.name FROM @.teams_bot AS b CROSS JOIN LATERAL"
	" " NAMES_OF("b.bot", "$1", USER_OF("b.bot", "$1")) " AS n))",
	STATEMENT_ARGS(TEXTOID, TEXTOID)
};

/*
 * Have a person get nothing more of a topic, or again all of it: then also
 * what was said under other names of theirs is taken back.
 */
void
outbox_opt_out(const char *target, const char *topic, bool out)
{
	Datum		values[] = {CStringGetTextDatum(target),
	CStringGetTextDatum(topic)};
	Session		session;

	session_begin(SESSION_CALLER, &session);
	statement_run(out ? &opt_out : &opt_in, values, NULL);
	session_commit(&session);
}
