/*
 * window.c
 *	  The part of the outbox that is in memory: a bounded number of messages
 *	  for each bot, in the order of each target.
 *
 * The outbox may be long; what is in memory is not.  A target with many
 * messages gets a few places only, so that it cannot take the room of others.
 * The rest stays in the table, and is read from there for that target alone
 * when it has room again ("behind"): the sweeps that take in what is new go
 * over the table once, however much of it has to wait.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/share.h"
#include "worker/window.h"
#include "worker/window_internal.h"

/* Messages in memory, for each priority of a bot. */
#define LANE_ROOM 1000

/*
 * The hash tables have pointers to what is allocated by itself: what has left
 * the memory is then freed for all who look for such mistakes, while an entry
 * of a hash table that was removed looks as before.
 */
typedef struct MessageEntry
{
	int64		id;
	Message    *message;
} MessageEntry;

static MemoryContext window_context;
static HTAB *messages;

void
window_open(MemoryContext context)
{
	HASHCTL		control = {0};

	window_context = context;
	window_open_targets(context);
	control.keysize = sizeof(int64);
	control.entrysize = sizeof(MessageEntry);
	control.hcxt = context;
	messages = hash_create("teams_proactive messages", 1024, &control,
						   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/*
 * Those whose targets are being asked for have places of their own, or they
 * would take those of what can be sent.  A probe takes one message.
 */
int
window_room(const Bot *bot, Priority priority)
{
	int			count = bot->lanes[priority].window;

	if (bot->state == BOT_PROBING)
		return Max(0, 1 - count);
	return LANE_ROOM - Min(LANE_ROOM, Max(0, count - bot->asking_messages));
}

/* ----------
 * Messages
 * ----------
 */

void
window_flies(Message *message, LedgerBatch *batch)
{
	Target	   *target = message->target;

	message->state = MESSAGE_IN_FLIGHT;
	message->batch = batch;
	target->is_verified = false;
	target->bot->in_flight++;
	dlist_push_tail(&target->bot->flying, &target->flying_node);
	window_unready(target);
}

void
window_landed(Message *message)
{
	message->target->bot->in_flight--;
	dlist_delete(&message->target->flying_node);
}

static void
look_again(Sweep *sweep, int64 from)
{
	if (sweep->cursor >= from)
		sweep->waits = false;
	sweep->cursor = Min(sweep->cursor, from - 1);
	sweep->is_on = true;
}

void
window_look_again(Bot *bot, int64 from)
{
	for (int i = 0; i < PRIORITIES; i++)
	{
		look_again(&bot->lanes[i].known, from);
		look_again(&bot->lanes[i].unknown, from);
		look_again(&bot->lanes[i].ahead.sweep, from);
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

void
window_look_for(Bot *bot, const OutboxMessage *row)
{
	Lane	   *lane = &bot->lanes[row->priority];

	if (needs_graph(row))
	{
		look_again(&lane->unknown, row->id);
		look_again(&lane->ahead.sweep, row->id);
	}
	if (!needs_graph(row) || row->place != NULL)
		look_again(&lane->known, row->id);
}

/* The message leaves its target's queue. */
static void leave_queue(Message *message);

/* ----------
 * What a target has in the table
 * ----------
 */

/*
 * A target about which nothing is known, or not any more, while a message to it
 * is still on the wire, or need not wait for that: nothing is asked before that
 * has come back.
 */
static bool
waits_for_first(Target *target)
{
	Message    *first = window_first(target);

	return target->state == TARGET_NEW && first != NULL &&
		(first->state == MESSAGE_IN_FLIGHT || !message_needs_target(first));
}

void
window_check_behind(Target *target)
{
	bool		held = target->held_from != 0 &&
		target->behind_from >= target->held_from;
	bool		wanted = target->behind_from != 0 && !held &&
		target->state != TARGET_ASKING && !waits_for_first(target) &&
		target->message_count <= TARGET_ROOM / 2;

	if (wanted && !target->is_behind)
		dlist_push_tail(&target->bot->behind, &target->behind_node);
	else if (!wanted && target->is_behind)
		dlist_delete(&target->behind_node);
	target->is_behind = wanted;
}

void
window_note_behind(Target *target, int64 from, Priority priority)
{
	bool		already = target->behind_from != 0;

	target->behind_from = already ? Min(target->behind_from, from) : from;
	target->behind_priority = already ?
		Min(target->behind_priority, priority) : priority;
	window_check_ready(target);
	window_check_behind(target);
}

/*
 * The highest id that queues for the target, or 0.  One on the wire may have a
 * higher one than others that have come late.
 */
static int64
last_queued_id(Target *target)
{
	int64		last = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &target->messages)
	{
		Message    *message = dlist_container(Message, node, iter.cur);

		if (message->state == MESSAGE_QUEUED)
			last = Max(last, message->id);
	}
	return last;
}

void
window_note_change(Target *target)
{
	if (!dlist_is_empty(&target->messages))
		window_note_behind(target, last_queued_id(target) + 1, PRIORITY_LOW);
}

void
window_catching_up(Target *target)
{
	target->behind_from = 0;
}

void
window_caught_up(Target *target)
{
	window_check_ready(target);
	window_check_behind(target);
	window_release_target(target);
}

/* Must this row wait in the table until the target has room again? */
static bool
must_wait(Target *target, int64 id)
{
	if (target->behind_from != 0 && id >= target->behind_from)
		return true;
	return target->message_count >= TARGET_ROOM &&
		id > last_queued_id(target);
}

static void
free_message(Message *message)
{
	hash_search(messages, &message->id, HASH_REMOVE, NULL);
	if (message->place != NULL)
		pfree(message->place);
	if (message->place_url != NULL)
		pfree(message->place_url);
	pfree(message);
}

/* What queues for the target stays in the table until there is room for it. */
static void
leave_one_to_table(Target *target, Message *message)
{
	leave_queue(message);
	window_note_behind(target, message->id, message->priority);
	free_message(message);
}

/* One that comes before others takes the place of the last of them. */
static void
make_room(Target *target)
{
	Message    *last;

	if (target->message_count < TARGET_ROOM)
		return;
	last = dlist_tail_element(Message, node, &target->messages);
	if (last->state == MESSAGE_QUEUED)
		leave_one_to_table(target, last);
}

/* Insert in the order of the ids, but never before what is on the wire. */
static void
enqueue(Target *target, Message *message)
{
	dlist_iter	iter;
	dlist_node *before = NULL;

	dlist_foreach(iter, &target->messages)
	{
		Message    *other = dlist_container(Message, node, iter.cur);

		if (other->state == MESSAGE_QUEUED && other->id > message->id)
		{
			before = iter.cur;
			break;
		}
	}
	if (before != NULL)
		dlist_insert_before(before, &message->node);
	else
		dlist_push_tail(&target->messages, &message->node);
	target->message_count++;
	target->bot->asking_messages += target->state == TARGET_ASKING;
}

Message *
window_find(int64 id)
{
	MessageEntry *entry = hash_search(messages, &id, HASH_FIND, NULL);

	return entry != NULL ? entry->message : NULL;
}

static Message *
new_message(const OutboxMessage *row, Target *target)
{
	Message    *message = MemoryContextAllocZero(window_context,
												 sizeof(Message));
	MessageEntry *entry = hash_search(messages, &row->id, HASH_ENTER, NULL);

	entry->message = message;
	message->id = row->id;
	message->state = MESSAGE_QUEUED;
	message->bot = target->bot;
	message->target = target;
	message->priority = row->priority;
	message->kind = row->kind;
	message->retrying = row->retrying;
	message->at_most_once = row->at_most_once;
	message->attempts = row->attempts;
	if (row->place != NULL)
		message->place = MemoryContextStrdup(window_context, row->place);
	if (row->place_url != NULL)
		message->place_url = MemoryContextStrdup(window_context,
												 row->place_url);
	strlcpy(message->last_code, row->error_code ? row->error_code : "",
			sizeof(message->last_code));
	return message;
}

/*
 * Is there room for the row in its lane, and if Graph has to be asked for its
 * target, among those that are being asked for?  Those that are in memory have
 * room of their own.
 */
static bool
has_room_for(Bot *bot, const OutboxMessage *row)
{
	if (window_find_target(bot, row->scope, row->target) != NULL)
		return true;

	/* A wish to have it back comes with those that wait for it. */
	if (((row->knowledge <= KNOWN_LOST && !row->at_once) ||
		 !kind_installs(row->kind)) && share_room(bot, row->party) == 0)
		return false;
	return row->source == OUTBOX_EARLIER ||
		window_room(bot, row->priority) > 0;
}

/*
 * Is the message in memory?  One whose outcome is being written may have been
 * made ready again by the same transaction: then it is looked for after that.
 */
static bool
is_here(int64 id)
{
	Message    *message = window_find(id);

	if (message != NULL && message->state == MESSAGE_SETTLING)
		message->comes_again = true;
	return message != NULL;
}

Message *
window_admit(const OutboxMessage *row, bool *has_room)
{
	Bot		   *bot = bot_find(row->bot);
	Target	   *target;
	Message    *message;

	*has_room = true;
	if (bot == NULL || is_here(row->id))
		return NULL;
	if (row->is_held)
	{
		target = window_find_or_make_target(bot, row);
		if (target != NULL)
			window_note_held(target, row);
		return NULL;
	}
	*has_room = has_room_for(bot, row);
	if (!*has_room)
		return NULL;
	target = window_find_or_make_target(bot, row);
	window_take_from_team(target, row);
	if (target->state != TARGET_ASKING)
		target->party = row->party;
	if (target->held_from != 0 && row->id >= target->held_from)
		window_let_go(target);
	if (waits_for_first(target))
	{
		window_note_behind(target, row->id, row->priority);
		return NULL;
	}
	if (must_wait(target, row->id))
	{
		/* What comes between may have been passed over in another lane. */
		window_note_behind(target, last_queued_id(target) + 1, row->priority);
		return NULL;
	}
	make_room(target);
	message = new_message(row, target);
	bot->lanes[message->priority].window++;
	bot->jobs += kind_is_job(message->kind);
	enqueue(target, message);
	window_check_ready(target);
	return message;
}

static void
leave_queue(Message *message)
{
	Target	   *target = message->target;

	dlist_delete(&message->node);
	target->message_count--;
	target->bot->asking_messages -= target->state == TARGET_ASKING;
	target->bot->lanes[message->priority].window--;
	target->bot->jobs -= kind_is_job(message->kind);
	message->target = NULL;
	window_check_ready(target);
	window_check_behind(target);
}

/* Were messages behind it in the table passed over because of it? */
static bool
holds_back(const Message *message)
{
	return message->retrying || !kind_installs(message->kind);
}

/* It leaves its target, and lets those go on that waited for it. */
static void
leave_target(Message *message)
{
	Target	   *target = message->target;

	window_let_team_go(message);
	leave_queue(message);

	/* Those that this one held back were passed over. */
	if (holds_back(message))
		window_note_behind(target, message->id + 1, PRIORITY_LOW);
	window_release_target(target);
}

void
window_settling(Message *message)
{
	message->state = MESSAGE_SETTLING;
	leave_target(message);
}

/* Back to the table with what is not on the wire. */
static void
leave_to_table(Target *target)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &target->messages)
	{
		Message    *message = dlist_container(Message, node, iter.cur);

		if (message->state == MESSAGE_QUEUED)
			leave_one_to_table(target, message);
	}
}

void
window_drop_queue(Target *target)
{
	leave_to_table(target);
	window_release_target(target);
}

/* What queues for the target waits until Graph has been asked again. */
static void
ask_anew(Target *target)
{
	leave_to_table(target);
	window_target_is_stale(target);
	window_check_behind(target);
	window_release_target(target);
}

void
window_lose_channels(const Target *team)
{
	HASH_SEQ_STATUS status;
	TargetEntry *entry;

	hash_seq_init(&status, team->bot->targets);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		Target	   *target = entry->target;

		if (target->team == NULL || target->state != TARGET_KNOWN ||
			strcmp(target->team, team->id) != 0)
			continue;
		target->knowledge = team->knowledge;
		ask_anew(target);
	}
}

void
window_doubt(Bot *bot, const char *name, TargetKnowledge knowledge)
{
	Target	   *target = window_find_target(bot, SCOPE_USER, name);

	if (target == NULL)
		return;
	target->knowledge = knowledge;
	target->in_doubt = target->state == TARGET_ASKING;
	if (!target->in_doubt)
		ask_anew(target);
}

void
window_drop_bot(Bot *bot)
{
	HASH_SEQ_STATUS status;
	TargetEntry *entry;

	if (bot->targets == NULL)
		return;
	hash_seq_init(&status, bot->targets);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		Target	   *target = entry->target;
		Message    *first = window_first(target);
		bool		flies = first != NULL &&
			first->state == MESSAGE_IN_FLIGHT;

		/* Where the next one goes is to be found out anew. */
		target->knowledge = KNOWN_NOT;
		leave_to_table(target);
		if (flies)
			window_target_is_stale(target);
		else
			target->behind_from = 0;
		window_set_held(target, 0);
		window_check_behind(target);
		window_release_target(target);
	}
	window_look_again(bot, 1);
}

void
window_forget(Message *message)
{
	if (message->target != NULL)
		leave_target(message);
	if (message->comes_again)
		window_look_again(message->bot, message->id);
	free_message(message);
}
