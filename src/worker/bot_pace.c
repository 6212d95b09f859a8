/*
 * bot_pace.c
 *	  How fast a bot may send: its quotas, and what the services say of them.
 *
 * A service counts a request when it comes there, which nobody here sees.  It
 * is counted when it is chosen, since others may choose for the same bot, then
 * when it leaves; and if it takes longer than others, later still: it may have
 * come that much later, and into the same second as those behind it.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "server/shared.h"
#include "worker/bot.h"
#include "worker/bot_pace.h"

/* How often a bot that is paced alone asks for a place among the others. */
#define PACE_ASK_INTERVAL_MS 1000

/* How long to keep still if the service does not say, in seconds. */
#define UNTOLD_RETRY_AFTER 2.0

/* Conversations that are throttled within a second: then it is the bot. */
#define COMPLAINTS_OF_BOT 3

static MemoryContext pace_context = NULL;

/* Where shared memory has no room, paces are kept in the context. */
void
bot_pace_open(MemoryContext context)
{
	pace_context = context;
}

/*
 * What the bot may send now: the count of all in the cluster that send for it,
 * or this process's alone where shared memory is missing, or full of others.
 * A quota is that of a registration in a tenant.  The entry that was used last
 * may be another bot's by now, if this one has had no use for it for a while.
 */
Pace *
bot_pace(Bot *bot)
{
	BotPace    *pacing = &bot->pacing;
	bool		is_mine = pacing->used != NULL &&
		strcmp(pacing->used->key, pacing->key) == 0;
	Pace	   *shared;

	if (is_mine && (pacing->used != pacing->own ||
					!TimestampDifferenceExceeds(pacing->asked_at,
												GetCurrentTimestamp(),
												PACE_ASK_INTERVAL_MS)))
		return pacing->used;

	pacing->asked_at = GetCurrentTimestamp();
	shared = shared_pace(pacing->key);
	if (shared != NULL)
		pacing->used = shared;
	else if (!is_mine)
	{
		if (pacing->own == NULL)
			pacing->own = MemoryContextAlloc(pace_context, sizeof(Pace));
		pace_init(pacing->own, pacing->key, NULL);
		pacing->used = pacing->own;
	}
	return pacing->used;
}

/* ----------
 * Complaints
 * ----------
 */

static double
told_or_default(double retry_after)
{
	return retry_after < 0 ? UNTOLD_RETRY_AFTER : retry_after;
}

/*
 * Graph has answered 429 to calls of that kind.  Nothing of the kind leaves
 * for so many seconds; negative: it has not said how many.
 */
void
bot_graph_throttled(Bot *bot, PaceKind kind, double retry_after)
{
	pace_back_off(bot_pace(bot), kind, told_or_default(retry_after));
}

/*
 * The Connector has answered 429, and asks for so many seconds, as above.  It
 * does not say whether the conversation or the bot is too fast.  A
 * conversation that is throttled waits, which the caller sees to; if others
 * are, too, it is the bot.
 */
void
bot_connector_throttled(Bot *bot, double retry_after)
{
	BotPace    *pacing = &bot->pacing;
	TimestampTz now = GetCurrentTimestamp();

	if (TimestampDifferenceExceeds(pacing->complaints_since, now, 1000))
	{
		pacing->complaints = 0;
		pacing->complaints_since = now;
	}
	if (++pacing->complaints >= COMPLAINTS_OF_BOT)
		pace_back_off(bot_pace(bot), PACE_CONNECTOR,
					  told_or_default(retry_after));
}

/* ----------
 * Trips
 * ----------
 */

static void
count_later(Bot *bot, Trip *trip, TimestampTz counted_at)
{
	if (counted_at <= trip->counted_at)
		return;
	for (PaceKind kind = 0; kind < PACE_KINDS; kind++)
		if (trip->counts[kind] > 0)
			pace_move(bot_pace(bot), kind, trip->counts[kind],
					  trip->counted_at, counted_at);
	trip->counted_at = counted_at;
}

/*
 * A request leaves for that service, which pace_take() has counted as leaving
 * at "counted_at": from now on it is counted as leaving now, whatever came
 * between, such as a slow commit.  The counts must live as long as the trip.
 */
void
bot_trip_begins(Bot *bot, Trip *trip, Audience audience, const int *counts,
				TimestampTz counted_at)
{
	trip->audience = audience;
	trip->counts = counts;
	trip->left_at = GetCurrentTimestamp();
	trip->counted_at = counted_at;
	count_later(bot, trip, trip->left_at);
}

/* It has not come back yet. */
void
bot_trip_goes_on(Bot *bot, Trip *trip)
{
	int64		took = GetCurrentTimestamp() - trip->left_at;

	count_later(bot, trip, trip->left_at +
				throttle_delay(&bot->pacing.travel[trip->audience], took));
}

/* It has come back, and is one more to tell how long they usually take. */
void
bot_trip_ends(Bot *bot, Trip *trip)
{
	int64		took = GetCurrentTimestamp() - trip->left_at;

	bot_trip_goes_on(bot, trip);
	throttle_arrived(&bot->pacing.travel[trip->audience], took);
}
