/*
 * dispatch.c
 *	  Chooses the messages that go on the wire next, and posts them.
 *
 * Choosing, entering into the ledger and posting are three steps, with the
 * commit between the last two: no byte leaves before the ledger has it.
 */
#include "postgres.h"

#include "base/moment.h"
#include "base/settings.h"
#include "server/shared.h"
#include "worker/answer.h"
#include "worker/bot_token.h"
#include "worker/chat.h"
#include "worker/dispatch.h"
#include "worker/flight.h"
#include "worker/line.h"
#include "worker/settle.h"

/* What the current transaction has chosen to post. */
static MemoryContext dispatch_context;
static Message **chosen;
static int	chosen_count;
static int	chosen_room;
static TimestampTz chosen_at;

/* What the ledger has let it post. */
static OutboxPost *posts;
static int	post_count;
static int64 batch_id;

/* What is not in the table any more. */
static int64 *gone;
static int	gone_count;

void
dispatch_open(MemoryContext context)
{
	dispatch_context = context;
	chosen = NULL;
	chosen_room = 0;
	dispatch_begin();
}

void
dispatch_begin(void)
{
	chosen_count = 0;
	post_count = 0;
	gone_count = 0;
	line_give_up();
	chat_give_up();
}

/* ----------
 * Choosing
 * ----------
 */

/* Is it known to lead nowhere?  Then it fails without a request. */
static bool
leads_nowhere(const Message *message)
{
	return *message_chat(message) == '\0';
}

static void
choose(Message *message)
{
	if (chosen_count == chosen_room)
	{
		int			room = Max(64, chosen_room * 2);

		chosen = chosen == NULL ?
			MemoryContextAlloc(dispatch_context, room * sizeof(Message *)) :
			repalloc(chosen, room * sizeof(Message *));
		chosen_room = room;
	}
	chosen[chosen_count++] = message;
	chat_reserve(message);
}

/* Can the first message of a target that is ready go on the wire now? */
static bool
can_post(Target *target, TimestampTz now)
{
	const Message *first = target_first(target);

	return target->not_before <= now &&
		line_is_free(message_service_url(first)) && !chat_is_taken(first);
}

/* May the chat get a message now, by its limits?  If not, it rests. */
static bool
chat_may_go(const Message *message)
{
	Bot		   *bot = message->bot;
	Target	   *target = message->target;

	target->not_before = leads_nowhere(message) ? 0 :
		pace_take_chat(shared_chat_paces(), bot_pace(bot),
					   message_chat(message), bot->config->chat_limits);
	return target->not_before == 0;
}

/*
 * Has it been known for so long whose name the target is that it may be
 * another's by now?  What has just been verified goes first.
 */
static bool
is_to_be_verified(const Message *message)
{
	const Target *target = message->target;

	return message_needs_target(message) && target->verify_at != 0 && !target->is_verified &&
		target->verify_at <= GetCurrentTimestamp();
}

/* Choose up to "room" messages of a lane; returns how many. */
static int
choose_of_lane(dlist_head *ready, int room)
{
	dlist_mutable_iter iter;
	int			count = 0;

	dlist_foreach_modify(iter, ready)
	{
		Target	   *target = dlist_container(Target, queue.node, iter.cur);
		Message    *first = target_first(target);

		if (count == room)
			break;
		if (!can_post(target, chosen_at))
			continue;
		if (is_to_be_verified(first))
		{
			target->knowledge = KNOWN_UNVERIFIED;
			target_make_stale(target);
			continue;
		}
		if (!chat_may_go(first) || !line_reserve(message_service_url(first)))
			continue;
		choose(first);
		count++;
	}
	return count;
}

/* How many more messages of the bot may be on the wire. */
static int
wire_room(const Bot *bot)
{
	int			most = bot_is_probing(bot) ? 1 : settings_max_in_flight;

	return Max(0, most - bot->window.in_flight);
}

static bool
has_ready(const Bot *bot)
{
	for (int i = 0; i < PRIORITIES; i++)
		if (!dlist_is_empty(unconstify(dlist_head *, &bot->window.ready[i])))
			return true;
	return false;
}

static void
choose_of_bot(Bot *bot)
{
	int			room = wire_room(bot);

	if (room == 0 || !has_ready(bot) ||
		bot_token_bearer(bot, AUDIENCE_CONNECTOR) == NULL)
		return;

	/* Others may send for the same bot: take first, and give back the rest. */
	room = pace_take(bot_pace(bot), PACE_CONNECTOR, bot->config->connector_rate,
					 room);
	for (int i = 0; i < PRIORITIES; i++)
		room -= choose_of_lane(&bot->window.ready[i], room);
	pace_give_back(bot_pace(bot), PACE_CONNECTOR, room, chosen_at);
}

void
dispatch_choose(void)
{
	chosen_at = GetCurrentTimestamp();
	foreach_bot(bot)
		if (bot_is_active(bot))
			choose_of_bot(bot);
}

static bool
has_message_to_post(Bot *bot)
{
	TimestampTz now = GetCurrentTimestamp();
	dlist_iter	iter;

	for (int i = 0; i < PRIORITIES; i++)
		dlist_foreach(iter, &bot->window.ready[i])
			if (can_post(dlist_container(Target, queue.node, iter.cur), now))
				return true;
	return false;
}

