/*
 * broadcast.h
 *	  Hands the recipients of broadcasts over to the outbox, bit by bit.
 */
#ifndef TP_BROADCAST_H
#define TP_BROADCAST_H

#include "datatype/timestamp.h"

extern void broadcast_open(void);
extern void broadcast_wake(void);

/* Is it time to feed?  And when will it be? */
extern bool broadcast_is_due(void);
extern TimestampTz broadcast_next(void);
extern bool broadcast_is_idle(void);

extern int64 broadcast_feed(void);

#endif							/* TP_BROADCAST_H */
