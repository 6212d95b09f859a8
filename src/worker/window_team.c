/*
 * window_team.c
 *	  The order among a team's jobs and the messages to its channels.
 *
 * Each channel is a target of its own, with an order of its own, so that none
 * waits for another.  But the bot comes and goes with the team.  What waits
 * for that (outbox/due.c says so of each row) stays in the table, and is read
 * again for its target alone when others of the team have left.
 */
#include "postgres.h"

#include "base/moment.h"
#include "worker/window_team.h"

/*
 * The row has to wait in the table for others of its team.  What the table has
 * before it does not.
 */
void
window_team_hold(Target *target, const OutboxMessage *row)
{
	target_hold(target, sooner(target->rest.held_from, row->id));
	target_note_rest(target, row->id, row->priority);
}

/*
 * A row of the target is about to be admitted: it waits for nobody any more.
 * A channel is where its team is, which may have changed while nothing was in
 * memory for it: then it goes by the row.
 */
void
window_team_admit(Target *target, const OutboxMessage *row)
{
	if (target->team != NULL && target->state != TARGET_ASKING &&
		target_first(target) == NULL)
	{
		target_set_knowledge(target, row->knowledge);
		target_set_state(target, row->knowledge == KNOWN_INSTALLED ?
						 TARGET_KNOWN : TARGET_NEW);
	}
	if (target->rest.held_from != 0 && row->id >= target->rest.held_from)
		target_hold(target, 0);
}

/* A job of the team is done: its channels may go on, or are held once more. */
static void
let_channels_go(Bot *bot, const char *team)
{
	TargetScan	scan;
	Target	   *target;

	target_begin_scan(bot, &scan);
	while ((target = target_next(&scan)) != NULL)
		if (target->rest.held_from != 0 && target->team != NULL &&
			strcmp(target->team, team) == 0)
			target_hold(target, 0);
}

/*
 * The message is about to leave its target.  What waited for it is read again,
 * and held again if it waits for others, too.
 */
void
window_team_leave(const Message *message)
{
	const Target *target = message->target;
	Bot		   *bot = message->bot;
	Target	   *team;

	if (bot->window.held_targets == 0)
		return;
	if (kind_is_job(message->kind) && target->scope == SCOPE_TEAM)
		let_channels_go(bot, target->id);
	else if (target->team != NULL)
	{
		team = target_find(bot, SCOPE_TEAM, target->team);
		if (team != NULL && team->rest.held_from != 0)
			target_hold(team, 0);
	}
}
