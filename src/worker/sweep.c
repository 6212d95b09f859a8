/*
 * sweep.c
 *	  Takes in what is new in the outbox, in the order of the ids.
 *
 * A sweep goes over a lane of a bot once, in steps, and never looks twice at
 * what it has passed: the outbox may be long, and what others keep from being
 * vacuumed much longer.  Where it has no room it waits.
 *
 * Those to people who are known wait for nobody else.  Graph is asked about
 * the others in the order of the ids, too, but each sender has a share of that
 * (see share.c).  Where the next one's is used up, a third sweep goes ahead
 * and takes in what is of others.  Nothing is lost that this one passes over,
 * as the other one comes to it.
 */
#include "postgres.h"

#include "outbox/due.h"
#include "worker/intake.h"
#include "worker/share.h"
#include "worker/sweep.h"
#include "worker/window.h"

/*
 * A sweep goes on when there is so much room in memory, and looks at so many
 * rows at a time if few of them are for it.
 */
#define SWEEP_ROOM 200
#define SWEEP_SPARSE 1000

/*
 * Has a lane room for new messages?  For few it is not worth while to read; a
 * probe takes one.
 */
bool
sweep_has_room(const Bot *bot, Priority priority)
{
	return window_room(bot, priority) >=
		(bot_is_probing(bot) ? 1 : SWEEP_ROOM);
}

/* Is there reason, and room, to go on with the sweeps of a lane? */
static bool
may_go_on(const Bot *bot, Priority priority)
{
	return bot_is_active(bot) && sweep_has_room(bot, priority) &&
		(!bot_is_probing(bot) || bot->shares.taken == 0);
}

/* The same for those to people who are not known. */
static bool
may_ask_for_more(const Bot *bot, Priority priority)
{
	return may_go_on(bot, priority) && share_has_places(bot) &&
		bot->window.jobs < SHARE_PLACES;
}

/* Each of the three sweeps of a lane, is it to go on? */
static bool
known_is_wanted(const Bot *bot, Priority priority)
{
	return bot->lanes[priority].known.is_on && may_go_on(bot, priority);
}

static bool
unknown_is_wanted(const Bot *bot, Priority priority)
{
	const Sweep *sweep = &bot->lanes[priority].unknown;

	if (!sweep->is_on || !may_ask_for_more(bot, priority))
		return false;
	return !sweep->waits || share_has_shrunk(bot, sweep->party);
}

static bool
ahead_is_wanted(const Bot *bot, Priority priority)
{
	return !bot_is_probing(bot) && may_ask_for_more(bot, priority) &&
		lane_may_go_ahead(&bot->lanes[priority]);
}

/* Is there reason, and room, to go on with one of a lane's sweeps? */
bool
sweep_is_wanted(const Bot *bot, Priority priority)
{
	return known_is_wanted(bot, priority) ||
		unknown_is_wanted(bot, priority) || ahead_is_wanted(bot, priority);
}

/*
 * Do the bot's other lanes have nothing in memory, nor in the table where no
 * sweep has come to?  Then a message of this one can have none of theirs
 * before it: what waits in the table for its target makes it wait, too.
 */
static bool
is_alone(const Bot *bot, Priority priority)
{
	for (int i = 0; i < PRIORITIES; i++)
	{
		const Lane *lane = &bot->lanes[i];

		if (lane != &bot->lanes[priority] &&
			(bot->window.messages[i] > 0 || lane_is_on(lane)))
			return false;
	}
	return true;
}

/*
 * How many rows a sweep may look at, or take: as many as there is room for
 * where it begins, or many if few of them are for it.
 */
static int
sweep_room(const Bot *bot, const OutboxSweep *sweep, const Sweep *first)
{
	if (first->is_sparse)
		return SWEEP_SPARSE;
	if (sweep->known || bot_is_probing(bot))
		return window_room(bot, sweep->priority);
	if (first->waits)
		return share_room(bot, first->party);
	return SHARE_PLACES - bot->shares.taken;
}

/*
 * What is read in one go, and the sweeps that go on with that: one or both, or
 * the one ahead in place of the second.
 */
typedef struct Pass
{
	Lane	   *lane;
	Sweep	   *known;
	Sweep	   *unknown;		/* or the one ahead */
	bool		is_ahead;
	int			found;
	bool		known_full;
	bool		unknown_full;
} Pass;

/* Read for these two sweeps, of which one may be NULL, in one go. */
static void
add_pass(Bot *bot, Priority priority, Sweep *known, Sweep *unknown, Pass *pass,
		 OutboxSweep *sweep)
{
	Sweep	   *first = known ? known : unknown;

	pass->lane = &bot->lanes[priority];
	pass->known = known;
	pass->unknown = unknown;
	sweep->bot = bot->name;
	sweep->priority = priority;
	sweep->known = known != NULL;
	sweep->unknown = unknown != NULL;
	sweep->alone = is_alone(bot, priority);
	sweep->after = first->cursor;
	sweep->room = sweep_room(bot, sweep, first);
}

/*
 * The sweep ahead leaves out those that have no room, of which the party that
 * the other one waits for needs no second look.
 */
static void
add_pass_ahead(Bot *bot, Priority priority, Pass *pass, OutboxSweep *sweep)
{
	Lane	   *lane = &bot->lanes[priority];

	lane_begin_ahead(lane);
	add_pass(bot, priority, NULL, &lane->ahead.sweep, pass, sweep);
	pass->is_ahead = true;
	sweep->ahead = true;
	sweep->nwithout = share_without_room(bot, lane->unknown.party,
										 &sweep->without);
	sweep->first_party = lane->unknown.party;
}

