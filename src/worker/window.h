/*
 * window.h
 *	  The part of the outbox that is in memory: a bounded number of messages
 *	  for each bot, in the order of each target.
 */
#ifndef TP_WINDOW_H
#define TP_WINDOW_H

#include "worker/message.h"

extern void window_open(MemoryContext context);

/* Into memory. */
extern int	window_room(const Bot *bot, Priority priority);
extern Message *window_admit(const OutboxMessage *row, bool *has_room);
extern Message *window_find(int64 id);

/* On the wire, and off again; or back to the table. */
extern void window_flies(Message *message, LedgerBatch *batch);
extern void window_settling(Message *message);
extern void window_forget(Message *message);
extern void window_drop_queue(Target *target);

/* What is known of targets is wrong. */
extern void window_lose_channels(const Target *team);
extern void window_doubt(Bot *bot, const char *name,
						 TargetKnowledge knowledge);
extern void window_drop_bot(Bot *bot);

#endif							/* TP_WINDOW_H */
