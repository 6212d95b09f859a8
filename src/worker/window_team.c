/*
 * window_team.c
 *	  The order among a team's jobs and the messages to its channels.
 *
 * Each channel is a target of its own, with an order of its own, so that none
 * waits for another.  But the bot comes and goes with the team.  What waits for
 * that (see due.c, which says so of each row) stays in the table, and
 * is read again for its target alone when others of the team have left.
 */
#include "postgres.h"

#include "base/moment.h"
#include "worker/window_internal.h"

/* See window_internal.h; the bot counts those that wait. */
void
window_set_held(Target *target, int64 from)
{
	target->bot->held_targets += (from != 0) - (target->held_from != 0);
	target->held_from = from;
}

/*
 * The row has to wait in the table for others of its team.  What the table has
 * before it does not.
 */
void
window_note_held(Target *target, const OutboxMessage *row)
{
	window_set_held(target, sooner(target->held_from, row->id));
	window_note_behind(target, row->id, row->priority);
}

/* What it waited for may be gone: it is read again. */
void
window_let_go(Target *target)
{
	window_set_held(target, 0);
	window_check_behind(target);
}

/* Its channels may go on, as a job of the team is done. */
static void
let_channels_go(Bot *bot, const char *team)
{
	HASH_SEQ_STATUS status;
	TargetEntry *entry;

	hash_seq_init(&status, bot->targets);
	while ((entry = hash_seq_search(&status)) != NULL)
		if (entry->target->held_from != 0 && entry->target->team != NULL &&
			strcmp(entry->target->team, team) == 0)
			window_let_go(entry->target);
}

/* A message has left: others of its team may have waited for it. */
void
window_let_team_go(const Message *message)
{
	const Target *target = message->target;
	Bot		   *bot = message->bot;
	Target	   *team;

	if (bot->held_targets == 0)
		return;
	if (kind_is_job(message->kind) && target->scope == SCOPE_TEAM)
		let_channels_go(bot, target->id);
	else if (target->team != NULL)
	{
		team = window_find_target(bot, SCOPE_TEAM, target->team);
		if (team != NULL && team->held_from != 0)
			window_let_go(team);
	}
}

/*
 * A channel is where its team is, which may have changed while nothing was in
 * memory for it.
 */
void
window_take_from_team(Target *target, const OutboxMessage *row)
{
	if (target->team == NULL || target->state == TARGET_ASKING ||
		!dlist_is_empty(&target->messages))
		return;
	target->knowledge = row->knowledge;
	target->state = row->knowledge == KNOWN_INSTALLED ?
		TARGET_KNOWN : TARGET_NEW;
}
