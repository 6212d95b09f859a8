/*
 * bot_pace.c
 *	  How fast a bot may send: its quotas, and what the services say of them.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "server/shared.h"
#include "worker/bot.h"

/* How often a bot that is paced alone asks for a place among the others. */
#define PACE_ASK_INTERVAL_MS 1000

/* How long to keep still if the service does not say, in seconds. */
#define UNTOLD_RETRY_AFTER 2.0

/* Conversations that are throttled within a second: then it is the bot. */
#define COMPLAINTS_OF_BOT 3

/*
 * A quota is that of a registration in a tenant.  What was found last time may
 * be another bot's by now, if this one has had no use for it.
 */
Pace *
bot_pace(Bot *bot)
{
	bool		is_mine = bot->pace != NULL &&
		strcmp(bot->pace->key, bot->pace_key) == 0;
	Pace	   *shared;

	if (is_mine && (bot->pace != bot->own_pace ||
					!TimestampDifferenceExceeds(bot->pace_asked_at,
												GetCurrentTimestamp(),
												PACE_ASK_INTERVAL_MS)))
		return bot->pace;

	bot->pace_asked_at = GetCurrentTimestamp();
	shared = shared_pace(bot->pace_key);
	if (shared != NULL)
		bot->pace = shared;
	else if (!is_mine)
	{
		if (bot->own_pace == NULL)
			bot->own_pace = MemoryContextAlloc(GetMemoryChunkContext(bot),
											   sizeof(Pace));
		pace_init(bot->own_pace, bot->pace_key, NULL);
		bot->pace = bot->own_pace;
	}
	return bot->pace;
}

static double
told_or_default(double retry_after)
{
	return retry_after < 0 ? UNTOLD_RETRY_AFTER : retry_after;
}

void
bot_graph_throttled(Bot *bot, PaceKind kind, double retry_after)
{
	pace_back_off(bot_pace(bot), kind, told_or_default(retry_after));
}

/*
 * The Connector does not say whether the conversation or the bot is too fast.
 * A conversation that is throttled waits; if others are, too, it is the bot.
 */
void
bot_connector_throttled(Bot *bot, double retry_after)
{
	TimestampTz now = GetCurrentTimestamp();

	if (TimestampDifferenceExceeds(bot->complaints_since, now, 1000))
	{
		bot->complaints = 0;
		bot->complaints_since = now;
	}
	if (++bot->complaints >= COMPLAINTS_OF_BOT)
		pace_back_off(bot_pace(bot), PACE_CONNECTOR, told_or_default(retry_after));
}
