/*
 * installation.c
 *	  Finds out where a target's messages go, and installs the bot on the way.
 *
 * Each target goes its own way through the three calls: look up the
 * installation; if there is none, install and look up again; fetch the chat's
 * id (contract 3.3 to 3.5).  The calls of many targets travel together in
 * $batch requests.  A batch that is full leaves at once; one that is not full
 * leaves only if no other is under way, as its answers bring the next
 * questions.  So a lone target waits for nobody, and a thousand travel in
 * full batches.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "access.h"
#include "graph.h"
#include "http.h"
#include "installation.h"
#include "trust.h"

/* Batches that one bot may have in flight. */
#define MAX_BATCHES 4

/* The longest Retry-After that is believed. */
#define MAX_RETRY_AFTER 3600.0

/* A batch waits so long to be fuller. */
#define WORTH_WAITING_MS 1000

/* Installations answered by 404 in a row: then the catalog lacks the app. */
#define MAX_REFUSED_INSTALLS 3

typedef struct GraphBatch
{
	Bot		   *bot;
	int			generation;		/* of the bot's configuration */
	int			token;			/* serial of the token */
	int			count;
	Target	   *targets[GRAPH_BATCH_MAX];
	GraphItem	items[GRAPH_BATCH_MAX];
} GraphBatch;

static MemoryContext targets_context;
static dlist_head finished;

void
installation_open(MemoryContext context)
{
	targets_context = context;
	dlist_init(&finished);
}

/* Keep a string in place of what was there before. */
static void
keep(char **place, const char *text)
{
	if (*place != NULL)
		pfree(*place);
	*place = text ? MemoryContextStrdup(targets_context, text) : NULL;
}

Target *
installation_take_finished(void)
{
	Target	   *target;

	if (dlist_is_empty(&finished))
		return NULL;
	target = dlist_container(Target, node, dlist_pop_head_node(&finished));
	target->state = target->verdict == ACTION_OK ? TARGET_KNOWN : TARGET_NEW;
	target->bot->asking_targets--;
	return target;
}

static PaceKind
kind_of(Operation op)
{
	return op == OP_INSTALL ? PACE_GRAPH_WRITE : PACE_GRAPH_READ;
}

static void
ask(Target *target, Operation next)
{
	PaceKind	kind = kind_of(next);

	target->next = next;
	dlist_push_tail(&target->bot->asking[kind], &target->node);
	target->bot->asking_count[kind]++;
}

/* ----------
 * Answers
 * ----------
 */

static void
finish(Target *target)
{
	dlist_push_tail(&finished, &target->node);
}

static void
forget_error(Target *target)
{
	if (target->error.code != NULL)
		pfree(unconstify(char *, target->error.code));
	if (target->error.message != NULL)
		pfree(unconstify(char *, target->error.message));
	target->error.code = target->error.message = NULL;
}

static void
fail(Target *target, Action verdict, const ServiceError *error,
	 const char *hint, double retry_after)
{
	MemoryContext old;

	forget_error(target);
	old = MemoryContextSwitchTo(targets_context);
	target->verdict = verdict;
	policy_set_error(&target->error, error->code, error->message);
	MemoryContextSwitchTo(old);
	target->hint = hint;
	target->retry_after = retry_after;
	dlist_push_tail(&finished, &target->node);
}

/* Fail a target for a reason of our own. */
static void
fail_because(Target *target, Action verdict, const char *code,
			 const char *message)
{
	ServiceError error = {code, message};

	fail(target, verdict, &error, NULL, -1);
}

void
installation_ask(Target *target, bool may_reinstall)
{
	const char *problem = trust_user_id_problem(target->id);

	target->state = TARGET_ASKING;
	target->may_reinstall = may_reinstall;
	target->bot->asking_targets++;
	target->verdict = ACTION_OK;
	target->tried_to_install = false;
	target->tried_new_token = false;
	target->alone = false;
	target->installed_by_us = false;
	if (problem != NULL)
	{
		/* A row that was not written by teams_send(). */
		fail_because(target, ACTION_FAIL, "invalid_user_id", problem);
		return;
	}
	ask(target, OP_LOOKUP);
}

static void
take_chat(Target *target, const GraphReply *reply)
{
	keep(&target->chat_id, reply->chat_id);
	target->knowledge = KNOWN_INSTALLED;
	finish(target);
}

static void
take_lookup(Target *target, const GraphReply *reply)
{
	if (reply->installation_id != NULL)
	{
		keep(&target->installation_id, reply->installation_id);
		keep(&target->app_version, reply->app_version);
		ask(target, OP_CHAT);
	}
	else if (target->knowledge == KNOWN_LOST && !target->may_reinstall)
		fail_because(target, ACTION_INSTALL_AGAIN, "removed_by_user",
					 "the bot was removed for this person");
	else if (!target->tried_to_install)
		ask(target, OP_INSTALL);
	else
		fail_because(target, ACTION_RETRY, "installation_not_visible",
					 "the bot was installed, but Graph does not list it yet");
}

