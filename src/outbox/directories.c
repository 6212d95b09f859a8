/*
 * directories.c
 *	  The tables of the directory: people, and who is in a group or team.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "outbox/directories.h"
#include "outbox/sql.h"
#include "outbox/statement.h"

/* Is it the list of all people of the tenant? */
bool
directory_list_is_people(const DirectoryList *list)
{
	return list->source == LIST_PEOPLE;
}

/* Is it a list of the Bot Connector's, that of a team's members? */
bool
directory_list_is_roster(const DirectoryList *list)
{
	return list->source == LIST_ROSTER;
}

/* ----------
 * What is to be read
 * ----------
 */

/*
 * Those that are running come before those that are only wanted.  The roster
 * of a team is read where the bot is installed.
 */
static Statement next_list = {
	"SELECT d.source, d.container, d.link, d.delta_link, d.attempts, d.pages,"
	" i.chat_id, i.service_url, d.state = 'wanted' FROM @.teams_directory AS d"
	" LEFT JOIN @.teams_installation AS i ON d.source = 'roster'"
	" AND i.bot = d.bot AND i.scope = 'team' AND i.target = d.container"
	" AND i.state = 'installed'"
	" WHERE d.bot = $1 AND d.state IN ('wanted', 'running')"
	" AND (d.next_at IS NULL OR d.next_at <= clock_timestamp())"
	" ORDER BY d.state, d.requested_at LIMIT 1 FOR UPDATE OF d SKIP LOCKED",
	STATEMENT_ARGS(TEXTOID)
};

/* The time goes before that of the first page. */
static Statement begin_list = {
	"UPDATE @.teams_directory SET state = 'running', link = NULL, pages = 0,"
	" attempts = 0, started_at = clock_timestamp()"
	" WHERE bot = $1 AND source = $2 AND container = $3",
	STATEMENT_ARGS(TEXTOID, TEXTOID, TEXTOID)
};

/*
 * A list that is due, but was not taken just now, is locked: a second later it
 * may not be.
 */
static Statement next_directory = {
	"SELECT min(CASE WHEN next_at > clock_timestamp() THEN next_at"
	" ELSE clock_timestamp() + interval '1 second' END)"
	" FROM @.teams_directory"
	" WHERE bot = ANY ($1) AND state IN ('wanted', 'running')",
	STATEMENT_ARGS(TEXTARRAYOID)
};

/* The key of the list's row, as parameters 1 to 3. */
static void
set_list_parameters(Datum *values, const DirectoryList *list)
{
	values[0] = parameter_text(list->bot);
	values[1] = parameter_text(words_name(&list_source_words, list->source));
	values[2] = parameter_text(list->container);
}

/*
 * Which of a bot's lists is to be read now; it is begun if it is not.  False
 * if there is none that is due and not locked.
 */
bool
outbox_next_list(const char *bot, MemoryContext context, DirectoryList *list)
{
	Datum		values[3] = {parameter_text(bot)};

	if (statement_run(&next_list, values, NULL) == 0)
		return false;
	list->bot = MemoryContextStrdup(context, bot);
	list->source = result_word(0, 1, &list_source_words);
	list->container = result_text(0, 2, context);
	list->link = result_text(0, 3, context);
	list->later = result_text(0, 4, context);
	list->attempts = result_int4(0, 5);
	list->pages = result_int4(0, 6);
	list->conversation_id = result_text(0, 7, context);
	list->service_url = result_text(0, 8, context);
	if (!result_bool(0, 9))
		return true;
	set_list_parameters(values, list);
	statement_run(&begin_list, values, NULL);
	list->link = NULL;
	list->attempts = list->pages = 0;
	return true;
}

/*
 * When there may be one for any of these bots that cannot be read now, or 0.
 */
TimestampTz
outbox_next_directory(const char *const *bots, int count)
{
	Datum		values[1];

	if (count == 0)
		return 0;
	values[0] = parameter_text_array(bots, count);
	statement_run(&next_directory, values, NULL);
	return result_timestamp(0, 1);
}

/* ----------
 * What was read
 * ----------
 */

static Statement hold_list = {
	"SELECT state = 'running' AND link IS NOT DISTINCT FROM $4"
	" FROM @.teams_directory"
	" WHERE bot = $1 AND source = $2 AND container = $3"
	" FOR UPDATE SKIP LOCKED",
	STATEMENT_ARGS(TEXTOID, TEXTOID, TEXTOID, TEXTOID)
};

