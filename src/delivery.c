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

#include "bot.h"
#include "connector.h"
#include "delivery.h"
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

/* The longest Retry-After that is believed. */
#define MAX_RETRY_AFTER 3600.0

static MemoryContext delivery_context = NULL;
static SessionKind session_kind;
static Slot *slot;

static bool stopping;
static bool recover_wanted;
static bool reload_wanted;
static bool due_wanted;			/* next_due is to be read again */
static bool due_stale;			/* the same, but there is no hurry */
static TimestampTz next_due;	/* 0: nothing is scheduled */
static TimestampTz step_started_at;

/* What the current transaction has chosen to post. */
static Message **chosen = NULL;
static int	chosen_count;
static int	chosen_room = 0;

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
	due_stale = false;
	next_due = 0;
	bot_open(delivery_context);
	installation_open(delivery_context);
	window_open(delivery_context);
	settle_open(delivery_context);
	http_open();
}

void
delivery_close(void)
{
	http_close();
	if (delivery_context != NULL)
		MemoryContextDelete(delivery_context);
	delivery_context = NULL;
	chosen = NULL;
	chosen_room = 0;
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
delivery_stop(void)
{
	stopping = true;
}

/* ----------
 * What an answer means for a message
 * ----------
 */

/* Try again after so many seconds; negative: they were not told. */
static void
retry(Message *message, const Failure *failure, double delay)
{
	Target	   *target = message->target;
	bool		others = target->message_count > 1;

	if (delay < 0)
		delay = bot_backoff(message->attempts + 1);
	due_stale = true;

	/* If that was the last attempt, those behind it go on. */
	if (!settle_retry(message, failure, delay) && others &&
		target->state == TARGET_NEW)
		installation_ask(target);
}

/* Those behind it ask for the target anew. */
static void
fail_and_ask_again(Message *message, const Failure *failure)
{
	Target	   *target = message->target;
	bool		others = target->message_count > 1;

	settle_failed(message, failure);
	if (others)
	{
		window_target_is_stale(target);
		installation_ask(target);
	}
}

/* Nobody knows whether the message has arrived. */
static void
outcome_unknown(Message *message, Failure *failure, double delay)
{
	failure->doubtful = true;
	if (message->at_most_once)
	{
		failure->code = "outcome_unknown";
		failure->hint = "Look into the chat before you send it again.";
		settle_failed(message, failure);
	}
	else
		retry(message, failure, delay);
}

/*
 * What is cached of the target is wrong: ask Graph again, once.  A second
 * answer of the same kind is believed.
 */
static void
look_up_again(Message *message, Failure *failure)
{
	Target	   *target = message->target;

	settle_installation(target, "stale", NULL);
	if (strcmp(message->last_code, failure->code) == 0)
		fail_and_ask_again(message, failure);
	else
	{
		window_target_is_stale(target);
		retry(message, failure, 0);
	}
}

/* The Bot Connector has answered with an error. */
static void
take_refusal(Message *message, const HttpReply *reply)
{
	Bot		   *bot = message->target->bot;
	ServiceError error;
	Failure		failure = {0};
	double		delay = policy_retry_after(reply->retry_after, bot_clock(),
										   MAX_RETRY_AFTER);

	connector_error(reply->body, reply->length, &error);
	failure.code = error.code[0] != '\0' ? error.code :
		psprintf("http_%d", reply->status);
	failure.error = error.message[0] != '\0' ? error.message :
		psprintf("the Bot Connector answered with status %d", reply->status);
	failure.hint = policy_hint(OP_SEND, reply->status, &error);
	failure.correlation_id = reply->correlation_id;
	failure.is_attempt = true;

	switch (policy_classify(OP_SEND, reply->status, &error))
	{
		case ACTION_OK:
		case ACTION_FAIL:
			settle_failed(message, &failure);
			break;
		case ACTION_RETRY:
			if (policy_is_ambiguous(OP_SEND, reply->status))
				outcome_unknown(message, &failure, delay);
			else
				retry(message, &failure, delay);
			break;
		case ACTION_THROTTLED:
			failure.is_attempt = false;
			bot_connector_throttled(bot, delay);
			retry(message, &failure, delay);
			break;
		case ACTION_REAUTH:
			/* Once more with another token; then it counts. */
			bot_connector_refused(bot, message->token, &error);
			failure.is_attempt = strcmp(message->last_code,
										failure.code) == 0;
			retry(message, &failure, failure.is_attempt ? -1 : 0);
			break;
		case ACTION_PAUSE_BOT:
			bot_pause_for(bot, "the Bot Connector refused a message", OP_SEND,
						  reply->status, &error);
			failure.is_attempt = false;
			retry(message, &failure, 0);
			break;
		case ACTION_LOOK_UP_AGAIN:
		case ACTION_INSTALL_AGAIN:
			look_up_again(message, &failure);
			break;
		case ACTION_BLOCKED:
			settle_installation(message->target, "blocked", &error);
			fail_and_ask_again(message, &failure);
			break;
	}
}

static void
on_post(const HttpReply *reply, void *argument)
{
	Message    *message = argument;
	Failure		failure = {0};

	failure.error = reply->problem;
	failure.is_attempt = true;
	switch (reply->result)
	{
		case HTTP_NOT_SENT:
			failure.code = "connection_failed";
			retry(message, &failure, -1);
			break;
		case HTTP_OUTCOME_UNKNOWN:
			failure.code = "no_answer";
			failure.hint = "It is sent again; see delivery => 'at-most-once'.";
			outcome_unknown(message, &failure, -1);
			break;
		case HTTP_ANSWERED:
			if (reply->status >= 200 && reply->status < 300)
			{
				bot_connector_accepted(message->target->bot);
				settle_sent(message, message->target->chat_id,
							connector_send_reply(reply->body, reply->length));
			}
			else
				take_refusal(message, reply);
			break;
	}
}

static void
post(Message *message, const OutboxPost *row, LedgerBatch *batch)
{
	Target	   *target = message->target;
	Bot		   *bot = target->bot;
	HttpRequest request = {0};

	window_flies(message, batch);
	request.url = connector_send_url(target->service_url ?
									 target->service_url : bot->connector_url,
									 target->chat_id);
	request.bearer = bot_connector_bearer(bot);
	message->token = bot->connector_fetch.serial;
	request.content_type = "application/json; charset=utf-8";
	request.body = row->activity;
	request.length = strlen(row->activity);
	request.handler = on_post;
	request.argument = message;
	http_start(&request);
}

/* ----------
 * What became known of targets
 * ----------
 */

/* The target cannot be reached now, or not at all. */
static void
take_verdict(Target *target)
{
	Failure		failure = {0};
	Message    *message = window_first(target);

	failure.code = target->error.code[0] ? target->error.code : "graph_error";
	failure.error = target->error.message;
	failure.hint = target->hint;
	failure.correlation_id = target->correlation_id;
	failure.is_attempt = true;

	if (target->verdict == ACTION_RETRY)
	{
		if (message != NULL)
			retry(message, &failure, target->retry_after);
		return;
	}

	/* All that wait for it hear the same. */
	settle_installation(target, "failed", &target->error);
	while (message != NULL)
	{
		bool		last = target->message_count == 1;

		settle_failed(message, &failure);
		message = last ? NULL : window_first(target);
	}
}

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
			take_verdict(target);
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
	due_stale = true;
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

/* May nothing else go to the target's chat now? */
static bool
chat_is_taken(const Target *target)
{
	for (int i = 0; i < chosen_count; i++)
	{
		const Target *other = chosen[i]->target;

		if (other->bot == target->bot &&
			strcmp(other->chat_id, target->chat_id) == 0)
			return true;
	}
	return window_chat_is_busy(target);
}

static void
choose(Message *message)
{
	if (chosen_count == chosen_room)
	{
		int			room = Max(64, chosen_room * 2);

		chosen = chosen == NULL ?
			MemoryContextAlloc(delivery_context, room * sizeof(Message *)) :
			repalloc(chosen, room * sizeof(Message *));
		chosen_room = room;
	}
	chosen[chosen_count++] = message;
}

/* Can the first message of a target that is ready go on the wire now? */
static bool
can_post(Target *target)
{
	return window_first(target)->is_send && !chat_is_taken(target);
}

static void
choose_of_bot(Bot *bot)
{
	dlist_mutable_iter iter;
	int			room = settings_max_in_flight - bot->in_flight;
	int			first = chosen_count;

	room = Min(room, pace_room(bot->pace, PACE_CONNECTOR,
							   bot->config->connector_rate));
	if (room <= 0 || dlist_is_empty(&bot->ready) ||
		bot_connector_bearer(bot) == NULL)
		return;
	dlist_foreach_modify(iter, &bot->ready)
	{
		Target	   *target = dlist_container(Target, ready_node, iter.cur);

		if (room == 0)
			break;
		if (!can_post(target))
			continue;
		choose(window_first(target));
		room--;
	}
	pace_take(bot->pace, PACE_CONNECTOR, bot->config->connector_rate,
			  chosen_count - first);
}

static void
choose_messages(void)
{
	dlist_iter	iter;

	if (stopping)
		return;
	dlist_foreach(iter, bot_list())
	{
		Bot		   *bot = dlist_container(Bot, node, iter.cur);

		if (bot_is_active(bot))
			choose_of_bot(bot);
	}
}

static int64
enter_ledger(OutboxPost **posts, int *nposts)
{
	int64	   *ids;

	*nposts = 0;
	if (chosen_count == 0)
		return 0;
	ids = palloc(chosen_count * sizeof(int64));
	for (int i = 0; i < chosen_count; i++)
		ids[i] = chosen[i]->id;
	return outbox_enter_ledger(ids, chosen_count, CurrentMemoryContext,
							   posts, nposts);
}

static int
compare_posts(const void *a, const void *b)
{
	int64		x = ((const OutboxPost *) a)->id;
	int64		y = ((const OutboxPost *) b)->id;

	return x < y ? -1 : x > y;
}

static void
post_chosen(int64 batch_id, OutboxPost *posts, int nposts)
{
	LedgerBatch *batch = NULL;

	if (nposts > 0)
		batch = settle_new_batch(batch_id, nposts);
	qsort(posts, nposts, sizeof(OutboxPost), compare_posts);
	for (int i = 0; i < chosen_count; i++)
	{
		OutboxPost	key = {chosen[i]->id, NULL};
		OutboxPost *row = bsearch(&key, posts, nposts, sizeof(OutboxPost),
								  compare_posts);

		if (row != NULL)
			post(chosen[i], row, batch);
		else
		{
			/* Somebody has deleted or locked it: look again later. */
			Bot		   *bot = chosen[i]->target->bot;

			window_drop_queue(chosen[i]->target);
			bot->full_sweep_at =
				TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											FULL_SWEEP_MS);
		}
	}
	chosen_count = 0;
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
	OutboxPost *posts = NULL;
	int			nposts;
	int64		batch;
	int64		doubtful = 0;
	Session		session;
	TimestampTz due = next_due;
	bool		reloading = reload_wanted;

	chosen_count = 0;
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
	choose_messages();
	batch = enter_ledger(&posts, &nposts);
	if (due_wanted || due_stale)
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
	due_stale = false;
	next_due = due;
	bot_saved();
	count_settled(settle_written());
	post_chosen(batch, posts, nposts);
	return true;
}

/* ----------
 * What is to be done, and when
 * ----------
 */

static bool
has_message_to_post(Bot *bot)
{
	dlist_iter	iter;

	dlist_foreach(iter, &bot->ready)
		if (can_post(dlist_container(Target, ready_node, iter.cur)))
			return true;
	return false;
}

static bool
can_choose(Bot *bot)
{
	return bot_is_active(bot) && has_message_to_post(bot) &&
		bot->in_flight < settings_max_in_flight &&
		pace_room(bot->pace, PACE_CONNECTOR,
				  bot->config->connector_rate) > 0 &&
		bot_connector_bearer(bot) != NULL;
}

static bool
waits_for_pace(Bot *bot)
{
	return !dlist_is_empty(&bot->ready) &&
		bot->in_flight < settings_max_in_flight &&
		pace_room(bot->pace, PACE_CONNECTOR,
				  bot->config->connector_rate) == 0;
}

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

		if (wants_to_read(bot) || can_choose(bot))
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
			earlier(&earliest, bot_next_fetch(bot));
			earlier(&earliest, installation_next(bot));
			if (waits_for_pace(bot))
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
