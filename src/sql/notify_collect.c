/*
 * notify_collect.c
 *	  Digests over time: teams_notify() collects rows, the worker sends them.
 *
 * A row is written in the transaction that has changed it, and never waits for
 * another one: what goes into one message is found when the time has come, by
 * its key and by whom it is for.  That is when the first row says so.  What is
 * sent then is what has been committed by then; the rest is for the next
 * digest.  Whose a name is counts then, too: it may have been found out since.
 *
 * The message is rendered and sent with the rights of the role whose table it
 * was, by the functions that it would have called at once.  One that cannot be
 * is a failed message, and its rows are in teams_notify_error.
 */
#include "postgres.h"

#include "base/compat.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "outbox/digests.h"
#include "outbox/notifications.h"
#include "outbox/statement.h"
#include "outbox/tally.h"
#include "server/wake.h"
#include "sql/arguments.h"
#include "sql/attempt.h"
#include "sql/notify.h"

SQL_FUNCTION(teams_send_digest);

/* Rows that are written at a time. */
#define PART 1000

/* ----------
 * Collecting
 * ----------
 */

/* A target that is none is told while there is somebody to hear of it. */
static void
check_target(const Subject *subject)
{
	LOCAL_FCINFO(fcinfo, 2);
	const char *values[2];

	values[0] = subject->values[subject->target];
	values[1] = subject->values[NOTIFY_CHANNEL];
	InitFunctionCallInfoData(*fcinfo, NULL, 2, InvalidOid, NULL, NULL);
	for (int i = 0; i < 2; i++)
	{
		fcinfo->args[i].isnull = values[i] == NULL;
		if (values[i] != NULL)
			fcinfo->args[i].value = CStringGetTextDatum(values[i]);
	}
	if (subject->target == NOTIFY_TEAM)
	{
		(void) argument_team(fcinfo, 0);
		(void) argument_channel(fcinfo, 1);
	}
	else if (subject->target == NOTIFY_CHAT)
		(void) argument_chat(fcinfo, 0);
	else
		(void) argument_user_id(fcinfo, 0);
}

/* The same, of all that is known before there is a message. */
static void
check_digest(const Firing *firing, const Subject *subject,
			 const char *bot, const char *priority)
{
	check_target(subject);
	notify_check_sender(firing->schema, firing->owner, subject);
	if (words_find(&priority_words, priority, strlen(priority)) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown priority: \"%s\"", priority),
				 errhint("Give \"high\", \"normal\" or \"low\".")));
	if (tally_bot_mode(bot) == BOT_MODE_MISSING)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("bot \"%s\" does not exist", bot),
				 errhint("Create it with teams_configure().")));
}

/*
 * Rows with the same, and for the same one, go into the same message.  What
 * comes behind the person in "recipient" is the rest of where they go.
 */
static const char *
digest_key(const Firing *firing, const OutboxDigest *digest,
		   const NotifyRow *row)
{
	const char *parts[] = {
		digest->schema, digest->table, digest->trigger, digest->template,
		digest->sender, digest->team
	};
	StringInfoData key;

	initStringInfo(&key);
	appendStringInfo(&key, "%d", (int) firing->options.target);
	for (size_t i = 0; i < lengthof(parts); i++)
		notify_append_part(&key, parts[i]);
	appendStringInfoString(&key, strchr(row->recipient, '\x01'));
	return key.data;
}

static void
take_target(const Subject *subject, OutboxDigest *digest)
{
	const char *const *values = subject->values;
	const char *channel = values[NOTIFY_CHANNEL];

	digest->target = values[subject->target];
	if (subject->target == NOTIFY_TO)
		digest->scope = SCOPE_USER;
	else if (subject->target == NOTIFY_CHAT)
		digest->scope = SCOPE_CHAT;
	else if (channel == NULL)
		digest->scope = SCOPE_TEAM;
	else
	{
		digest->scope = SCOPE_CHANNEL;
		digest->team = digest->target;
		digest->target = channel;
	}
}

