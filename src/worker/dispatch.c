/*
 * dispatch.c
 *	  Chooses the messages that go on the wire next, and posts them.
 *
 * Choosing, entering into the ledger and posting are three steps, with the
 * commit between the last two: no byte leaves before the ledger has it.  What
 * a message becomes on the wire is known only by then, as the row that it
 * changes or answers may have got its fate meanwhile.
 */
#include "postgres.h"

#include "base/moment.h"
#include "base/settings.h"
#include "outbox/ledger.h"
#include "protocol/connector.h"
#include "server/shared.h"
#include "worker/answer.h"
#include "worker/bot_token.h"
#include "worker/chat.h"
#include "worker/dispatch.h"
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

/* Start with nothing chosen; what is needed for long lives in the context. */
void
dispatch_open(MemoryContext context)
{
	dispatch_context = context;
	chosen = NULL;
	chosen_room = 0;
	chosen_count = 0;
	post_count = 0;
	gone_count = 0;
}

/* Forget what an earlier transaction has chosen, which came to nothing. */
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

/* It goes next, unless the transaction comes to nothing. */
static void
choose_message(Message *message)
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

/*
 * Can the first message of a target that is ready go on the wire now?  This
 * asks only what costs nothing: the chat's limits are seen to when it is
 * chosen.
 */
static bool
can_post(Target *target, TimestampTz now)
{
	const Message *first = target_first(target);

	return target->not_before <= now &&
		line_is_free(message_service_url(first)) && !chat_is_taken(first);
}

/*
 * May the chat get a message now, by its limits (contract 5.1)?  If so, that
 * is counted; if not, it rests until it may.
 */
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

	return message_needs_target(message) && target->verify_at != 0 &&
		!target->is_verified && target->verify_at <= GetCurrentTimestamp();
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
			target_set_knowledge(target, KNOWN_UNVERIFIED);
			target_make_stale(target);
			continue;
		}
		if (!chat_may_go(first) || !line_reserve(message_service_url(first)))
			continue;
		choose_message(first);
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

/* Is there a target whose first message can go, as far as that knows? */
static bool
has_ready(const Bot *bot)
{
	for (int i = 0; i < PRIORITIES; i++)
		if (!dlist_is_empty(unconstify(dlist_head *, &bot->window.ready[i])))
			return true;
	return false;
}

/* As many as the pace lets go, those of high priority first. */
static void
choose_of_bot(Bot *bot)
{
	int			room = wire_room(bot);

	if (room == 0 || !has_ready(bot) ||
		bot_token_bearer(bot, AUDIENCE_CONNECTOR) == NULL)
		return;

	/*
	 * Other processes may send for the same bot: take first, and give back the
	 * rest.
	 */
	room = pace_take(bot_pace(bot), PACE_CONNECTOR,
					 bot->config->connector_rate, room);
	for (int i = 0; i < PRIORITIES; i++)
		room -= choose_of_lane(&bot->window.ready[i], room);
	pace_give_back(bot_pace(bot), PACE_CONNECTOR, room, chosen_at);
}

/*
 * In a transaction: choose the messages that go next.  The chat and the line
 * of each are reserved until dispatch_post() or the next dispatch_begin().
 */
void
dispatch_choose(void)
{
	chosen_at = GetCurrentTimestamp();
	foreach_bot(bot)
		if (bot_is_active(bot))
			choose_of_bot(bot);
}

/* Would a pass over those that are ready find one that can go now? */
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

/* Is there a message of the bot that could be chosen now? */
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
first_chat_has_rested(Bot *bot)
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

/* When there will be one of those that wait for their pace only, or 0. */
TimestampTz
dispatch_next(Bot *bot)
{
	if (wire_room(bot) == 0 || !has_ready(bot))
		return 0;
	if (pace_room(bot_pace(bot), PACE_CONNECTOR,
				  bot->config->connector_rate) == 0)
		return pace_next(bot_pace(bot), PACE_CONNECTOR,
						 bot->config->connector_rate);
	return first_chat_has_rested(bot);
}

/* ----------
 * Posting
 * ----------
 */

/*
 * In the same transaction: enter what was chosen into the ledger.  What that
 * tells of the rows lives as long as the current memory context.
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

/* There are threads in channels only; a reply elsewhere is a message. */
static Operation
operation_of(const Message *message, const OutboxPost *row)
{
	if (row->kind == KIND_EDIT)
		return OP_EDIT;
	if (row->kind == KIND_DELETE)
		return OP_DELETE;
	return target_is_in_team(message->target) && !row->has_referent ?
		OP_THREAD : OP_SEND;
}

/* What is to be done with the message, and where, as far as the row tells. */
static void
prepare_post(Message *message, const OutboxPost *row)
{
	message->op = operation_of(message, row);
	if (row->conversation_id != NULL &&
		(message->op != OP_SEND || target_is_in_team(message->target)))
		message->conversation_id = MemoryContextStrdup(dispatch_context,
													   row->conversation_id);
	if (row->activity_id != NULL && message->op != OP_SEND)
		message->activity_id = MemoryContextStrdup(dispatch_context,
												   row->activity_id);
}

