/*
 * tally.c
 *	  Counts the messages that a transaction writes, for teams_account.
 *
 * A transaction adds one row for each bot just before it commits, whatever the
 * number of its messages.  So senders neither wait for each other, as they
 * would for a counter, nor pay for each message; and as the row is of the same
 * transaction, it is there if and only if the messages are.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "outbox/outbox.h"
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

static void
drop(int level)
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
at_subtransaction_end(SubXactEvent event,
					  SubTransactionId self pg_attribute_unused(),
					  SubTransactionId parent pg_attribute_unused(),
					  void *arg pg_attribute_unused())
{
	int			level = GetCurrentTransactionNestLevel();

	if (event == SUBXACT_EVENT_COMMIT_SUB)
		give_to_parent(level);
	else if (event == SUBXACT_EVENT_ABORT_SUB)
		drop(level);
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
		if (tally->messages > 0)
			outbox_note(tally->bot, tally->broadcast, "accepted",
						tally->messages);
		if (tally->recorded > 0)
			outbox_note(tally->bot, tally->broadcast, "sent",
						tally->recorded);
	}
	PopActiveSnapshot();
}

static void
at_transaction_end(XactEvent event, void *arg pg_attribute_unused())
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
		RegisterXactCallback(at_transaction_end, NULL);
		RegisterSubXactCallback(at_subtransaction_end, NULL);
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

void
tally_message(const char *bot, int64 broadcast, bool is_recorded)
{
	Tally	   *tally = open_tally(bot, broadcast);

	tally->messages++;
	tally->recorded += is_recorded;
}

BotMode
tally_bot_mode(const char *bot)
{
	Tally	   *known;

	for (known = tallies; known != NULL; known = known->next)
		if (known->knows_mode && strcmp(known->bot, bot) == 0)
			return known->mode;
	known = open_tally(bot, 0);
	known->mode = outbox_bot_mode(bot);
	known->knows_mode = true;
	return known->mode;
}

void
tally_forget_modes(void)
{
	for (Tally *tally = tallies; tally != NULL; tally = tally->next)
		tally->knows_mode = false;
}
