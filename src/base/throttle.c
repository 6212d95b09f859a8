/*
 * throttle.c
 *	  Pacing: how many requests may leave now, so that no quota is exceeded.
 *
 * A sliding window is exact where a token bucket is not: after a pause a
 * bucket lets a burst and its refill leave within one second, and the service
 * answers 429.  The price is a counter for each small part of a second.
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/throttle.h"

/* Of a stream that flows evenly, a tenth of a second has a fifth at most. */
#define SMOOTH_SLOTS (100000 / THROTTLE_SLOT_US)
#define SMOOTH_PART  5

/*
 * After a 429 half of the quota is used, which grows back within a minute.  A
 * service that goes on to complain gets a twentieth at least.
 */
#define REDUCED_SHARE  0.5
#define LEAST_SHARE    0.05
#define RECOVERY_US	   INT64CONST(60000000)

/* Nothing has left, and the whole quota may. */
void
throttle_init(Throttle *throttle)
{
	memset(throttle, 0, sizeof(Throttle));
	throttle->share = 1.0;
}

/* The share of the quota that may be used now, up to 1. */
double
throttle_share(const Throttle *throttle, int64 now)
{
	double		elapsed = (double) Max(0, now - throttle->share_since);

	return Min(1.0, throttle->share + elapsed / RECOVERY_US);
}

/* Forget what has left the window; a clock that goes back a little waits. */
static void
advance(Throttle *throttle, int64 now)
{
	int64		slot = now / THROTTLE_SLOT_US;

	/* The clock went back, or a window has passed: begin anew. */
	if (slot <= throttle->newest - THROTTLE_SLOTS ||
		slot >= throttle->newest + THROTTLE_SLOTS)
	{
		memset(throttle->counts, 0, sizeof(throttle->counts));
		throttle->newest = slot;
		throttle->left = 0;
	}
	while (throttle->newest < slot)
	{
		uint16	   *oldest = &throttle->counts[++throttle->newest %
											   THROTTLE_SLOTS];

		throttle->left -= *oldest;
		*oldest = 0;
	}
}

/* How many have left within the newest tenth of a second. */
static int
left_lately(const Throttle *throttle)
{
	int			total = 0;

	for (int64 slot = throttle->newest;
		 slot >= 0 && slot > throttle->newest - SMOOTH_SLOTS; slot--)
		total += throttle->counts[slot % THROTTLE_SLOTS];
	return total;
}

/* How many requests have left within the window that ends now. */
int
throttle_left(Throttle *throttle, int64 now)
{
	advance(throttle, now);
	return throttle->left;
}

/* The quota as it is now; a service that throttles still gets one request. */
static int
current_quota(const Throttle *throttle, int quota, int64 now)
{
	return Max(1, (int) (quota * throttle_share(throttle, now)));
}

/*
 * How many requests may leave now, if no more than "quota" may within a
 * second.
 */
int
throttle_room(Throttle *throttle, int quota, int64 now)
{
	if (now < throttle->blocked_until)
		return 0;
	advance(throttle, now);
	return Max(0, current_quota(throttle, quota, now) - throttle->left);
}

/* How many of an even stream may leave in a tenth of a second. */
static int
evenly(const Throttle *throttle, int quota, int64 now)
{
	return Max(1, current_quota(throttle, quota, now) / SMOOTH_PART);
}

/*
 * The same for a stream that shall flow evenly: no more than a fifth of the
 * quota leaves in a tenth of a second.
 */
int
throttle_smooth_room(Throttle *throttle, int quota, int64 now)
{
	int			room = throttle_room(throttle, quota, now);

	if (room == 0)
		return 0;
	return Max(0, Min(room, evenly(throttle, quota, now) -
					  left_lately(throttle)));
}

