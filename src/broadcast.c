/*
 * broadcast.c
 *	  Hands the recipients of broadcasts over to the outbox, bit by bit.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "broadcast.h"
#include "outbox_broadcast.h"
#include "throttle.h"

/* Messages of one broadcast that the outbox has at most. */
#define AHEAD_MOST 2000

/* The time between two looks. */
#define FEED_MIN_MS 50
#define FEED_MAX_MS 5000

/* What is locked or waits for others is looked at again after so long. */
#define WAIT_MS 500

/* A rate of its own is kept in steps of so long. */
#define RATE_STEP_MS 100

static TimestampTz feed_at;		/* 0: not by itself */
static TimestampTz planned;		/* while feeding: when it will be next */

void
broadcast_wake(void)
{
	feed_at = GetCurrentTimestamp();
}

bool
broadcast_is_due(void)
{
	return feed_at != 0 && feed_at <= GetCurrentTimestamp();
}

TimestampTz
broadcast_next(void)
{
	return feed_at;
}

/* When half of what is ahead will be gone, or the rate lets it go on. */
static TimestampTz
look_again_at(const Broadcast *broadcast, int64 ahead, TimestampTz now)
{
	int64		ms;

	if (broadcast->rate != 0)
		ms = Max(RATE_STEP_MS, 1000 / broadcast->rate);
	else
		ms = ahead * 1000 / 2 / broadcast->bot_rate;
	return TimestampTzPlusMilliseconds(now, Max(FEED_MIN_MS,
												Min(ms, FEED_MAX_MS)));
}

static void
plan(TimestampTz time)
{
	if (planned == 0 || time < planned)
		planned = time;
}

/* Returns the id of the first new message, or 0. */
static int64
feed(const Broadcast *broadcast, TimestampTz now)
{
	int			room = AHEAD_MOST - (int) broadcast->ahead;
	TimestampTz from = 0;
	int64		first_id = 0;
	int			fed;

	if (broadcast->expires_at != 0 && broadcast->expires_at <= now)
	{
		if (broadcast->ahead == 0)
			outbox_finish_broadcast(broadcast->id);
		else
			plan(look_again_at(broadcast, broadcast->ahead, now));
		return 0;
	}
	if (broadcast->waits)
	{
		plan(TimestampTzPlusMilliseconds(now, WAIT_MS));
		return 0;
	}
	if (broadcast->rate != 0)
		room = Min(room, throttle_due(broadcast->rate, broadcast->fed_at, now,
									  &from));
	fed = room > 0 ? outbox_feed(broadcast, room, from, &first_id) : 0;
	if (fed < room && first_id == 0 && broadcast->ahead == 0)
		outbox_finish_broadcast(broadcast->id);
	else
		plan(look_again_at(broadcast, broadcast->ahead + fed, now));
	return first_id;
}

int64
broadcast_feed(void)
{
	TimestampTz now = GetCurrentTimestamp();
	Broadcast  *broadcasts;
	int64		first_id = 0;
	int			count;

	/* If this fails, it is not before then that it fails again. */
	feed_at = TimestampTzPlusMilliseconds(now, FEED_MAX_MS);
	planned = 0;
	count = outbox_read_broadcasts(AHEAD_MOST, CurrentMemoryContext,
								   &broadcasts);

	/* Whoever has locked one may roll back, and then nobody tells. */
	if (outbox_count_running() > count)
		plan(TimestampTzPlusMilliseconds(now, WAIT_MS));
	for (int i = 0; i < count; i++)
	{
		int64		id = 0;

		if (broadcasts[i].send_at > now)
			plan(broadcasts[i].send_at);
		else
			id = feed(&broadcasts[i], now);
		if (id != 0 && (first_id == 0 || id < first_id))
			first_id = id;
	}
	feed_at = planned;
	return first_id;
}
