/*
 * delivery.c
 *	  Takes messages from the outbox to the chats, and their fates back.
 *
 * Every step that can be taken is taken by delivery_advance(): one transaction
 * writes the outcomes there are, reads what is due and enters into the ledger
 * what goes on the wire next; after its commit the requests start.  Whatever
 * arrives while that commit is on its way to disk forms the next batch, so
 * batches are as large as the load makes them.
 *
 * Outcomes are always written before anything is read: a message that has to
 * wait for its retry thus holds back those behind it.
 */
#include "postgres.h"

#include "compat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "access.h"
#include "answer.h"
#include "delivery.h"
#include "dispatch.h"
#include "http.h"
#include "installation.h"
#include "outbox.h"
#include "session.h"
#include "settings.h"
#include "settle.h"
#include "window.h"

/* Outcomes are written when there are so many, or after so long. */
#define SETTLE_COUNT 100
#define SETTLE_DELAY_MS 20

/*
 * A transaction that commits late may leave an id that the sweep has passed.
 * Each wake-up goes back a little; and now and then all is looked at.
 */
#define LATE_IDS 256
#define FULL_SWEEP_MS 1000

/* The wait primitives count milliseconds in an int. */
#define MAX_WAIT_MS 3600000

static MemoryContext delivery_context = NULL;
static SessionKind session_kind;
static Slot *slot;

static bool stopping;
static bool recover_wanted;
static bool reload_wanted;
static bool due_wanted;			/* next_due is to be read again */
static TimestampTz next_due;	/* 0: nothing is scheduled */
static TimestampTz step_started_at;

void
delivery_open(SessionKind kind, Slot *my_slot)
{
	delivery_context = AllocSetContextCreate(TopMemoryContext,
											 "teams_proactive delivery",
											 ALLOCSET_DEFAULT_SIZES);
	session_kind = kind;
	slot = my_slot;
	stopping = false;
	recover_wanted = true;
	reload_wanted = true;
	due_wanted = true;
	next_due = 0;
	bot_open(delivery_context);
	installation_open(delivery_context);
	window_open(delivery_context);
	access_open(delivery_context);
	settle_open(delivery_context);
	dispatch_open(delivery_context);
	http_open();
}

void
delivery_close(void)
{
	http_close();
	if (delivery_context != NULL)
		MemoryContextDelete(delivery_context);
	delivery_context = NULL;
}

void
delivery_wake(bool reload)
{
	dlist_iter	iter;

	due_wanted = true;
	if (reload)
		reload_wanted = true;
	dlist_foreach(iter, bot_list())
	{
		Bot		   *bot = dlist_container(Bot, node, iter.cur);

		if (bot->full_sweep_at == 0)
			bot->full_sweep_at =
				TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											FULL_SWEEP_MS);
		if (!bot->sweeping)
			window_rewind(bot, Max(0, bot->cursor - LATE_IDS));
	}
}

void
delivery_try_again(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, bot_list())
		access_try_again(dlist_container(Bot, node, iter.cur));
}

void
delivery_stop(void)
{
	stopping = true;
}

/* ----------
 * What became known of targets
 * ----------
 */

static void
take_finished_targets(void)
{
	Target	   *target;

	while ((target = installation_take_finished()) != NULL)
	{
		window_check_skipped(target->bot);

		/* Nobody waits for it, perhaps as the bot is another one now. */
		if (window_first(target) == NULL)
			window_release_target(target);
		else if (target->state == TARGET_KNOWN)
		{
			settle_installation(target, "installed", NULL);
			window_check_ready(target);
		}
		else
			answer_verdict(target);
	}
}

/* Jobs that only make sure of the installation are done once it is known. */
static void
finish_jobs(Target *target)
{
	Message    *first;

	while ((first = window_first(target)) != NULL && !first->is_send)
	{
		bool		last = target->message_count == 1;

		settle_sent(first, target->chat_id, NULL);
		if (last)
			return;
	}
}

static void
finish_all_jobs(void)
{
	dlist_iter	bots;

	dlist_foreach(bots, bot_list())
	{
		Bot		   *bot = dlist_container(Bot, node, bots.cur);
		dlist_mutable_iter iter;

		dlist_foreach_modify(iter, &bot->ready)
			finish_jobs(dlist_container(Target, ready_node, iter.cur));
	}
}

