/*
 * flight.h
 *	  What a message becomes on the wire.
 */
#ifndef TP_FLIGHT_H
#define TP_FLIGHT_H

#include "http/http.h"
#include "worker/window.h"

/*
 * A message on the wire: what is done with it, and in which conversation and
 * to which activity, where that is known beforehand; else NULL.
 */
typedef struct Flight
{
	Message    *message;
	Operation	op;
	char	   *conversation_id;
	char	   *activity_id;
} Flight;

/* Allocated in the context, until flight_free(). */
extern Flight *flight_new(MemoryContext context, Message *message,
						  const OutboxPost *row);
extern void flight_free(Flight *flight);

/* Is there something to say, or nothing needed? */
extern bool flight_has_content(const Flight *flight, const OutboxPost *row);

/* Was the message sent that it changes, or whose thread it belongs to? */
extern bool flight_has_referent(const Flight *flight, const OutboxPost *row);

/* Fill in method, URL and body; what they point to is palloc'd. */
extern void flight_address(const Flight *flight, const OutboxPost *row,
						   HttpRequest *request);

#endif							/* TP_FLIGHT_H */