bool
dispatch_can_choose(Bot *bot)
{
	return bot_is_active(bot) && wire_room(bot) > 0 &&
		has_message_to_post(bot) &&
		pace_room(bot_pace(bot), PACE_CONNECTOR,
				  bot->config->connector_rate) > 0 &&
		bot_token_bearer(bot, AUDIENCE_CONNECTOR) != NULL;
}

/* The first time at which a chat that rests may go on, or 0. */
static TimestampTz
first_rest_ends(Bot *bot)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz earliest = 0;
	dlist_iter	iter;

	for (int i = 0; i < PRIORITIES; i++)
		dlist_foreach(iter, &bot->window.ready[i])
		{
			TimestampTz end = dlist_container(Target, queue.node,
											  iter.cur)->not_before;

			if (end > now)
				earliest = sooner(earliest, end);
		}
	return earliest;
}

TimestampTz
dispatch_next(Bot *bot)
{
	if (wire_room(bot) == 0 || !has_ready(bot))
		return 0;
	if (pace_room(bot_pace(bot), PACE_CONNECTOR, bot->config->connector_rate) == 0)
		return pace_next(bot_pace(bot), PACE_CONNECTOR,
						 bot->config->connector_rate);
	return first_rest_ends(bot);
}

/* ----------
 * Posting
 * ----------
 */

void
dispatch_enter_ledger(void)
{
	int64	   *ids;

	if (chosen_count == 0)
		return;
	ids = palloc(chosen_count * sizeof(int64));
	gone = palloc(chosen_count * sizeof(int64));
	for (int i = 0; i < chosen_count; i++)
		ids[i] = chosen[i]->id;
	batch_id = outbox_enter_ledger(ids, chosen_count, CurrentMemoryContext,
								   &posts, &post_count, gone, &gone_count);
}

/* What the pace counts for a message. */
static const int one_message[PACE_KINDS] = {[PACE_CONNECTOR] = 1};

static void
post(Message *message, const OutboxPost *row, LedgerBatch *batch)
{
	Bot		   *bot = message->target->bot;
	Flight	   *flight = flight_new(dispatch_context, message, row);
	HttpRequest request = {0};

	if (row->problem != NULL)
	{
		message->batch = batch;
		answer_unfit(message, row->problem);
		flight_free(flight);
		return;
	}
	if (row->opted_out || !flight_has_content(flight, row) ||
		!flight_has_referent(flight, row))
	{
		message->batch = batch;
		if (row->opted_out)
			answer_opted_out(message);
		else if (flight_has_content(flight, row))
			answer_without_referent(message);
		else
			answer_without_broadcast(message);
		flight_free(flight);
		return;
	}
	flight_address(flight, row, &request);
	request.bearer = bot_token_bearer(bot, AUDIENCE_CONNECTOR);
	message->token = bot->tokens[AUDIENCE_CONNECTOR].serial;
	request.content_type = "application/json; charset=utf-8";
	request.max_reply = HTTP_SHORT_BODY;
	request.handler = answer_post;
	request.argument = flight;
	line_start(&request);
	bot_trip_begins(bot, &message->trip, AUDIENCE_CONNECTOR, one_message,
					chosen_at);
	window_flies(message, batch);
}

static int
compare_posts(const void *a, const void *b)
{
	int64		x = ((const OutboxPost *) a)->id;
	int64		y = ((const OutboxPost *) b)->id;

	return x < y ? -1 : x > y;
}

/* Somebody has deleted them; those behind them go on. */
static void
forget_gone(void)
{
	for (int i = 0; i < gone_count; i++)
	{
		Message    *message = window_find(gone[i]);

		if (message != NULL)
			window_forget(message);
	}
}

/* What the ledger has let go of the message, or NULL. */
static OutboxPost *
find_post(const Message *message)
{
	OutboxPost	key = {.id = message->id};

	return bsearch(&key, posts, post_count, sizeof(OutboxPost),
				   compare_posts);
}

static LedgerBatch *
open_batch(void)
{
	qsort(posts, post_count, sizeof(OutboxPost), compare_posts);
	return post_count > 0 ? settle_new_batch(batch_id, post_count) : NULL;
}

void
dispatch_call_back(void)
{
	LedgerBatch *batch = open_batch();
	Failure		failure = {0};
	Retry		at_once = {.again = true};

	failure.code = "interrupted";
	failure.error = "the server was stopping";
	for (int i = 0; i < chosen_count; i++)
	{
		if (find_post(chosen[i]) == NULL)
			continue;
		chosen[i]->batch = batch;
		settle_retry(chosen[i], &failure, at_once);
	}
	chosen_count = 0;
	line_give_up();
	chat_give_up();
	forget_gone();
}

void
dispatch_post(void)
{
	LedgerBatch *batch = open_batch();

	for (int i = 0; i < chosen_count; i++)
	{
		OutboxPost *row = find_post(chosen[i]);

		if (row != NULL)
			post(chosen[i], row, batch);
		else
			chosen[i]->target->not_before =
				TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											RETRY_LOCKED_MS);
	}
	chosen_count = 0;
	line_give_up();
	chat_give_up();
	forget_gone();
}