/* ----------
 * The transaction
 * ----------
 */

/* What was known of targets is not true for a bot that became another. */
static void
drop_old_targets(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, bot_list())
	{
		Bot		   *bot = dlist_container(Bot, node, iter.cur);

		if (bot->is_other)
			window_drop_bot(bot);
		bot->is_other = false;
	}
}

static void
make_ready(void)
{
	ListCell   *cell;

	if (next_due == 0 || next_due > GetCurrentTimestamp())
		return;
	foreach(cell, outbox_make_ready(CurrentMemoryContext))
	{
		OutboxDue  *due = lfirst(cell);
		Bot		   *bot = bot_find(due->bot);

		if (bot != NULL)
			window_rewind(bot, due->first_id - 1);
	}
	due_wanted = true;
}

static bool
wants_to_read(Bot *bot)
{
	if (!bot_is_active(bot) || stopping)
		return false;
	if (bot->full_sweep_at != 0 && bot->full_sweep_at <= GetCurrentTimestamp())
		return true;
	return bot->sweeping && window_room(bot) >= 200;
}

static int
make_sweeps(OutboxSweep *sweeps)
{
	dlist_iter	iter;
	int			count = 0;

	dlist_foreach(iter, bot_list())
	{
		Bot		   *bot = dlist_container(Bot, node, iter.cur);

		if (!wants_to_read(bot))
			continue;
		if (bot->full_sweep_at != 0 &&
			bot->full_sweep_at <= GetCurrentTimestamp())
		{
			window_rewind(bot, 0);
			bot->full_sweep_at = 0;
		}
		if (window_room(bot) == 0)
			continue;
		sweeps[count].bot = bot->name;
		sweeps[count].after = bot->cursor;
		sweeps[count].room = window_room(bot);
		count++;
	}
	return count;
}

static int
count_bots(void)
{
	dlist_iter	iter;
	int			count = 0;

	dlist_foreach(iter, bot_list())
		count++;
	return count;
}

static void
read_due_messages(void)
{
	OutboxSweep *sweeps = palloc(count_bots() * sizeof(OutboxSweep));
	int			nsweeps = make_sweeps(sweeps);
	OutboxMessage *rows;
	int			nrows;

	if (nsweeps == 0)
		return;
	nrows = outbox_read_due(sweeps, nsweeps, CurrentMemoryContext, &rows);
	for (int i = 0; i < nsweeps; i++)
	{
		Bot		   *bot = bot_find(sweeps[i].bot);
		int			found = 0;

		for (int j = 0; j < nrows; j++)
		{
			if (strcmp(rows[j].bot, bot->name) != 0)
				continue;
			bot->cursor = rows[j].id;
			found++;
		}
		bot->sweeping = found == sweeps[i].room;
	}

	/* After the cursors were moved: a row may send them back. */
	for (int i = 0; i < nrows; i++)
		window_admit(&rows[i]);
}

static void
count_settled(SettleCounts counts)
{
	if (slot == NULL)
		return;
	pg_atomic_fetch_add_u64(&slot->sent, counts.sent);
	pg_atomic_fetch_add_u64(&slot->failed, counts.failed);
	pg_atomic_fetch_add_u64(&slot->retried, counts.retried);
	if (counts.sent + counts.failed > 0)
		ConditionVariableBroadcast(&slot->settled);
}

/* False if the extension is gone. */
static bool
run_transaction(void)
{
	MemoryContext context = CurrentMemoryContext;
	int64		doubtful = 0;
	Session		session;
	TimestampTz due = next_due;
	bool		reloading = reload_wanted;

	if (!session_begin(session_kind, &session))
		return false;
	MemoryContextSwitchTo(context);
	if (recover_wanted)
		doubtful = outbox_recover();
	settle_write();
	bot_save();
	if (reloading)
	{
		bot_reload(outbox_read_bots(context));
		drop_old_targets();
	}
	make_ready();
	read_due_messages();
	if (!stopping)
	{
		dispatch_choose();
		dispatch_enter_ledger();
	}
	if (due_wanted || settle_has_retries())
		due = outbox_next_due();
	session_commit(&session);
	MemoryContextSwitchTo(context);

	if (doubtful > 0)
		ereport(LOG,
				(errmsg("teams_proactive: " INT64_FORMAT " messages were on the wire when the last worker ended",
						doubtful)));
	recover_wanted = false;
	if (reloading)
		reload_wanted = false;
	due_wanted = false;
	next_due = due;
	bot_saved();
	count_settled(settle_written());
	if (!stopping)
		dispatch_post();
	return true;
}

