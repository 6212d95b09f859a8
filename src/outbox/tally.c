/*
 * tally.c
 *	  What a transaction writes for each bot: whether it may, and how much.
 *
 * A transaction adds one row for each bot just before it commits, whatever the
 * number of its messages, to teams_account.  So senders neither wait for each
 * other, as they would for a counter, nor pay for each message; and as the row
 * is of the same transaction, it is there if and only if the messages are.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/trust.h"
#include "outbox/session.h"
#include "outbox/statement.h"
#include "outbox/tally.h"

/* What one subtransaction has written for one bot and broadcast. */
typedef struct Tally
{
	struct Tally *next;
	int			level;			/* of the subtransaction */
	int64		broadcast;		/* or 0 */
	int64		messages;
	int64		recorded;		/* of those, by a dry-run bot */
	bool		knows_mode;
	BotMode		mode;
	char		bot[FLEXIBLE_ARRAY_MEMBER];
} Tally;

/* In TopTransactionContext; the innermost subtransaction's come first. */
static Tally *tallies = NULL;

/*
 * Of this very level: each subtransaction counts for itself, as it may be
 * rolled back.
 */
static Tally *
find_tally(const char *bot, int64 broadcast, int level)
{
	for (Tally *tally = tallies; tally != NULL; tally = tally->next)
		if (tally->level == level && tally->broadcast == broadcast &&
			strcmp(tally->bot, bot) == 0)
			return tally;
	return NULL;
}

/* The subtransaction's messages are its parent's now. */
static void
give_to_parent(int level)
{
	for (Tally **place = &tallies; *place != NULL;)
	{
		Tally	   *tally = *place;
		Tally	   *parent = tally->level == level ?
			find_tally(tally->bot, tally->broadcast, level - 1) : NULL;

		if (parent != NULL)
		{
			parent->messages += tally->messages;
			parent->recorded += tally->recorded;
			*place = tally->next;
			continue;
		}
		if (tally->level == level)
			tally->level--;
		place = &tally->next;
	}
}

/* Those of a subtransaction that is rolled back, and of what was within it. */
static void
drop_tallies(int level)
{
	Tally	  **place = &tallies;

	while (*place != NULL)
	{
		if ((*place)->level >= level)
			*place = (*place)->next;
		else
			place = &(*place)->next;
	}
}

static void
tally_at_subtransaction_end(SubXactEvent event,
							SubTransactionId self pg_attribute_unused(),
							SubTransactionId parent pg_attribute_unused(),
							void *arg pg_attribute_unused())
{
	int			level = GetCurrentTransactionNestLevel();

	if (event == SUBXACT_EVENT_COMMIT_SUB)
		give_to_parent(level);
	else if (event == SUBXACT_EVENT_ABORT_SUB)
		drop_tallies(level);
}

/* New rows all the time: they are added up by outbox_fold_account(). */
static Statement add_entry = {
	"INSERT INTO @.teams_account (bot, broadcast, entry, messages)"
	" VALUES ($1, $2, $3, $4)",
	STATEMENT_ARGS(TEXTOID, INT8OID, TEXTOID, INT8OID)
};

/*
 * With the rights of the tables' owner; a transaction of a sender's is about
 * to commit.
 */
static void
write_entry(const Tally *tally, const char *entry, int64 messages)
{
	Datum		values[4];
	char		nulls[4];
	Session		session;

	if (messages == 0)
		return;
	parameter_set_text(&values[0], &nulls[0], tally->bot);
	parameter_set_int8(&values[1], &nulls[1], tally->broadcast);
	parameter_set_text(&values[2], &nulls[2], entry);
	parameter_set_int8(&values[3], &nulls[3], messages);
	session_begin(SESSION_CALLER, &session);
	statement_run(&add_entry, values, nulls);
	session_commit(&session);
}

/* The extension may have been dropped since, in the same transaction. */
static void
write_tallies(void)
{
	if (!OidIsValid(statement_relation("teams_account")))
		return;
	PushActiveSnapshot(GetTransactionSnapshot());
	for (Tally *tally = tallies; tally != NULL; tally = tally->next)
	{
		write_entry(tally, "accepted", tally->messages);
		write_entry(tally, "sent", tally->recorded);
	}
	PopActiveSnapshot();
}

/*
 * Before the commit it can still write; afterwards there is nothing left to
 * remember.
 */
static void
tally_at_transaction_end(XactEvent event, void *arg pg_attribute_unused())
{
	if (tallies == NULL)
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			write_tallies();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			break;
		default:
			return;
	}
	tallies = NULL;
}

