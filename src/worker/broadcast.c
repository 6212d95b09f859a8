/*
 * broadcast.c
 *	  Hands the recipients of broadcasts over to the outbox, bit by bit.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/moment.h"
#include "base/throttle.h"
#include "outbox/broadcasts.h"
#include "worker/broadcast.h"

/* Messages of one broadcast that the outbox has at most. */
#define AHEAD_MOST 2000

/* The time between two looks. */
#define FEED_MIN_MS 50
#define FEED_MAX_MS 5000

/*
 * What is fed in one transaction: so many broadcasts, or for so long.  The
 * next go on after others had their turn.
 */
#define FEED_MOST 50
#define FEED_BUDGET_MS 100

/*
 * What one recipient costs depends on the template and its data.  Where that
 * is more than the budget, the others have the worker for so many times as
 * long.
 */
#define FEED_REST_FACTOR 4

/* What is locked or waits for others is looked at again after so long. */
#define WAIT_MS 500

/* A rate of its own is kept in steps of so long. */
#define RATE_STEP_MS 100

static const BroadcastPlace beginning = {DT_NOBEGIN, 0};

static TimestampTz feed_at;		/* 0: not by itself */
static TimestampTz rests_until; /* whatever happens */
static TimestampTz planned;		/* while feeding: when it will be next */
static BroadcastPlace place;	/* up to here a round has come */
static bool woken;				/* since that began */
static bool has_fed;			/* in that, too: so there may be more */

/* Look at all broadcasts again: they may have changed. */
void
broadcast_wake(void)
{
	feed_at = GetCurrentTimestamp();
	woken = true;
}

/* Begin with a look at all. */
void
broadcast_open(void)
{
	place = beginning;
	rests_until = 0;
	broadcast_wake();
}

/* When there is something to feed, or 0. */
TimestampTz
broadcast_next(void)
{
	return feed_at != 0 ? Max(feed_at, rests_until) : 0;
}

/* Is it time to call broadcast_feed()? */
bool
broadcast_is_due(void)
{
	return feed_at != 0 && broadcast_next() <= GetCurrentTimestamp();
}

/* Has it found nothing to do, when it looked at all for the last time? */
bool
broadcast_is_idle(void)
{
	return !has_fed && !woken && place.id == 0;
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

/* Look again then, if not sooner. */
static void
plan(TimestampTz time)
{
	planned = sooner(planned, time);
}

/* Whoever has locked one may roll back, and then nobody tells. */
static void
plan_locked(TimestampTz now)
{
	plan(TimestampTzPlusMilliseconds(now, WAIT_MS));
}

/* It has handed over all recipients, and they all have their fates. */
static void
finish(const Broadcast *broadcast, TimestampTz now)
{
	if (!outbox_finish_broadcast(broadcast))
		plan_locked(now);
}

/*
 * Give the outbox what one broadcast may have there, and plan when to look at
 * it again.  Returns the id of the first new message, or 0.
 */
static int64
feed(const Broadcast *broadcast, TimestampTz now)
{
	int			room = AHEAD_MOST - (int) broadcast->ahead;
	TimestampTz from = 0;
	int64		first_id = 0;
	int			taken;

	if (broadcast->expires_at != 0 && broadcast->expires_at <= now)
	{
		if (broadcast->ahead == 0)
			finish(broadcast, now);
		else
			plan(look_again_at(broadcast, broadcast->ahead, now));
		return 0;
	}
	if (broadcast->waits)
	{
		plan_locked(now);
		return 0;
	}
	if (broadcast->rate != 0)
		room = Min(room, throttle_due(broadcast->rate, broadcast->fed_at, now,
									  &from));
	taken = room > 0 ? outbox_feed(broadcast, room, from, &first_id) : 0;
	has_fed = has_fed || taken > 0;
	if (taken < 0)
		plan_locked(now);
	else if (taken == 0 && room > 0 && broadcast->ahead == 0)
		finish(broadcast, now);
	else
		plan(look_again_at(broadcast, broadcast->ahead + taken, now));
	return first_id;
}

/* All that are due have had their turn: when does the next round begin? */
static void
end_round(void)
{
	TimestampTz next = outbox_next_broadcast();

	if (next != 0)
		plan(next);
	place = beginning;

	/* Others have as much time as this has taken. */
	if (planned != 0)
		planned = Max(planned,
					  TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												  FEED_MIN_MS));
	feed_at = woken ? GetCurrentTimestamp() : planned;
}

/* Whoever fills in what takes long does so in a part of the worker's time. */
static void
rest_after(TimestampTz start)
{
	TimestampTz now = GetCurrentTimestamp();

	if (TimestampDifferenceExceeds(start, now, 2 * FEED_BUDGET_MS))
		rests_until = now + FEED_REST_FACTOR * (now - start);
}

/*
 * In a transaction: give the outbox what the worker can use soon.  So a
 * broadcast to many does not fill it, and can be stopped.  Returns the id of
 * the first new message, or 0.
 */
int64
broadcast_feed(void)
{
	TimestampTz now = GetCurrentTimestamp();
	Broadcast  *broadcasts;
	int64		first_id = 0;
	int			count;
	int			i;

	/* If this fails, it is not before then that it fails again. */
	feed_at = TimestampTzPlusMilliseconds(now, FEED_MAX_MS);
	if (place.id == 0)
	{
		planned = 0;
		woken = false;
		has_fed = false;
	}
	count = outbox_read_broadcasts(AHEAD_MOST, &place, FEED_MOST,
								   CurrentMemoryContext, &broadcasts);
	for (i = 0; i < count; i++)
	{
		int64		id;

		if (TimestampDifferenceExceeds(now, GetCurrentTimestamp(),
									   FEED_BUDGET_MS))
			break;
		id = feed(&broadcasts[i], now);
		place.due_at = broadcasts[i].due_at;
		place.id = broadcasts[i].id;
		first_id = sooner(first_id, id);
	}
	if (i < count || count == FEED_MOST)
		feed_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											  FEED_MIN_MS);
	else
		end_round();
	rest_after(now);
	return first_id;
}
