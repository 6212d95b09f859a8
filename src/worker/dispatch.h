/*
 * dispatch.h
 *	  Chooses the messages that go on the wire next, and posts them.
 */
#ifndef TP_DISPATCH_H
#define TP_DISPATCH_H

#include "datatype/timestamp.h"

#include "worker/bot.h"

extern void dispatch_open(MemoryContext context);

/* Is there something to choose, or when? */
extern bool dispatch_can_choose(Bot *bot);
extern TimestampTz dispatch_next(Bot *bot);

/* In a transaction. */
extern void dispatch_begin(void);
extern void dispatch_choose(void);
extern void dispatch_enter_ledger(void);

/* After its commit: either of them. */
extern void dispatch_post(void);
extern void dispatch_call_back(void);

#endif							/* TP_DISPATCH_H */
