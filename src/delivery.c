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
#include "postmaster/interrupt.h"
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
 * A sweep goes on when there is so much room in memory, and looks at so many
 * rows at a time if few of them are for it.
 */
#define SWEEP_ROOM 200
#define SWEEP_SPARSE 1000

/* Targets whose messages are fetched from the table at a time. */
#define BEHIND_TARGETS 100

/*
 * Old messages are removed a thousand at a time, with pauses for others; and
 * the account is added up now and then.
 */
#define PURGE_PAUSE_MS 50
#define PURGE_INTERVAL_MS 60000
#define FOLD_INTERVAL_MS 10000

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
static TimestampTz purge_at;
static TimestampTz fold_at;		/* 0: nothing has happened since the last time */
static List *unreachable;
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
	purge_at = GetCurrentTimestamp();
	fold_at = purge_at;
	after_error = false;
	unreachable = NIL;
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

static void
look_again(int64 from)
{
	dlist_iter	iter;

	dlist_foreach(iter, bot_list())
		window_look_again(dlist_container(Bot, node, iter.cur), from);
}

static void
plan_fold(void)
{
	if (fold_at == 0)
		fold_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											  FOLD_INTERVAL_MS);
}

void
delivery_wake(int64 from_id, bool reload)
{
	due_wanted = true;
	plan_fold();
	if (reload)
		reload_wanted = true;
	if (from_id != PG_INT64_MAX)
		look_again(from_id);
}

void
delivery_try_again(void)
{
	dlist_iter	iter;

	purge_at = GetCurrentTimestamp();
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
		window_note_change(target);

		/* Perhaps nobody waits for it, as the bot is another one now. */
		if (window_first(target) != NULL && target->state == TARGET_KNOWN)
			settle_installation(target, "installed", NULL);
		if (window_first(target) == NULL || target->state == TARGET_KNOWN)
			window_caught_up(target);
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
finish_jobs_of_bot(Bot *bot)
{
	dlist_mutable_iter iter;

	for (int i = 0; i < PRIORITIES; i++)
		dlist_foreach_modify(iter, &bot->lanes[i].ready)
			finish_jobs(dlist_container(Target, ready_node, iter.cur));
}

static void
finish_all_jobs(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, bot_list())
		finish_jobs_of_bot(dlist_container(Bot, node, iter.cur));
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

/*
 * Messages whose recipients are known not to want them.  They were found in a
 * transaction that writes other outcomes, so theirs are recorded after it.
 */
static void
note_unreachable(Message *message)
{
	MemoryContext old = MemoryContextSwitchTo(delivery_context);

	unreachable = lappend(unreachable, message);
	MemoryContextSwitchTo(old);
}

static void
answer_all_unreachable(void)
{
	ListCell   *cell;

	foreach(cell, unreachable)
	{
		Message    *message = lfirst(cell);

		answer_unreachable(message, message->target->knowledge);
	}
	list_free(unreachable);
	unreachable = NIL;
}

/* Take in a row; its target is asked for if it is not known. */
static bool
admit(const OutboxMessage *row)
{
	bool		has_room;
	Message    *message = window_admit(row, &has_room);
	Target	   *target;

	if (message == NULL)
		return has_room;
	target = message->target;
	if (target->state != TARGET_NEW)
		return true;
	if (target->knowledge >= KNOWN_REMOVED && message->is_send)
		note_unreachable(message);
	else
		installation_ask(target, !message->is_send ||
						 target->bot->config->reinstall);
	return true;
}

/*
 * A retry comes first in its conversation, or it would be held back itself.
 * What was scheduled may have others before it that no sweep has come to yet.
 */
static void
make_ready(void)
{
	OutboxMessage *rows;
	int			count = outbox_make_ready(CurrentMemoryContext, &rows);

	for (int i = 0; i < count; i++)
	{
		Bot		   *bot = bot_find(rows[i].bot);

		if (bot != NULL && (!bot_is_active(bot) || !rows[i].retrying ||
							!admit(&rows[i])))
			window_look_again(bot, rows[i].id);
	}
}

static void
expire(void)
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
		else if (expired[i].retrying && bot != NULL)
			window_look_again(bot, expired[i].id);
	}
}