static Statement find_list = {
	"SELECT FROM @.teams_directory"
	" WHERE bot = $1 AND source = $2 AND container = $3",
	STATEMENT_ARGS(TEXTOID, TEXTOID, TEXTOID)
};

/* Before one of these: lock the list's row. */
ListHold
outbox_hold_list(const DirectoryList *list)
{
	Datum		values[4];

	set_list_parameters(values, list);
	values[3] = list->link != NULL ? parameter_text(list->link) : (Datum) 0;
	if (statement_run(&hold_list, values, list->link ? "    " : "   n") > 0)
		return result_bool(0, 1) ? LIST_HELD : LIST_GONE;
	return statement_run(&find_list, values, NULL) > 0 ? LIST_LOCKED :
		LIST_GONE;
}

/*
 * Of entries for the same person the last one counts.  What an entry does not
 * mention stays as it is, and an empty text is none.  From groups and rosters
 * come only those people of whom more is told than their id.
 *
 * The plan is made while the table is empty and must be good when it is not:
 * so it is written in a way that leaves looking up one by one.
 */
static Statement save_people = {
	"WITH page AS MATERIALIZED ("
	"SELECT DISTINCT ON (e.id) e.* FROM ROWS FROM (unnest($3), unnest($4),"
	" unnest($5), unnest($6), unnest($7), unnest($8), unnest($9), unnest($10))"
	" WITH ORDINALITY AS e (id, removed, user_principal_name, display_name,"
	" locale, is_guest, is_enabled, is_licensed, n) ORDER BY e.id, e.n DESC),"
	" gone AS (DELETE FROM @.teams_person WHERE bot = $1"
	" AND id = ANY (ARRAY(SELECT id FROM page WHERE removed)))"
	" INSERT INTO @.teams_person (bot, id, user_principal_name,"
	" display_name, locale, is_guest, is_enabled, is_licensed, synced_at)"
	" SELECT $1, e.id,"
	" coalesce(e.user_principal_name, p.user_principal_name),"
	" CASE WHEN e.display_name IS NULL THEN p.display_name"
	" ELSE nullif(e.display_name, '') END,"
	" CASE WHEN e.locale IS NULL THEN p.locale"
	" ELSE nullif(e.locale, '') END,"
	" coalesce(e.is_guest::boolean, p.is_guest),"
	" coalesce(e.is_enabled::boolean, p.is_enabled),"
	" coalesce(e.is_licensed::boolean, p.is_licensed), clock_timestamp()"
	" FROM page AS e"
	" LEFT JOIN LATERAL (SELECT * FROM @.teams_person"
	" WHERE bot = $1 AND id = e.id OFFSET 0) AS p ON true"
	" WHERE NOT e.removed AND ($2 OR e.user_principal_name IS NOT NULL)"
	" ON CONFLICT (bot, id) DO UPDATE SET"
	" user_principal_name = excluded.user_principal_name,"
	" display_name = excluded.display_name, locale = excluded.locale,"
	" is_guest = excluded.is_guest, is_enabled = excluded.is_enabled,"
	" is_licensed = excluded.is_licensed, synced_at = excluded.synced_at",
	STATEMENT_ARGS(TEXTOID, BOOLOID, TEXTARRAYOID, BOOLARRAYOID, TEXTARRAYOID,
				   TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
				   TEXTARRAYOID)
};

/*
 * What a page says of names, and what is known by name.  The last of each
 * person counts, and only what is said: an id without a name says nothing.
 */
#define NAMES_TOLD \
	"WITH told AS MATERIALIZED (SELECT l.id, l.name FROM (" \
	"SELECT DISTINCT ON (e.id) e.id, e.name" \
	" FROM ROWS FROM (unnest($2), unnest($3)) WITH ORDINALITY" \
	" AS e (id, name, n) ORDER BY e.id, e.n DESC) AS l" \
	" WHERE l.name IS NOT NULL)"

/* A name is somebody else's: what is known by it is not known of them. */
static Statement take_names_away = {
	NAMES_TOLD
	" UPDATE @.teams_installation AS i SET state = 'stale', since = now(),"
	" installation_id = NULL, app_version = NULL, chat_id = NULL,"
	" service_url = NULL, user_id = NULL, verify_at = NULL,"
	" installed_by_us = false, error_code = NULL, error = NULL, hint = NULL,"
	" uninstalled_by = NULL"
	" WHERE i.bot = $1 AND i.scope = 'user' AND i.target = ANY (ARRAY("
	"SELECT t.name FROM told AS t CROSS JOIN LATERAL ("
	"SELECT FROM @.teams_installation WHERE bot = $1 AND scope = 'user'"
	" AND target = t.name AND user_id <> t.id OFFSET 0) AS x))"
	" RETURNING i.target",
	STATEMENT_ARGS(TEXTOID, TEXTARRAYOID, TEXTARRAYOID)
};

