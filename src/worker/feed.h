/*
 * feed.h
 *	  What becomes messages of the outbox in the worker: broadcasts, digests.
 */
#ifndef TP_FEED_H
#define TP_FEED_H

#include "datatype/timestamp.h"

#include "server/wake.h"

extern void feed_open(void);
extern void feed_wake(const WakeUp *wake_up);
extern bool feed_is_due(void);
extern TimestampTz feed_next(void);
extern bool feed_is_idle(void);
extern int64 feed_outbox(void);

#endif							/* TP_FEED_H */