/* What a point in time brings: messages become due, or expire. */
static void
do_what_is_due(void)
{
	if (next_due == 0 || next_due > GetCurrentTimestamp())
		return;
	expire();
	if (!stopping)
		make_ready();
	due_wanted = true;
}

/* Is there reason, and room, to go on with a sweep? */
static bool
sweep_is_wanted(const Bot *bot, Priority priority, bool known)
{
	const Lane *lane = &bot->lanes[priority];
	int			room = window_room(bot, priority);

	if (stopping || !bot_is_active(bot) ||
		!(known ? lane->known.is_on : lane->unknown.is_on))
		return false;
	if (bot->state == BOT_PROBING)
		return room > 0 && bot->asking_targets == 0;
	if (!known && bot->asking_targets > INSTALLATION_MAX_ASKING / 2)
		return false;
	return room >= SWEEP_ROOM;
}

static int
sweep_room(const Bot *bot, Priority priority, bool known, bool sparse)
{
	if (sparse)
		return SWEEP_SPARSE;
	if (known || bot->state == BOT_PROBING)
		return window_room(bot, priority);
	return INSTALLATION_MAX_ASKING - bot->asking_targets;
}

static int
make_sweeps(OutboxSweep *sweeps, Sweep **origins)
{
	dlist_iter	iter;
	int			count = 0;

	dlist_foreach(iter, bot_list())
	{
		Bot		   *bot = dlist_container(Bot, node, iter.cur);

		for (int i = 0; i < PRIORITIES * 2; i++)
		{
			Priority	priority = i / 2;
			bool		known = i % 2 == 0;

			if (!sweep_is_wanted(bot, priority, known))
				continue;
			origins[count] = known ? &bot->lanes[priority].known :
				&bot->lanes[priority].unknown;
			sweeps[count].bot = bot->name;
			sweeps[count].priority = priority;
			sweeps[count].known = known;
			sweeps[count].after = origins[count]->cursor;
			sweeps[count].room = sweep_room(bot, priority, known,
											origins[count]->is_sparse);
			count++;
		}
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
	int			most = count_bots() * PRIORITIES * 2;
	OutboxSweep *sweeps = palloc0(most * sizeof(OutboxSweep));
	Sweep	  **origins = palloc(most * sizeof(Sweep *));
	bool	   *full = palloc0(most * sizeof(bool));
	int		   *found = palloc0(most * sizeof(int));
	int			nsweeps = make_sweeps(sweeps, origins);
	OutboxMessage *rows;
	int			nrows;

	if (nsweeps == 0)
		return;
	nrows = outbox_read_due(sweeps, nsweeps, TARGET_ROOM + 1,
							CurrentMemoryContext, &rows);
	for (int i = 0; i < nrows; i++)
		if (rows[i].source >= 0)
			found[rows[i].source]++;
	for (int i = 0; i < nsweeps; i++)
	{
		origins[i]->cursor = sweeps[i].last;
		origins[i]->is_on = sweeps[i].scanned == sweeps[i].room;
		origins[i]->is_sparse = found[i] * 2 < sweeps[i].scanned;
	}

	/* A sweep that finds no room goes on later, from there. */
	for (int i = 0; i < nrows; i++)
	{
		int			source = rows[i].source;

		if ((source >= 0 && full[source]) || admit(&rows[i]) || source < 0)
			continue;
		full[source] = true;
		origins[source]->cursor = rows[i].id - 1;
		origins[source]->is_on = true;
	}
}

/* Targets that have room again get what the table has for them. */
static void
read_behind(void)
{
	OutboxBehind *wanted = palloc(BEHIND_TARGETS * sizeof(OutboxBehind));
	Target	  **targets = palloc(BEHIND_TARGETS * sizeof(Target *));
	OutboxMessage *rows;
	int			count = 0;
	int			nrows;
	int			next = 0;
	dlist_iter	bots;
	dlist_iter	iter;

	dlist_foreach(bots, bot_list())
	{
		Bot		   *bot = dlist_container(Bot, node, bots.cur);

		if (!bot_is_active(bot))
			continue;
		dlist_foreach(iter, &bot->behind)
		{
			Target	   *target = dlist_container(Target, behind_node,
												 iter.cur);

			if (count == BEHIND_TARGETS)
				break;
			targets[count] = target;
			wanted[count].bot = bot->name;
			wanted[count].scope = target->scope;
			wanted[count].target = target->id;
			wanted[count++].from = target->behind_from;
		}
	}
	if (count == 0)
		return;

	/* One more than there is room for shows that there are more. */
	nrows = outbox_read_behind(wanted, count, TARGET_ROOM + 1,
							   CurrentMemoryContext, &rows);
	for (int i = 0; i < count; i++)
	{
		int			first = next;

		window_catching_up(targets[i]);
		for (; next < nrows && rows[next].source == i; next++)
			(void) admit(&rows[next]);

		/* Some may have been in memory already. */
		if (next - first > TARGET_ROOM)
			window_note_behind(targets[i], rows[next - 1].id,
							   rows[next - 1].priority);
		window_caught_up(targets[i]);
	}
}

static bool
has_behind(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, bot_list())
	{
		Bot		   *bot = dlist_container(Bot, node, iter.cur);

		if (bot_is_active(bot) && !dlist_is_empty(&bot->behind))
			return true;
	}
	return false;
}