/* A person has another name: whose the former one is is to be asked. */
static Statement doubt_names = {
	NAMES_TOLD
	" UPDATE @.teams_installation AS i SET verify_at = '-infinity'"
	" WHERE i.bot = $1 AND i.scope = 'user' AND i.state = 'installed'"
	" AND i.target = ANY (ARRAY("
	"SELECT x.target FROM told AS t CROSS JOIN LATERAL ("
	"SELECT target FROM @.teams_installation WHERE bot = $1"
	" AND user_id = t.id AND target <> t.name OFFSET 0) AS x))"
	" RETURNING i.target",
	STATEMENT_ARGS(TEXTOID, TEXTARRAYOID, TEXTARRAYOID)
};

/* What the directory confirms need not be asked so soon. */
static Statement confirm_names = {
	NAMES_TOLD
	" UPDATE @.teams_installation AS i"
	" SET verify_at = now() + $4 * interval '1 second'"
	" WHERE i.bot = $1 AND i.scope = 'user' AND i.state = 'installed'"
	" AND i.verify_at < now() + $4 * interval '0.5 seconds'"
	" AND i.target = ANY (ARRAY("
	"SELECT t.name FROM told AS t CROSS JOIN LATERAL ("
	"SELECT FROM @.teams_installation WHERE bot = $1 AND scope = 'user'"
	" AND target = t.name AND user_id = t.id OFFSET 0) AS x))",
	STATEMENT_ARGS(TEXTOID, TEXTARRAYOID, TEXTARRAYOID, INT4OID)
};

/*
 * An opt-out by a name is that of the person who had the name: it stays with
 * them when they lose it.  It stays with the name as well, unless it is known
 * that they still had it when, or after, it was made.  To be run before what
 * is known changes.
 */
static Statement keep_opt_outs = {
	"WITH page AS MATERIALIZED ("
	"SELECT DISTINCT ON (e.id) e.id, e.name, e.removed"
	" FROM ROWS FROM (unnest($2), unnest($3), unnest($4)) WITH ORDINALITY"
	" AS e (id, name, removed, n) ORDER BY e.id, e.n DESC),"
	" lost AS MATERIALIZED ("
	"SELECT p.id, p.user_principal_name AS name, p.synced_at AS at"
	" FROM page AS e CROSS JOIN LATERAL (SELECT * FROM @.teams_person"
	" WHERE bot = $1 AND id = e.id OFFSET 0) AS p"
	" WHERE e.removed OR e.name <> p.user_principal_name"
	" UNION ALL"
	" SELECT p.id, p.user_principal_name, p.synced_at"
	" FROM page AS e CROSS JOIN LATERAL (SELECT * FROM @.teams_person"
	" WHERE bot = $1 AND user_principal_name = e.name OFFSET 0) AS p"
	" WHERE p.id <> e.id"
	" UNION ALL"
	" SELECT i.user_id, i.target, i.checked_at"
	" FROM page AS e CROSS JOIN LATERAL (SELECT * FROM @.teams_installation"
	" WHERE bot = $1 AND scope = 'user' AND target = e.name OFFSET 0) AS i"
	" WHERE i.user_id <> e.id"
	" UNION ALL"
	" SELECT i.user_id, i.target, i.checked_at"
	" FROM page AS e CROSS JOIN LATERAL (SELECT * FROM @.teams_installation"
	" WHERE bot = $1 AND user_id = e.id OFFSET 0) AS i"
	" WHERE i.target <> e.name)" MOVE_OPT_OUTS("lost"),
	STATEMENT_ARGS(TEXTOID, TEXTARRAYOID, TEXTARRAYOID, BOOLARRAYOID)
};

/* Add the names that a statement returns. */
static void
add_doubts(DirectoryDoubts *doubts, Statement *statement, Datum *values,
		   bool is_other, MemoryContext context)
{
	uint64		count = statement_run(statement, values, NULL);
	int			all = doubts->count + (int) count;
	NameInDoubt *names;

	if (count == 0)
		return;
	names = MemoryContextAlloc(context, all * sizeof(NameInDoubt));
	if (doubts->count > 0)
		memcpy(names, doubts->names, doubts->count * sizeof(NameInDoubt));
	for (uint64 i = 0; i < count; i++)
	{
		names[doubts->count].name = result_text(i, 1, context);
		names[doubts->count++].is_other = is_other;
	}
	doubts->names = names;
}

