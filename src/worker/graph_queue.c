/*
 * graph_queue.c
 *	  Takes the questions about targets to Microsoft Graph, in batches.
 *
 * The calls of many targets travel together in $batch requests.  A batch that
 * is full leaves at once; one that is not full leaves only if no other is
 * under way, as its answers bring the next questions.  So a lone target waits
 * for nobody, and a thousand travel in full batches.
 *
 * The quotas count by kinds of calls (contract 5.2): "installedApps" by their
 * verb, and the chat of an installation, which is none of them, among "other
 * GET Teams calls".
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/moment.h"
#include "http/http.h"
#include "server/shared.h"
#include "worker/bot_app.h"
#include "worker/bot_token.h"
#include "worker/graph_queue.h"
#include "worker/line.h"
#include "worker/target.h"

/* Batches that one bot may have in flight. */
#define MAX_BATCHES 8

/* A batch waits so long to be fuller. */
#define WORTH_WAITING_MS 50

/* The kinds of calls, in the order in which they get into a batch. */
static const PaceKind graph_kinds[] = {
	PACE_GRAPH_WRITE, PACE_GRAPH_DELETE, PACE_GRAPH_READ, PACE_GRAPH_CHAT
};

#define GRAPH_KINDS ((int) lengthof(graph_kinds))

typedef struct GraphBatch
{
	Bot		   *bot;
	dlist_node	node;			/* in the bot's list of those in flight */
	TimestampTz taken_at;		/* from the pace, in the counts */
	int			counts[PACE_KINDS];
	Trip		trip;
	int			generation;		/* of the bot's configuration */
	int			token;			/* serial of the token */
	int			count;
	Target	   *targets[GRAPH_BATCH_MAX];
	GraphItem	items[GRAPH_BATCH_MAX];
} GraphBatch;

static MemoryContext graph_queue_context;
static GraphQueueHandler handle_reply;

/* Start with nothing asked; what is asked lives in the context. */
void
graph_queue_open(MemoryContext context, GraphQueueHandler handler)
{
	graph_queue_context = context;
	handle_reply = handler;
}

/* A bot of which nobody has asked anything yet. */
void
graph_queue_init(GraphQueue *queue)
{
	for (int i = 0; i < PACE_KINDS; i++)
		dlist_init(&queue->asking[i]);
	dlist_init(&queue->resting);
	dlist_init(&queue->batches);
}

/* What the quotas count the call among. */
PaceKind
graph_queue_pace(Operation op)
{
	switch (op)
	{
		case OP_INSTALL:
		case OP_UPGRADE:
			return PACE_GRAPH_WRITE;
		case OP_UNINSTALL:
			return PACE_GRAPH_DELETE;
		case OP_CHAT:
			return PACE_GRAPH_CHAT;
		default:
			return PACE_GRAPH_READ;
	}
}

/*
 * Parties take turns in a list: a target comes after those of its own party,
 * but not after those whose turn is later.
 */
static void
take_turn(Target *target, dlist_head *list)
{
	dlist_iter	iter;
	dlist_node *before = NULL;

	target->question.turn = dlist_is_empty(list) ? 0 :
		dlist_head_element(Target, question.node, list)->question.turn;
	dlist_foreach(iter, list)
	{
		const Target *other = dlist_container(Target, question.node, iter.cur);

		if (other->party == target->party)
			target->question.turn = other->question.turn + 1;
	}
	dlist_foreach(iter, list)
	{
		const Target *other = dlist_container(Target, question.node, iter.cur);

		if (other->question.turn > target->question.turn)
		{
			before = iter.cur;
			break;
		}
	}
	if (before != NULL)
		dlist_insert_before(before, &target->question.node);
	else
		dlist_push_tail(list, &target->question.node);
}

/* Ask that of a target, in one of the next batches. */
void
graph_queue_ask(Target *target, Operation op)
{
	PaceKind	kind = graph_queue_pace(op);

	target->question.op = op;
	take_turn(target, &target->bot->graph.asking[kind]);
	target->bot->graph.count[kind]++;
}

/* ----------
 * Answers
 * ----------
 */