/* So many leave at that time, which may be a little ago. */
void
throttle_take(Throttle *throttle, int count, int64 now)
{
	int64		slot = now / THROTTLE_SLOT_US;
	uint16	   *counted;

	if (slot > throttle->newest || slot <= throttle->newest - THROTTLE_SLOTS)
		advance(throttle, now);
	slot = Min(slot, throttle->newest);
	counted = &throttle->counts[slot % THROTTLE_SLOTS];
	count = Min(count, PG_UINT16_MAX - *counted);
	*counted += count;
	throttle->left += count;
}

/*
 * So many that were counted as leaving at "from", or a little later, do not
 * leave.  Nothing is done if that is out of the window.
 */
void
throttle_give_back(Throttle *throttle, int count, int64 from)
{
	int64		slot = from / THROTTLE_SLOT_US;

	if (slot <= throttle->newest - THROTTLE_SLOTS)
		return;
	for (; slot <= throttle->newest && count > 0; slot++)
	{
		uint16	   *counted = &throttle->counts[slot % THROTTLE_SLOTS];
		int			given = Min(*counted, count);

		*counted -= given;
		throttle->left -= given;
		count -= given;
	}
}

/*
 * So many that were counted as leaving at "from", or a little later, leave at
 * "to".  If that is within the window they count there, even if they were
 * counted before it.
 */
void
throttle_move(Throttle *throttle, int count, int64 from, int64 to)
{
	throttle_give_back(throttle, count, from);
	if (to / THROTTLE_SLOT_US > throttle->newest - THROTTLE_SLOTS)
		throttle_take(throttle, count, to);
}

/*
 * The service has answered 429 now: nothing leaves until then, and afterwards
 * half as much as before.
 */
void
throttle_back_off(Throttle *throttle, int64 until, int64 now)
{
	double		share = throttle_share(throttle, now);

	throttle->complaints++;

	/* Those that were on the wire together are one complaint. */
	if (now >= throttle->blocked_until)
	{
		throttle->share = Max(LEAST_SHARE, share * REDUCED_SHARE);
		throttle->share_since = Max(until, now);
	}
	throttle->blocked_until = Max(throttle->blocked_until, until);
}

/*
 * When the first of the newest so many slots that is not empty has left a
 * window of that length: there is more room then.
 */
static int64
first_passes(const Throttle *throttle, int slots, int64 now)
{
	int64		slot = Max(0, throttle->newest - slots + 1);

	while (slot < throttle->newest &&
		   throttle->counts[slot % THROTTLE_SLOTS] == 0)
		slot++;
	return Max((slot + slots) * THROTTLE_SLOT_US, now + THROTTLE_SLOT_US);
}

/* When throttle_room() will be more than now; or when to ask again. */
int64
throttle_next(Throttle *throttle, int quota, int64 now)
{
	int64		next;

	if (now < throttle->blocked_until)
		return throttle->blocked_until;
	advance(throttle, now);

	/* There will not be more than there is; look again now and then. */
	if (throttle->left == 0)
		return now + THROTTLE_SLOTS * THROTTLE_SLOT_US;
	next = first_passes(throttle, THROTTLE_SLOTS, now);

	/* A share that grows makes room, too. */
	if (throttle_share(throttle, now) < 1)
		next = Min(next, now + RECOVERY_US / Max(1, quota));
	return next;
}

/* When throttle_smooth_room() will be more than now; or when to ask again. */
int64
throttle_smooth_next(Throttle *throttle, int quota, int64 now)
{
	if (throttle_room(throttle, quota, now) > 0 &&
		left_lately(throttle) >= evenly(throttle, quota, now))
		return first_passes(throttle, SMOOTH_SLOTS, now);
	return throttle_next(throttle, quota, now);
}

/*
 * How many are due at a rate of so many a second, if as many as were due had
 * been taken at "since" (0: none has been); no more than those of a second, as
 * what was not taken within two seconds is not made up for.  If some of them
 * are taken, *from and their time at that rate are the next "since", so that
 * no fraction is lost.
 */