/* Remove what is old from the history, and add up the account. */
static void
keep_house(void)
{
	TimestampTz now = GetCurrentTimestamp();

	if (purge_at <= now)
	{
		bool		more = settings_retention >= 0 &&
			outbox_purge_history(settings_retention) > 0;

		purge_at = TimestampTzPlusMilliseconds(now, more ? PURGE_PAUSE_MS :
											   PURGE_INTERVAL_MS);
	}
	if (fold_at != 0 && fold_at <= now)
	{
		outbox_fold_account();
		fold_at = 0;
	}
}

static void
count_settled(SettleCounts counts)
{
	if (slot == NULL)
		return;
	if (counts.sent + counts.failed > 0)
		plan_fold();
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
	if (after_error)
		look_again(1);
	after_error = true;
	if (recover_wanted)
		doubtful = outbox_recover();
	settle_write();
	bot_save();
	if (reloading)
	{
		bot_reload(outbox_read_bots(context));
		drop_old_targets();
	}
	do_what_is_due();
	if (!stopping)
	{
		read_behind();
		read_due_messages();
		keep_house();
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
	after_error = false;
	recover_wanted = false;
	if (reloading)
		reload_wanted = false;
	due_wanted = false;
	next_due = due;
	bot_saved();
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
is_past(TimestampTz time)
{
	return time != 0 && time <= GetCurrentTimestamp();
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
	if (due_wanted || after_error || is_past(next_due) || is_past(purge_at) ||
		is_past(fold_at) || has_behind())
		return true;
	dlist_foreach(iter, bot_list())
	{
		Bot		   *bot = dlist_container(Bot, node, iter.cur);

		for (int i = 0; i < PRIORITIES; i++)
			if (sweep_is_wanted(bot, i, true) || sweep_is_wanted(bot, i, false))
				return true;
		if (dispatch_can_choose(bot))
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
		earlier(&earliest, purge_at);
		earlier(&earliest, fold_at);
		dlist_foreach(iter, bot_list())
		{
			Bot		   *bot = dlist_container(Bot, node, iter.cur);

			if (bot->exists)
				earlier(&earliest, bot->probe_at);
			if (!bot_is_active(bot))
				continue;
			earlier(&earliest, access_next_fetch(bot));
			earlier(&earliest, installation_next(bot));
			earlier(&earliest, dispatch_next(bot));
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
	answer_all_unreachable();
	take_finished_targets();
	finish_all_jobs();
	if (!stopping)
		dlist_foreach(iter, bot_list())
			bot_probe(dlist_container(Bot, node, iter.cur));
	if (transaction_is_due() && !run_transaction())
		return DELIVERY_EXTENSION_GONE;
	answer_all_unreachable();
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

		for (int i = 0; i < PRIORITIES; i++)
			*in_memory += bot->lanes[i].window;
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

		for (int i = 0; i < PRIORITIES; i++)
			if (bot_is_active(bot) &&
				(bot->lanes[i].window > 0 || bot->lanes[i].known.is_on ||
				 bot->lanes[i].unknown.is_on))
				return false;
	}
	return true;
}
