/*
 * catalog.h
 *	  Is the bot's app in the organisation's catalog?
 */
#ifndef TP_CATALOG_H
#define TP_CATALOG_H

#include "lib/ilist.h"

#include "worker/bot_fetch.h"

struct Bot;
struct Target;

/*
 * What is known of a bot's app, of which Graph may say that it has not got it.
 */
typedef struct BotCatalog
{
	Fetch		fetch;
	bool		is_missing;		/* as the catalog said; as a manifest's id, it
								 * is asked for next */
	TimestampTz seen_at;		/* it was there; 0: never */
	TimestampTz unknowable_until;	/* the catalog does not tell */
	dlist_head	doubting;		/* targets that wait for the answer */
} BotCatalog;

extern void catalog_init(BotCatalog *catalog);
extern void catalog_configure(BotCatalog *catalog);

/* What was heard of the app by the way. */
extern bool catalog_doubt(struct Target *target);
extern void catalog_note_app(struct Bot *bot);

extern void catalog_advance(struct Bot *bot);

#endif							/* TP_CATALOG_H */
