/*
 * dispatch.c
 *	  Chooses the messages that go on the wire next, and posts them.
 *
 * Choosing, entering into the ledger and posting are three steps, with the
 * commit between the last two: no byte leaves before the ledger has it.
 */
#include "postgres.h"

#include "access.h"
#include "answer.h"
#include "connector.h"
#include "dispatch.h"
#include "settings.h"
#include "settle.h"

/* When to look again for a message that somebody had locked. */
#define LOCKED_RETRY_MS 1000

/* What the current transaction has chosen to post. */
static MemoryContext dispatch_context;
static Message **chosen;
static int	chosen_count;
static int	chosen_room;

/* What the ledger has let it post. */
static OutboxPost *posts;
static int	post_count;
static int64 batch_id;

void
dispatch_open(MemoryContext context)
{
	dispatch_context = context;
	chosen = NULL;
	chosen_count = 0;
	chosen_room = 0;
}

/* ----------
 * Choosing
 * ----------
 */

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
			MemoryContextAlloc(dispatch_context, room * sizeof(Message *)) :
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
		access_connector_bearer(bot) == NULL)
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

void
dispatch_choose(void)
{
	dlist_iter	iter;

	chosen_count = 0;
	dlist_foreach(iter, bot_list())
	{
		Bot		   *bot = dlist_container(Bot, node, iter.cur);

		if (bot_is_active(bot))
			choose_of_bot(bot);
	}
}

static bool
has_message_to_post(Bot *bot)
{
	dlist_iter	iter;

	dlist_foreach(iter, &bot->ready)
		if (can_post(dlist_container(Target, ready_node, iter.cur)))
			return true;
	return false;
}

bool
dispatch_can_choose(Bot *bot)
{
	return bot_is_active(bot) && has_message_to_post(bot) &&
		bot->in_flight < settings_max_in_flight &&
		pace_room(bot->pace, PACE_CONNECTOR,
				  bot->config->connector_rate) > 0 &&
		access_connector_bearer(bot) != NULL;
}

bool
dispatch_waits_for_pace(Bot *bot)
{
	return !dlist_is_empty(&bot->ready) &&
		bot->in_flight < settings_max_in_flight &&
		pace_room(bot->pace, PACE_CONNECTOR,
				  bot->config->connector_rate) == 0;
}

/* ----------
 * Posting
 * ----------
 */

void
dispatch_enter_ledger(void)
{
	int64	   *ids;

	post_count = 0;
	if (chosen_count == 0)
		return;
	ids = palloc(chosen_count * sizeof(int64));
	for (int i = 0; i < chosen_count; i++)
		ids[i] = chosen[i]->id;
	batch_id = outbox_enter_ledger(ids, chosen_count, CurrentMemoryContext,
								   &posts, &post_count);
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
	request.bearer = access_connector_bearer(bot);
	message->token = bot->connector_fetch.serial;
	request.content_type = "application/json; charset=utf-8";
	request.body = row->activity;
	request.length = strlen(row->activity);
	request.handler = answer_post;
	request.argument = message;
	http_start(&request);
}

static int
compare_posts(const void *a, const void *b)
{
	int64		x = ((const OutboxPost *) a)->id;
	int64		y = ((const OutboxPost *) b)->id;

	return x < y ? -1 : x > y;
}

void
dispatch_post(void)
{
	LedgerBatch *batch = NULL;

	if (post_count > 0)
		batch = settle_new_batch(batch_id, post_count);
	qsort(posts, post_count, sizeof(OutboxPost), compare_posts);
	for (int i = 0; i < chosen_count; i++)
	{
		OutboxPost	key = {chosen[i]->id, NULL};
		OutboxPost *row = bsearch(&key, posts, post_count, sizeof(OutboxPost),
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
											LOCKED_RETRY_MS);
		}
	}
	chosen_count = 0;
}
