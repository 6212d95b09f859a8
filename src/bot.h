/*
 * bot.h
 *	  What the sending process knows of each bot: its configuration, tokens,
 *	  and app in the catalog.
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

	/* For delivery.c: the sweep over the outbox, and what is in memory. */
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
 * A valid token, or NULL if there is none yet: then it is being fetched.  A
 * token that will not be valid for long is fetched anew in passing.
 */
extern const char *bot_graph_bearer(Bot *bot);
extern const char *bot_connector_bearer(Bot *bot);

/*
 * The service answered 401 to the token with that serial, or accepted it.
 * Refusing one that it has never accepted pauses the bot: another one would be
 * no better.
 */
extern void bot_graph_refused(Bot *bot, int token, const ServiceError *error);
extern void bot_connector_refused(Bot *bot, int token,
								  const ServiceError *error);
extern void bot_graph_accepted(Bot *bot);
extern void bot_connector_accepted(Bot *bot);

/*
 * The service throttles the bot, or, as far as the Connector is concerned,
 * perhaps just one conversation; retry_after in seconds, negative if unknown.
 */
extern void bot_graph_throttled(Bot *bot, PaceKind kind, double retry_after);
extern void bot_connector_throttled(Bot *bot, double retry_after);

/* The app's id in the catalog, or NULL: then the catalog is being asked. */
extern const char *bot_app_id(Bot *bot);

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

/* When a failed fetch may be tried again, or 0 if none has failed. */
extern TimestampTz bot_next_fetch(const Bot *bot);

/* A delay before attempt "attempt" + 1, by the settings (contract 1). */
extern double bot_backoff(int attempt);

/* Now, as Unix time. */
extern double bot_clock(void);

#endif							/* TP_BOT_H */