static void
take_success(Target *target, const GraphReply *reply)
{
	access_graph_accepted(target->bot);
	bot_succeeded(target->bot, target->next);
	switch (target->next)
	{
		case OP_LOOKUP:
			take_lookup(target, reply);
			break;
		case OP_INSTALL:
			/* 201 has no body, 409 says that it is there: ask for its id */
			target->tried_to_install = true;
			target->installed_by_us = reply->status != 409;
			target->bot->refused_installs = 0;
			ask(target, OP_LOOKUP);
			break;
		default:
			take_chat(target, reply);
			break;
	}
}

/*
 * Graph does not tell an app that is not in the catalog from a person who
 * cannot have it (contract 3.4).  Several people in a row, all of whom it had
 * just looked up: then it is the app.
 */
static bool
is_missing_app(Target *target, const GraphReply *reply)
{
	if (target->next != OP_INSTALL || reply->status != 404)
		return false;
	return ++target->bot->refused_installs >= MAX_REFUSED_INSTALLS;
}

static void
take_failure(Target *target, const GraphReply *reply, Action action,
			 int token)
{
	Bot		   *bot = target->bot;
	const char *hint = policy_hint(target->next, reply->status,
								   &reply->error);
	double		delay = policy_retry_after(reply->retry_after, bot_clock(),
										   MAX_RETRY_AFTER);

	switch (action)
	{
		case ACTION_THROTTLED:
			/* The longest of the delays told counts (contract 3.10). */
			bot_graph_throttled(bot, kind_of(target->next), delay);
			ask(target, target->next);
			break;
		case ACTION_REAUTH:
			access_graph_refused(bot, token, &reply->error);
			if (target->tried_new_token)
				fail(target, ACTION_RETRY, &reply->error, hint, delay);
			else
				ask(target, target->next);
			target->tried_new_token = true;
			break;
		case ACTION_PAUSE_BOT:
			bot_pause_for(bot, "Graph refused a request", target->next,
						  reply->status, &reply->error);
			ask(target, target->next);
			break;
		default:
			if (is_missing_app(target, reply))
			{
				bot_pause_for(bot, "Graph cannot install the app", OP_INSTALL,
							  reply->status, &reply->error);
				ask(target, target->next);
			}
			else
				fail(target, action, &reply->error, hint, delay);
			break;
	}
}

static void
take_reply(Target *target, const GraphReply *reply, int token)
{
	Action		action;

	if (reply->status == 0)
		fail_because(target, ACTION_RETRY, "no_answer",
					 "Graph left the request out of its answer to a batch");
	else if (reply->malformed)
		fail_because(target, ACTION_RETRY, "malformed_reply",
					 "Graph's reply makes no sense");
	else
	{
		action = policy_classify(target->next, reply->status, &reply->error);
		if (action == ACTION_OK)
			take_success(target, reply);
		else
			take_failure(target, reply, action, token);
	}
}

static bool
is_refused_for_good(const GraphReply *reply, Operation op)
{
	Action		action = policy_classify(op, reply->status, &reply->error);

	return action == ACTION_OK || action == ACTION_FAIL;
}

/* The batch as a whole has failed, and so has each of its questions. */
static void
take_batch_failure(GraphBatch *batch, const HttpReply *reply,
				   const char *problem)
{
	GraphReply	failure = {0};

	failure.status = reply->status;
	failure.retry_after = reply->retry_after;
	if (reply->result == HTTP_ANSWERED && reply->status < 300 &&
		problem == NULL)
		problem = "Graph answered a batch with an unexpected status";
	if (reply->result == HTTP_ANSWERED && problem == NULL)
		graph_error(reply->body, reply->length, &failure.error);

	for (int i = 0; i < batch->count; i++)
	{
		Target	   *target = batch->targets[i];

		keep(&target->correlation_id, reply->correlation_id);
		if (reply->result != HTTP_ANSWERED)
			fail_because(target, ACTION_RETRY, "connection_failed",
						 reply->problem);
		else if (problem != NULL)
			fail_because(target, ACTION_RETRY, "unusable_reply", problem);
		else if (batch->count > 1 &&
				 is_refused_for_good(&failure, target->next))
		{
			/* One of them may be at fault: each is asked for alone. */
			target->alone = true;
			ask(target, target->next);
		}
		else
			take_reply(target, &failure, batch->token);
	}
}