/*
 * Names change hands: what was found out by a name must not lead to the one
 * who had it before.  Rosters are what Teams remembers, and confirm nothing.
 */
static void
compare_names(const DirectoryList *list, Datum ids, Datum names,
			  MemoryContext context, DirectoryDoubts *doubts)
{
	Datum		values[4] = {parameter_text(list->bot), ids, names,
	Int32GetDatum(settings_name_lifetime)};

	add_doubts(doubts, &take_names_away, values, true, context);
	add_doubts(doubts, &doubt_names, values, false, context);
	if (settings_name_lifetime >= 0 && !directory_list_is_roster(list))
		statement_run(&confirm_names, values, NULL);
}

static Statement save_members = {
	"INSERT INTO @.teams_group_member (bot, source, container, id, synced_at)"
	" SELECT DISTINCT $1, $2, $3, id, clock_timestamp() FROM unnest($4) AS id"
	" ON CONFLICT (bot, source, container, id)"
	" DO UPDATE SET synced_at = excluded.synced_at",
	STATEMENT_ARGS(TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID)
};

/* One text column of a page, by the offset of its field. */
static Datum
text_column(const PeoplePage *page, size_t offset)
{
	const char **column = palloc(page->count * sizeof(char *));

	for (int i = 0; i < page->count; i++)
	{
		const char *person = (const char *) &page->people[i];

		column[i] = *(const char *const *) (person + offset);
	}
	return parameter_text_array(column, page->count);
}

/* The same for one that may be unknown, as text. */
static Datum
flag_column(const PeoplePage *page, size_t offset)
{
	static const char *const texts[] = {NULL, "false", "true"};
	const char **column = palloc(page->count * sizeof(char *));

	for (int i = 0; i < page->count; i++)
	{
		const char *person = (const char *) &page->people[i];

		column[i] = texts[*(const PeopleFlag *) (person + offset) + 1];
	}
	return parameter_text_array(column, page->count);
}

static Datum
removed_column(const PeoplePage *page)
{
	bool	   *column = palloc(page->count * sizeof(bool));

	for (int i = 0; i < page->count; i++)
		column[i] = page->people[i].removed;
	return parameter_bool_array(column, page->count);
}

/* Sets the names that are in doubt now, in the context. */
void
outbox_save_people(const DirectoryList *list, const PeoplePage *page,
				   MemoryContext context, DirectoryDoubts *doubts)
{
	bool		is_people = directory_list_is_people(list);
	Datum		ids;
	Datum		values[10];

	doubts->count = 0;
	if (page->count == 0)
		return;
	ids = text_column(page, offsetof(Person, id));
	values[0] = parameter_text(list->bot);
	values[1] = BoolGetDatum(is_people);
	values[2] = ids;
	values[3] = removed_column(page);
	values[4] = text_column(page, offsetof(Person, user_principal_name));
	values[5] = text_column(page, offsetof(Person, display_name));
	values[6] = text_column(page, offsetof(Person, locale));
	values[7] = flag_column(page, offsetof(Person, is_guest));
	values[8] = flag_column(page, offsetof(Person, is_enabled));
	values[9] = flag_column(page, offsetof(Person, is_licensed));
	statement_run(&keep_opt_outs, (Datum[]) {values[0], ids, values[4],
	values[3]}, NULL);
	statement_run(&save_people, values, NULL);
	compare_names(list, ids, values[4], context, doubts);
	if (is_people)
		return;
	set_list_parameters(values, list);
	values[3] = ids;
	statement_run(&save_members, values, NULL);
}

/*
 * A page that has come shows that the service works; but the first one comes
 * again if the links that it gives are no good, so it does not count.
 */
static Statement continue_list = {
	"UPDATE @.teams_directory SET pages = pages + 1, link = $4,"
	" attempts = CASE WHEN link IS NULL THEN attempts ELSE 0 END,"
	" next_at = NULL, error_code = NULL, error = NULL, hint = NULL"
	" WHERE bot = $1 AND source = $2 AND container = $3",
	STATEMENT_ARGS(TEXTOID, TEXTOID, TEXTOID, TEXTOID)
};

/* A page has been read: go on with the next one. */
void
outbox_continue_list(const DirectoryList *list, const char *next)
{
	Datum		values[4];

	set_list_parameters(values, list);
	values[3] = parameter_text(next);
	statement_run(&continue_list, values, NULL);
}

