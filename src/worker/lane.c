/*
 * lane.c
 *	  How far the sweeps over the messages of one priority have come.
 *
 * sweep.c says what the sweeps are for, and reads.  Here is where they stand,
 * and what sends them back: an id that is to be looked at again, or a row that
 * had no room.
 */
#include "postgres.h"

#include "base/moment.h"
#include "worker/lane.h"

/*
 * A sweep ahead of another rests so long before it goes back, and longer by so
 * many times what the reading has taken.
 */
#define AHEAD_REST_MS 100
#define AHEAD_REST_TIMES 20

/* ----------
 * All lanes of a bot
 * ----------
 */

static void
look_again(Sweep *sweep, int64 from)
{
	if (sweep->cursor >= from)
		sweep->waits = false;
	sweep->cursor = Min(sweep->cursor, from - 1);
	sweep->is_on = true;
}

/* All of the bot's messages are to be looked at. */
void
lanes_restart(Lane *lanes)
{
	lanes_look_again(lanes, 1);
	for (int i = 0; i < PRIORITIES; i++)
		lanes[i].unknown.waits = false;
}

/* Nothing is to be looked at, until something comes. */
void
lanes_stop(Lane *lanes)
{
	for (int i = 0; i < PRIORITIES; i++)
		lanes[i].known.is_on = lanes[i].unknown.is_on = false;
}

/* Is there something in any of them that no sweep has come to? */
bool
lanes_are_on(const Lane *lanes)
{
	for (int i = 0; i < PRIORITIES; i++)
		if (lane_is_on(&lanes[i]))
			return true;
	return false;
}

/* Messages from that id on may have come, or may not be held back any more. */
void
lanes_look_again(Lane *lanes, int64 from)
{
	for (int i = 0; i < PRIORITIES; i++)
	{
		look_again(&lanes[i].known, from);
		look_again(&lanes[i].unknown, from);
		look_again(&lanes[i].ahead.sweep, from);
	}
}

/*
 * Which sweep comes to a row: is Graph to be asked about it?  That of a change
 * may come to it earlier, if nothing is before that.
 */
static bool
needs_graph(const OutboxMessage *row)
{
	if (!kind_installs(row->kind))
		return true;
	return row->knowledge <= KNOWN_LOST ||
		(kind_is_job(row->kind) && row->knowledge != KNOWN_INSTALLED);
}

/* That row is to be looked at. */
void
lanes_look_for(Lane *lanes, const OutboxMessage *row)
{
	Lane	   *lane = &lanes[row->priority];

	if (needs_graph(row))
	{
		look_again(&lane->unknown, row->id);
		look_again(&lane->ahead.sweep, row->id);
	}
	if (!needs_graph(row) || row->place != NULL)
		look_again(&lane->known, row->id);
}

/* ----------
 * One sweep
 * ----------
 */

/* It has read what "done" says, and found that many rows for itself. */
void
lane_advance(Sweep *sweep, const OutboxSweep *done, int found)
{
	sweep->cursor = done->last;
	sweep->is_on = done->scanned == done->room;
	sweep->is_sparse = found * 2 < done->scanned;
	sweep->waits = false;
}

/* There is no room for the row with that id: it goes on later, from there. */
void
lane_go_back(Sweep *sweep, int64 id)
{
	sweep->cursor = id - 1;
	sweep->is_on = true;
}

/* ----------
 * The sweep ahead of another
 * ----------
 */

/* May it read, or go back to where the other one waits? */
bool
lane_may_go_ahead(const Lane *lane)
{
	const Ahead *ahead = &lane->ahead;

	if (!lane->unknown.is_on || !lane->unknown.waits)
		return false;
	return ahead->sweep.is_on ||
		(ahead->passed_from != 0 &&
		 ahead->rests_until <= GetCurrentTimestamp());
}

/* It is about to read: from where it stands, or it goes back. */
void
lane_begin_ahead(Lane *lane)
{
	Ahead	   *ahead = &lane->ahead;

	if (!ahead->sweep.is_on)
	{
		ahead->sweep.cursor = ahead->passed_from - 1;
		ahead->passed_from = 0;
	}
	ahead->sweep.cursor = Max(ahead->sweep.cursor, lane->unknown.cursor);
}

/* It leaves out a row whose party has no room. */
void
lane_pass_over(Lane *lane, int64 id)
{
	lane->ahead.passed_from = sooner(lane->ahead.passed_from, id);
}

/* It has read, which took "cost"; at the end of the table it rests. */
void
lane_advance_ahead(Lane *lane, const OutboxSweep *done, int found, int64 cost)
{
	Ahead	   *ahead = &lane->ahead;

	lane_advance(&ahead->sweep, done, found);
	if (done->passed_from != 0)
		lane_pass_over(lane, done->passed_from);
	ahead->cost += cost;
	if (ahead->sweep.is_on)
		return;
	ahead->rests_until =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), AHEAD_REST_MS +
									AHEAD_REST_TIMES * ahead->cost / 1000);
	ahead->cost = 0;
}

/*
 * The sweep over those who are not known waits at the row with that id, for
 * room for its party.  If that was another one before, the sweep ahead has to
 * look again at what it has passed over of that.
 */
void
lane_wait_for_party(Lane *lane, int64 id, int64 party)
{
	Sweep	   *sweep = &lane->unknown;

	if (sweep->party != party && lane->ahead.sweep.cursor >= id)
		lane_pass_over(lane, id);
	sweep->waits = true;
	sweep->party = party;
}
