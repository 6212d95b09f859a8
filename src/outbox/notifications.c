/*
 * notifications.c
 *	  What triggers that notify need of the tables: whether there is such a
 *	  template, who is one person by several names, and where to leave what
 *	  could not be sent.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "outbox/notifications.h"
#include "outbox/session.h"
#include "outbox/sql.h"
#include "outbox/statement.h"

static Statement save_notify_error = {
	"INSERT INTO @.teams_notify_error (schema_name, table_name, trigger_name,"
	" template, error_code, error, hint, data)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
	STATEMENT_ARGS(TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
				   TEXTOID, JSONOID)
};

/*
 * Write that a message of a trigger could not be written, for
 * teams_notify_error.
 */
void
outbox_save_notify_error(const OutboxNotifyError *error)
{
	Datum		values[8];
	char		nulls[8];
	Session		session;

	parameter_set_text(&values[0], &nulls[0], error->schema);
	parameter_set_text(&values[1], &nulls[1], error->table);
	parameter_set_text(&values[2], &nulls[2], error->trigger);
	parameter_set_text(&values[3], &nulls[3], error->template);
	parameter_set_text(&values[4], &nulls[4], error->error_code);
	parameter_set_text(&values[5], &nulls[5], error->error);
	parameter_set_text(&values[6], &nulls[6], error->hint);
	parameter_set_text(&values[7], &nulls[7], error->data);
	session_begin(SESSION_CALLER, &session);
	statement_run(&save_notify_error, values, nulls);
	session_commit(&session);
}

static Statement find_template = {
	"SELECT FROM @.teams_template WHERE name OPERATOR(pg_catalog.=) $1 LIMIT 1",
	STATEMENT_ARGS(TEXTOID)
};

/* Is there a template of that name, for whatever locale? */
bool
outbox_has_template(const char *name)
{
	Datum		values[] = {CStringGetTextDatum(name)};
	Session		session;
	bool		found;

	session_begin(SESSION_CALLER, &session);
	found = statement_run_active(&find_template, values, NULL) > 0;
	session_commit(&session);
	return found;
}

/* One by one, as nothing is known of the sizes of the tables. */
static Statement find_people = {
	"SELECT coalesce(" USER_OF("$1", "a.name") ", a.name)"
	" FROM ROWS FROM (pg_catalog.unnest($2)) WITH ORDINALITY AS a (name, n)"
	" ORDER BY a.n",
	STATEMENT_ARGS(TEXTOID, TEXTARRAYOID)
};

/*
 * One name for each person, by whatever name they are given: the object id if
 * that is known.  The names are in lower case; what is returned is palloc'd,
 * in UTF-8, for comparing.
 */
char	  **
outbox_find_people(const char *bot, const char *const *names, int count)
{
	MemoryContext context = CurrentMemoryContext;
	char	  **people = palloc((count + 1) * sizeof(char *));
	Datum	   *texts = palloc((count + 1) * sizeof(Datum));
	Datum		values[2] = {CStringGetTextDatum(bot)};
	char		nulls[2] = {' ', ' '};
	Session		session;

	for (int i = 0; i < count; i++)
		texts[i] = CStringGetTextDatum(names[i]);
	values[1] = parameter_array(texts, count, TEXTOID, &nulls[1]);
	session_begin(SESSION_CALLER, &session);
	statement_run(&find_people, values, nulls);
	for (int i = 0; i < count; i++)
		people[i] = result_text(i, 1, context);
	session_commit(&session);
	return people;
}
