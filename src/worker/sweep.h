/*
 * sweep.h
 *	  Takes in what is new in the outbox, in the order of the ids.
 */
#ifndef TP_SWEEP_H
#define TP_SWEEP_H

#include "worker/bot.h"

extern bool sweep_has_room(const Bot *bot, Priority priority);
extern bool sweep_is_wanted(const Bot *bot, Priority priority);
extern void sweep_all(void);

#endif							/* TP_SWEEP_H */
