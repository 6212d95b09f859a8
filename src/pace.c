/*
 * pace.c
 *	  The pace of each bot, shared by all that send for it in the cluster.
 *
 * A quota is the bot's and the tenant's, whichever databases send for it.
 * What is counted is what leaves, so that nobody has to tell afterwards.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "pace.h"

void
pace_init(Pace *pace, const char *key)
{
	SpinLockInit(&pace->mutex);
	strlcpy(pace->key, key, PACE_KEY_SIZE);
	for (int kind = 0; kind < PACE_KINDS; kind++)
		throttle_init(&pace->throttles[kind]);
}

/* Messages flow evenly; batches to Graph are better full than even. */
static int
room_of(Throttle *throttle, PaceKind kind, int quota, TimestampTz now)
{
	return kind == PACE_CONNECTOR ?
		throttle_smooth_room(throttle, quota, now) :
		throttle_room(throttle, quota, now);
}

int
pace_room(Pace *pace, PaceKind kind, int quota)
{
	TimestampTz now = GetCurrentTimestamp();
	int			room;

	SpinLockAcquire(&pace->mutex);
	room = room_of(&pace->throttles[kind], kind, quota, now);
	SpinLockRelease(&pace->mutex);
	return room;
}

int
pace_take(Pace *pace, PaceKind kind, int quota, int wanted)
{
	TimestampTz now = GetCurrentTimestamp();
	int			count;

	SpinLockAcquire(&pace->mutex);
	count = Min(wanted, room_of(&pace->throttles[kind], kind, quota, now));
	throttle_take(&pace->throttles[kind], count, now);
	SpinLockRelease(&pace->mutex);
	return count;
}

void
pace_back_off(Pace *pace, PaceKind kind, double seconds)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz until = TimestampTzPlusMilliseconds(now, seconds * 1000);

	SpinLockAcquire(&pace->mutex);
	throttle_back_off(&pace->throttles[kind], until, now);
	SpinLockRelease(&pace->mutex);
}

TimestampTz
pace_next(Pace *pace, PaceKind kind)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next;

	SpinLockAcquire(&pace->mutex);
	next = throttle_next(&pace->throttles[kind], now);
	SpinLockRelease(&pace->mutex);
	return next;
}