/* Rows of a firing, as notify_try() has them. */
typedef struct Collection
{
	const Firing *firing;
	const Subject *subject;
	const NotifyRow *rows;
	int			count;
} Collection;

/* The JSON of each row, once. */
static const char **
rows_json(const Collection *collection, int *different)
{
	const NotifyRow *rows = collection->rows;
	const char **texts = palloc(collection->count * sizeof(char *));

	*different = 0;
	for (int i = 0; i < collection->count; i++)
	{
		const char *json;

		if (i > 0 && rows[i].number == rows[i - 1].number)
			continue;
		json = notify_row_json(collection->firing, rows[i].tuple);
		if (strlen(json) > OUTBOX_DIGEST_MAX_SIZE)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("row is too large for a digest"),
					 errdetail("It has %zu bytes as JSON; there is room for %d.",
							   strlen(json), OUTBOX_DIGEST_MAX_SIZE)));
		texts[(*different)++] = json;
	}
	return texts;
}

static void
collect(void *argument)
{
	const Collection *collection = argument;
	const Firing *firing = collection->firing;
	const Subject *subject = collection->subject;
	const char *const *values = subject->values;
	Relation	table = firing->trigger->tg_relation;
	OutboxDigest digest = {0};
	const char **texts;
	int			count;

	digest.bot = values[NOTIFY_BOT] ? values[NOTIFY_BOT] : "default";
	digest.priority = values[NOTIFY_PRIORITY] ? values[NOTIFY_PRIORITY] : "normal";
	check_digest(firing, subject, digest.bot, digest.priority);
	take_target(subject, &digest);
	digest.thread = values[NOTIFY_THREAD];
	digest.locale = values[NOTIFY_LOCALE];
	digest.template = subject->template;
	digest.expires = firing->options.expires;
	digest.schema = get_namespace_name(RelationGetNamespace(table));
	digest.table = RelationGetRelationName(table);
	digest.trigger = firing->trigger->tg_trigger->tgname;
	digest.operation = notify_operation(firing);
	digest.sender = GetUserNameFromId(firing->owner, false);
	digest.key = digest_key(firing, &digest, &collection->rows[0]);
	texts = rows_json(collection, &count);
	for (int first = 0; first < count; first += PART)
		outbox_collect(&digest, firing->options.digest, &texts[first],
					   Min(PART, count - first));
	wake_at_commit(PG_INT64_MAX);
}

/*
 * Keep rows of one recipient until their digest is sent, instead of the
 * message that the subject is of the first of them.  What is wrong with that
 * is an error, or a warning, as the option on_error says.
 */
void
notify_collect(const Firing *firing, const Subject *subject,
			   const NotifyRow *rows, int count)
{
	Collection	collection = {firing, subject, rows, count};
	const char *data = NULL;

	if (firing->options.only_warns)
		data = notify_data_of_rows(firing, rows, count);
	(void) notify_try(firing, data, collect, &collection);
}

/* ----------
 * Sending
 * ----------
 */

static const char *
in_server_encoding(const char *utf8)
{
	return utf8 != NULL ? text_in_server_encoding(utf8) : NULL;
}

/* What was collected, as the message that it becomes; but for its data. */
static void
make_subject(const OutboxDigest *digest, Subject *subject)
{
	const char **values = subject->values;
	bool		is_channel = digest->scope == SCOPE_CHANNEL;

	memset(subject, 0, sizeof(Subject));
	subject->template = in_server_encoding(digest->template);
	subject->target = digest->scope == SCOPE_USER ? NOTIFY_TO :
		digest->scope == SCOPE_CHAT ? NOTIFY_CHAT : NOTIFY_TEAM;
	values[subject->target] = in_server_encoding(is_channel ? digest->team :
												 digest->target);
	if (is_channel)
		values[NOTIFY_CHANNEL] = in_server_encoding(digest->target);
	values[NOTIFY_THREAD] = in_server_encoding(digest->thread);
	values[NOTIFY_LOCALE] = in_server_encoding(digest->locale);
	values[NOTIFY_BOT] = in_server_encoding(digest->bot);
	values[NOTIFY_PRIORITY] = in_server_encoding(digest->priority);
	subject->expires_at = digest->expires_at;
}

