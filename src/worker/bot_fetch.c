/*
 * bot_fetch.c
 *	  What is fetched for a bot, one at a time of its kind: tokens, and what
 *	  the catalog says of its app.
 *
 * None of it belongs to one message.  So a failure is no attempt of any: the
 * fetch is repeated later, and why it has failed is the bot's trouble; what
 * repeating cannot mend pauses the bot.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/moment.h"
#include "worker/bot.h"
#include "worker/bot_fetch.h"
#include "worker/line.h"
#include "worker/retry.h"

/*
 * A request under way, and the configuration that it was made by: another one
 * may have begun since, of which the answer says nothing, and which may have
 * the same fetch running.
 */
typedef struct FetchRequest
{
	Bot		   *bot;
	Fetch	   *fetch;
	int			generation;
	FetchHandler handler;
} FetchRequest;

static MemoryContext fetch_context = NULL;

/* Requests under way are remembered in the context. */
void
bot_fetch_open(MemoryContext context)
{
	fetch_context = context;
}

/*
 * May the fetch be tried now, at that URL?  Not for a bot that sends nothing,
 * nor twice at a time, nor too soon after a failure, nor where the host cannot
 * be reached.
 */
bool
bot_fetch_may_start(Bot *bot, const Fetch *fetch, const char *url)
{
	return bot_is_active(bot) && !fetch->running &&
		fetch->not_before <= GetCurrentTimestamp() && line_is_free(url);
}

static void
on_reply(const HttpReply *reply, void *argument)
{
	FetchRequest ended = *(FetchRequest *) argument;

	pfree(argument);
	if (ended.generation != ended.bot->generation)
		return;
	ended.fetch->running = false;
	ended.handler(ended.bot, ended.fetch, reply);
}

/*
 * Start the request; whom HTTP tells of its end is set here.  The handler is
 * not called if the bot is configured anew before the answer comes.
 */
void
bot_fetch_start(Bot *bot, Fetch *fetch, HttpRequest *request,
				FetchHandler handler)
{
	FetchRequest *started = MemoryContextAlloc(fetch_context,
											   sizeof(FetchRequest));

	started->bot = bot;
	started->fetch = fetch;
	started->generation = bot->generation;
	started->handler = handler;
	request->handler = on_reply;
	request->argument = started;
	fetch->running = true;
	line_start(request);
}

/*
 * It has failed: not again before what the service says in the header
 * Retry-After, or if that is NULL or makes no sense, ever more slowly.
 */
void
bot_fetch_later(Fetch *fetch, const char *retry_after)
{
	Retry		retry = retry_decide(RETRY_FETCH, ACTION_RETRY,
									 ++fetch->failures,
									 retry_told(retry_after));

	fetch->not_before = retry_time(retry.delay);
}

/*
 * Has a service answered, and will it answer the same however often it is
 * asked?
 */
bool
bot_fetch_is_refused(Operation op, const HttpReply *reply,
					 const ServiceError *error)
{
	if (reply->result != HTTP_ANSWERED)
		return false;
	switch (policy_classify(op, reply->status, error))
	{
		case ACTION_RETRY:
		case ACTION_THROTTLED:
		case ACTION_OK:			/* but not of the documented shape */
			return false;
		default:
			return true;
	}
}

/*
 * A fetch has failed: it is tried again later, or the bot is paused.
 * "subject" completes "could not ..."; "error" is what the service has said,
 * if it has answered.  What never left is neither: that is tried when the host
 * can be reached.
 */
void
bot_fetch_failed(Bot *bot, Fetch *fetch, Operation op, const char *subject,
				 const HttpReply *reply, const ServiceError *error)
{
	if (reply->result == HTTP_NOT_REACHED)
		return;
	if (bot_fetch_is_refused(op, reply, error))
	{
		bot_pause_for(bot, psprintf("could not %s", subject), op,
					  reply->status, error);
		return;
	}
	bot_note_trouble(bot, reply->result != HTTP_ANSWERED ?
					 psprintf("could not %s: %s", subject, reply->problem) :
					 psprintf("could not %s: status %d %s %s", subject,
							  reply->status, error->code, error->message),
					 reply->result != HTTP_ANSWERED ? reply->hint :
					 policy_hint(op, reply->status, error));
	bot_fetch_later(fetch, reply->retry_after);
}

/* ----------
 * All fetches of a bot
 * ----------
 */

#define WAITING_FETCHES (AUDIENCES + 2)

/* Those that wait after a failure. */
static void
list_fetches(Bot *bot, Fetch *fetches[WAITING_FETCHES])
{
	int			count = 0;

	for (int i = 0; i < AUDIENCES; i++)
		fetches[count++] = &bot->tokens[i].fetch;
	fetches[count++] = &bot->app.id_fetch;
	fetches[count++] = &bot->catalog.fetch;
	Assert(count == WAITING_FETCHES);
}

/* When the first that has failed may be tried again; 0: none has failed. */
TimestampTz
bot_fetch_next(const Bot *bot)
{
	Fetch	   *fetches[WAITING_FETCHES];
	TimestampTz earliest = 0;

	if (!bot_is_active(bot))
		return 0;
	list_fetches(unconstify(Bot *, bot), fetches);
	for (int i = 0; i < WAITING_FETCHES; i++)
		if (!fetches[i]->running)
			earliest = sooner(earliest, fetches[i]->not_before);
	return earliest;
}

/* Do not wait any longer for what has failed. */
void
bot_fetch_try_again(Bot *bot)
{
	Fetch	   *fetches[WAITING_FETCHES];

	list_fetches(bot, fetches);
	for (int i = 0; i < WAITING_FETCHES; i++)
		fetches[i]->not_before = 0;
}