/* ----------
 * The end of a list
 * ----------
 */

#define BEFORE_ROUND \
	" < (SELECT started_at FROM @.teams_directory" \
	" WHERE bot = $1 AND source = $2 AND container = $3)"

static Statement forget_people = {
	"DELETE FROM @.teams_person WHERE bot = $1 AND synced_at" BEFORE_ROUND,
	STATEMENT_ARGS(TEXTOID, TEXTOID, TEXTOID)
};

/*
 * Whoever was in none of the pages has not been written since the round began.
 */
static Statement forget_members = {
	"DELETE FROM @.teams_group_member"
	" WHERE bot = $1 AND source = $2 AND container = $3"
	" AND synced_at" BEFORE_ROUND,
	STATEMENT_ARGS(TEXTOID, TEXTOID, TEXTOID)
};

/* The link that tells of later changes is kept for the next round. */
static Statement finish_list = {
	"UPDATE @.teams_directory SET state = 'done', pages = pages + 1,"
	" link = NULL, delta_link = $4, attempts = 0, next_at = NULL,"
	" error_code = NULL, error = NULL, hint = NULL,"
	" finished_at = clock_timestamp(),"
	" people = CASE source WHEN 'people'"
	" THEN (SELECT count(*) FROM @.teams_person WHERE bot = $1)"
	" ELSE (SELECT count(*) FROM @.teams_group_member"
	" WHERE bot = $1 AND source = $2 AND container = $3) END"
	" WHERE bot = $1 AND source = $2 AND container = $3",
	STATEMENT_ARGS(TEXTOID, TEXTOID, TEXTOID, TEXTOID)
};

/* All pages have been read: who was in none of them is not in the list. */
void
outbox_finish_list(const DirectoryList *list, const char *later)
{
	Datum		values[4];

	set_list_parameters(values, list);
	values[3] = later != NULL ? parameter_text(later) : (Datum) 0;
	if (!directory_list_is_people(list))
		statement_run(&forget_members, values, NULL);
	else if (list->later == NULL)
		statement_run(&forget_people, values, NULL);
	statement_run(&finish_list, values, later != NULL ? "    " : "   n");
}

/* The round begins now: what was written in it so far counts as older. */
static Statement restart_list = {
	"UPDATE @.teams_directory SET link = NULL, delta_link = NULL,"
	" started_at = clock_timestamp()"
	" WHERE bot = $1 AND source = $2 AND container = $3",
	STATEMENT_ARGS(TEXTOID, TEXTOID, TEXTOID)
};

/* Read all of it, from its beginning. */
void
outbox_restart_list(const DirectoryList *list)
{
	Datum		values[3];

	set_list_parameters(values, list);
	statement_run(&restart_list, values, NULL);
}

/* The state stays "running": the link is still good. */
static Statement delay_list = {
	"UPDATE @.teams_directory SET error_code = $4, error = $5, hint = $6,"
	" attempts = attempts + $7, next_at = $8"
	" WHERE bot = $1 AND source = $2 AND container = $3",
	STATEMENT_ARGS(TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
				   INT4OID, TIMESTAMPTZOID)
};

static Statement fail_list = {
	"UPDATE @.teams_directory SET error_code = $4, error = $5, hint = $6,"
	" state = 'failed', link = NULL, next_at = NULL"
	" WHERE bot = $1 AND source = $2 AND container = $3",
	STATEMENT_ARGS(TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID)
};

/* The list's key and the error, as parameters 1 to 6. */
static void
set_error(Datum *values, const DirectoryList *list, const ListError *error)
{
	set_list_parameters(values, list);
	values[3] = parameter_text(error->code);
	values[4] = parameter_text(error->message);
	values[5] = error->hint != NULL ? parameter_text(error->hint) : (Datum) 0;
}

/*
 * Go on with the list later, after an attempt that failed, which is counted,
 * or that was just asked to wait.
 */
void
outbox_delay_list(const DirectoryList *list, const ListError *error,
				  bool is_failure, TimestampTz until)
{
	Datum		values[8];

	set_error(values, list, error);
	values[6] = Int32GetDatum(is_failure ? 1 : 0);
	values[7] = TimestampTzGetDatum(until);
	statement_run(&delay_list, values, error->hint ? "        " : "     n  ");
}

/* Give the list up, after an error that trying again does not mend. */
void
outbox_fail_list(const DirectoryList *list, const ListError *error)
{
	Datum		values[6];

	set_error(values, list, error);
	statement_run(&fail_list, values, error->hint ? "      " : "     n");
}