static const char *
data_of(const OutboxDigest *digest, int shown)
{
	const char **rows = palloc((shown + 1) * sizeof(char *));

	for (int i = 0; i < shown; i++)
		rows[i] = in_server_encoding(digest->rows[i]);
	return notify_digest_data(rows, shown, digest->count,
							  in_server_encoding(digest->table),
							  in_server_encoding(digest->schema),
							  in_server_encoding(digest->operation));
}

/* A digest that becomes a message, with so many of its rows. */
typedef struct Part
{
	Oid			schema;
	const OutboxDigest *digest;
	Subject		subject;
	int			shown;
	int64		id;				/* of the message */
} Part;

/* Send it, as whom it is of. */
static void
send_part(void *argument)
{
	Part	   *part = argument;
	const char *sender = in_server_encoding(part->digest->sender);
	Oid			role = get_role_oid(sender, true);

	if (!OidIsValid(role))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role \"%s\" does not exist", sender),
				 errdetail("The digest is of rows of its table.")));
	part->subject.data = data_of(part->digest, part->shown);
	part->id = notify_send_as(part->schema, role, &part->subject);
}

/*
 * With all of the rows that it can have, or, if it is too large, with fewer.
 * What is wrong if it cannot be sent, or NULL; what may pass is an error.
 */
static ErrorData *
try_parts(Part *part)
{
	ErrorData  *error;

	while ((error = attempt(send_part, part)) != NULL &&
		   error->sqlerrcode == ERRCODE_PROGRAM_LIMIT_EXCEEDED &&
		   part->shown > 0)
		part->shown /= 2;
	if (error != NULL && attempt_may_pass(error->sqlerrcode))
		ReThrowError(error);
	return error;
}

/* The message that failed, and its rows for whoever mends what was wrong. */
static int64
report_failed(const OutboxDigest *digest, const Subject *subject,
			  const ErrorData *error)
{
	OutboxNotifyError record;

	record.schema = in_server_encoding(digest->schema);
	record.table = in_server_encoding(digest->table);
	record.trigger = in_server_encoding(digest->trigger);
	record.template = subject->template;
	record.error_code = unpack_sql_state(error->sqlerrcode);
	record.error = error->message;
	record.hint = error->hint;
	record.data = subject->data != NULL ? subject->data : "{}";
	outbox_save_notify_error(&record);
	return outbox_fail_digest(digest, error->message,
							  "Its rows are in teams_notify_error.");
}

/*
 * teams_send_digest(digest bytea, bot text, target text): take the rows of a
 * digest that are committed, and send them as one message.  Returns its id,
 * also if it has failed; null if there are no such rows, or somebody has
 * locked them.  What does not fit into a message is left out, and counted.
 */
Datum
teams_send_digest(PG_FUNCTION_ARGS)
{
	Oid			schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	OutboxDigest digest;
	Part		part;
	ErrorData  *error;

	statement_attach_function(fcinfo);
	if (!outbox_take_digest(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1),
							PG_GETARG_DATUM(2), &digest))
		PG_RETURN_NULL();
	part.schema = schema;
	part.digest = &digest;
	part.shown = digest.shown;
	make_subject(&digest, &part.subject);
	error = try_parts(&part);
	if (error != NULL)
	{
		part.subject.data = data_of(&digest, digest.shown);
		part.id = report_failed(&digest, &part.subject, error);
	}
	PG_RETURN_INT64(part.id);
}
