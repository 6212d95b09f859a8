/*
 * bots.c
 *	  The tables of bots and installations.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/memutils.h"

#include "outbox/bots.h"
#include "outbox/session.h"
#include "outbox/sql.h"
#include "outbox/statement.h"

/* ----------
 * Bots
 * ----------
 */

/*
 * A bot whose home is another database or cluster is a copy's; see
 * teams_home().
 */
static Statement read_bots = {
	"SELECT bot, tenant_id::text, client_id::text, teams_app_id::text,"
	" manifest_id::text, credential, cloud, multi_tenant,"
	" login_url, graph_url, connector_url, connector_rate, graph_rate,"
	" chat_limits[1], chat_limits[2], chat_limits[3], chat_limits[4],"
	" reinstall, dry_run, paused_by, home = @._teams_home(), try_credential"
	" FROM @.teams_bot",
	STATEMENT_NO_ARGS
};

static Statement lock_bot = {
	"SELECT FROM @.teams_bot WHERE bot = $1 FOR UPDATE SKIP LOCKED",
	STATEMENT_ARGS(TEXTOID)
};

/* The first to pause a bot says why; whoever comes later leaves that. */
static Statement pause_bot = {
	"UPDATE @.teams_bot SET paused_at = now(), paused_reason = $2,"
	" paused_hint = $3, paused_by = $4 WHERE bot = $1 AND paused_at IS NULL",
	STATEMENT_ARGS(TEXTOID, TEXTOID, TEXTOID, TEXTOID)
};

static Statement resume_bot = {
	"UPDATE @.teams_bot SET paused_at = NULL, paused_reason = NULL,"
	" paused_hint = NULL, paused_by = NULL WHERE bot = $1 AND paused_by = 'worker'",
	STATEMENT_ARGS(TEXTOID)
};

/*
 * Rows that say the same already are not written: a worker says it with each
 * attempt.
 */
static Statement save_trouble = {
	"UPDATE @.teams_bot SET trouble = $2, trouble_hint = $3 WHERE bot = $1"
	" AND (trouble IS DISTINCT FROM $2 OR trouble_hint IS DISTINCT FROM $3)",
	STATEMENT_ARGS(TEXTOID, TEXTOID, TEXTOID)
};

static Statement save_tried = {
	"UPDATE @.teams_bot SET try_credential = false WHERE bot = $1",
	STATEMENT_ARGS(TEXTOID)
};

static Statement save_credential_good = {
	"UPDATE @.teams_bot SET credential_good_at = now() WHERE bot = $1",
	STATEMENT_ARGS(TEXTOID)
};

/* What an administrator has configured meanwhile counts more. */
static Statement save_app_id = {
	"UPDATE @.teams_bot SET teams_app_id = $2::uuid"
	" WHERE bot = $1 AND teams_app_id IS NULL",
	STATEMENT_ARGS(TEXTOID, TEXTOID)
};

static Statement save_app_version = {
	"UPDATE @.teams_bot SET app_version = $2 WHERE bot = $1"
	" AND app_version IS DISTINCT FROM $2",
	STATEMENT_ARGS(TEXTOID, TEXTOID)
};

/* All bots, as a list of OutboxBot, palloc'd in the context. */
List *
outbox_read_bots(MemoryContext context)
{
	uint64		count = statement_run(&read_bots, NULL, NULL);
	MemoryContext old = MemoryContextSwitchTo(context);
	List	   *bots = NIL;

	for (uint64 i = 0; i < count; i++)
	{
		OutboxBot  *bot = palloc(sizeof(OutboxBot));

		bot->name = result_text(i, 1, context);
		bot->tenant_id = result_text(i, 2, context);
		bot->client_id = result_text(i, 3, context);
		bot->teams_app_id = result_text(i, 4, context);
		bot->manifest_id = result_text(i, 5, context);
		bot->credential = result_text(i, 6, context);
		bot->cloud = result_text(i, 7, context);
		bot->multi_tenant = result_bool(i, 8);
		bot->login_url = result_text(i, 9, context);
		bot->graph_url = result_text(i, 10, context);
		bot->connector_url = result_text(i, 11, context);
		bot->connector_rate = result_int4(i, 12);
		bot->graph_rate = result_int4(i, 13);
		for (int limit = 0; limit < CHAT_LIMITS; limit++)
			bot->chat_limits[limit] = result_int4(i, 14 + limit);
		bot->reinstall = result_bool(i, 18);
		bot->dry_run = result_bool(i, 19);
		bot->paused_by = result_text(i, 20, context);
		bot->is_at_home = result_bool(i, 21);
		bot->try_credential = result_bool(i, 22);
		bots = lappend(bots, bot);
	}
	MemoryContextSwitchTo(old);
	return bots;
}