/* Two sweeps of a lane that stand at the same place go on together. */
static int
make_passes_of(Bot *bot, Priority priority, Pass *passes, OutboxSweep *sweeps)
{
	Lane	   *lane = &bot->lanes[priority];
	Sweep	   *known = known_is_wanted(bot, priority) ? &lane->known : NULL;
	Sweep	   *unknown = unknown_is_wanted(bot, priority) ?
		&lane->unknown : NULL;
	bool		both = known != NULL && unknown != NULL &&
		known->cursor == unknown->cursor;
	int			count = 0;

	if (known != NULL)
	{
		add_pass(bot, priority, known, both ? unknown : NULL, &passes[count],
				 &sweeps[count]);
		count++;
	}
	if (unknown != NULL && !both)
	{
		add_pass(bot, priority, NULL, unknown, &passes[count], &sweeps[count]);
		count++;
	}
	if (ahead_is_wanted(bot, priority))
	{
		add_pass_ahead(bot, priority, &passes[count], &sweeps[count]);
		count++;
	}
	return count;
}

/* The passes of all bots; returns how many. */
static int
make_passes(Pass *passes, OutboxSweep *sweeps)
{
	int			count = 0;

	foreach_bot(bot)
	{
		for (int i = 0; i < PRIORITIES; i++)
			count += make_passes_of(bot, i, &passes[count], &sweeps[count]);
	}
	return count;
}

static int
count_bots(void)
{
	int			count = 0;

	foreach_bot(bot)
		count++;
	return count;
}

/*
 * What has been read is behind its sweeps, before any of it sends them back.
 */
static void
advance_pass(Pass *pass, const OutboxSweep *done, int64 cost)
{
	if (pass->is_ahead)
		lane_advance_ahead(pass->lane, done, pass->found, cost);
	else if (pass->unknown != NULL)
		lane_advance(pass->unknown, done, pass->found);
	if (pass->known != NULL)
		lane_advance(pass->known, done, pass->found);
}

/* The first row without room is where the sweep goes on. */
static void
go_back(Sweep *sweep, bool *full, const OutboxMessage *row)
{
	if (sweep != NULL && !*full)
		lane_go_back(sweep, row->id);
	*full = true;
}

/* Jobs must not take the room of what can be sent at once. */
static bool
has_room_for_job(const OutboxMessage *row)
{
	return kind_installs(row->kind) ||
		bot_find(row->bot)->window.jobs < SHARE_PLACES;
}

/*
 * If it is only the row's party that has no room, the sweep ahead passes over
 * it, and the other one waits.  True if that was all.
 */
static bool
waits_for_party(Pass *pass, const OutboxMessage *row)
{
	const Bot  *bot = bot_find(row->bot);
	bool		its_party = window_room(bot, row->priority) > 0 &&
		has_room_for_job(row) && share_room(bot, row->party) == 0 &&
		bot->shares.taken < SHARE_PLACES && !bot_is_probing(bot);

	if (!its_party)
		return false;
	if (pass->is_ahead)
		lane_pass_over(pass->lane, row->id);
	else
	{
		lane_wait_for_party(pass->lane, row->id, row->party);
		go_back(pass->unknown, &pass->unknown_full, row);
	}
	return true;
}

/*
 * Take in a row that a pass has read, or send its sweeps back to it.  An
 * earlier one that was read because of a later one is not for a sweep of this
 * pass, so that none goes back to it.
 */
static void
admit_swept(Pass *passes, const OutboxMessage *row)
{
	Pass	   *pass = &passes[row->source];
	bool		known = row->at_once;

	if (row->is_earlier)
	{
		(void) intake_admit(row);
		return;
	}
	if (known ? pass->known_full : pass->unknown_full)
		return;
	if ((row->is_held || has_room_for_job(row)) && intake_admit(row))
		return;

	if (!known && waits_for_party(pass, row))
		return;

	/* Those who are not known need the lane's room, too. */
	if (known)
		go_back(pass->known, &pass->known_full, row);
	go_back(pass->unknown, &pass->unknown_full, row);
}

/*
 * In a transaction, after outcomes were written: read, in one statement, what
 * is next for all sweeps that are to go on, and take it in.
 */
void
sweep_all(void)
{
	int			most = count_bots() * PRIORITIES * 3;
	OutboxSweep *sweeps = palloc0(most * sizeof(OutboxSweep));
	Pass	   *passes = palloc0(most * sizeof(Pass));
	int			count = make_passes(passes, sweeps);
	OutboxMessage *rows;
	int			nrows;
	TimestampTz began_at = GetCurrentTimestamp();
	int64		cost;

	if (count == 0)
		return;
	target_free_idle();
	nrows = outbox_read_due(sweeps, count, TARGET_ROOM + 1,
							CurrentMemoryContext, &rows);
	cost = GetCurrentTimestamp() - began_at;
	for (int i = 0; i < nrows; i++)
		if (!rows[i].is_earlier)
			passes[rows[i].source].found++;
	for (int i = 0; i < count; i++)
		advance_pass(&passes[i], &sweeps[i], cost);
	for (int i = 0; i < nrows; i++)
		admit_swept(passes, &rows[i]);
}
