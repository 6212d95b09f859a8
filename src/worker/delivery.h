/*
 * delivery.h
 *	  Takes messages from the outbox to the chats, and their fates back.
 */
#ifndef TP_DELIVERY_H
#define TP_DELIVERY_H

#include "outbox/session.h"
#include "server/slot.h"
#include "server/wake.h"

/*
 * Begin: what the ledger has is decided about in the first transaction.  The
 * slot (or NULL) gets the counters.
 */
extern void delivery_open(SessionKind kind, Slot *slot);

/* Something has happened. */
extern void delivery_wake(const WakeUp *wake_up);

/* Settings have changed: what has failed because of them may go well now. */
extern void delivery_try_again(void);

typedef enum DeliveryStep
{
	DELIVERY_GOES_ON,
	DELIVERY_EXTENSION_GONE
} DeliveryStep;

/*
 * Do all that can be done without waiting; at most one transaction.  Then
 * *timeout_ms is for how long there is nothing more to do, unless http_wait()
 * brings something; negative means for ever.  An error in the transaction is
 * raised after the memory was made to agree with the tables, and calling again
 * goes on.
 */
extern DeliveryStep delivery_advance(long *timeout_ms);

/* From now on start nothing; settle what was started. */
extern void delivery_stop(void);

/* Would a new message be taken in at once? */
extern bool delivery_has_room(void);

/* Is nothing in flight, nothing to settle, and nothing due? */
extern bool delivery_is_idle(void);

/* Is nothing in flight and nothing to settle? */
extern bool delivery_is_quiet(void);

/* Is there nothing to do because the database is a copy (bot.h)? */
extern bool delivery_is_away(void);

/* How many messages and targets are in memory, for the activity display. */
extern void delivery_counts(int *in_memory, int *in_flight);

/* Forget everything. */
extern void delivery_close(void);

#endif							/* TP_DELIVERY_H */
