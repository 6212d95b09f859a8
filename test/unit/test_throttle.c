/*
 * test_throttle.c
 *	  Pacing: no second sees more than the quota, and nearly all of it.
 */
#include "postgres_fe.h"

#include <limits.h>

#include "tap.h"
#include "base/throttle.h"

#define SECOND INT64CONST(1000000)
#define MOST	100000

static int64 left_at[MOST];

/* Let as many leave as may, every "step" microseconds, for so long. */
static int
run(Throttle *throttle, int quota, bool smooth, int64 step, int64 duration)
{
	int			total = 0;

	for (int64 now = 5 * SECOND; now < 5 * SECOND + duration; now += step)
	{
		int			room = smooth ? throttle_smooth_room(throttle, quota, now) :
			throttle_room(throttle, quota, now);

		throttle_take(throttle, room, now);
		while (room-- > 0 && total < MOST)
			left_at[total++] = now;
	}
	return total;
}

/* The most that have left within any window of that length. */
static int
most_within(int total, int64 window)
{
	int			most = 0;
	int			first = 0;

	for (int i = 0; i < total; i++)
	{
		while (left_at[i] - left_at[first] > window)
			first++;
		most = Max(most, i - first + 1);
	}
	return most;
}

static void
test_quota(void)
{
	Throttle	throttle;
	int			total;

	throttle_init(&throttle);
	total = run(&throttle, 50, true, 1000, 60 * SECOND);
	ok(most_within(total, SECOND) <= 50, "no second sees more than the quota");
	ok(total >= 60 * 50 * 0.97, "and the quota is used");
	ok(most_within(total, SECOND / 10) <= 20, "a smooth stream has no bursts");

	throttle_init(&throttle);
	total = run(&throttle, 30, false, 7777, 60 * SECOND);
	ok(most_within(total, SECOND) <= 30, "the same without smoothing");
	ok(total >= 60 * 30 * 0.97, "and the quota is used");

	throttle_init(&throttle);
	total = run(&throttle, 5000, true, 1000, 2 * SECOND);
	ok(most_within(total, SECOND) <= 5000, "a large quota is kept");
	ok(total >= 2 * 5000 * 0.95, "and used");
}

static void
test_pause(void)
{
	Throttle	throttle;

	throttle_init(&throttle);
	throttle_take(&throttle, 50, 10 * SECOND);
	is_int(throttle_room(&throttle, 50, 10 * SECOND), 0, "a full window");
	is_int(throttle_room(&throttle, 50, 11 * SECOND), 0,
		   "a second later it is still full: requests differ in speed");
	is_int(throttle_room(&throttle, 50, 11 * SECOND + 30000), 50,
		   "and then it is empty");
	is_int(throttle_room(&throttle, 50, 1 * SECOND), 50,
		   "a clock that goes back does not block");
}

/*
 * Bursts that take a few milliseconds to the service and back, and now and
 * then much longer: as many as may leave, as the service sees them.
 */
static int
run_journeys(bool counts_delays)
{
	Throttle	throttle;
	TravelTime	travel = {0};
	int			total = 0;
	int			burst = 0;

	throttle_init(&throttle);
	for (int64 now = 5 * SECOND; now < 65 * SECOND; now += 1000)
	{
		int			room = throttle_room(&throttle, 30, now);
		int64		took = burst % 3 == 0 ? 80000 : 4000 + burst % 5 * 1000;
		int64		delay;

		if (room < 10)
			continue;
		throttle_take(&throttle, room, now);
		while (room-- > 0)
			left_at[total++] = now + took;
		burst++;
		delay = throttle_delay(&travel, took);
		if (counts_delays && delay > 0)
			throttle_move(&throttle, 30, now, now + delay);
		throttle_arrived(&travel, took);
	}
	return total;
}

static void
test_journeys(void)
{
	TravelTime	travel = {0};
	Throttle	throttle;
	int			total = run_journeys(false);

	ok(most_within(total, SECOND) > 30,
	   "a burst that comes late meets the next one in a second");
	total = run_journeys(true);
	ok(most_within(total, SECOND) <= 30, "but not if it is counted late");
	ok(total >= 60 * 30 * 0.93, "and the quota is used");

	throttle_arrived(&travel, 5000);
	is_int(throttle_delay(&travel, 5000 + THROTTLE_MARGIN_US / 2), 0,
		   "a little more time than usual is allowed for");
	is_int(throttle_delay(&travel, 9000000) < SECOND / 5, 1,
		   "a service that works slowly is not slowed down much");
	for (int i = 0; i < 3000; i++)
		throttle_arrived(&travel, 50000);
	is_int(throttle_delay(&travel, 54000), 0,
		   "what is usual changes with time");

	throttle_init(&throttle);
	throttle_take(&throttle, 20, 10 * SECOND);
	throttle_move(&throttle, 20, 10 * SECOND, 10 * SECOND + 50000);
	is_int(throttle_left(&throttle, 11 * SECOND + 30000), 20,
		   "what was moved is counted later");
	is_int(throttle_next(&throttle, 20, 11 * SECOND + 30000),
		   11 * SECOND + 62000, "and it is known until when");
	ok(throttle_next(&throttle, 20, 20 * SECOND) >= 21 * SECOND,
	   "if nothing is counted, there will not be more room");
	throttle_init(&throttle);
	throttle_take(&throttle, 20, 10 * SECOND + 50000);
	throttle_move(&throttle, 20, 1 * SECOND, 2 * SECOND);
	is_int(throttle_left(&throttle, 11 * SECOND + 40000), 20,
		   "moving what has passed changes nothing");
}

