/*
 * broadcasts.h
 *	  The tables of broadcasts, as the rest of the C code sees them.
 */
#ifndef TP_BROADCASTS_H
#define TP_BROADCASTS_H

#include "outbox/messages.h"

/* ----------
 * For the worker
 * ----------
 */

/* A broadcast that is running. */
typedef struct Broadcast
{
	int64		id;
	bool		is_send;		/* else it changes what another has sent */
	int64		refers_to;		/* that one, or 0 */
	int64		position;		/* of the last recipient that was handed
								 * over */
	int64		ahead;			/* messages in the outbox, up to the limit */
	int			rate;			/* messages a second, 0: the bot's */
	int			bot_rate;
	TimestampTz due_at;			/* -infinity: at once */
	TimestampTz expires_at;		/* 0: never */
	TimestampTz fed_at;			/* by its rate, if it has one; 0: never yet */
	bool		waits;			/* what it changes is not sent yet, or not yet
								 * changed by an earlier one */
	bool		has_template;	/* which is filled in for each recipient */
} Broadcast;

/* Where to go on with those that are due, in this order. */
typedef struct BroadcastPlace
{
	TimestampTz due_at;
	int64		id;
} BroadcastPlace;
extern int	outbox_read_broadcasts(int ahead_most, const BroadcastPlace *after,
								   int most, MemoryContext context,
								   Broadcast **broadcasts);
extern TimestampTz outbox_next_broadcast(void);
extern int	outbox_feed(const Broadcast *broadcast, int room,
						TimestampTz from, int64 *first_id);
extern bool outbox_finish_broadcast(const Broadcast *broadcast);

/* ----------
 * For SQL functions
 * ----------
 */
typedef struct NewBroadcast
{
	Kind		kind;			/* of its messages */
	int64		refers_to;		/* or 0 */
	const char *title;			/* or NULL */
	const char *topic;			/* or NULL */
	const char *activity;		/* or NULL: */
	const char *template;		/* a template's name */
	Datum		data;			/* jsonb for it */
	int			rate;			/* or 0 */
	OutboxNew	options;		/* bot, times, priority, key, delivery,
								 * reference, sender */
} NewBroadcast;
extern int64 outbox_create_broadcast(const NewBroadcast *broadcast,
									 bool *is_new);
extern bool outbox_keep_template(int64 broadcast, const char *name);

/* A part of an audience, column by column: texts, and jsonb; 0 is null. */
typedef struct Audience
{
	int			count;
	Datum	   *targets;
	Datum	   *locales;
	Datum	   *data;
	Datum	   *excluded;		/* why, or 0 */
} Audience;
extern void outbox_add_recipients(int64 broadcast, int64 first,
								  const Audience *audience);
extern void outbox_complete_broadcast(int64 broadcast, bool start);
extern bool outbox_sees_broadcast(int64 id, Oid role);
extern bool outbox_steer_broadcast(int64 id, BroadcastState from,
								   BroadcastState to, Oid role,
								   BroadcastState *state);
extern bool outbox_cancel_broadcast(int64 id, Oid role, BroadcastState *state,
									bool *is_cancelled);
extern void outbox_end_broadcast(int64 id, Oid role);
extern bool outbox_read_broadcast(int64 id, Oid role,
								  NewBroadcast *broadcast, int64 *recall);
extern void outbox_replace_activity(int64 id, const char *activity, Oid role);
extern bool outbox_preview(int64 id, const char *locale, Oid role, char **bot,
						   char **activity, char **problem);

typedef struct BroadcastPlan
{
	int64		known;
	int64		to_install;
	int64		unreachable;
	char	   *excluded;		/* JSON: reason -> number */
	int			connector_rate;
	int			graph_rate;
	int			rate;			/* 0: none of its own */
	TimestampTz send_at;
} BroadcastPlan;
extern bool outbox_plan(int64 id, Oid role, BroadcastPlan *plan);
extern void outbox_opt_out(const char *target, const char *topic, bool out);

#endif							/* TP_BROADCASTS_H */