/* Was the message sent that it changes, or whose thread it belongs to? */
static bool
has_referent(const Message *message, const OutboxPost *row)
{
	if (message->op == OP_EDIT || message->op == OP_DELETE)
		return message->conversation_id != NULL &&
			message->activity_id != NULL;
	return !row->has_referent || message->conversation_id != NULL ||
		!target_is_in_team(message->target);
}

/* Settle a message that cannot be sent, or shall not be; false if it can. */
static bool
settle_unsendable(Message *message, const OutboxPost *row)
{
	Failure		failure = {0};

	if (row->problem != NULL)
	{
		failure.code = "invalid_row";
		failure.error = row->problem;
	}
	else if (row->opted_out)
	{
		failure.code = "opted_out";
		failure.error = "the recipient has opted out of the broadcast's topic";
		failure.hint = "See teams_opt_out, and teams_opt_in() for who changes their mind.";
		settle_cancelled(message, &failure);
		return true;
	}
	else if (row->activity == NULL && message->op != OP_DELETE)
	{
		failure.code = "broadcast_gone";
		failure.error = "the broadcast that has its text was removed";
		failure.hint = "Send it as a new message; see teams_proactive.retention.";
	}
	else if (!has_referent(message, row))
	{
		failure.code = "not_sent";
		failure.error = "the message that it refers to was not sent";
		failure.hint = "See teams_message for what became of that one.";
	}
	else
		return false;
	settle_failed(message, &failure);
	return true;
}

/* Fill in method, URL and body; what they point to is palloc'd. */
static void
address_request(const Message *message, const OutboxPost *row,
				HttpRequest *request)
{
	const Target *target = message->target;
	const char *service_url = message_service_url(message);

	request->body = row->activity;
	switch (message->op)
	{
		case OP_THREAD:
			request->url = connector_thread_url(service_url);
			request->body =
				connector_thread_request(message->bot->config->tenant_id,
										 target->chat_id, row->activity);
			break;
		case OP_EDIT:
		case OP_DELETE:
			request->method = message->op == OP_EDIT ? "PUT" : "DELETE";
			request->url = connector_activity_url(service_url,
												  message->conversation_id,
												  message->activity_id);
			break;
		default:
			request->url = connector_send_url(service_url,
											  message->conversation_id ?
											  message->conversation_id :
											  target->chat_id);
			break;
	}
	request->length = request->body != NULL ? strlen(request->body) : 0;
}

/* The ledger has it: let it leave. */
static void
post_message(Message *message, const OutboxPost *row, LedgerBatch *batch)
{
	Bot		   *bot = message->bot;
	HttpRequest request = {0};

	message->batch = batch;
	prepare_post(message, row);
	if (settle_unsendable(message, row))
		return;
	address_request(message, row, &request);
	request.bearer = bot_token_bearer(bot, AUDIENCE_CONNECTOR);
	message->token = bot->tokens[AUDIENCE_CONNECTOR].serial;
	request.content_type = "application/json; charset=utf-8";
	request.max_reply = HTTP_SHORT_BODY;
	request.handler = answer_post;
	request.argument = message;
	line_start(&request);
	bot_trip_begins(bot, &message->trip, AUDIENCE_CONNECTOR, one_message,
					chosen_at);
	window_flies(message, batch);
}

/* For qsort() and bsearch(), by the messages' ids. */
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

/*
 * What the ledger has let go of the message; NULL if its row is locked, has
 * expired or is gone.
 */
static OutboxPost *
find_post(const Message *message)
{
	OutboxPost	key = {.id = message->id};

	return bsearch(&key, posts, post_count, sizeof(OutboxPost),
				   compare_posts);
}

/* The batch that the ledger has now; NULL if it has let nothing go. */
static LedgerBatch *
open_batch(void)
{
	qsort(posts, post_count, sizeof(OutboxPost), compare_posts);
	return post_count > 0 ? settle_new_batch(batch_id, post_count) : NULL;
}

/*
 * After the commit, instead of dispatch_post(): nothing shall leave any more.
 * What was chosen is to be sent another time.
 */
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
	forget_gone();
	dispatch_begin();
}

/*
 * After the commit, in the memory context in which the ledger was entered:
 * post what the ledger has.  What somebody has locked is chosen again later.
 */
void
dispatch_post(void)
{
	LedgerBatch *batch = open_batch();

	for (int i = 0; i < chosen_count; i++)
	{
		OutboxPost *row = find_post(chosen[i]);

		if (row != NULL)
			post_message(chosen[i], row, batch);
		else
			chosen[i]->target->not_before =
				retry_time(RETRY_LOCKED_MS / 1000.0);
	}
	forget_gone();
	dispatch_begin();
}