int
throttle_due(int rate, int64 since, int64 now, int64 *from)
{
	const int64 second = 1000000;
	int64		due;

	if (since == 0 || since < now - 2 * second)
		since = now - second;
	*from = since;
	due = since >= now ? 0 : rate * (now - since) / second;
	return (int) Min(due, rate);
}

/* ----------
 * Requests that take longer than others
 * ----------
 */

/* The fastest is forgotten slowly, lest the service has become slower. */
#define FORGET_PART 256

/*
 * What takes longer than this has most likely been worked on, not travelled.
 */
#define MOST_DELAY INT64CONST(100000)

/*
 * By how much must a request that took so long, or is still on its way after
 * so long, be counted later?  By what is not within the margin of a window,
 * and at most a tenth of a second.
 */
int64
throttle_delay(const TravelTime *travel, int64 took)
{
	int64		delay = took - travel->usual - THROTTLE_MARGIN_US / 2;

	return Max(0, Min(delay, MOST_DELAY));
}

/* A request has come back after so long. */
void
throttle_arrived(TravelTime *travel, int64 took)
{
	if (travel->usual == 0 || took < travel->usual)
		travel->usual = Max(1, took);
	else
		travel->usual += (took - travel->usual) / FORGET_PART;
}

/* ----------
 * One chat
 * ----------
 */

/* Lengths of the rings' slots in microseconds. */
static const int64 ring_slots[CHAT_RINGS] = {
	INT64CONST(100000), INT64CONST(1000000), INT64CONST(60000000)
};

/*
 * The windows: which ring, and how many of its slots.  There is one more than
 * the window has, and of tenths of a second another one, for messages that
 * travel at different speeds.
 */
static const struct
{
	int			ring;
	int			slots;
}			windows[CHAT_LIMITS] = {{0, 12}, {0, 22}, {1, 31}, {2, 61}};

/* Nothing has gone to the chat. */
void
chat_throttle_init(ChatThrottle *chat, uint64 key)
{
	memset(chat, 0, sizeof(ChatThrottle));
	chat->key = key;
}

static void
advance_ring(ChatRing *ring, int64 slot)
{
	/* The clock went back, or all of it has passed: begin anew. */
	if (slot < ring->newest || slot - ring->newest >= CHAT_SLOTS)
	{
		memset(ring->counts, 0, sizeof(ring->counts));
		ring->newest = slot;
	}
	while (ring->newest < slot)
		ring->counts[++ring->newest % CHAT_SLOTS] = 0;
}

/* When fewer than "limit" will have gone within that window. */
static int64
window_next(const ChatRing *ring, int slots, int limit, int64 slot_us,
			int64 now)
{
	int			left = 0;

	/* From the newest slot back to the one in which the limit is reached. */
	for (int age = 0; age < slots; age++)
	{
		int64		slot = ring->newest - age;

		if (slot < 0)
			break;
		left += ring->counts[slot % CHAT_SLOTS];
		if (left >= limit)
			return (slot + slots) * slot_us;
	}
	return now;
}

/* When the next message may go, by limits[CHAT_LIMITS]; "now" if at once. */
int64
chat_throttle_next(ChatThrottle *chat, const int *limits, int64 now)
{
	int64		next = now;

	for (int i = 0; i < CHAT_RINGS; i++)
		advance_ring(&chat->rings[i], now / ring_slots[i]);
	for (int i = 0; i < CHAT_LIMITS; i++)
		next = Max(next, window_next(&chat->rings[windows[i].ring],
									 windows[i].slots, limits[i],
									 ring_slots[windows[i].ring], now));
	return next;
}

/* A message goes now. */
void
chat_throttle_take(ChatThrottle *chat, int64 now)
{
	chat->used_at = now;
	for (int i = 0; i < CHAT_RINGS; i++)
	{
		ChatRing   *ring = &chat->rings[i];
		uint16	   *count;

		advance_ring(ring, now / ring_slots[i]);
		count = &ring->counts[ring->newest % CHAT_SLOTS];
		if (*count < PG_UINT16_MAX)
			(*count)++;
	}
}