/*
 * Lock the bot's row.  False if it is gone, or if somebody else's transaction
 * has it: whoever writes it then would have to wait for that.
 */
bool
outbox_lock_bot(const char *bot)
{
	Datum		values[] = {parameter_text(bot)};

	return statement_run(&lock_bot, values, NULL) > 0;
}

static Datum
text_or_null(const char *text)
{
	return text != NULL ? parameter_text(text) : (Datum) 0;
}

/*
 * Pause a bot, by the name of who does so and with a reason for people to
 * read, and what they can do about it, which may be NULL; one that is paused
 * stays as it is.
 */
void
outbox_pause_bot(const char *bot, const char *reason, const char *hint,
				 const char *paused_by)
{
	Datum		values[] = {parameter_text(bot), parameter_text(reason),
	text_or_null(hint), parameter_text(paused_by)};

	statement_run(&pause_bot, values, hint ? "    " : "  n ");
}

/* Let a bot go on that the worker has paused, and nobody else. */
void
outbox_resume_bot(const char *bot)
{
	Datum		values[] = {parameter_text(bot)};

	statement_run(&resume_bot, values, NULL);
}

/*
 * What keeps a bot from sending, for people to read, and what they can do
 * about it, or NULL; both are NULL if nothing does any more.
 */
void
outbox_save_trouble(const char *bot, const char *trouble, const char *hint)
{
	Datum		values[] = {parameter_text(bot), text_or_null(trouble),
	text_or_null(hint)};

	statement_run(&save_trouble, values,
				  trouble ? (hint ? "   " : "  n") : " nn");
}

/* The credential has been tried, as teams_try_credential() wanted. */
void
outbox_save_tried(const char *bot)
{
	Datum		values[] = {parameter_text(bot)};

	statement_run(&save_tried, values, NULL);
}

/* There has been a token for the credential. */
void
outbox_save_credential_good(const char *bot)
{
	Datum		values[] = {parameter_text(bot)};

	statement_run(&save_credential_good, values, NULL);
}

/*
 * The id that the catalog has for the bot's manifest, unless one is
 * configured.
 */
void
outbox_save_app_id(const char *bot, const char *teams_app_id)
{
	Datum		values[] = {parameter_text(bot),
	parameter_text(teams_app_id)};

	statement_run(&save_app_id, values, NULL);
}

/*
 * The version that the catalog has of the bot's app; "" if it cannot be known.
 */
void
outbox_save_app_version(const char *bot, const char *version)
{
	Datum		values[] = {parameter_text(bot), parameter_text(version)};

	statement_run(&save_app_version, values, *version != '\0' ? "  " : " n");
}

/* ----------
 * Installations
 * ----------
 */

/*
 * What is not found out anew stays, as long as the bot is there.  Who wanted
 * it away is the sender of the job, which has just become history.
 */
#define IF_THERE(column) \
	column " = coalesce(excluded." column "," \
	" CASE WHEN excluded.state IN ('installed', 'stale', 'blocked')" \
	" THEN i." column " END)"

static Statement save_installations = {
	"INSERT INTO @.teams_installation AS i (bot, scope, target, state,"
	" installation_id, app_version, chat_id, error_code, error, hint,"
	" user_id, installed_by_us, uninstalled_by, verify_at)"
	" SELECT r.bot, r.scope, r.target, r.state, r.installation_id,"
	" r.app_version, r.chat_id, r.error_code, r.error, r.hint, r.user_id,"
	" r.by_us, CASE WHEN r.state = 'uninstalled' THEN d.sender END,"
	" nullif(r.verify_at, 'infinity')"
	" FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
	" AS r (bot, target, installation_id, app_version, chat_id, error_code,"
	" error, hint, user_id, scope, state, by_us, job, verify_at)"
	" LEFT JOIN @.teams_delivery AS d ON d.id = r.job"
	" ON CONFLICT (bot, scope, target) DO UPDATE SET"
	" state = excluded.state, " IF_THERE("installation_id") ","
	" " IF_THERE("app_version") ", " IF_THERE("chat_id") ","
	" installed_by_us = excluded.installed_by_us OR (i.installed_by_us"
	" AND coalesce(i.user_id = excluded.user_id, true)),"
	" user_id = excluded.user_id, verify_at = excluded.verify_at,"
	" uninstalled_by = coalesce(excluded.uninstalled_by,"
	" CASE WHEN excluded.state = 'uninstalled' THEN i.uninstalled_by END),"
	" error_code = excluded.error_code, error = excluded.error,"
	" hint = excluded.hint,"
	" since = CASE WHEN i.state = excluded.state THEN i.since"
	" ELSE excluded.since END, checked_at = now()",
	STATEMENT_ARGS(TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
				   TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
				   TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, BOOLARRAYOID,
				   INT8ARRAYOID, TIMESTAMPTZARRAYOID)
};

