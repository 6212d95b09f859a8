/*
 * sweep.c
 *	  Takes in what is new in the outbox, in the order of the ids.
 *
 * A sweep goes over a lane of a bot once, in steps, and never looks twice at
 * what it has passed: the outbox may be long, and what others keep from being
 * vacuumed much longer.  Where it has no room it waits.
 *
 * Those to people who are known wait for nobody else.  Graph is asked about the
 * others in the order of the ids, too, but each sender has a share of that (see
 * share.c).  Where the next one's is used up, a third sweep goes ahead and takes
 * in what is of others.  Nothing is lost that this one passes over, as the other
 * one comes to it.
 */
#include "postgres.h"

#include "outbox/outbox.h"
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
 * A sweep ahead of another rests so long before it goes back, and longer by so
 * many times what the reading has taken.
 */
#define AHEAD_REST_MS 100
#define AHEAD_REST_TIMES 20

bool
sweep_has_room(const Bot *bot, Priority priority)
{
	return window_room(bot, priority) >=
		(bot->state == BOT_PROBING ? 1 : SWEEP_ROOM);
}

/* Is there reason, and room, to go on with the sweeps of a lane? */
static bool
may_go_on(const Bot *bot, Priority priority)
{
	return bot_is_active(bot) && sweep_has_room(bot, priority) &&
		(bot->state != BOT_PROBING || bot->asking_targets == 0);
}

/* The same for those to people who are not known. */
static bool
may_ask_for_more(const Bot *bot, Priority priority)
{
	return may_go_on(bot, priority) && share_has_places(bot) &&
		bot->window.jobs < SHARE_PLACES;
}

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

/* May it go back to where the other one waits? */
static bool
has_rested(const Ahead *ahead)
{
	return ahead->passed_from != 0 && ahead->rests_until <= GetCurrentTimestamp();
}

static bool
ahead_is_wanted(const Bot *bot, Priority priority)
{
	const Lane *lane = &bot->lanes[priority];

	return lane->unknown.is_on && lane->unknown.waits &&
		bot->state != BOT_PROBING && may_ask_for_more(bot, priority) &&
		(lane->ahead.sweep.is_on || has_rested(&lane->ahead));
}

bool
sweep_is_wanted(const Bot *bot, Priority priority)
{
	return known_is_wanted(bot, priority) ||
		unknown_is_wanted(bot, priority) || ahead_is_wanted(bot, priority);
}

/*
 * Do the bot's other lanes have nothing in memory, nor in the table where no
 * sweep has come to?  Then a message of this one can have none of theirs before
 * it: what waits in the table for its target makes it wait, too.
 */
static bool
is_alone(const Bot *bot, Priority priority)
{
	for (int i = 0; i < PRIORITIES; i++)
	{
		const Lane *lane = &bot->lanes[i];

		if (lane != &bot->lanes[priority] &&
			(bot->window.messages[lane - bot->lanes] > 0 ||
			 lane->known.is_on || lane->unknown.is_on))
			return false;
	}
	return true;
}

static int
sweep_room(const Bot *bot, const OutboxSweep *sweep, const Sweep *first)
{
	if (first->is_sparse)
		return SWEEP_SPARSE;
	if (sweep->known || bot->state == BOT_PROBING)
		return window_room(bot, sweep->priority);
	if (first->waits)
		return share_room(bot, first->party);
	return SHARE_PLACES - bot->asking_targets;
}

/*
 * What is read in one go, and the sweeps that go on with that: one or both, or
 * the one ahead in place of the second.
 */
typedef struct Pass
{
	Sweep	   *known;
	Sweep	   *unknown;
	Ahead	   *ahead;
	int			found;
	bool		known_full;
	bool		unknown_full;
} Pass;

static void
add_pass(Bot *bot, Priority priority, Sweep *known, Sweep *unknown, Pass *pass,
		 OutboxSweep *sweep)
{
	Sweep	   *first = known ? known : unknown;

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
	Ahead	   *ahead = &lane->ahead;

	if (!ahead->sweep.is_on)
	{
		ahead->sweep.cursor = ahead->passed_from - 1;
		ahead->passed_from = 0;
	}
	ahead->sweep.cursor = Max(ahead->sweep.cursor, lane->unknown.cursor);
	add_pass(bot, priority, NULL, &ahead->sweep, pass, sweep);
	pass->ahead = ahead;
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

static void
advance_sweep(Sweep *sweep, const OutboxSweep *done, int found)
{
	if (sweep == NULL)
		return;
	sweep->cursor = done->last;
	sweep->is_on = done->scanned == done->room;
	sweep->is_sparse = found * 2 < done->scanned;
	sweep->waits = false;
}

static void
note_passed(Ahead *ahead, int64 id)
{
	ahead->passed_from = ahead->passed_from == 0 ? id :
		Min(ahead->passed_from, id);
}

/* At the end of the table it rests, if it has to go back. */
static void
advance_ahead(Ahead *ahead, const OutboxSweep *done, int64 cost)
{
	if (ahead == NULL)
		return;
	if (done->passed_from != 0)
		note_passed(ahead, done->passed_from);
	ahead->cost += cost;
	if (ahead->sweep.is_on)
		return;
	ahead->rests_until =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), AHEAD_REST_MS +
									AHEAD_REST_TIMES * ahead->cost / 1000);
	ahead->cost = 0;
}

/* There is no room for the row: the sweep goes on later, from there. */
static void
go_back(Sweep *sweep, bool *full, const OutboxMessage *row)
{
	if (sweep != NULL && !*full)
	{
		sweep->cursor = row->id - 1;
		sweep->is_on = true;
	}
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
 * The sweep waits for room for the row's party.  If that was another one before,
 * the sweep ahead has to look again at what it has passed over of that.
 */
static void
wait_for_party(Pass *pass, const OutboxMessage *row)
{
	Sweep	   *sweep = pass->unknown;
	Ahead	   *ahead = &bot_find(row->bot)->lanes[row->priority].ahead;

	if (sweep->party != row->party && ahead->sweep.cursor >= row->id)
		note_passed(ahead, row->id);
	go_back(sweep, &pass->unknown_full, row);
	sweep->waits = true;
	sweep->party = row->party;
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
		bot->asking_targets < SHARE_PLACES && bot->state != BOT_PROBING;

	if (!its_party)
		return false;
	if (pass->ahead != NULL)
		note_passed(pass->ahead, row->id);
	else
		wait_for_party(pass, row);
	return true;
}

static void
admit_swept(Pass *passes, const OutboxMessage *row)
{
	Pass	   *pass;
	bool		known;

	if (row->source == OUTBOX_EARLIER)
	{
		(void) intake_admit(row);
		return;
	}
	pass = &passes[row->source / 2];
	known = row->source % 2 == 0;
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
		if (rows[i].source != OUTBOX_EARLIER)
			passes[rows[i].source / 2].found++;
	for (int i = 0; i < count; i++)
	{
		advance_sweep(passes[i].known, &sweeps[i], passes[i].found);
		advance_sweep(passes[i].unknown, &sweeps[i], passes[i].found);
		advance_ahead(passes[i].ahead, &sweeps[i], cost);
	}
	for (int i = 0; i < nrows; i++)
		admit_swept(passes, &rows[i]);
}
