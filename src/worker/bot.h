/*
 * bot.h
 *	  What the sending process knows of each bot.
 */
#ifndef TP_BOT_H
#define TP_BOT_H

#include "lib/ilist.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "outbox/bots.h"
#include "protocol/graph.h"
#include "worker/bot_app.h"
#include "worker/bot_fetch.h"
#include "worker/bot_pace.h"
#include "worker/bot_secret.h"
#include "worker/bot_status.h"
#include "worker/bot_token.h"
#include "worker/catalog.h"
#include "worker/graph_queue.h"
#include "worker/lane.h"
#include "worker/share.h"

/* What is in memory for the bot.  It is kept by target.c and window.c. */
typedef struct BotWindow
{
	HTAB	   *targets;
	dlist_head	ready[PRIORITIES];	/* targets whose first message can go */
	dlist_head	asks;			/* those whose first is a question for Graph */
	dlist_head	due;			/* targets with room for what the table has */
	int			held_targets;	/* with something that others of its team
								 * hold */
	int			messages[PRIORITIES];	/* in memory */
	int			asking_messages;	/* of these, to targets being asked
									 * about */
	int			jobs;			/* of these, not to be posted */
	int			in_flight;		/* of these, on the wire */
} BotWindow;

typedef struct Bot
{
	struct Bot *next;			/* see foreach_bot() */
	char	   *name;
	bool		exists;			/* still in teams_bot */
	BotStatus	status;			/* see bot_status.h */
	int			generation;		/* counts configurations */

	MemoryContext context;		/* of what follows, up to the tokens */
	OutboxBot  *config;
	const char *login_url;
	const char *graph_url;
	const char *connector_url;

	BotSecret	secret;			/* see bot_secret.h */
	Token		tokens[AUDIENCES];
	BotApp		app;

	BotPace		pacing;

	GraphQueue	graph;			/* see graph_queue.h */
	BotShares	shares;			/* see share.h */
	BotCatalog	catalog;		/* see catalog.h */
	int			disabled;		/* answer.c: people in a row for whom an
								 * administrator has blocked the app */

	BotWindow	window;			/* see target.c and window.c */
	Lane		lanes[PRIORITIES];	/* the sweeps over the outbox */
} Bot;

/* For each of the bots, also those that do not exist any more. */
#define foreach_bot(bot) \
	for (Bot *bot = bot_first(); bot != NULL; bot = bot->next)

extern Bot *bot_first(void);
extern Bot *bot_find(const char *name);
extern void bot_open(MemoryContext context);
extern Bot *bot_add(const char *name);
extern void bot_reload(List *configs);

/* Its messages in memory. */
static inline int
bot_message_count(const Bot *bot)
{
	int			count = 0;

	for (int i = 0; i < PRIORITIES; i++)
		count += bot->window.messages[i];
	return count;
}

/* A dry-run bot never is: nothing is asked, fetched or sent for it. */
static inline bool
bot_is_active(const Bot *bot)
{
	return bot->exists && bot->status.state != BOT_PAUSED && !bot->config->dry_run;
}

/*
 * Is it paused, but for one message or question that tries whether it must be?
 */
static inline bool
bot_is_probing(const Bot *bot)
{
	return bot->status.state == BOT_PROBING;
}

#endif							/* TP_BOT_H */
