/*
 * graph_queue.h
 *	  Takes the questions about targets to Microsoft Graph, in batches.
 */
#ifndef TP_GRAPH_QUEUE_H
#define TP_GRAPH_QUEUE_H

#include "protocol/graph.h"
#include "worker/target.h"

/*
 * Called with the answer to a target's question, target->next; "token" is the
 * serial of the token that it was asked with.
 */
typedef void (*GraphQueueHandler) (Target *target, const GraphReply *reply,
								int token);

/* Start with nothing asked; what is asked lives in the context. */
extern void graph_queue_open(MemoryContext context, GraphQueueHandler handler);

/* What the quotas count the call among. */
extern PaceKind graph_queue_pace(Operation op);

/* Ask that of a target, in one of the next batches. */
extern void graph_queue_ask(Target *target, Operation next);

/* Send what can be sent of a bot's questions. */
extern void graph_queue_advance(Bot *bot);

/* When more of what waits may be sent, or 0. */
extern TimestampTz graph_queue_next(Bot *bot);

#endif							/* TP_GRAPH_QUEUE_H */
