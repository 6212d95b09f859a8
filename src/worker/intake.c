/*
 * intake.c
 *	  What of the outbox comes into memory, and when.
 *
 * Sweeps (see sweep.c) take in what is new; targets with room again get what
 * they had to leave in the table; what becomes due comes back, and what
 * expires goes.
 */
#include "postgres.h"

#include "outbox/due.h"
#include "outbox/fates.h"
#include "outbox/messages.h"
#include "worker/intake.h"
#include "worker/target_outcome.h"
#include "worker/window.h"

/*
 * Targets whose rest is read from the table at a time, and how many messages
 * of each: some are in memory already.
 */
#define REST_TARGETS 100
#define REST_ROOM (2 * TARGET_ROOM + 1)

/* ----------
 * Rows for which nothing can be done
 * ----------
 */

/* Those that the current transaction has come across; in its memory. */
static List *unfit;

/* A transaction begins, in whose memory rows are read. */
void
intake_begin(void)
{
	unfit = NIL;
}

/* One that was not so when it was read goes on as it was. */
static void
note_unfit(const OutboxMessage *row)
{
	if (window_find(row->id) == NULL)
		unfit = lappend(unfit, unconstify(OutboxMessage *, row));
}

/*
 * In the transaction: settle the rows that it has come across and for which
 * nothing can be done.  They have never been in memory, so that their outcome
 * is written at once.  False if somebody has locked some: then they are to be
 * read again.
 */
bool
intake_refuse_unfit(void)
{
	int			count = list_length(unfit);
	int64	   *ids;
	const char **problems;

	if (count == 0)
		return true;
	ids = palloc(count * sizeof(int64));
	problems = palloc(count * sizeof(char *));
	for (int i = 0; i < count; i++)
	{
		const OutboxMessage *row = list_nth(unfit, i);
		Bot		   *bot = bot_find(row->bot);

		ids[i] = row->id;
		problems[i] = row->problem;

		/* It may have held back those behind it. */
		if (bot != NULL)
			lanes_look_again(bot->lanes, row->id + 1);
	}
	return outbox_refuse(ids, problems, count) == count;
}

/* ----------
 * Rows for memory
 * ----------
 */

/*
 * Take in a row; its target is asked about if that is what it needs.  False if
 * there is no room for it, so that it has to be read again.
 */
bool
intake_admit(const OutboxMessage *row)
{
	bool		has_room;
	Message    *message;

	if (row->problem != NULL)
	{
		note_unfit(row);
		return true;
	}
	message = window_admit(row, &has_room);
	if (message != NULL && message->target->queue.state == QUEUE_ASKS)
		(void) target_outcome_ask(message->target);
	return has_room;
}

/*
 * In the transaction, at a point in time: what is due by then waits no longer.
 * Returns how many those are.
 *
 * A retry comes first in its conversation, or it would be held back itself.
 * What was scheduled may have others before it that no sweep has come to yet.
 */
int
intake_make_ready(void)
{
	OutboxMessage *rows;
	int			count = outbox_make_ready(CurrentMemoryContext, &rows);

	target_free_idle();
	for (int i = 0; i < count; i++)
	{
		Bot		   *bot = bot_find(rows[i].bot);

		if (bot != NULL && (!bot_is_active(bot) || !rows[i].retrying ||
							!intake_admit(&rows[i])))
			lanes_look_for(bot->lanes, &rows[i]);
		if (bot != NULL && rows[i].has_followers)
			lanes_look_again(bot->lanes, rows[i].id);
	}
	return count;
}

/*
 * In the transaction, at a point in time: what has expired by then ends,
 * unless it is on the wire.  Returns how many those are.
 */
int
intake_expire(void)
{
	OutboxExpired *expired;
	int			count = outbox_expire(CurrentMemoryContext, &expired);

	for (int i = 0; i < count; i++)
	{
		Message    *message = window_find(expired[i].id);
		Bot		   *bot = bot_find(expired[i].bot);

		/* One that this transaction postpones is forgotten after it. */
		if (message != NULL && message->state == MESSAGE_QUEUED)
			window_forget(message);
		else if (expired[i].held_back && bot != NULL)
			lanes_look_again(bot->lanes, expired[i].id);
	}
	return count;
}

/* ----------
 * What targets have left in the table
 * ----------
 */

/* Find the first targets whose rest is due; returns how many. */
static int
find_due_targets(Target **targets)
{
	dlist_iter	iter;
	int			count = 0;

	foreach_bot(bot)
	{
		if (!bot_is_active(bot))
			continue;
		dlist_foreach(iter, &bot->window.due)
		{
			if (count == REST_TARGETS)
				return count;
			targets[count++] = dlist_container(Target, rest.node, iter.cur);
		}
	}
	return count;
}

/*
 * In the transaction, after outcomes were written: targets that have room
 * again get what the table has for them.
 */
void
intake_read_rest(void)
{
	Target	   *targets[REST_TARGETS];
	OutboxBehind *wanted;
	OutboxMessage *rows;
	int			count;
	int			nrows;
	int			next = 0;

	target_free_idle();
	count = find_due_targets(targets);
	if (count == 0)
		return;
	wanted = palloc(count * sizeof(OutboxBehind));
	for (int i = 0; i < count; i++)
	{
		wanted[i].bot = targets[i]->bot->name;
		wanted[i].scope = targets[i]->scope;
		wanted[i].target = targets[i]->id;
	}
	nrows = outbox_read_behind(wanted, count, REST_ROOM,
							   CurrentMemoryContext, &rows);
	for (int i = 0; i < count; i++)
	{
		int			first = next;

		target_take_rest(targets[i]);
		for (; next < nrows && rows[next].source == i; next++)
			(void) intake_admit(&rows[next]);

		/* There may be more, if those were in memory already. */
		if (next - first == REST_ROOM)
			target_note_rest(targets[i], rows[next - 1].id,
							 rows[next - 1].priority);
		target_update(targets[i]);
	}
}

/* Is there a target whose rest is due? */
bool
intake_has_rest(void)
{
	foreach_bot(bot)
		if (bot_is_active(bot) && !dlist_is_empty(&bot->window.due))
			return true;
	return false;
}

/* ----------
 * Dry-run bots
 * ----------
 */

static bool
is_to_be_recorded(const Bot *bot)
{
	return bot->exists && bot->config->dry_run && lanes_are_on(bot->lanes);
}

/* Is there something for intake_record()? */
bool
intake_has_dry_runs(void)
{
	foreach_bot(bot)
		if (is_to_be_recorded(bot))
			return true;
	return false;
}

/*
 * In the transaction: what the outbox has for dry-run bots goes to the
 * history.  It was there before they were; what comes later does not get into
 * the outbox.
 */
void
intake_record(void)
{
	foreach_bot(bot)
		if (is_to_be_recorded(bot) && outbox_record_pending(bot->name) == 0)
			lanes_stop(bot->lanes);
}