static void
test_back_off(void)
{
	Throttle	throttle;
	int64		now = 100 * SECOND;

	throttle_init(&throttle);
	throttle_back_off(&throttle, now + 3 * SECOND, now);
	is_int(throttle_room(&throttle, 50, now + SECOND), 0,
		   "nothing leaves before Retry-After has passed");
	is_int(throttle_next(&throttle, 50, now), now + 3 * SECOND,
		   "and it is known when");
	is_int(throttle_room(&throttle, 50, now + 3 * SECOND), 25,
		   "then half of the quota may leave");
	throttle_back_off(&throttle, now + 3 * SECOND, now + SECOND);
	is_int(throttle_room(&throttle, 50, now + 3 * SECOND), 25,
		   "complaints about the same burst count once");
	is_int(throttle.complaints, 2, "but are counted");
	is_int(throttle_room(&throttle, 50, now + 20 * SECOND), 39,
		   "the rate finds its way back");
	is_int(throttle_room(&throttle, 50, now + 40 * SECOND), 50,
		   "up to the whole quota");
	for (int i = 0; i < 20; i++)
		throttle_back_off(&throttle, now + i, now + 50 * SECOND);
	is_int(throttle_room(&throttle, 10, now + 50 * SECOND), 1,
		   "however often it is throttled, one request may leave");
}

/* The limits of one chat, by one who always wants to send. */
static void
test_chat(void)
{
	static const int limits[CHAT_LIMITS] = {7, 8, 60, 1800};
	ChatThrottle chat;
	int64		now = 5 * SECOND;
	int			total = 0;

	chat_throttle_init(&chat, 1);
	while (now < 5 * SECOND + 4000 * SECOND)
	{
		int64		next = chat_throttle_next(&chat, limits, now);

		if (next == now)
		{
			chat_throttle_take(&chat, now);
			left_at[total++] = now;
			next = now + 1000;
		}
		now = next;
	}
	ok(most_within(total, SECOND) <= 7, "no more than 7 in a second");
	ok(most_within(total, 2 * SECOND) <= 8, "nor 8 in two");
	ok(most_within(total, 30 * SECOND) <= 60, "nor 60 in 30");
	ok(most_within(total, 3600 * SECOND) <= 1800, "nor 1800 in an hour");
	ok(total >= 1800 * 0.98, "and what is allowed is used");

	chat_throttle_init(&chat, 1);
	for (int i = 0; i < 7; i++)
		chat_throttle_take(&chat, 10 * SECOND);
	is_int(chat_throttle_next(&chat, limits, 10 * SECOND) > 11 * SECOND, 1,
		   "a full window is waited for");
	is_int(chat_throttle_next(&chat, limits, 1 * SECOND), 1 * SECOND,
		   "a clock that goes back does not block");
}

/* What a rate gives in 100 seconds, by looks at it that are not even. */
static int
fed_in_100_seconds(int rate, int64 step)
{
	const int64 start = 77 * SECOND;
	int64		since = 0;
	int			total = 0;

	for (int64 now = start; now < start + 100 * SECOND; now += step + now % 7919)
	{
		int64		from;
		int			due = throttle_due(rate, since, now, &from);

		if (due > 0)
			since = from + due * SECOND / rate;
		total += due;
	}
	return total;
}

static void
test_rates(void)
{
	static const int rates[] = {1, 3, 7, 10, 19, 31, 50, 997};
	int64		from;

	for (int i = 0; i < (int) lengthof(rates); i++)
	{
		int			rate = rates[i];
		int64		step = Max(SECOND / 10, SECOND / rate);

		/* A second's worth is there at the start. */
		is_num(abs(fed_in_100_seconds(rate, step) - 101 * rate) <= rate / 2 + 1,
			   1, psprintf("%d a second", rate));
	}
	is_int(throttle_due(19, 0, 50 * SECOND, &from), 19, "the first second's");
	is_int(throttle_due(19, 10 * SECOND, 50 * SECOND, &from), 19,
		   "after a pause no more than that");
	is_int(from, 49 * SECOND, "and nothing is owed");
	is_int(throttle_due(19, 50 * SECOND, 50 * SECOND, &from), 0, "none at once");
	is_int(throttle_due(19, 51 * SECOND, 50 * SECOND, &from), 0,
		   "nor if the clock goes back");
	is_int(from, 51 * SECOND, "what was taken stays taken");
	is_int(throttle_due(INT_MAX, 48 * SECOND, 50 * SECOND, &from), INT_MAX,
		   "any rate");
}

int
main(void)
{
	test_rates();
	test_chat();
	test_quota();
	test_pause();
	test_journeys();
	test_back_off();
	return done();
}
