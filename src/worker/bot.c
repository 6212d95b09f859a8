/*
 * bot.c
 *	  The bots of the sending process.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/bot.h"

static MemoryContext bots_context = NULL;
static Bot *first_bot;
static Bot *last_bot;

/* Start with no bots; they are kept in the context. */
void
bot_open(MemoryContext context)
{
	bots_context = context;
	first_bot = last_bot = NULL;
}

/* The first bot, or NULL if there is none: see foreach_bot(). */
Bot *
bot_first(void)
{
	return first_bot;
}

/*
 * The bot of that name, whether or not it exists in teams_bot still; or NULL.
 */
Bot *
bot_find(const char *name)
{
	foreach_bot(bot)
		if (strcmp(bot->name, name) == 0)
			return bot;
	return NULL;
}

/* A new bot, of which nothing is known yet; it stays to the end. */
Bot *
bot_add(const char *name)
{
	Bot		   *bot = MemoryContextAllocZero(bots_context, sizeof(Bot));

	bot->name = MemoryContextStrdup(bots_context, name);
	bot->context = AllocSetContextCreate(bots_context, "teams_proactive bot",
										 ALLOCSET_SMALL_SIZES);
	if (last_bot != NULL)
		last_bot->next = bot;
	else
		first_bot = bot;
	last_bot = bot;
	return bot;
}
