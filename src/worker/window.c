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

#include "worker/chat.h"
#include "worker/share.h"
#include "worker/window.h"
#include "worker/window_team.h"

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

/* Start with no messages; they are kept in the context. */
void
window_open(MemoryContext context)
{
	HASHCTL		control = {0};

	window_context = context;
	control.keysize = sizeof(int64);
	control.entrysize = sizeof(MessageEntry);
	control.hcxt = context;
	messages = hash_create("teams_proactive messages", 1024, &control,
						   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/*
 * How many more messages a lane may have in memory.
 *
 * Those whose targets are being asked for have places of their own, or they
 * would take those of what can be sent.  A probe takes one message.
 */
int
window_room(const Bot *bot, Priority priority)
{
	int			count = bot->window.messages[priority];

	if (bot_is_probing(bot))
		return Max(0, 1 - count);
	return LANE_ROOM - Min(LANE_ROOM, Max(0, count - bot->window.asking_messages));
}

/* ----------
 * Out of the queue
 * ----------
 */

static void
free_message(Message *message)
{
	chat_leave(message);
	hash_search(messages, &message->id, HASH_REMOVE, NULL);
	if (message->place != NULL)
		pfree(message->place);
	if (message->place_url != NULL)
		pfree(message->place_url);
	if (message->conversation_id != NULL)
		pfree(message->conversation_id);
	if (message->activity_id != NULL)
		pfree(message->activity_id);
	pfree(message);
}

static void
leave_queue(Message *message)
{
	Target	   *target = message->target;
	BotWindow  *window = &target->bot->window;

	dlist_delete(&message->node);
	target->queue.count--;
	window->asking_messages -= target->state == TARGET_ASKING;
	window->messages[message->priority]--;
	window->jobs -= kind_is_job(message->kind);
	message->target = NULL;
	target_update(target);
}

/* It stays in the table until there is room for it. */
static void
leave_to_table(Target *target, Message *message)
{
	leave_queue(message);
	target_note_rest(target, message->id, message->priority);
	free_message(message);
}

/*
 * Leave to the table what queues for a target, except what is on the wire: a
 * message of it is about to wait for a retry, or nobody knows where it is.
 */
void
window_drop_queue(Target *target)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &target->queue.messages)
	{
		Message    *message = dlist_container(Message, node, iter.cur);

		if (message->state == MESSAGE_QUEUED)
			leave_to_table(target, message);
	}
}

/* ----------
 * Into the queue
 * ----------
 */

/* One that comes before others takes the place of the last of them. */
static void
make_room(Target *target)
{
	Message    *last;

	if (target->queue.count < TARGET_ROOM)
		return;
	last = dlist_tail_element(Message, node, &target->queue.messages);
	if (last->state == MESSAGE_QUEUED)
		leave_to_table(target, last);
}

/* Must this row wait in the table until the target has room again? */
static bool
must_wait(Target *target, int64 id)
{
	if (target->rest.from != 0 && id >= target->rest.from)
		return true;
	return target->queue.count >= TARGET_ROOM &&
		id > target_last_queued_id(target);
}

/* Insert in the order of the ids, but never before what is on the wire. */
static void
enqueue(Target *target, Message *message)
{
	BotWindow  *window = &target->bot->window;
	dlist_iter	iter;
	dlist_node *before = NULL;

	dlist_foreach(iter, &target->queue.messages)
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
		dlist_push_tail(&target->queue.messages, &message->node);
	target->queue.count++;
	window->asking_messages += target->state == TARGET_ASKING;
	window->messages[message->priority]++;
	window->jobs += kind_is_job(message->kind);
	target_update(target);
}

/* The message with that id, or NULL if it is not in memory. */
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
	if (target_find(bot, row->scope, row->target) != NULL)
		return true;

	/* A wish to have it back comes with those that wait for it. */
	if (((row->knowledge <= KNOWN_LOST && !row->at_once) ||
		 !kind_installs(row->kind)) && share_room(bot, row->party) == 0)
		return false;
	return row->is_earlier ||
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

/*
 * Take a row into memory.  NULL if it is there, if it has to wait in the table
 * for others of its target or team, which its target remembers, or if there is
 * no room for it: then *has_room is false, and the sweep has to come again.
 */
