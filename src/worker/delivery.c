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

#include "base/compat.h"
#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "utils/memutils.h"

#include "base/moment.h"
#include "http/http.h"
#include "outbox/outbox.h"
#include "outbox/session.h"
#include "worker/bot_token.h"
#include "worker/broadcast.h"
#include "worker/catalog.h"
#include "worker/delivery.h"
#include "worker/directory.h"
#include "worker/dispatch.h"
#include "worker/graph_queue.h"
#include "worker/house.h"
#include "worker/installation.h"
#include "worker/intake.h"
#include "worker/line.h"
#include "worker/settle.h"
#include "worker/sweep.h"
#include "worker/target_outcome.h"
#include "worker/window.h"

/* Outcomes are written when there are so many, or after so long. */
#define SETTLE_COUNT 100
#define SETTLE_DELAY_MS 20

/*
 * What is due and locked is tried again later, and so is what somebody had
 * locked when its outcome was known.
 */
#define LOCKED_RETRY_MS 1000
#define LEFT_RETRY_MS 5000

/* The wait primitives count milliseconds in an int. */
#define MAX_WAIT_MS 3600000

static MemoryContext delivery_context = NULL;
static SessionKind session_kind;
static Slot *slot;

static bool stopping;
static bool recover_wanted;
static bool reload_wanted;
static bool due_wanted;			/* next_due is to be read again */
static TimestampTz next_due;	/* 0: nothing is scheduled, nor expires */
static TimestampTz left_at;		/* 0: nothing was left to others */
static bool after_error;		/* what was read may not have been taken in */
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
	left_at = 0;
	after_error = false;
	house_open();
	broadcast_open();
	bot_open(delivery_context);
	bot_status_open(delivery_context);
	installation_open(delivery_context);
	window_open(delivery_context);
	bot_pace_open(delivery_context);
	bot_fetch_open(delivery_context);
	bot_token_open(delivery_context);
	settle_open(delivery_context);
	dispatch_open(delivery_context);
	directory_open(delivery_context);
	line_open(delivery_context);
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

static bool
is_past(TimestampTz time)
{
	return time != 0 && time <= GetCurrentTimestamp();
}

static void
look_again(int64 from)
{
	foreach_bot(bot)
		lanes_look_again(bot->lanes, from);
}

void
delivery_wake(const WakeUp *wake_up)
{
	if (wake_up->times)
		due_wanted = true;
	house_note_change();
	if (wake_up->reload)
	{
		reload_wanted = true;
		broadcast_wake();
		directory_wake();
	}
	if (wake_up->from_id != PG_INT64_MAX)
		look_again(wake_up->from_id);
}

void
delivery_try_again(void)
{
	house_try_again();
	line_try_again();
	foreach_bot(bot)
		bot_fetch_try_again(bot);
}

void
delivery_stop(void)
{
	stopping = true;
}

/* ----------
 * The transaction
 * ----------
 */

/* What was known of targets is not true for a bot that became another. */
static void
drop_old_targets(void)
{
	foreach_bot(bot)
	{
		if (bot->is_other)
			window_drop_bot(bot);
		bot->is_other = false;
	}
}

/*
 * What a point in time brings: messages become due, or expire.  False if what
 * is due is locked by somebody.
 */
static bool
do_what_is_due(void)
{
	int			count;

	if (next_due == 0 || next_due > GetCurrentTimestamp())
		return true;
	count = intake_expire();
	if (!stopping)
		count += intake_make_ready();
	due_wanted = true;
	return count > 0;
}

/* When there is something to do next, or 0. */
static TimestampTz
read_next_due(bool locked)
{
	TimestampTz due = outbox_next_due();
	TimestampTz now = GetCurrentTimestamp();

	if (locked && due != 0 && due <= now)
		return TimestampTzPlusMilliseconds(now, LOCKED_RETRY_MS);
	return due;
}

/* What somebody had locked is looked at again. */
static void
plan_left(void)
{
	if (left_at == 0)
		left_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											  LEFT_RETRY_MS);
}

static void
count_settled(SettleCounts counts)
{
	if (counts.sent + counts.failed + counts.cancelled > 0)
		house_note_change();
	if (counts.left > 0)
		plan_left();
	if (counts.look_from != 0)
		look_again(counts.look_from);
	if (slot == NULL)
		return;
	pg_atomic_fetch_add_u64(&slot->sent, counts.sent);
	pg_atomic_fetch_add_u64(&slot->failed, counts.failed);
	pg_atomic_fetch_add_u64(&slot->retried, counts.retried);
	if (counts.sent + counts.failed + counts.cancelled > 0)
		ConditionVariableBroadcast(&slot->settled);
}

static void
feed_broadcasts(void)
{
	int64		first_id = broadcast_feed();

	if (first_id != 0)
		look_again(first_id);
}

