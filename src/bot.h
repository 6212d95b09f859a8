/*
 * bot.h
 *	  What the sending process knows of each bot.
 */
#ifndef TP_BOT_H
#define TP_BOT_H

#include "lib/ilist.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "auth.h"
#include "outbox.h"
#include "pace.h"

/* One fetch at a time, and not again at once if it fails. */
typedef struct Fetch
{
	bool		running;
	int			generation;		/* of the configuration it runs for */
	int			serial;			/* counts what has come */
	int			failures;
	TimestampTz not_before;
	bool		proven;			/* the service has accepted what came */
} Fetch;

/* Let a fetch be tried at once; one that runs goes on. */
static inline void
bot_reset_fetch(Fetch *fetch)
{
	fetch->failures = 0;
	fetch->not_before = 0;
	fetch->proven = false;
}

typedef struct Bot
{
	dlist_node	node;			/* in the list of bots */
	char	   *name;
	bool		exists;			/* still in teams_bot */
	bool		paused;
	char	   *pause_reason;	/* to be saved, or NULL */
	bool		app_id_unsaved;
	char	   *trouble;		/* why nothing gets through now, or NULL */
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
	const char *connector_tenant;
	const char *connector_scope;
	char	   *teams_app_id;	/* NULL: to be asked for */

	GraphToken	graph_token;
	ConnectorToken connector_token;
	Fetch		graph_fetch;
	Fetch		connector_fetch;
	Fetch		catalog_fetch;

	Pace	   *pace;
	int			complaints;		/* 429s of the Connector in a row ... */
	TimestampTz complaints_since;	/* ... within a second from here */

	/* For installation.c: targets that wait for Graph, by what they wait for. */
	dlist_head	asking[PACE_KINDS];
	int			asking_count[PACE_KINDS];
	int			asking_targets; /* all that wait for an answer */
	int			graph_batches;	/* in flight */

	/* For window.c: the sweep over the outbox, and what is in memory. */
	HTAB	   *targets;
	dlist_head	ready;			/* targets whose first message can go */
	dlist_head	flying;			/* targets whose first is on the wire */
	int64		skipped_from;	/* the first id left in the table because its
								 * target is unknown, or 0 */
	int64		cursor;
	bool		sweeping;
	TimestampTz full_sweep_at;	/* 0: none is due */
	int			window;			/* messages in memory */
	int			in_flight;		/* of these on the wire */
} Bot;

/* Iterate over the bots with dlist_foreach. */
extern dlist_head *bot_list(void);
extern Bot *bot_find(const char *name);

/* Start with no bots; forget them all. */
extern void bot_open(MemoryContext context);

/* Take over what teams_bot says now: a list of OutboxBot. */
extern void bot_reload(List *configs);

static inline bool
bot_is_active(const Bot *bot)
{
	return bot->exists && !bot->paused;
}

/*
 * The service throttles the bot, or, as far as the Connector is concerned,
 * perhaps just one conversation; retry_after in seconds, negative if unknown.
 */
extern void bot_graph_throttled(Bot *bot, PaceKind kind, double retry_after);
extern void bot_connector_throttled(Bot *bot, double retry_after);

/*
 * Stop sending for the bot: nothing can succeed until somebody acts.  The
 * reason is saved with the next transaction.
 */
extern void bot_pause(Bot *bot, const char *format,...)
			pg_attribute_printf(2, 3);

/* The same for an error that a service has reported. */
extern void bot_pause_for(Bot *bot, const char *what, Operation op, int status,
						  const ServiceError *error);

/* Save what is to be saved, inside a transaction; then note that it was. */
extern bool bot_has_unsaved(void);
extern void bot_save(void);
extern void bot_saved(void);

/* Say in teams_bot why nothing gets through at the moment; or that it does. */
extern void bot_note_trouble(Bot *bot, const char *trouble);
extern void bot_clear_trouble(Bot *bot);

/* A delay before attempt "attempt" + 1, by the settings (contract 1). */
extern double bot_backoff(int attempt);

/* Now, as Unix time. */
extern double bot_clock(void);

#endif							/* TP_BOT_H */
