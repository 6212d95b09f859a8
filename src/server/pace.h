/*
 * pace.h
 *	  The pace of each bot, shared by all that send for it in the cluster.
 */
#ifndef TP_PACE_H
#define TP_PACE_H

#include "datatype/timestamp.h"
#include "storage/lwlock.h"

#include "base/throttle.h"

/* What the services count separately (contract 5). */
typedef enum PaceKind
{
	PACE_CONNECTOR,				/* messages, each second */
	PACE_GRAPH_READ,			/* GET of apps, teams and channels, each item
								 * of a $batch */
	PACE_GRAPH_CHAT,			/* other GETs: those of a chat */
	PACE_GRAPH_WRITE,			/* POST */
	PACE_GRAPH_DELETE,			/* DELETE, half as many */
	PACE_KINDS
} PaceKind;

/* Long enough for a client id and a tenant id. */
#define PACE_KEY_SIZE 80

typedef struct Pace
{
	char		key[PACE_KEY_SIZE]; /* "": the entry is free */
	LWLock	   *lock;			/* NULL if it is not shared */
	TimestampTz used_at;
	Throttle	throttles[PACE_KINDS];
} Pace;

/* An entry, and whose it is. */
extern void pace_init(Pace *pace, const char *key, LWLock *lock);
extern void pace_assign(Pace *pace, const char *key);
extern bool pace_is_idle(Pace *pace);

/* What may leave, what does, and what did not or only later. */
extern int	pace_room(Pace *pace, PaceKind kind, int quota);
extern TimestampTz pace_next(Pace *pace, PaceKind kind, int quota);
extern int	pace_take(Pace *pace, PaceKind kind, int quota, int wanted);
extern void pace_count(Pace *pace, PaceKind kind);
extern void pace_give_back(Pace *pace, PaceKind kind, int count,
						   TimestampTz from);
extern void pace_move(Pace *pace, PaceKind kind, int count, TimestampTz from,
					  TimestampTz to);
extern void pace_back_off(Pace *pace, PaceKind kind, double seconds);

/* For people; "until" is 0 unless the service has asked to wait. */
typedef struct PaceState
{
	int			left;			/* requests within the last second */
	double		share;			/* of the quota that is used */
	TimestampTz until;
	int64		complaints;		/* how many 429s there were */
} PaceState;

extern PaceState pace_state(Pace *pace, PaceKind kind);

/*
 * What has gone to each chat lately.  Places are few and go to the chats used
 * last: the limits of a chat that nobody writes to need not be remembered.
 */
#define PACE_CHATS 4096

typedef struct ChatPaces
{
	LWLock	   *lock;			/* NULL if they are not shared */
	ChatThrottle chats[PACE_CHATS];
} ChatPaces;

extern void pace_init_chats(ChatPaces *chats, LWLock *lock);
extern TimestampTz pace_take_chat(ChatPaces *chats, const Pace *pace,
								  const char *chat_id, const int *limits);

#endif							/* TP_PACE_H */
