/*
 * graph_queue.h
 *	  Takes the questions about targets to Microsoft Graph, in batches.
 */
#ifndef TP_GRAPH_QUEUE_H
#define TP_GRAPH_QUEUE_H

#include "lib/ilist.h"

#include "protocol/graph.h"
#include "server/pace.h"

struct Bot;
struct Target;

/* The targets of a bot about which there is a question. */
typedef struct GraphQueue
{
	dlist_head	asking[PACE_KINDS]; /* by what the pace counts it among */
	int			count[PACE_KINDS];	/* of these */
	dlist_head	resting;		/* whose team has been asked enough for now */
	dlist_head	batches;		/* on the wire */
	int			batch_count;
} GraphQueue;

/*
 * Called with the answer to a target's question; "token" is the serial of the
 * token that it was asked with.
 */
typedef void (*GraphQueueHandler) (struct Target *target,
								   const GraphReply *reply, int token);

extern void graph_queue_open(MemoryContext context, GraphQueueHandler handler);
extern void graph_queue_init(GraphQueue *queue);

extern PaceKind graph_queue_pace(Operation op);
extern void graph_queue_ask(struct Target *target, Operation op);

/* What can leave, and when more can. */
extern void graph_queue_advance(struct Bot *bot);
extern TimestampTz graph_queue_next(struct Bot *bot);

#endif							/* TP_GRAPH_QUEUE_H */
