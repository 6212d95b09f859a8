/*
 * delivery.h
 *	  Takes messages from the outbox to the chats, and their fates back.
 */
#ifndef TP_DELIVERY_H
#define TP_DELIVERY_H

#include "outbox/session.h"
#include "server/slot.h"
#include "server/wake.h"

typedef enum DeliveryStep
{
	DELIVERY_GOES_ON,
	DELIVERY_EXTENSION_GONE
} DeliveryStep;

extern void delivery_open(SessionKind kind, Slot *slot);
extern void delivery_close(void);

/* Something has happened. */
extern void delivery_wake(const WakeUp *wake_up);
extern void delivery_try_again(void);
extern void delivery_stop(void);

extern DeliveryStep delivery_advance(long *timeout_ms);

/* What is there. */
extern void delivery_counts(int *in_memory, int *in_flight);
extern bool delivery_has_room(void);
extern bool delivery_is_idle(void);
extern bool delivery_is_quiet(void);
extern bool delivery_is_away(void);

#endif							/* TP_DELIVERY_H */