/* Would the same batch get the same answer again? */
static bool
is_refused_for_good(const GraphReply *reply, Operation op)
{
	Action		action = policy_classify(op, reply->status, &reply->error);

	return action == ACTION_OK || action == ACTION_FAIL;
}

/* There is no answer, for that reason. */
static void
set_no_answer(GraphReply *reply, const char *code, const char *problem)
{
	reply->status = 0;
	reply->error.code = code;
	reply->error.message = problem;
}

/*
 * The batch as a whole has failed, and so has each of its questions: with the
 * status that Graph has answered the batch with, or with none.
 */
static void
take_batch_failure(GraphBatch *batch, const HttpReply *reply,
				   const char *problem)
{
	GraphReply	failure = {0};

	failure.status = reply->status;
	failure.retry_after = reply->retry_after;
	failure.correlation_id = reply->correlation_id;
	if (reply->result == HTTP_ANSWERED && reply->status < 300 &&
		problem == NULL)
		problem = "Graph answered a batch with an unexpected status";
	if (reply->result != HTTP_ANSWERED)
		set_no_answer(&failure, "connection_failed", reply->problem);
	else if (problem != NULL)
		set_no_answer(&failure, "unusable_reply", problem);
	else
		graph_error(reply->body, reply->length, &failure.error);

	for (int i = 0; i < batch->count; i++)
	{
		Target	   *target = batch->targets[i];

		/* What never left is asked again when the host can be reached. */
		if (reply->result == HTTP_NOT_REACHED)
			graph_queue_ask(target, target->question.op);
		else if (failure.status != 0 && batch->count > 1 &&
				 is_refused_for_good(&failure, target->question.op))
		{
			/* One of them may be at fault: each is asked for alone. */
			target->question.alone = true;
			graph_queue_ask(target, target->question.op);
		}
		else
			handle_reply(target, &failure, batch->token);
	}
}

/*
 * The batch is back.  Where nobody was reached, it was no trip, whose length
 * would say how long others take.
 */
static void
end_trip(GraphBatch *batch, const HttpReply *reply)
{
	Bot		   *bot = batch->bot;

	/* Where nobody was reached, it was no journey. */
	if (reply->result != HTTP_NOT_REACHED)
		bot_trip_ends(bot, &batch->trip);
	dlist_delete(&batch->node);
	bot->graph.batch_count--;
}

/* The handler of a batch: each of its targets gets its own answer. */
static void
on_batch(const HttpReply *reply, void *argument)
{
	GraphBatch *batch = argument;
	GraphReply	replies[GRAPH_BATCH_MAX];
	const char *problem = NULL;

	end_trip(batch, reply);
	if (batch->generation != batch->bot->generation)
		problem = "the bot was configured anew in the meantime";

	/* Older services answer a throttled batch with 424 (contract 3.10). */
	if (problem == NULL && reply->result == HTTP_ANSWERED &&
		(reply->status == 200 || reply->status == 424) &&
		graph_batch_reply(reply->body, reply->length, batch->items,
						  batch->count, replies, &problem))
	{
		for (int i = 0; i < batch->count; i++)
		{
			if (replies[i].status == 0)
				set_no_answer(&replies[i], "no_answer",
							  "Graph left the request out of its answer to a batch");
			replies[i].correlation_id = reply->correlation_id;
			handle_reply(batch->targets[i], &replies[i], batch->token);
		}
	}
	else
		take_batch_failure(batch, reply, problem);
	pfree(batch);
}

/* ----------
 * Questions
 * ----------
 */

/* Requests a second; those that delete have half (contract 5.2). */
static int
quota_of(const Bot *bot, PaceKind kind)
{
	int			rate = bot->config->graph_rate;

	return kind == PACE_GRAPH_DELETE ? Max(1, rate / 2) : rate;
}

/* A channel is asked for by its team. */
static Scope
graph_scope(const Target *target)
{
	return target->scope == SCOPE_CHANNEL ? SCOPE_TEAM : target->scope;
}

/* The id that Graph knows, of that scope. */
static const char *
graph_id(const Target *target)
{
	if (target->inquiry.asks_former)
		return target->user_id;
	return target->team != NULL ? target->team : target->id;
}

