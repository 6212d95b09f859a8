/*
 * bot.h
 *	  What the sending process knows of each bot.
 */
#ifndef TP_BOT_H
#define TP_BOT_H

#include "lib/ilist.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "outbox/outbox.h"
#include "protocol/graph.h"
#include "worker/bot_fetch.h"
#include "worker/bot_pace.h"
#include "worker/bot_token.h"
#include "worker/lane.h"

/* What is in memory for the bot.  It is kept by target.c and window.c. */
typedef struct BotWindow
{
	HTAB	   *targets;
	dlist_head	ready[PRIORITIES];	/* targets whose first message can go */
	dlist_head	asks;			/* those whose first is a question for Graph */
	dlist_head	due;			/* targets with room for what the table has */
	int			held_targets;	/* with something that others of its team hold */
	int			messages[PRIORITIES];	/* in memory */
	int			asking_messages;	/* of these, to targets being asked about */
	int			jobs;			/* of these, not to be posted */
	int			in_flight;		/* of these, on the wire */
} BotWindow;

typedef enum BotState
{
	BOT_ACTIVE,
	BOT_PAUSED,
	BOT_PROBING					/* paused; one message tries whether it could
								 * go on */
} BotState;

typedef struct Bot
{
	struct Bot *next;			/* see foreach_bot() */
	char	   *name;
	bool		exists;			/* still in teams_bot */
	BotState	state;
	char	   *pause_reason;	/* to be saved, or NULL */
	bool		is_copy;		/* the pause is because of that */
	bool		resume_unsaved;	/* the probe has succeeded */
	TimestampTz save_at;		/* somebody has locked the row: not before */
	bool		saving_resume;
	Operation	paused_op;		/* what would have to succeed */
	int			probes;			/* that have failed in a row */
	TimestampTz probe_at;		/* 0: not by itself */
	bool		app_id_unsaved;
	char		app_version[GRAPH_MAX_VERSION + 1]; /* in the catalog, "" if
													 * unknown */
	bool		app_version_unsaved;
	bool		saving_app_version;
	int			version_jobs;	/* targets being asked for that need it */
	char	   *trouble;		/* why nothing gets through now, or NULL */
	char	   *line_trouble;	/* the same, if a host cannot be reached */
	bool		trouble_unsaved;
	bool		saving_trouble;
	bool		saving_pause;	/* the current transaction has written them */
	bool		saving_app_id;
	int			generation;		/* counts configurations */
	bool		is_other;		/* its registration has changed */

	MemoryContext context;		/* of what follows, up to the tokens */
	OutboxBot  *config;
	const char *login_url;
	const char *graph_url;
	const char *connector_url;
	char	   *teams_app_id;	/* NULL: to be asked for */

	Token		tokens[AUDIENCES];
	Fetch		catalog_fetch;	/* of the app's id */
	Fetch		version_fetch;	/* not_before: until then it is known, or not
								 * to be known */

	BotPace		pacing;

	/* For graph_queue.c: targets that wait for Graph, by what they wait for. */
	dlist_head	asking[PACE_KINDS];
	int			asking_count[PACE_KINDS];
	int			asking_targets; /* all that wait for an answer */
	HTAB	   *shares;			/* and whose they are, for share.c */
	dlist_head	resting;		/* those whose team has been asked enough */
	dlist_head	graph_batches;	/* in flight */
	int			graph_batch_count;
	int			disabled;		/* people in a row for whom an administrator has
								 * blocked the app */

	/* For catalog.c: has the catalog the app that is being installed? */
	Fetch		app_fetch;
	bool		app_is_missing; /* as it said; as a manifest's id, it is asked
								 * for next */
	TimestampTz app_seen_at;	/* it was there; 0: never */
	TimestampTz app_unknowable_until;	/* the catalog does not tell */
	dlist_head	doubting;		/* targets that wait for the answer */

	BotWindow	window;			/* see target.c and window.c */
	Lane		lanes[PRIORITIES];	/* the sweeps over the outbox */

} Bot;

/* For each of the bots, also those that do not exist any more. */
#define foreach_bot(bot) \
	for (Bot *bot = bot_first(); bot != NULL; bot = bot->next)

extern Bot *bot_first(void);
extern Bot *bot_find(const char *name);

/* Start with no bots; forget them all. */
extern void bot_open(MemoryContext context);

/* Take over what teams_bot says now: a list of OutboxBot. */
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
	return bot->exists && bot->state != BOT_PAUSED && !bot->config->dry_run;
}

/*
 * Stop sending for the bot: nothing can succeed until somebody acts, or until
 * "op" succeeds, which is tried now and then.  The reason is saved with the
 * next transaction.
 */
extern void bot_pause(Bot *bot, Operation op, const char *format,...)
			pg_attribute_printf(3, 4);

/* The same for an error that a service has reported. */
extern void bot_pause_for(Bot *bot, const char *what, Operation op, int status,
						  const ServiceError *error);

/* A service has done what it was asked for: a probe may have succeeded. */
extern void bot_succeeded(Bot *bot, Operation op);

/* Begin a probe that is due. */
extern void bot_probe(Bot *bot);

/* Save what is to be saved, inside a transaction; then note that it was. */
extern bool bot_has_unsaved(void);
extern void bot_save(void);
extern void bot_saved(void);

/*
 * Is this database but a copy?  There are bots, none of them was configured
 * here, and nothing is left to be saved about them.
 */
extern bool bot_all_are_away(void);

/* Say in teams_bot why nothing gets through at the moment; or that it does. */
extern void bot_note_trouble(Bot *bot, const char *trouble);
extern void bot_clear_trouble(Bot *bot);

/*
 * Note whether the hosts that the bot needs can be reached, as its trouble;
 * true if that has changed.
 */
extern bool bot_watch_lines(Bot *bot);

/* What teams_bot says of it, or NULL: first that a host cannot be reached. */
static inline const char *
bot_trouble(const Bot *bot)
{
	return bot->line_trouble != NULL ? bot->line_trouble : bot->trouble;
}

/* Now, as Unix time. */
extern double bot_clock(void);

#endif							/* TP_BOT_H */
