/*
 * bot_token.h
 *	  A bot's access to the services: its tokens, and its app in the catalog.
 */
#ifndef TP_BOT_TOKEN_H
#define TP_BOT_TOKEN_H

#include "worker/bot.h"

/* A token that was accepted so lately is good, whatever another answer says. */
#define ACCESS_STILL_GOOD_MS 1000

/* Tokens are kept in the context. */
extern void access_open(MemoryContext context);

/*
 * A valid token, or NULL if there is none yet: then it is being fetched.  A
 * token that will not be valid for long is fetched anew in passing.
 */
extern const char *access_graph_bearer(Bot *bot);
extern const char *access_connector_bearer(Bot *bot);

/*
 * The service answered 401 to the token with that serial, or accepted it.
 * Refusing one that it has never accepted pauses the bot: another one would be
 * no better.  One that it accepts at the same time is kept if some were
 * replaced lately: then the Connector's says false.
 */
extern void access_graph_refused(Bot *bot, int token, const ServiceError *error);
extern bool access_connector_refused(Bot *bot, int token,
									 const ServiceError *error);

/* Forget that token; the next one may be better, and no bot is paused. */
extern void access_graph_forget(Bot *bot, int token);
extern void access_connector_forget(Bot *bot, int token);

extern void access_graph_accepted(Bot *bot, int token);
extern void access_connector_accepted(Bot *bot, int token);

/* The app's id in the catalog, or NULL: then the catalog is being asked. */
extern const char *access_app_id(Bot *bot);

/*
 * Note whether the hosts that the bot needs can be reached, as its trouble;
 * true if that has changed.
 */
extern bool access_watch_lines(Bot *bot);

/* When a failed fetch may be tried again, or 0 if none has failed. */
extern TimestampTz access_next_fetch(const Bot *bot);

/* Do not wait any longer for what has failed. */
extern void access_try_again(Bot *bot);

/*
 * Is the app's version in the catalog known, or not to be known?  If not, it is
 * asked for.  The bot's bearer and app id must be there.
 */
extern bool access_knows_version(Bot *bot);

#endif							/* TP_BOT_TOKEN_H */
