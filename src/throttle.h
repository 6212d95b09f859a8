/*
 * throttle.h
 *	  Pacing: how many requests may leave now, so that no quota is exceeded.
 *
 * Pure: the clock is an argument (microseconds, from any beginning), and the
 * caller sees to mutual exclusion.
 */
#ifndef TP_THROTTLE_H
#define TP_THROTTLE_H

/*
 * Time is cut into slots of 10 ms.  A window of one second is taken as 102 of
 * them, so that requests which travel at different speeds do not meet in one
 * second of the service's.
 */
#define THROTTLE_SLOT_US 10000
#define THROTTLE_SLOTS	 102

typedef struct Throttle
{
	int64		newest;			/* number of the newest slot */
	uint16		counts[THROTTLE_SLOTS]; /* by slot number modulo */
	int64		blocked_until;	/* the service has said so; 0: it has not */
	double		share;			/* of the quota; less than 1 after a 429 */
	int64		share_since;	/* when that was set */
	int64		throttled;		/* how many 429s there were */
} Throttle;

extern void throttle_init(Throttle *throttle);

/* How many requests may leave now, by a quota for each second. */
extern int	throttle_room(Throttle *throttle, int quota, int64 now);

/*
 * The same for a stream that shall flow evenly: no more than a fifth of the
 * quota leaves in a tenth of a second.
 */
extern int	throttle_smooth_room(Throttle *throttle, int quota, int64 now);

/*
 * So many leave now; or do not, though they were counted at that time; or leave
 * only now instead.
 */
extern void throttle_take(Throttle *throttle, int count, int64 now);
extern void throttle_give_back(Throttle *throttle, int count, int64 from);
extern void throttle_move(Throttle *throttle, int count, int64 from,
						  int64 now);

/*
 * The service answered 429: nothing leaves until then, and afterwards half as
 * much as before; that grows back within a minute.
 */
extern void throttle_back_off(Throttle *throttle, int64 until, int64 now);

/* When to ask again if there is no room now. */
extern int64 throttle_next(const Throttle *throttle, int64 now);

/* For people: the share of the quota in use, and what left within a second. */
extern double throttle_share(const Throttle *throttle, int64 now);
extern int	throttle_left(Throttle *throttle, int64 now);

/*
 * What has gone to one chat lately, in slots of three lengths, for the limits
 * within 1, 2, 30 and 3600 seconds (contract 5.1).  A window is counted with
 * one slot more than it has, so that it is never taken too short.
 */
#define CHAT_LIMITS		4
#define CHAT_RINGS		3
#define CHAT_SLOTS		61

typedef struct ChatRing
{
	int64		newest;			/* number of the newest slot */
	uint16		counts[CHAT_SLOTS]; /* by slot number modulo */
} ChatRing;

typedef struct ChatThrottle
{
	uint64		key;			/* of the chat; 0: the entry is free */
	int64		used_at;
	ChatRing	rings[CHAT_RINGS];
} ChatThrottle;

extern void chat_throttle_init(ChatThrottle *chat, uint64 key);

/* When the next message may go, by limits[CHAT_LIMITS]; "now" if at once. */
extern int64 chat_throttle_next(ChatThrottle *chat, const int *limits,
								int64 now);

/* A message goes now. */
extern void chat_throttle_take(ChatThrottle *chat, int64 now);

#endif							/* TP_THROTTLE_H */
