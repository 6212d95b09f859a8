/*
 * dispatch.h
 *	  Chooses the messages that go on the wire next, and posts them.
 */
#ifndef TP_DISPATCH_H
#define TP_DISPATCH_H

#include "worker/window.h"

extern void dispatch_open(MemoryContext context);

/* Is there a message of the bot that could be chosen now? */
extern bool dispatch_can_choose(Bot *bot);

/* When there will be one that waits for its pace only, or 0. */
extern TimestampTz dispatch_next(Bot *bot);

/* Forget what an earlier transaction has chosen, which came to nothing. */
extern void dispatch_begin(void);

/*
 * In a transaction: choose what goes next, and enter it into the ledger.  In
 * the same memory context, after the commit: post it.
 */
extern void dispatch_choose(void);
extern void dispatch_enter_ledger(void);
extern void dispatch_post(void);

/* Instead of that: nothing shall leave any more. */
extern void dispatch_call_back(void);

#endif							/* TP_DISPATCH_H */
