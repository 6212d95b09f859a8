/*
 * share.h
 *	  Whose people Graph is asked about first: a fair share for each sender.
 */
#ifndef TP_SHARE_H
#define TP_SHARE_H

#include "utils/hsearch.h"

struct Bot;

/*
 * Targets that a bot asks for at a time.  A sender alone has two thirds of
 * them: enough for full batches, and for what may leave within a second of
 * each of the calls.
 */
#define SHARE_PLACES 300

/* The places of a bot that are taken; share.c alone writes it. */
typedef struct BotShares
{
	int			taken;			/* by targets that are being asked about */
	HTAB	   *parties;		/* by whom; NULL: by nobody so far */
} BotShares;

extern void share_open(MemoryContext context);

/* A target of the party is being asked for; it is not any more. */
extern void share_take(struct Bot *bot, int64 party);
extern void share_give_back(struct Bot *bot, int64 party);

/* Is there room for more? */
extern int	share_room(const struct Bot *bot, int64 party);
extern bool share_has_shrunk(const struct Bot *bot, int64 party);
extern bool share_has_places(const struct Bot *bot);
extern int	share_without_room(const struct Bot *bot, int64 first,
							   int64 **parties);

#endif							/* TP_SHARE_H */
