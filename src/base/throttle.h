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
 * Time is cut into slots of 2 ms.  A window of one second is taken a little
 * longer, so that requests which travel at different speeds do not meet in one
 * second of the service's; of those that differ by more than that, see
 * TravelTime.
 */
#define THROTTLE_SLOT_US 2000
#define THROTTLE_SLOTS	 506
#define THROTTLE_MARGIN_US \
	((THROTTLE_SLOTS - 1) * THROTTLE_SLOT_US - 1000000)

typedef struct Throttle
{
	int64		newest;			/* number of the newest slot */
	uint16		counts[THROTTLE_SLOTS]; /* by slot number modulo */
	int			left;			/* their sum */
	int64		blocked_until;	/* the service has said so; 0: it has not */
	double		share;			/* of the quota; less than 1 after a 429 */
	int64		share_since;	/* when that was set */
	int64		complaints;		/* how many 429s there were */
} Throttle;

extern void throttle_init(Throttle *throttle);

/* What may leave, by a quota for each second; and evenly within it. */
extern int	throttle_room(Throttle *throttle, int quota, int64 now);
extern int64 throttle_next(Throttle *throttle, int quota, int64 now);
extern int	throttle_smooth_room(Throttle *throttle, int quota, int64 now);
extern int64 throttle_smooth_next(Throttle *throttle, int quota, int64 now);

/* What leaves. */
extern void throttle_take(Throttle *throttle, int count, int64 now);
extern void throttle_give_back(Throttle *throttle, int count, int64 from);
extern void throttle_move(Throttle *throttle, int count, int64 from,
						  int64 to);

/* What the service says of it. */
extern void throttle_back_off(Throttle *throttle, int64 until, int64 now);

/* For people: the share of the quota in use, and what left within a second. */
extern double throttle_share(const Throttle *throttle, int64 now);
extern int	throttle_left(Throttle *throttle, int64 now);

extern int	throttle_due(int rate, int64 since, int64 now, int64 *from);

/*
 * How long requests usually take to the service and back.  One that takes
 * longer may have come to the service that much later, and into the same
 * second as those behind it.
 */
typedef struct TravelTime
{
	int64		usual;			/* microseconds, of the fastest; 0: unknown */
} TravelTime;

extern int64 throttle_delay(const TravelTime *travel, int64 took);
extern void throttle_arrived(TravelTime *travel, int64 took);

/*
 * What has gone to one chat lately, in slots of three lengths, for the limits
 * within 1, 2, 30 and 3600 seconds (contract 5.1).  A window is counted with
 * more slots than it has, so that it is never taken too short.
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
extern int64 chat_throttle_next(ChatThrottle *chat, const int *limits,
								int64 now);
extern void chat_throttle_take(ChatThrottle *chat, int64 now);

#endif							/* TP_THROTTLE_H */