/* May the target be asked for, by the limit for each team (contract 5.2)? */
static bool
team_may_go(Target *target)
{
	static const int limits[CHAT_LIMITS] = {4, 8, 120, 14400};
	char	   *key;

	if (graph_scope(target) != SCOPE_TEAM)
		return true;
	key = psprintf("team %s", graph_id(target));
	target->question.rests_until = pace_take_chat(shared_chat_paces(),
												  bot_pace(target->bot), key,
												  limits);
	pfree(key);
	return target->question.rests_until == 0;
}

/* The target travels with the batch, which is not full. */
static void
add_item(GraphBatch *batch, Target *target)
{
	GraphItem  *item = &batch->items[batch->count];

	item->op = target->question.op;
	item->scope = graph_scope(target);
	item->id = graph_id(target);
	item->installation_id = target->installation_id;
	batch->targets[batch->count++] = target;
}

/*
 * Move up to "count" targets that wait for that kind of call to a batch.  One
 * that is to travel alone, as it may be what is wrong with its batch, neither
 * joins others nor is joined.
 */
static void
fill_batch(GraphBatch *batch, PaceKind kind, int count)
{
	Bot		   *bot = batch->bot;

	while (batch->counts[kind] < count && bot->graph.count[kind] > 0)
	{
		Target	   *target = dlist_head_element(Target, question.node,
												&bot->graph.asking[kind]);

		if (batch->count > 0 &&
			(target->question.alone || batch->targets[0]->question.alone))
			break;
		dlist_delete(&target->question.node);
		bot->graph.count[kind]--;
		if (team_may_go(target))
		{
			add_item(batch, target);
			batch->counts[kind]++;
		}
		else
			dlist_push_tail(&bot->graph.resting, &target->question.node);
	}
}

/* Those whose teams have rested wait for their calls again, at the end. */
static void
wake_resting(Bot *bot)
{
	TimestampTz now = GetCurrentTimestamp();
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &bot->graph.resting)
	{
		Target	   *target = dlist_container(Target, question.node, iter.cur);

		if (target->question.rests_until > now)
			continue;
		dlist_delete(&target->question.node);
		graph_queue_ask(target, target->question.op);
	}
}

/*
 * What may leave now; NULL if nothing may.  What the pace has let leave, but a
 * batch of one alone has no room for, is given back.
 */
static GraphBatch *
next_batch(Bot *bot)
{
	int			room = bot_is_probing(bot) ? 1 : GRAPH_BATCH_MAX;
	GraphBatch *batch = MemoryContextAllocZero(graph_queue_context,
											   sizeof(GraphBatch));

	batch->bot = bot;
	batch->taken_at = GetCurrentTimestamp();
	for (int i = 0; i < GRAPH_KINDS; i++)
	{
		PaceKind	kind = graph_kinds[i];
		int			count = pace_take(bot_pace(bot), kind, quota_of(bot, kind),
									  Min(bot->graph.count[kind],
										  room - batch->count));

		fill_batch(batch, kind, count);
		pace_give_back(bot_pace(bot), kind, count - batch->counts[kind],
					   batch->taken_at);
	}
	if (batch->count > 0)
		return batch;
	pfree(batch);
	return NULL;
}

/* The batch leaves, with the token and the app that are good now. */
static void
send_batch(GraphBatch *batch, const char *bearer, const char *app_id)
{
	Bot		   *bot = batch->bot;
	HttpRequest request;
	StringInfoData body;

	initStringInfo(&body);
	graph_batch_request(&body, bot->graph_url, app_id, batch->items,
						batch->count);
	memset(&request, 0, sizeof(request));
	request.url = graph_batch_url(bot->graph_url);
	request.bearer = bearer;
	request.content_type = "application/json";
	request.body = body.data;
	request.length = body.len;
	request.handler = on_batch;
	request.argument = batch;
	batch->generation = bot->generation;
	batch->token = bot->tokens[AUDIENCE_GRAPH].serial;
	line_start(&request);
	bot_trip_begins(bot, &batch->trip, AUDIENCE_GRAPH, batch->counts,
					batch->taken_at);
	dlist_push_tail(&bot->graph.batches, &batch->node);
	bot->graph.batch_count++;
	pfree(body.data);
}

