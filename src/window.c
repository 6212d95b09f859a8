/*
 * window.c
 *	  The part of the outbox that is in memory: a bounded number of messages
 *	  for each bot, in the order of each target.
 *
 * The outbox may be long; what is in memory is not.  A target with many
 * messages gets a few places only, so that it cannot take the room of others:
 * the rest stays in the table, and the sweep over the table comes back for
 * them when those are through.
 */
#include "postgres.h"

#include "compat.h"
#include "utils/memutils.h"

#include "window.h"

/* Messages in memory, for each bot and for each target. */
#define BOT_ROOM 1000
#define TARGET_ROOM 8

/* The key of a target is "scope:id". */
#define MAX_KEY 300

typedef struct TargetEntry
{
	char		key[MAX_KEY];
	Target		target;
} TargetEntry;

static MemoryContext window_context;
static HTAB *messages;

void
window_open(MemoryContext context)
{
	HASHCTL		control = {0};

	window_context = context;
	control.keysize = sizeof(int64);
	control.entrysize = sizeof(Message);
	control.hcxt = context;
	messages = hash_create("teams_proactive messages", 1024, &control,
						   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

int
window_room(const Bot *bot)
{
	return Max(0, BOT_ROOM - bot->window);
}

/* ----------
 * Targets
 * ----------
 */

static HTAB *
targets_of(Bot *bot)
{
	HASHCTL		control = {0};

	if (bot->targets != NULL)
		return bot->targets;
	control.keysize = MAX_KEY;
	control.entrysize = sizeof(TargetEntry);
	control.hcxt = window_context;
	bot->targets = hash_create("teams_proactive targets", 256, &control,
							   HASH_ELEM | COMPAT_HASH_STRINGS | HASH_CONTEXT);
	return bot->targets;
}

static char *
keep(const char *text)
{
	return text ? MemoryContextStrdup(window_context, text) : NULL;
}

/* The row's target; NULL if its id is too long to be one. */
static Target *
find_or_make_target(Bot *bot, const OutboxMessage *row)
{
	char		key[MAX_KEY];
	TargetEntry *entry;
	bool		found;
	Target	   *target;

	if (snprintf(key, sizeof(key), "%s:%s", row->scope, row->target) >= MAX_KEY)
		return NULL;
	entry = hash_search(targets_of(bot), key, HASH_ENTER, &found);
	target = &entry->target;
	if (found)
		return target;
	memset(target, 0, sizeof(Target));
	target->key = entry->key;
	target->bot = bot;
	target->scope = keep(row->scope);
	target->id = keep(row->target);
	target->chat_id = keep(row->chat_id);
	target->service_url = keep(row->service_url);
	target->state = target->chat_id ? TARGET_KNOWN : TARGET_NEW;
	dlist_init(&target->messages);
	return target;
}

static void
free_string(const char *text)
{
	if (text != NULL)
		pfree(unconstify(char *, text));
}

static void
free_target(Target *target)
{
	window_unready(target);
	free_string(target->scope);
	free_string(target->id);
	free_string(target->installation_id);
	free_string(target->app_version);
	free_string(target->chat_id);
	free_string(target->service_url);
	free_string(target->error.code);
	free_string(target->error.message);
	free_string(target->correlation_id);
	hash_search(target->bot->targets, target->key, HASH_REMOVE, NULL);
}

Message *
window_first(Target *target)
{
	if (dlist_is_empty(&target->messages))
		return NULL;
	return dlist_head_element(Message, node, &target->messages);
}

void
window_check_ready(Target *target)
{
	Message    *first = window_first(target);
	bool		ready = target->state == TARGET_KNOWN && first != NULL &&
		first->state == MESSAGE_QUEUED;

	if (ready && !target->is_ready)
		dlist_push_tail(&target->bot->ready, &target->ready_node);
	else if (!ready)
		window_unready(target);
	target->is_ready = ready;
}

void
window_unready(Target *target)
{
	if (target->is_ready)
		dlist_delete(&target->ready_node);
	target->is_ready = false;
}

void
window_target_is_stale(Target *target)
{
	free_string(target->chat_id);
	target->chat_id = NULL;
	target->state = TARGET_NEW;
	window_check_ready(target);
}

bool
window_chat_is_busy(const Target *target)
{
	dlist_iter	iter;

	dlist_foreach(iter, &target->bot->flying)
	{
		const Target *other = dlist_container(Target, flying_node, iter.cur);

		if (other->chat_id != NULL &&
			strcmp(other->chat_id, target->chat_id) == 0)
			return true;
	}
	return false;
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

void
window_rewind(Bot *bot, int64 after)
{
	bot->cursor = bot->sweeping ? Min(bot->cursor, after) : after;
	bot->sweeping = true;
}

/* Must this row wait in the table until the target has room again? */
static bool
must_wait(Target *target, int64 id)
{
	if (target->skipped_from != 0)
		return id >= target->skipped_from;
	if (target->message_count < TARGET_ROOM)
		return false;

	/* One that comes before others here must not be left behind. */
	return id > dlist_tail_element(Message, node, &target->messages)->id;
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
}

/*
 * Must this row wait because its target is unknown?  Those who are known shall
 * not wait for room that is taken by people Graph has to be asked for.
 */
static bool
must_wait_for_graph(Bot *bot, const OutboxMessage *row)
{
	char		key[MAX_KEY];

	if (row->chat_id != NULL)
		return false;
	if (bot->skipped_from != 0 ? row->id < bot->skipped_from :
		bot->asking_targets < INSTALLATION_MAX_ASKING)
		return false;

	/* One that is being asked for, or was found out, is in memory. */
	snprintf(key, sizeof(key), "%s:%s", row->scope, row->target);
	if (hash_search(targets_of(bot), key, HASH_FIND, NULL) != NULL)
		return false;
	if (bot->skipped_from == 0)
		bot->skipped_from = row->id;
	return true;
}

void
window_check_skipped(Bot *bot)
{
	if (bot->skipped_from == 0 ||
		bot->asking_targets > INSTALLATION_MAX_ASKING / 2)
		return;
	window_rewind(bot, bot->skipped_from - 1);
	bot->skipped_from = 0;
}

void
window_admit(const OutboxMessage *row)
{
	Bot		   *bot = bot_find(row->bot);
	Target	   *target;
	Message    *message;
	bool		found;

	if (bot == NULL ||
		hash_search(messages, &row->id, HASH_FIND, NULL) != NULL ||
		must_wait_for_graph(bot, row))
		return;
	target = find_or_make_target(bot, row);
	if (target == NULL)
		return;
	if (must_wait(target, row->id))
	{
		if (target->skipped_from == 0)
			target->skipped_from = row->id;
		return;
	}

	message = hash_search(messages, &row->id, HASH_ENTER, &found);
	message->state = MESSAGE_QUEUED;
	message->target = target;
	message->is_send = row->is_send;
	message->retrying = row->retrying;
	message->at_most_once = row->at_most_once;
	message->attempts = row->attempts;
	strlcpy(message->last_code, row->error_code ? row->error_code : "",
			sizeof(message->last_code));
	message->batch = NULL;
	bot->window++;
	enqueue(target, message);

	if (target->state == TARGET_NEW)
		installation_ask(target);
	window_check_ready(target);
}

/* It also sends the sweep back for what the target left behind. */
void
window_release_target(Target *target)
{
	if (!dlist_is_empty(&target->messages))
		return;
	if (target->skipped_from != 0)
		window_rewind(target->bot, target->skipped_from - 1);
	target->skipped_from = 0;
	if (target->state != TARGET_ASKING)
		free_target(target);
}

void
window_settling(Message *message)
{
	Target	   *target = message->target;

	message->state = MESSAGE_SETTLING;
	message->target = NULL;
	dlist_delete(&message->node);
	target->message_count--;

	/* Those that this one held back were never read. */
	if (message->retrying)
		window_rewind(target->bot, message->id);
	target->bot->window--;
	window_check_ready(target);
	window_release_target(target);
}

void
window_drop_queue(Target *target)
{
	dlist_mutable_iter iter;
	int64		first_id = 0;

	dlist_foreach_modify(iter, &target->messages)
	{
		Message    *message = dlist_container(Message, node, iter.cur);

		if (message->state != MESSAGE_QUEUED)
			continue;
		if (first_id == 0 || message->id < first_id)
			first_id = message->id;
		dlist_delete(&message->node);
		target->message_count--;
		target->bot->window--;
		hash_search(messages, &message->id, HASH_REMOVE, NULL);
	}
	target->skipped_from = 0;
	if (first_id != 0)
	{
		/* What a retry does not hold back comes again. */
		window_rewind(target->bot, first_id - 1);
		window_check_ready(target);
	}
	window_release_target(target);
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
		Target	   *target = &entry->target;
		Message    *first = window_first(target);

		/* Where the next one goes is to be found out anew. */
		if (first != NULL && first->state == MESSAGE_IN_FLIGHT)
			window_target_is_stale(target);
		window_drop_queue(target);
	}
	window_rewind(bot, 0);
}

void
window_forget(Message *message)
{
	Target	   *target = message->target;

	if (target != NULL)
	{
		dlist_delete(&message->node);
		target->message_count--;
		target->bot->window--;
		window_check_ready(target);
		window_release_target(target);
	}
	hash_search(messages, &message->id, HASH_REMOVE, NULL);
}
