/*
 * outbox_sql.h
 *	  SQL that the modules of the outbox share.
 */
#ifndef TP_OUTBOX_SQL_H
#define TP_OUTBOX_SQL_H

#define OUTBOX_SEQUENCE "teams_outbox_id_seq"

/*
 * Rows that leave the outbox without having been sent: their fate and error,
 * from a common table expression "gone".
 */
#define WRITE_UNSENT(fate, code, error) \
	" history AS (" \
	"INSERT INTO @.teams_delivery (id, bot, kind, scope, target, team," \
	" broadcast, refers_to, sender, fate, attempts, doubtful, error_code," \
	" error, activity, priority, delivery, created_at)" \
	" SELECT id, bot, kind, scope, target, team, broadcast, refers_to," \
	" sender, '" fate "', attempts, doubtful, " code ", " error "," \
	" activity, priority, delivery," \
	" created_at FROM gone ON CONFLICT (id) DO NOTHING)," \
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
 * Did the role send it, or may it do what the sender may?  This decides who may
 * change what is said.
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

/* Does the broadcast "x" delete what this one has sent?  Is there such a one? */
#define IS_RECALL_OF(b) \
	"x.refers_to OPERATOR(pg_catalog.=) " b \
	" AND x.kind OPERATOR(pg_catalog.=) 'delete'" \
	" AND x.state OPERATOR(pg_catalog.<>) 'cancelled'"
#define IS_RECALLED(b) \
	"EXISTS (SELECT FROM @.teams_broadcast AS x WHERE " IS_RECALL_OF(b) ")"

#endif							/* TP_OUTBOX_SQL_H */
