/*
 * broadcast.h
 *	  Hands the recipients of broadcasts over to the outbox, bit by bit.
 */
#ifndef TP_BROADCAST_H
#define TP_BROADCAST_H

#include "datatype/timestamp.h"

extern void broadcast_open(void);

/* Look at all broadcasts again: they may have changed. */
extern void broadcast_wake(void);

/* Is it time to?  And when will it be, or 0. */
extern bool broadcast_is_due(void);
extern TimestampTz broadcast_next(void);

/* Has it found nothing to do, when it looked for the last time? */
extern bool broadcast_is_idle(void);

/*
 * In a transaction: give the outbox what the worker can use soon.  So a
 * broadcast to many does not fill it, and can be stopped.  Returns the id of
 * the first new message, or 0.
 */
extern int64 broadcast_feed(void);

#endif							/* TP_BROADCAST_H */