Message *
window_admit(const OutboxMessage *row, bool *has_room)
{
	Bot		   *bot = bot_find(row->bot);
	Target	   *target;
	Message    *message;

	*has_room = true;
	if (bot == NULL || is_here(row->id))
		return NULL;
	if (!row->is_held)
		*has_room = has_room_for(bot, row);
	if (!*has_room)
		return NULL;
	target = target_find_or_make(bot, row);
	if (row->is_held)
	{
		window_team_hold(target, row);
		return NULL;
	}
	window_team_admit(target, row);
	if (target->state != TARGET_ASKING)
		target->party = row->party;
	if (target_waits_for_first(target))
	{
		target_note_rest(target, row->id, row->priority);
		return NULL;
	}
	if (must_wait(target, row->id))
	{
		/* What comes between may have been passed over in another lane. */
		target_note_rest(target, target_last_queued_id(target) + 1,
						 row->priority);
		return NULL;
	}
	make_room(target);
	message = new_message(row, target);
	enqueue(target, message);
	return message;
}

/* ----------
 * What becomes of a message
 * ----------
 */

/* The message goes on the wire, as one of the batch in the ledger. */
void
window_flies(Message *message, LedgerBatch *batch)
{
	Target	   *target = message->target;

	message->state = MESSAGE_IN_FLIGHT;
	message->batch = batch;
	chat_take(message);
	target->is_verified = false;
	target_update(target);
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

	window_team_leave(message);
	leave_queue(message);

	/* Those that this one held back were passed over. */
	if (holds_back(message))
		target_note_rest(target, message->id + 1, PRIORITY_LOW);
}

/*
 * The message has an outcome: it leaves its queue, but not the memory, so that
 * it is not taken in again before that is written.
 */
void
window_settling(Message *message)
{
	message->state = MESSAGE_SETTLING;
	chat_leave(message);
	leave_target(message);
}

/*
 * The message is not in the table any more, or not as it is in memory.  Free
 * it; those behind it go on, also if it was kept from the wire.
 */
void
window_forget(Message *message)
{
	if (message->target != NULL)
	{
		message->target->not_before = 0;
		leave_target(message);
	}
	if (message->comes_again)
		lanes_look_again(message->bot->lanes, message->id);
	free_message(message);
}

/* ----------
 * What is known of targets is wrong
 * ----------
 */

/* What queues for the target waits until Graph has been asked again. */
static void
ask_anew(Target *target, TargetKnowledge knowledge)
{
	target_set_knowledge(target, knowledge);
	window_drop_queue(target);
	target_make_stale(target);
}

/*
 * The bot is not in a team any more: its channels that are in memory cannot be
 * reached, either.
 */
void
window_lose_channels(const Target *team)
{
	TargetScan	scan;
	Target	   *target;

	target_begin_scan(team->bot, &scan);
	while ((target = target_next(&scan)) != NULL)
		if (target->team != NULL && target->state == TARGET_KNOWN &&
			strcmp(target->team, team->id) == 0)
			ask_anew(target, team->knowledge);
}

/*
 * The name is said to be another's, or may be.  What queues for it goes back
 * to the table, and is looked up from there.  If Graph is being asked, it will
 * be asked once more.
 */
void
window_doubt(Bot *bot, const char *name, TargetKnowledge knowledge)
{
	Target	   *target = target_find(bot, SCOPE_USER, name);

	if (target == NULL)
		return;
	target->in_doubt = target->state == TARGET_ASKING;
	if (target->in_doubt)
		target_set_knowledge(target, knowledge);
	else
		ask_anew(target, knowledge);
}

/*
 * The bot is another one now.  Leave to the table what queues for any of its
 * targets: they look for their chats anew.
 */
void
window_drop_bot(Bot *bot)
{
	TargetScan	scan;
	Target	   *target;

	target_begin_scan(bot, &scan);
	while ((target = target_next(&scan)) != NULL)
	{
		target_set_knowledge(target, KNOWN_NOT);
		window_drop_queue(target);
		if (target->queue.state == QUEUE_FLIES)
			target_make_stale(target);
		else
			target_take_rest(target);
		target_hold(target, 0);
	}
	lanes_look_again(bot->lanes, 1);
}