/* Questions of the bot that have not left. */
static int
waiting_count(const Bot *bot)
{
	int			count = 0;

	for (int i = 0; i < GRAPH_KINDS; i++)
		count += bot->graph.count[graph_kinds[i]];
	return count;
}

/* Those of a kind that wait and may leave now. */
static int
leaving_count(Bot *bot, PaceKind kind)
{
	if (bot->graph.count[kind] == 0)
		return 0;
	return Min(bot->graph.count[kind],
			   pace_room(bot_pace(bot), kind, quota_of(bot, kind)));
}

/* When the pace lets more of those leave that wait, or 0. */
static TimestampTz
more_may_leave_at(Bot *bot)
{
	TimestampTz next = 0;

	for (int i = 0; i < GRAPH_KINDS; i++)
	{
		PaceKind	kind = graph_kinds[i];

		if (bot->graph.count[kind] > leaving_count(bot, kind))
			next = sooner(next, pace_next(bot_pace(bot), kind,
										  quota_of(bot, kind)));
	}
	return next;
}

/* Will there be more to send with the batch, if it waits a little? */
static bool
is_worth_waiting(Bot *bot)
{
	TimestampTz more = more_may_leave_at(bot);

	return more != 0 &&
		more < TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
										   WORTH_WAITING_MS);
}

/*
 * Is it worth while to send a batch now?  A full one always is; one that is
 * not, only if no other is under way, and if it will not be fuller soon.
 */
static bool
batch_is_worth_while(Bot *bot)
{
	int			leaving = 0;

	for (int i = 0; i < GRAPH_KINDS; i++)
		leaving += leaving_count(bot, graph_kinds[i]);
	if (leaving >= GRAPH_BATCH_MAX && !bot_is_probing(bot))
		return bot->graph.batch_count < MAX_BATCHES;
	return bot->graph.batch_count == 0 && leaving > 0 &&
		(bot_is_probing(bot) || !is_worth_waiting(bot));
}

/* Those in flight that take long are counted later. */
static void
count_trips(Bot *bot)
{
	dlist_iter	iter;

	dlist_foreach(iter, &bot->graph.batches)
		bot_trip_goes_on(bot, &dlist_container(GraphBatch, node, iter.cur)->trip);
}

/*
 * Send what can be sent of a bot's questions.  Nothing can as long as a token,
 * the app's id or, for those who need it, its version are not known: asking
 * for these is begun here.
 */
void
graph_queue_advance(Bot *bot)
{
	const char *bearer;
	const char *app_id;
	GraphBatch *batch;

	if (!bot_is_active(bot))
		return;

	/* What is asked for below is not asked for as long as nobody needs it. */
	wake_resting(bot);
	if (waiting_count(bot) == 0)
		return;
	if (!line_is_free(bot->graph_url))
		return;
	bearer = bot_token_bearer(bot, AUDIENCE_GRAPH);
	app_id = bot_app_id(bot);
	if (bearer == NULL || app_id == NULL ||
		(bot->app.version_jobs > 0 && !bot_app_version_is_known(bot)))
		return;
	count_trips(bot);
	while (line_is_free(bot->graph_url) && batch_is_worth_while(bot) &&
		   (batch = next_batch(bot)) != NULL)
		send_batch(batch, bearer, app_id);
}

/* When the first of those that rest has rested enough, or 0. */
static TimestampTz
first_team_has_rested(const Bot *bot)
{
	TimestampTz first = 0;
	dlist_iter	iter;

	dlist_foreach(iter, unconstify(dlist_head *, &bot->graph.resting))
		first = sooner(first, dlist_container(Target, question.node,
											  iter.cur)->question.rests_until);
	return first;
}

/* When more of what waits may be sent, or 0. */
TimestampTz
graph_queue_next(Bot *bot)
{
	TimestampTz rested = first_team_has_rested(bot);
	TimestampTz more = 0;

	if (!bot_is_active(bot))
		return 0;

	/* An answer that is under way brings the next step. */
	if (bot->graph.batch_count < (bot_is_probing(bot) ? 1 : MAX_BATCHES))
		more = more_may_leave_at(bot);
	return sooner(more, rested);
}