static void
on_batch(const HttpReply *reply, void *argument)
{
	GraphBatch *batch = argument;
	GraphReply	replies[GRAPH_BATCH_MAX];
	const char *problem = NULL;

	batch->bot->graph_batches--;
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
			keep(&batch->targets[i]->correlation_id, reply->correlation_id);
			take_reply(batch->targets[i], &replies[i], batch->token);
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

/* Move up to "count" targets that wait for that kind of call to a batch. */
static void
fill_batch(GraphBatch *batch, PaceKind kind, int count)
{
	Bot		   *bot = batch->bot;

	for (int i = 0; i < count; i++)
	{
		Target	   *target = dlist_head_element(Target, node,
												&bot->asking[kind]);
		GraphItem  *item = &batch->items[batch->count];

		if (batch->count > 0 && (target->alone || batch->targets[0]->alone))
			break;
		dlist_delete(&target->node);
		item->op = target->next;
		item->user_id = target->id;
		item->installation_id = target->installation_id;
		batch->targets[batch->count++] = target;
		bot->asking_count[kind]--;
	}
}

/* What may leave now; NULL if nothing may. */
static GraphBatch *
next_batch(Bot *bot)
{
	GraphBatch *batch;
	int			most = bot->state == BOT_PROBING ? 1 : GRAPH_BATCH_MAX;
	int			writes = pace_take(bot->pace, PACE_GRAPH_WRITE,
								   bot->config->graph_rate,
								   Min(bot->asking_count[PACE_GRAPH_WRITE],
									   most));
	int			reads = pace_take(bot->pace, PACE_GRAPH_READ,
								  bot->config->graph_rate,
								  Min(bot->asking_count[PACE_GRAPH_READ],
									  most - writes));

	if (writes + reads == 0)
		return NULL;
	batch = MemoryContextAllocZero(targets_context, sizeof(GraphBatch));
	batch->bot = bot;
	fill_batch(batch, PACE_GRAPH_WRITE, writes);
	fill_batch(batch, PACE_GRAPH_READ, reads);
	return batch;
}

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
	batch->token = bot->graph_fetch.serial;
	http_start(&request);
	bot->graph_batches++;
	pfree(body.data);
}

static int
waiting_count(const Bot *bot)
{
	return bot->asking_count[PACE_GRAPH_READ] +
		bot->asking_count[PACE_GRAPH_WRITE];
}

/* Those of a kind that wait, and need not wait long. */
static int
wanted_count(Bot *bot, PaceKind kind)
{
	TimestampTz soon = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												   WORTH_WAITING_MS);

	return pace_next(bot->pace, kind) > soon ? 0 : bot->asking_count[kind];
}

/* Those of a kind that wait and may leave now. */
static int
leaving_count(Bot *bot, PaceKind kind)
{
	if (bot->asking_count[kind] == 0)
		return 0;
	return Min(bot->asking_count[kind],
			   pace_room(bot->pace, kind, bot->config->graph_rate));
}

/*
 * Is it worth while to send a batch now?  A full one always is; one that is
 * not, only if no other is under way, and if it need not wait for the pace to
 * let more of those leave that wait.
 */
static bool
batch_is_worth_while(Bot *bot)
{
	int			leaving = leaving_count(bot, PACE_GRAPH_READ) +
		leaving_count(bot, PACE_GRAPH_WRITE);
	int			wanted = Min(wanted_count(bot, PACE_GRAPH_READ) +
							 wanted_count(bot, PACE_GRAPH_WRITE),
							 GRAPH_BATCH_MAX);

	if (bot->state == BOT_PROBING)
		return bot->graph_batches == 0 && leaving > 0;
	if (leaving >= GRAPH_BATCH_MAX)
		return bot->graph_batches < MAX_BATCHES;
	return bot->graph_batches == 0 && leaving > 0 &&
		leaving >= Min(wanted, bot->config->graph_rate);
}

void
installation_advance(Bot *bot)
{
	const char *bearer;
	const char *app_id;
	GraphBatch *batch;

	if (waiting_count(bot) == 0 || !bot_is_active(bot))
		return;
	bearer = access_graph_bearer(bot);
	app_id = access_app_id(bot);
	if (bearer == NULL || app_id == NULL)
		return;
	while (batch_is_worth_while(bot) && (batch = next_batch(bot)) != NULL)
		send_batch(batch, bearer, app_id);
}

TimestampTz
installation_next(const Bot *bot)
{
	TimestampTz next = 0;

	/* An answer that is under way brings the next step. */
	if (!bot_is_active(bot) || bot->graph_batches > 0)
		return 0;
	for (PaceKind kind = PACE_GRAPH_READ; kind <= PACE_GRAPH_WRITE; kind++)
	{
		TimestampTz time = pace_next(bot->pace, kind);

		if (bot->asking_count[kind] > 0 && (next == 0 || time < next))
			next = time;
	}
	return next;
}
