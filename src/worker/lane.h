/*
 * lane.h
 *	  How far the sweeps over the messages of one priority have come.
 */
#ifndef TP_LANE_H
#define TP_LANE_H

#include "utils/timestamp.h"

#include "outbox/due.h"

/* A pass over the messages of a lane, in the order of their ids. */
typedef struct Sweep
{
	int64		cursor;			/* ids up to here have been looked at */
	bool		is_on;			/* there may be more behind it */
	bool		is_sparse;		/* most of what it sees is for the other */
	bool		waits;			/* for room for a party, see share.h: */
	int64		party;
} Sweep;

/*
 * A sweep that goes on past a party without room, to take what others have.
 * What it passes over of a third one it comes to again by going back, after it
 * has rested: it does not walk a long queue again and again.
 */
typedef struct Ahead
{
	Sweep		sweep;
	int64		passed_from;	/* the first of those, or 0 */
	int64		cost;			/* microseconds, since it went back */
	TimestampTz rests_until;
} Ahead;

/*
 * The messages of one priority of a bot.  One sweep takes those to people who
 * are known, the other those to people Graph has to be asked for, so that
 * neither waits for the other's room; and where that one has to wait, the
 * third goes ahead.  lane.c alone writes it.
 */
typedef struct Lane
{
	Sweep		known;
	Sweep		unknown;
	Ahead		ahead;
} Lane;

/* Is there something in the lane that no sweep has come to? */
static inline bool
lane_is_on(const Lane *lane)
{
	return lane->known.is_on || lane->unknown.is_on;
}

/* Of all lanes of a bot. */
extern void lanes_restart(Lane *lanes);
extern void lanes_stop(Lane *lanes);
extern bool lanes_are_on(const Lane *lanes);
extern void lanes_look_again(Lane *lanes, int64 from);
extern void lanes_look_for(Lane *lanes, const OutboxMessage *row);

/* A sweep has read; what it found has no room. */
extern void lane_advance(Sweep *sweep, const OutboxSweep *done, int found);
extern void lane_go_back(Sweep *sweep, int64 id);
extern void lane_wait_for_party(Lane *lane, int64 id, int64 party);

/* The sweep ahead. */
extern bool lane_may_go_ahead(const Lane *lane);
extern void lane_begin_ahead(Lane *lane);
extern void lane_pass_over(Lane *lane, int64 id);
extern void lane_advance_ahead(Lane *lane, const OutboxSweep *done, int found,
							   int64 cost);

#endif							/* TP_LANE_H */
