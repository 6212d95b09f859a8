/*
 * sweep.h
 *	  Takes in what is new in the outbox, in the order of the ids.
 */
#ifndef TP_SWEEP_H
#define TP_SWEEP_H

#include "worker/bot.h"

/* Has a lane room for new messages? */
extern bool sweep_has_room(const Bot *bot, Priority priority);

/* Is there reason, and room, to go on with a lane's sweeps? */
extern bool sweep_is_wanted(const Bot *bot, Priority priority);

/* In a transaction, after outcomes were written: read. */
extern void sweep_all(void);

#endif							/* TP_SWEEP_H */
