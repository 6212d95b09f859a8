/*
 * bot_app.h
 *	  A bot's app in the organisation's catalog: its id, and its version.
 */
#ifndef TP_BOT_APP_H
#define TP_BOT_APP_H

#include "protocol/graph.h"
#include "worker/bot_fetch.h"

struct Bot;

/* bot_app.c alone writes it. */
typedef struct BotApp
{
	char	   *id;				/* NULL: to be asked for */
	Fetch		id_fetch;
	char		version[GRAPH_MAX_VERSION + 1]; /* "" if it is unknown */
	Fetch		version_fetch;	/* not_before: until then it is known, or not
								 * to be known */
	int			version_jobs;	/* that are under way and need it */
} BotApp;

extern void bot_app_configure(BotApp *app, char *id);
extern const char *bot_app_id(struct Bot *bot);

/* For jobs that need the version. */
extern void bot_app_version_wanted(struct Bot *bot);
extern void bot_app_version_used(struct Bot *bot);
extern bool bot_app_version_is_known(struct Bot *bot);

#endif							/* TP_BOT_APP_H */
