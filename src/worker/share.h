/*
 * share.h
 *	  Whose people Graph is asked about first: a fair share for each sender.
 */
#ifndef TP_SHARE_H
#define TP_SHARE_H

#include "worker/bot.h"

/*
 * Targets that a bot asks for at a time.  A sender alone has two thirds of them:
 * enough for full batches, and for what may leave within a second of each of
 * the calls.
 */
#define SHARE_PLACES 300

/*
 * Start with nothing asked; the shares live in the context.  A party is whoever
 * has a share: see PARTY_OF() in due.c.
 */
extern void share_open(MemoryContext context);

/* A target of the party is being asked for; it is not any more. */
extern void share_take(Bot *bot, int64 party);
extern void share_give_back(Bot *bot, int64 party);

/* For how many more targets of the party may be asked now? */
extern int	share_room(const Bot *bot, int64 party);

/* Has enough come back that it is worth while to read more of a party's rows? */
extern bool share_has_shrunk(const Bot *bot, int64 party);

/* The same for those of anybody. */
extern bool share_has_places(const Bot *bot);

/*
 * A party, and all others that have no room; returns how many, and which,
 * palloc'd.
 */
extern int	share_without_room(const Bot *bot, int64 first, int64 **parties);

#endif							/* TP_SHARE_H */
