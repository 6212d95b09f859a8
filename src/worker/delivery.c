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
#include "outbox/bots.h"
#include "outbox/due.h"
#include "outbox/fates.h"
#include "outbox/ledger.h"
#include "outbox/session.h"
#include "worker/bot_token.h"
#include "worker/catalog.h"
#include "worker/chat.h"
#include "worker/credential_watch.h"
#include "worker/delivery.h"
#include "worker/directory.h"
#include "worker/dispatch.h"
#include "worker/feed.h"
#include "worker/graph_queue.h"
#include "worker/house.h"
#include "worker/installation.h"
#include "worker/intake.h"
#include "worker/line.h"
#include "worker/retry.h"
#include "worker/settle.h"
#include "worker/share.h"
#include "worker/sweep.h"
#include "worker/target_outcome.h"
#include "worker/window.h"

/* Outcomes are written when there are so many, or after so long. */
#define SETTLE_COUNT 100
#define SETTLE_DELAY_MS 20

/*
 * When to look again at what somebody had locked when its outcome was known.
 */
#define LEFT_RETRY_MS 5000

/* The wait primitives count milliseconds in an int. */
#define MAX_WAIT_MS 3600000

/* What the next transaction is to see to, besides what others have for it. */
typedef struct Wanted
{
	bool		recovery;		/* of what the ledger has of an earlier
								 * process */
	bool		bots;			/* as teams_bot says they are now */
	bool		next_due;		/* is to be read again */
	bool		everything;		/* the last one has failed: what it has read
								 * may not be in memory */
} Wanted;

/* What is under way; nothing is if it has no context. */
static struct
{
	MemoryContext context;
	SessionKind kind;
	Slot	   *slot;			/* or NULL */
	bool		stopping;
	Wanted		wanted;
	TimestampTz next_due;		/* 0: nothing is scheduled, nor expires */
	TimestampTz left_at;		/* when to look at what somebody had locked; 0:
								 * nothing was */
	TimestampTz step_started_at;
}			delivery;

/*
 * Each makes its module start with nothing, and allocate in the context.  None
 * calls another one's functions, so that the order is of no importance;
 * test/check-layers.sh sees that none is missing.
 */
static void (*const open_functions[]) (MemoryContext context) = {
	bot_open,
	bot_fetch_open,
	bot_pace_open,
	bot_status_open,
	bot_token_open,
	chat_open,
	directory_open,
	dispatch_open,
	installation_open,
	line_open,
	settle_open,
	share_open,
	target_open,
	window_open
};

/*
 * Begin to deliver with the rights of that kind of session.  What the ledger
 * has is decided about in the first transaction.  The slot (or NULL) gets the
 * counters.  To be ended by delivery_close(), also after an error.
 */
void
delivery_open(SessionKind kind, Slot *slot)
{
	memset(&delivery, 0, sizeof(delivery));
	delivery.context = AllocSetContextCreate(TopMemoryContext,
											 "teams_proactive delivery",
											 ALLOCSET_DEFAULT_SIZES);
	delivery.kind = kind;
	delivery.slot = slot;
	delivery.wanted.recovery = true;
	delivery.wanted.bots = true;
	delivery.wanted.next_due = true;
	for (size_t i = 0; i < lengthof(open_functions); i++)
		open_functions[i] (delivery.context);
	house_open();
	feed_open();
	credential_watch_open();
	http_open();
}

/* End, and forget everything; what is on the wire stays in the ledger. */
void
delivery_close(void)
{
	http_close();
	if (delivery.context != NULL)
		MemoryContextDelete(delivery.context);
	delivery.context = NULL;
}

static bool
is_past(TimestampTz time)
{
	return time != 0 && time <= GetCurrentTimestamp();
}

/* Messages from that id on may have come, or may go on. */
static void
look_again(int64 from)
{
	foreach_bot(bot)
		lanes_look_again(bot->lanes, from);
}

/* The same, unless it is 0. */
static void
look_again_from(int64 from)
{
	if (from != 0)
		look_again(from);
}

/* Something has been committed: see there what. */
void
delivery_wake(const WakeUp *wake_up)
{
	if (wake_up->times)
		delivery.wanted.next_due = true;
	house_note_change();
	feed_wake(wake_up);
	if (wake_up->reload)
	{
		delivery.wanted.bots = true;
		credential_watch_soon();
		directory_wake();
	}
	if (wake_up->from_id != PG_INT64_MAX)
		look_again(wake_up->from_id);
}

/* Settings have changed: what has failed because of them may go well now. */
void
delivery_try_again(void)
{
	house_try_again();
	credential_watch_try_again();
	line_try_again();
	foreach_bot(bot)
		bot_fetch_try_again(bot);
}

/* From now on start nothing; settle what was started. */
void
delivery_stop(void)
{
	delivery.stopping = true;
}