/* Names that were another's: opt-outs by them stay with whoever had them. */
#define NAMES_LOST \
	"WITH lost AS MATERIALIZED (" \
	"SELECT i.user_id AS id, i.target AS name, i.checked_at AS at" \
	" FROM unnest($1, $2, $3, $4) AS r (bot, scope, target, user_id)" \
	" CROSS JOIN LATERAL (SELECT * FROM @.teams_installation" \
	" WHERE bot = r.bot AND scope = r.scope AND target = r.target" \
	" OFFSET 0) AS i WHERE i.user_id <> r.user_id)"

/*
 * Looked for before anything is locked: next to nobody has one under a lost
 * name.
 */
static Statement find_opt_outs = {
	NAMES_LOST
	" SELECT FROM lost AS l CROSS JOIN LATERAL (SELECT FROM @.teams_opt_out"
	" WHERE target = l.name OFFSET 0) AS o LIMIT 1",
	STATEMENT_ARGS(TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID)
};

static Statement move_opt_outs = {
	NAMES_LOST MOVE_OPT_OUTS("lost"),
	STATEMENT_ARGS(TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID)
};

/*
 * Few have opted out and then lost their name.  Somebody may have locked what
 * is to be moved: then it fails once, and is let be the next time, as others
 * cannot wait for it.
 */
static void
keep_opt_outs(Datum *values)
{
	static bool has_failed = false;

	if (has_failed || statement_run(&find_opt_outs, values, NULL) == 0)
	{
		has_failed = false;
		return;
	}
	has_failed = true;
	session_hurry();
	statement_run(&move_opt_outs, values, NULL);
	has_failed = false;
}

/* Their scopes and states, as words. */
static Datum
scope_column(OutboxInstallation *const *records, int count)
{
	int		   *scopes = palloc(count * sizeof(int));

	for (int i = 0; i < count; i++)
		scopes[i] = records[i]->scope;
	return parameter_word_array(scopes, count, &scope_words);
}

/* States as the words that the table has. */
static Datum
state_column(OutboxInstallation *const *records, int count)
{
	int		   *states = palloc(count * sizeof(int));

	for (int i = 0; i < count; i++)
		states[i] = records[i]->state;
	return parameter_word_array(states, count, &install_state_words);
}

/* One text column of the records, by the offset of its field. */
static Datum
installation_column(OutboxInstallation *const *records, int count,
					size_t offset)
{
	const char **column = palloc(count * sizeof(char *));

	for (int i = 0; i < count; i++)
	{
		const char *record = (const char *) records[i];

		column[i] = *(const char *const *) (record + offset);
	}
	return parameter_text_array(column, count);
}

/*
 * Write what has been found out about targets, each of which is in the list
 * once.  What is not known anew stays as it was, while the bot is there.
 * Opt-outs by a name that has changed hands go to whoever had it.
 */
void
outbox_save_installations(OutboxInstallation *const *records, int count)
{
	static const size_t offsets[] = {
		offsetof(OutboxInstallation, bot),
		offsetof(OutboxInstallation, target),
		offsetof(OutboxInstallation, installation_id),
		offsetof(OutboxInstallation, app_version),
		offsetof(OutboxInstallation, chat_id),
		offsetof(OutboxInstallation, error_code),
		offsetof(OutboxInstallation, error),
		offsetof(OutboxInstallation, hint),
		offsetof(OutboxInstallation, user_id)
	};
	Datum		values[lengthof(offsets) + 5];
	bool	   *by_us;
	int64	   *jobs;
	TimestampTz *verify_at;

	if (count == 0)
		return;
	by_us = palloc(count * sizeof(bool));
	jobs = palloc(count * sizeof(int64));
	verify_at = palloc(count * sizeof(TimestampTz));
	for (int i = 0; i < count; i++)
	{
		by_us[i] = records[i]->installed_by_us;
		jobs[i] = records[i]->job;
		verify_at[i] = records[i]->verify_at != 0 ?
			records[i]->verify_at : DT_NOEND;
	}
	for (size_t i = 0; i < lengthof(offsets); i++)
		values[i] = installation_column(records, count, offsets[i]);
	values[lengthof(offsets)] = scope_column(records, count);
	values[lengthof(offsets) + 1] = state_column(records, count);
	values[lengthof(offsets) + 2] = parameter_bool_array(by_us, count);
	values[lengthof(offsets) + 3] = parameter_int8_array(jobs, count);
	values[lengthof(offsets) + 4] = parameter_timestamp_array(verify_at,
															  count);
	keep_opt_outs((Datum[]) {values[0], values[lengthof(offsets)], values[1],
							 values[8]});
	statement_run(&save_installations, values, NULL);
}
