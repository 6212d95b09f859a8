/*
 * sql.h
 *	  SQL that the modules of the outbox share.
 */
#ifndef TP_SQL_H
#define TP_SQL_H

#define OUTBOX_SEQUENCE "teams_outbox_id_seq"

/*
 * Is it a message, or is it a job?  See kindlist.h: kinds of jobs may be
 * added.  The index teams_outbox_retrying has the jobs.
 */
#define IS_MESSAGE(o) o ".kind IN ('send', 'edit', 'delete')"
#define IS_JOB(o) o ".kind NOT IN ('send', 'edit', 'delete')"

/*
 * Rows that leave the outbox without having been sent: their fate and error,
 * from a common table expression "gone".
 */
#define WRITE_UNSENT(fate, code, error) \
	" history AS (" \
	"INSERT INTO @.teams_delivery (id, bot, kind, scope, target, team," \
	" broadcast, refers_to, sender, fate, attempts, doubtful, error_code," \
	" error, activity, priority, delivery, created_at, reference, notify," \
	" application_name)" \
	" SELECT id, bot, kind, scope, target, team, broadcast, refers_to," \
	" sender, '" fate "', attempts, doubtful, " code ", " error "," \
	" activity, priority, delivery," \
	" created_at, reference, notify, application_name FROM gone" \
	" ON CONFLICT (id) DO NOTHING)," \
	" account AS (" \
	"INSERT INTO @.teams_account (bot, broadcast, entry, messages)" \
	" SELECT bot, broadcast, '" fate "', pg_catalog.count(*) FROM gone" \
	" GROUP BY bot, broadcast)"

/*
 * The role with a sender's name, or null: the names are of the time when the
 * messages were written, and perhaps of another cluster.
 */
#define ROLE_OF(sender) \
	"pg_catalog.to_regrole(pg_catalog.quote_ident(" sender "))"

/* Why a row waits that has come from a dump; teams_message says the same. */
#define LOADED_REASON \
	"'it was loaded from a dump or replicated, and waits for teams_resume()'"

/*
 * Did the role send it, or may it do what the sender may?  This decides who
 * may change what is said.
 */
#define IS_OWN \
	"pg_catalog.pg_has_role($2, " ROLE_OF("sender") ", 'USAGE')"

/*
 * May the role see the message?  It goes by the rule of teams_message, and
 * decides about looking, holding back, cancelling and sending again.
 */
#define IS_VISIBLE \
	"(" IS_OWN " OR" \
	" pg_catalog.has_table_privilege($2, $3, 'SELECT'))"

/*
 * Does the broadcast "x" delete what this one has sent?  Is there such a one?
 */
#define IS_RECALL_OF(b) \
	"x.refers_to OPERATOR(pg_catalog.=) " b \
	" AND x.kind OPERATOR(pg_catalog.=) 'delete'" \
	" AND x.state OPERATOR(pg_catalog.<>) 'cancelled'"
#define IS_RECALLED(b) \
	"EXISTS (SELECT FROM @.teams_broadcast AS x WHERE " IS_RECALL_OF(b) ")"

/*
 * Whose name a target is for a bot: the object id, or null if it is one itself
 * or nobody has told.  What was found out in order to send counts more than
 * what a directory said, as that would have changed it.  Character 64 is the
 * sign that each name has, and that stands for the schema in a statement.
 */
#define USER_OF(bot_of, name) \
	"CASE WHEN pg_catalog.strpos(" name ", pg_catalog.chr(64))" \
	" OPERATOR(pg_catalog.>) 0" \
	" THEN coalesce((SELECT xi.user_id FROM @.teams_installation AS xi" \
	" WHERE xi.bot OPERATOR(pg_catalog.=) " bot_of \
	" AND xi.scope OPERATOR(pg_catalog.=) 'user'" \
	" AND xi.target OPERATOR(pg_catalog.=) " name ")," \
	" (SELECT xp.id FROM @.teams_person AS xp" \
	" WHERE xp.bot OPERATOR(pg_catalog.=) " bot_of \
	" AND xp.user_principal_name OPERATOR(pg_catalog.=) " name \
	" ORDER BY xp.synced_at DESC LIMIT 1)) END"

/*
 * All that a person is called, as rows: the target, their object id (from the
 * expression "person"), and the names that are known of that.
 */
#define NAMES_OF(bot_of, target_of, person) \
	"(SELECT xa.name FROM (SELECT " person ") AS xw (id)" \
	" CROSS JOIN LATERAL (SELECT " target_of " UNION ALL SELECT xw.id" \
	" UNION ALL SELECT xe.user_principal_name FROM @.teams_person AS xe" \
	" WHERE xe.bot OPERATOR(pg_catalog.=) " bot_of \
	" AND xe.id OPERATOR(pg_catalog.=) coalesce(xw.id, " target_of ")" \
	" UNION ALL SELECT xk.target FROM @.teams_installation AS xk" \
	" WHERE xk.bot OPERATOR(pg_catalog.=) " bot_of \
	" AND xk.user_id OPERATOR(pg_catalog.=) coalesce(xw.id, " target_of "))" \
	" AS xa (name) WHERE xa.name IS NOT NULL)"

/* Has the person opted out, whatever they were called when they did? */
#define HAS_OPTED_OUT(topic_of, bot_of, target_of, person) \
	"EXISTS (SELECT FROM @.teams_opt_out AS xt" \
	" WHERE xt.topic OPERATOR(pg_catalog.=) " topic_of \
	" AND xt.target OPERATOR(pg_catalog.=) ANY (ARRAY" \
	NAMES_OF(bot_of, target_of, person) "))"

/*
 * Give opt-outs by names to the object ids of those who have lost the names:
 * the end of a statement whose expression "lost" has id, name, and at, when it
 * was last known that they had it.  One that somebody has locked stays with
 * the name as well, as nobody may wait for them.
 */
#define MOVE_OPT_OUTS(lost) \
	", gone AS (DELETE FROM @.teams_opt_out AS o" \
	" WHERE o.ctid OPERATOR(pg_catalog.=) ANY (ARRAY(" \
	"SELECT f.ctid FROM " lost " AS l CROSS JOIN LATERAL (" \
	"SELECT ctid FROM @.teams_opt_out" \
	" WHERE target OPERATOR(pg_catalog.=) l.name" \
	" AND since OPERATOR(pg_catalog.<=) l.at" \
	" OFFSET 0 FOR UPDATE SKIP LOCKED) AS f)))" \
	" INSERT INTO @.teams_opt_out (target, topic, since)" \
	" SELECT l.id, o.topic, pg_catalog.min(o.since) FROM " lost " AS l" \
	" CROSS JOIN LATERAL (SELECT topic, since FROM @.teams_opt_out" \
	" WHERE target OPERATOR(pg_catalog.=) l.name OFFSET 0) AS o" \
	" GROUP BY l.id, o.topic ON CONFLICT DO NOTHING"

/*
 * The same as "due_at IS NULL", but for the planner: where a target or an id
 * is given, it shall not take the index that all rows of a priority are in.
 */
#define IS_DUE(o) "coalesce(" o ".due_at, '-infinity') = '-infinity'"

/*
 * What has expired does not go on the wire, nor is its target asked for, even
 * if it was there before the worker knew of its time.
 */
#define HAS_TIME(o) "coalesce(" o ".expires_at > clock_timestamp(), true)"

#endif							/* TP_SQL_H */