static void
end_postponed(void)
{
	int64		first_id = outbox_end_postponed();

	if (first_id != 0)
		look_again(first_id);
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
	bool		locked;

	dispatch_begin();
	if (!session_begin(session_kind, &session))
		return false;
	MemoryContextSwitchTo(context);
	intake_begin();
	if (after_error || is_past(left_at))
		look_again(1);
	if (is_past(left_at))
		left_at = 0;
	after_error = true;
	if (recover_wanted)
		doubtful = outbox_recover();
	settle_write();
	bot_save_news();
	if (reloading)
	{
		bot_reload(outbox_read_bots(context));
		drop_old_targets();
		end_postponed();
	}
	locked = !do_what_is_due();
	if (!stopping)
	{
		if (broadcast_is_due())
			feed_broadcasts();
		intake_read_behind();
		sweep_all();
		if (!intake_refuse_unfit())
			plan_left();
		intake_record();
		house_keep();
		dispatch_choose();
		dispatch_enter_ledger();
	}
	if (due_wanted || settle_has_retries())
		due = read_next_due(locked);
	session_commit(&session);
	MemoryContextSwitchTo(context);

	if (doubtful > 0)
		ereport(LOG,
				(errmsg("teams_proactive: " INT64_FORMAT " messages were on the wire when the last worker ended",
						doubtful)));
	after_error = false;
	recover_wanted = false;
	if (reloading)
		reload_wanted = false;
	due_wanted = false;
	next_due = due;
	bot_news_saved();
	count_settled(settle_written());
	if (stopping || ShutdownRequestPending)
		dispatch_call_back();
	else
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
	if (recover_wanted || reload_wanted || bot_has_news() ||
		settle_is_due())
		return true;
	if (stopping)
		return false;
	if (due_wanted || after_error || is_past(next_due) || is_past(left_at) ||
		is_past(house_next()) || broadcast_is_due() || intake_has_behind() ||
		intake_has_dry_runs())
		return true;
	foreach_bot(bot)
	{
		for (int i = 0; i < PRIORITIES; i++)
			if (sweep_is_wanted(bot, i))
				return true;
		if (dispatch_can_choose(bot))
			return true;
	}
	return false;
}

/*
 * What was found out by name is written before the directory says whose the
 * names are, or it would be written after that as if it were true.
 */
static bool
directory_may_be_written(void)
{
	return !stopping && directory_is_due() && settle_count() == 0;
}

/* What was due when the step began has been seen to. */
static void
earlier(TimestampTz *earliest, TimestampTz time)
{
	if (time > step_started_at)
		*earliest = sooner(*earliest, time);
}

static long
time_to_next_step(void)
{
	TimestampTz earliest = 0;

	if (settle_count() > 0)
		earlier(&earliest, TimestampTzPlusMilliseconds(settle_since(),
													   SETTLE_DELAY_MS));
	if (!stopping)
	{
		earlier(&earliest, next_due);
		earlier(&earliest, left_at);
		earlier(&earliest, house_next());
		earlier(&earliest, broadcast_next());
		earlier(&earliest, directory_next());
		earlier(&earliest, line_next());
		foreach_bot(bot)
		{
			if (bot->exists)
			{
				earlier(&earliest, bot->status.probe_at);
				earlier(&earliest, bot->status.save_at);
			}
			if (!bot_is_active(bot))
				continue;
			earlier(&earliest, bot_fetch_next(bot));
			earlier(&earliest, graph_queue_next(bot));
			earlier(&earliest, dispatch_next(bot));
		}
	}
	if (earliest == 0)
		return -1;
	return Min(TimestampDifferenceMilliseconds(GetCurrentTimestamp(), earliest),
			   MAX_WAIT_MS) + 1;
}

/* Hosts that cannot be reached are the trouble of the bots that need them. */
static void
watch_lines(void)
{
	foreach_bot(bot)
	{
		if (bot->exists && bot_watch_lines(bot) &&
			bot->status.line_trouble != NULL)
			slot_note_error(slot, psprintf("bot \"%s\": %s", bot->name,
											 bot->status.line_trouble));
	}
}

DeliveryStep
delivery_advance(long *timeout_ms)
{
	step_started_at = GetCurrentTimestamp();
	target_outcome_advance();
	watch_lines();
	if (!stopping)
		foreach_bot(bot)
			bot_probe(bot);
	if (transaction_is_due() && !run_transaction())
		return DELIVERY_EXTENSION_GONE;
	if (directory_may_be_written() && !directory_write(session_kind))
		return DELIVERY_EXTENSION_GONE;
	target_outcome_advance();
	if (!stopping)
	{
		foreach_bot(bot)
		{
			catalog_advance(bot);
			graph_queue_advance(bot);
		}
		directory_advance();
	}

	if (slot != NULL)
		pg_atomic_write_u32(&slot->in_flight, http_in_flight());
	*timeout_ms = transaction_is_due() || directory_may_be_written() ?
		0 : time_to_next_step();
	return DELIVERY_GOES_ON;
}

void
delivery_counts(int *in_memory, int *in_flight)
{
	*in_memory = 0;
	*in_flight = 0;
	foreach_bot(bot)
	{
		*in_memory += bot_message_count(bot);
		*in_flight += bot->window.in_flight;
	}
}

bool
delivery_has_room(void)
{
	foreach_bot(bot)
	{
		for (int i = 0; i < PRIORITIES; i++)
			if (bot_is_active(bot) && sweep_has_room(bot, i))
				return true;
	}
	return false;
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
delivery_is_away(void)
{
	return !recover_wanted && !reload_wanted && delivery_is_quiet() &&
		bot_all_are_away();
}

bool
delivery_is_idle(void)
{
	if (!delivery_is_quiet() || transaction_is_due() || !directory_is_idle() ||
		!broadcast_is_idle())
		return false;
	foreach_bot(bot)
		if (bot_is_active(bot) &&
			(bot_message_count(bot) > 0 || lanes_are_on(bot->lanes)))
			return false;
	return true;
}