/* ----------
 * What is to be done, and when
 * ----------
 */

static bool
settle_is_due(void)
{
	if (settle_count() == 0)
		return false;
	return stopping || settle_count() >= SETTLE_COUNT ||
		http_in_flight() == 0 ||
		TimestampDifferenceExceeds(settle_since(), GetCurrentTimestamp(),
								   SETTLE_DELAY_MS);
}

static bool
transaction_is_due(void)
{
	dlist_iter	iter;

	if (recover_wanted || reload_wanted || bot_has_unsaved() ||
		settle_is_due())
		return true;
	if (stopping)
		return false;
	if (due_wanted || (next_due != 0 && next_due <= GetCurrentTimestamp()))
		return true;
	dlist_foreach(iter, bot_list())
	{
		Bot		   *bot = dlist_container(Bot, node, iter.cur);

		if (wants_to_read(bot) || dispatch_can_choose(bot))
			return true;
	}
	return false;
}

/* What was due when the step began has been seen to. */
static void
earlier(TimestampTz *earliest, TimestampTz time)
{
	if (time > step_started_at && (*earliest == 0 || time < *earliest))
		*earliest = time;
}

static long
time_to_next_step(void)
{
	TimestampTz earliest = 0;
	dlist_iter	iter;

	if (settle_count() > 0)
		earlier(&earliest, TimestampTzPlusMilliseconds(settle_since(),
													   SETTLE_DELAY_MS));
	if (!stopping)
	{
		earlier(&earliest, next_due);
		dlist_foreach(iter, bot_list())
		{
			Bot		   *bot = dlist_container(Bot, node, iter.cur);

			if (!bot_is_active(bot))
				continue;
			earlier(&earliest, bot->full_sweep_at);
			earlier(&earliest, access_next_fetch(bot));
			earlier(&earliest, installation_next(bot));
			if (dispatch_waits_for_pace(bot))
				earlier(&earliest, pace_next(bot->pace, PACE_CONNECTOR));
		}
	}
	if (earliest == 0)
		return -1;
	return Min(TimestampDifferenceMilliseconds(GetCurrentTimestamp(), earliest),
			   MAX_WAIT_MS) + 1;
}

DeliveryStep
delivery_advance(long *timeout_ms)
{
	dlist_iter	iter;

	step_started_at = GetCurrentTimestamp();
	take_finished_targets();
	finish_all_jobs();
	if (transaction_is_due() && !run_transaction())
		return DELIVERY_EXTENSION_GONE;
	take_finished_targets();
	finish_all_jobs();
	if (!stopping)
		dlist_foreach(iter, bot_list())
			installation_advance(dlist_container(Bot, node, iter.cur));

	if (slot != NULL)
		pg_atomic_write_u32(&slot->in_flight, http_in_flight());
	*timeout_ms = transaction_is_due() ? 0 : time_to_next_step();
	return DELIVERY_GOES_ON;
}

void
delivery_counts(int *in_memory, int *in_flight)
{
	dlist_iter	iter;

	*in_memory = 0;
	*in_flight = 0;
	dlist_foreach(iter, bot_list())
	{
		Bot		   *bot = dlist_container(Bot, node, iter.cur);

		*in_memory += bot->window;
		*in_flight += bot->in_flight;
	}
}

bool
delivery_is_quiet(void)
{
	int			in_memory;
	int			in_flight;

	delivery_counts(&in_memory, &in_flight);
	return in_flight == 0 && settle_count() == 0;
}

bool
delivery_is_idle(void)
{
	dlist_iter	iter;

	if (!delivery_is_quiet() || transaction_is_due())
		return false;
	dlist_foreach(iter, bot_list())
	{
		Bot		   *bot = dlist_container(Bot, node, iter.cur);

		if (bot_is_active(bot) && (bot->window > 0 || bot->sweeping))
			return false;
	}
	return true;
}