/* ----------
 * What a transaction does
 * ----------
 */

/*
 * What a point in time brings: messages become due, or expire.  False if what
 * is due is locked by somebody.
 */
static bool
do_what_is_due(void)
{
	int			count;

	if (delivery.next_due == 0 || delivery.next_due > GetCurrentTimestamp())
		return true;
	count = intake_expire();
	if (!delivery.stopping)
		count += intake_make_ready();
	delivery.wanted.next_due = true;
	return count > 0;
}

/* When there is something to do next, or 0; not at once for what is locked. */
static TimestampTz
read_next_due(bool locked)
{
	TimestampTz due = outbox_next_due();
	TimestampTz now = GetCurrentTimestamp();

	if (locked && due != 0 && due <= now)
		return TimestampTzPlusMilliseconds(now, RETRY_LOCKED_MS);
	return due;
}

/* What somebody had locked is looked at again. */
static void
plan_left(void)
{
	delivery.left_at = sooner(delivery.left_at,
							  TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
														  LEFT_RETRY_MS));
}

/* What waits for a bot that is not paused any more does not wait longer. */
static void
reload_bots(void)
{
	bot_reload(outbox_read_bots(CurrentMemoryContext));
	look_again_from(outbox_end_postponed());
}

/* Take into memory what there is, and choose what goes on the wire. */
static void
take_in_and_choose(void)
{
	if (feed_is_due())
		look_again_from(feed_outbox());
	intake_read_rest();
	sweep_all();
	if (!intake_refuse_unfit())
		plan_left();
	intake_record();
	house_keep();
	dispatch_choose();
	dispatch_enter_ledger();
}

/* What a transaction finds out, for when it has committed. */
typedef struct Findings
{
	int64		doubtful;		/* messages that an earlier process had
								 * begun */
	TimestampTz next_due;
} Findings;

/*
 * Outcomes are written before rows are read, and what the ledger gets comes
 * last, as late as can be known what goes on the wire.
 */
static Findings
do_transaction(void)
{
	const Wanted *wanted = &delivery.wanted;
	Findings	findings = {0, delivery.next_due};
	bool		locked;

	if (wanted->recovery)
		findings.doubtful = outbox_recover();
	settle_write();
	bot_save_news();
	if (wanted->bots)
		reload_bots();
	locked = !do_what_is_due();
	if (!delivery.stopping)
		take_in_and_choose();
	if (wanted->next_due || settle_has_retries())
		findings.next_due = read_next_due(locked);
	return findings;
}

/* ----------
 * The transaction
 * ----------
 */

/*
 * What is begun here and not committed is wanted still, and everything is to
 * be read once more.
 */
static void
transaction_begins(void)
{
	bool		left = is_past(delivery.left_at);

	intake_begin();
	if (delivery.wanted.everything || left)
		look_again(1);
	if (left)
		delivery.left_at = 0;
	delivery.wanted.everything = true;
}

/* What was settled is told: to the slot's counters, and to those who wait. */
static void
count_settled(SettleCounts counts)
{
	Slot	   *slot = delivery.slot;
	bool		any = counts.sent + counts.failed + counts.cancelled > 0;

	if (any)
		house_note_change();
	if (counts.left > 0)
		plan_left();
	look_again_from(counts.look_from);
	if (slot == NULL)
		return;
	pg_atomic_fetch_add_u64(&slot->sent, counts.sent);
	pg_atomic_fetch_add_u64(&slot->failed, counts.failed);
	pg_atomic_fetch_add_u64(&slot->retried, counts.retried);
	if (any)
		ConditionVariableBroadcast(&slot->settled);
}

/* Nothing is wanted any more, and what the ledger has now may leave. */
static void
transaction_committed(const Findings *findings)
{
	if (findings->doubtful > 0)
		ereport(LOG,
				(errmsg("teams_proactive: " INT64_FORMAT " messages were on the wire when the last worker ended",
						findings->doubtful)));
	memset(&delivery.wanted, 0, sizeof(delivery.wanted));
	delivery.next_due = findings->next_due;
	if (bot_news_saved() && delivery.slot != NULL)
		ConditionVariableBroadcast(&delivery.slot->settled);
	count_settled(settle_written());
	if (delivery.stopping || ShutdownRequestPending)
		dispatch_call_back();
	else
		dispatch_post();
}

/*
 * Run one, in the current memory context, in which what it reads is allocated.
 * False if the extension is gone.  An error leaves what is wanted as it was.
 */
static bool
run_transaction(void)
{
	MemoryContext context = CurrentMemoryContext;
	Session		session;
	Findings	findings;

	dispatch_begin();
	if (!session_begin(delivery.kind, &session))
		return false;
	MemoryContextSwitchTo(context);
	transaction_begins();
	findings = do_transaction();
	session_commit(&session);
	MemoryContextSwitchTo(context);
	transaction_committed(&findings);
	return true;
}