/* A new one is the first of the list, so that a level finds its own first. */
static Tally *
open_tally(const char *bot, int64 broadcast)
{
	static bool watching = false;
	int			level = GetCurrentTransactionNestLevel();
	Tally	   *tally = find_tally(bot, broadcast, level);
	size_t		length;

	if (tally != NULL)
		return tally;
	if (!watching)
	{
		RegisterXactCallback(tally_at_transaction_end, NULL);
		RegisterSubXactCallback(tally_at_subtransaction_end, NULL);
		watching = true;
	}
	length = strlen(bot) + 1;
	tally = MemoryContextAllocZero(TopTransactionContext,
								   offsetof(Tally, bot) + length);
	tally->level = level;
	tally->broadcast = broadcast;
	memcpy(tally->bot, bot, length);
	tally->next = tallies;
	tallies = tally;
	return tally;
}

/*
 * The current transaction has written a message of a bot and a broadcast (or
 * 0), which is to be sent, or was recorded at once as if it had been.
 */
void
tally_message(const char *bot, int64 broadcast, bool is_recorded)
{
	Tally	   *tally = open_tally(bot, broadcast);

	tally->messages++;
	tally->recorded += is_recorded;
}

/* ----------
 * What becomes of a bot's messages
 * ----------
 */

/*
 * A bot that sends, as most do all their life: a session that writes messages
 * one by one need not read its row for each.  It is forgotten with the first
 * change of the table, by whomever.
 */
static char known_sender[TRUST_MAX_BOT_NAME + 1];
static Oid	known_in = InvalidOid;	/* the table */
static uint64 changes = 0;		/* of it */

/*
 * Called for each relation whose definition has changed, which is what
 * tally_forget_modes() says of the table of bots; InvalidOid means any.
 */
static void
on_table_change(Datum arg pg_attribute_unused(), Oid relation)
{
	if (!OidIsValid(relation) || relation == known_in)
	{
		known_in = InvalidOid;
		changes++;
	}
}

/*
 * Nothing that a snapshot shows which may be older than the last change: that
 * would be remembered until the next one.
 */
static void
remember_sender(const char *bot, uint64 changes_before)
{
	if (changes != changes_before || IsolationUsesXactSnapshot() ||
		strlen(bot) > TRUST_MAX_BOT_NAME)
		return;
	strcpy(known_sender, bot);
	known_in = statement_relation("teams_bot");
}

static Statement find_bot = {
	"SELECT dry_run FROM @.teams_bot WHERE bot OPERATOR(pg_catalog.=) $1",
	STATEMENT_ARGS(TEXTOID)
};

static BotMode
read_mode(const char *bot)
{
	Datum		values[] = {CStringGetTextDatum(bot)};
	Session		session;
	BotMode		mode = BOT_MODE_MISSING;

	session_begin(SESSION_CALLER, &session);
	if (statement_run(&find_bot, values, NULL) > 0)
		mode = result_bool(0, 1) ? BOT_MODE_RECORDS : BOT_MODE_SENDS;
	session_commit(&session);
	return mode;
}

/*
 * Only a bot that sends is remembered: one that is missing is an error anyhow,
 * and messages of a dry-run bot that is one no longer would be lost.
 */
static BotMode
find_mode(const char *bot)
{
	static bool watching = false;
	uint64		changes_before;
	BotMode		mode;

	if (!watching)
		CacheRegisterRelcacheCallback(on_table_change, (Datum) 0);
	watching = true;
	if (OidIsValid(known_in) && strcmp(known_sender, bot) == 0)
		return BOT_MODE_SENDS;
	changes_before = changes;
	mode = read_mode(bot);
	if (mode == BOT_MODE_SENDS)
		remember_sender(bot, changes_before);
	return mode;
}

/*
 * What becomes of a bot's messages; it is looked up once in a transaction,
 * unless that changes the bots.
 */
BotMode
tally_bot_mode(const char *bot)
{
	Tally	   *known;

	for (known = tallies; known != NULL; known = known->next)
		if (known->knows_mode && strcmp(known->bot, bot) == 0)
			return known->mode;
	known = open_tally(bot, 0);
	known->mode = find_mode(bot);
	known->knows_mode = true;
	return known->mode;
}

/*
 * The table of bots has been changed; others learn of it when that is
 * committed.
 */
void
tally_forget_modes(Relation bots)
{
	for (Tally *tally = tallies; tally != NULL; tally = tally->next)
		tally->knows_mode = false;
	on_table_change((Datum) 0, InvalidOid);
	CacheInvalidateRelcache(bots);
}