/* ----------
 * What is to be done, and when
 * ----------
 */

/*
 * Outcomes wait a little for others, to be written together; but not if no
 * more are to come.
 */
static bool
settle_is_due(void)
{
	if (settle_count() == 0)
		return false;
	return delivery.stopping || settle_count() >= SETTLE_COUNT ||
		http_in_flight() == 0 ||
		TimestampDifferenceExceeds(settle_since(), GetCurrentTimestamp(),
								   SETTLE_DELAY_MS);
}

/* Is there something that has to be done in a transaction, now? */
static bool
transaction_is_due(void)
{
	const Wanted *wanted = &delivery.wanted;

	if (wanted->recovery || wanted->bots || bot_has_news() || settle_is_due())
		return true;
	if (delivery.stopping)
		return false;
	if (wanted->next_due || wanted->everything ||
		is_past(delivery.next_due) || is_past(delivery.left_at) ||
		is_past(house_next()) || feed_is_due() || intake_has_rest() ||
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
	return !delivery.stopping && directory_is_due() && settle_count() == 0;
}

/* What was due when the step began has been seen to. */
static void
earlier(TimestampTz *earliest, TimestampTz time)
{
	if (time > delivery.step_started_at)
		*earliest = sooner(*earliest, time);
}

/* Milliseconds until the clock brings something; negative: it never does. */
static long
time_to_next_step(void)
{
	TimestampTz earliest = 0;

	if (settle_count() > 0)
		earlier(&earliest, TimestampTzPlusMilliseconds(settle_since(),
													   SETTLE_DELAY_MS));
	if (!delivery.stopping)
	{
		earlier(&earliest, delivery.next_due);
		earlier(&earliest, delivery.left_at);
		earlier(&earliest, house_next());
		earlier(&earliest, feed_next());
		earlier(&earliest, directory_next());
		earlier(&earliest, credential_watch_next());
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
		if (bot->exists && bot_watch_lines(bot) &&
			bot->status.line_trouble != NULL)
			slot_note_error(delivery.slot,
							psprintf("bot \"%s\": %s", bot->name,
									 bot->status.line_trouble));
}

/*
 * Do all that can be done without waiting; at most one transaction, besides
 * the directory's.  Then *timeout_ms is for how long there is nothing more to
 * do, unless http_wait() brings something; negative means for ever.  An error
 * in the transaction is raised after the memory was made to agree with the
 * tables, and calling again goes on.
 */
DeliveryStep
delivery_advance(long *timeout_ms)
{
	delivery.step_started_at = GetCurrentTimestamp();
	target_outcome_advance();
	watch_lines();
	if (!delivery.stopping)
		foreach_bot(bot)
			bot_probe(bot);
	if (transaction_is_due() && !run_transaction())
		return DELIVERY_EXTENSION_GONE;
	if (directory_may_be_written() && !directory_write(delivery.kind))
		return DELIVERY_EXTENSION_GONE;
	target_outcome_advance();
	if (!delivery.stopping)
	{
		credential_watch();
		foreach_bot(bot)
		{
			bot_token_try(bot);
			catalog_advance(bot);
			graph_queue_advance(bot);
		}
		directory_advance();
	}

	if (delivery.slot != NULL)
		pg_atomic_write_u32(&delivery.slot->in_flight, http_in_flight());
	*timeout_ms = transaction_is_due() || directory_may_be_written() ?
		0 : time_to_next_step();
	return DELIVERY_GOES_ON;
}

/* ----------
 * What is there
 * ----------
 */

/* How many messages are in memory, and of these on the wire. */
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

/* Would a new message be taken in at once? */
bool
delivery_has_room(void)
{
	foreach_bot(bot)
		for (int i = 0; i < PRIORITIES; i++)
			if (bot_is_active(bot) && sweep_has_room(bot, i))
				return true;
	return false;
}

/* Is nothing in flight and nothing to settle? */
bool
delivery_is_quiet(void)
{
	int			in_memory;
	int			in_flight;

	delivery_counts(&in_memory, &in_flight);
	return in_flight == 0 && settle_count() == 0;
}

/* Is there nothing to do because the database is a copy? */
bool
delivery_is_away(void)
{
	return !delivery.wanted.recovery && !delivery.wanted.bots &&
		delivery_is_quiet() && bot_all_are_away();
}

/* Is nothing in flight, nothing to settle, and nothing due? */
bool
delivery_is_idle(void)
{
	if (!delivery_is_quiet() || transaction_is_due() || !directory_is_idle() ||
		!feed_is_idle())
		return false;
	foreach_bot(bot)
		if (bot_is_active(bot) &&
			(bot_message_count(bot) > 0 || lanes_are_on(bot->lanes)))
			return false;
	return true;
}
