/*
 * target.c
 *	  The targets that are in memory, and what their messages wait for.
 *
 * A target has the first few of its messages in memory, and leaves the others
 * in the table.  Two states say what keeps these and those:
 *
 *	 queue	 the first message in memory			until
 *	 -----	 ---------------------------			-----
 *	 EMPTY	 does not exist							one is admitted
 *	 ASKS	 does not know where to go, or is a		target_outcome.c sees to it
 *			 job; in the list "asks"
 *	 WAITS	 waits for what Graph says				Graph has been asked
 *	 READY	 can go; in one of the lists "ready"	it goes, or leaves
 *	 FLIES	 is on the wire							it has an outcome
 *
 *	 rest	 what the table has for the target		until
 *	 ----	 ---------------------------------		-----
 *	 NONE	 is what sweeps come to, if anything	target_note_rest()
 *	 HELD	 waits for others of its team			window_team.c lets it go
 *	 ASKING	 waits for what Graph says				Graph has been asked
 *	 FIRST	 waits for the first in memory, after	that has an outcome
 *			 which Graph is asked
 *	 FULL	 waits for room in memory				half of that is free
 *	 DUE	 is read next; in the list "due"		intake.c reads it
 *
 * Nobody moves a target from one of these to another.  They follow from facts:
 * the messages and what is known of the target.  Whoever changes one of these
 * calls target_update(), which finds the states anew and keeps the lists of
 * the bot.  So what is in a list is what belongs there.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "base/moment.h"
#include "worker/message.h"

static MemoryContext targets_context;

/* Targets that were seen without anything to be kept for. */
static dlist_head idle;

/* What is in memory of a bot's targets, by key: "scope:id", of any length. */
typedef struct TargetEntry
{
	const char *key;
	Target	   *target;
} TargetEntry;

/* Start with none; they are allocated in the context. */
void
target_open(MemoryContext context)
{
	targets_context = context;
	dlist_init(&idle);
}

/* A bot begins with no targets, and no messages. */
void
target_init_window(BotWindow *window)
{
	for (int i = 0; i < PRIORITIES; i++)
		dlist_init(&window->ready[i]);
	dlist_init(&window->asks);
	dlist_init(&window->due);
}

/* ----------
 * Found by scope and id
 * ----------
 */

static uint32
hash_key(const void *key, Size size pg_attribute_unused())
{
	const char *text = *(const char *const *) key;

	return hash_bytes((const unsigned char *) text, strlen(text));
}

static int
compare_keys(const void *a, const void *b, Size size pg_attribute_unused())
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* The bot's hash table, which is made when it is first needed. */
static HTAB *
targets_of(Bot *bot)
{
	HASHCTL		control = {0};

	if (bot->window.targets != NULL)
		return bot->window.targets;
	control.keysize = sizeof(const char *);
	control.entrysize = sizeof(TargetEntry);
	control.hash = hash_key;
	control.match = compare_keys;
	control.hcxt = targets_context;
	bot->window.targets = hash_create("teams_proactive targets", 256, &control,
									  HASH_ELEM | HASH_FUNCTION |
									  HASH_COMPARE | HASH_CONTEXT);
	return bot->window.targets;
}

static char *
key_of(Scope scope, const char *id)
{
	return psprintf("%s:%s", words_name(&scope_words, scope), id);
}

/* The target, or NULL if it is not in memory. */
Target *
target_find(Bot *bot, Scope scope, const char *id)
{
	char	   *key = key_of(scope, id);
	TargetEntry *entry = hash_search(targets_of(bot), &key, HASH_FIND, NULL);

	pfree(key);
	return entry != NULL ? entry->target : NULL;
}

static char *
copy_text(const char *text)
{
	return text ? MemoryContextStrdup(targets_context, text) : NULL;
}

/* The row's target.  If it is not in memory, it is made as the row says. */
Target *
target_find_or_make(Bot *bot, const OutboxMessage *row)
{
	Target	   *target = target_find(bot, row->scope, row->target);
	TargetEntry *entry;
	char	   *key;

	if (target != NULL)
		return target;
	key = key_of(row->scope, row->target);
	target = MemoryContextAllocZero(targets_context, sizeof(Target));
	target->key = copy_text(key);
	pfree(key);
	entry = hash_search(targets_of(bot), &target->key, HASH_ENTER, NULL);
	entry->target = target;
	target->bot = bot;
	target->scope = row->scope;
	target->id = copy_text(row->target);
	target->team = copy_text(row->team);
	target->service_url = copy_text(row->service_url);
	target->knowledge = row->knowledge;
	target->chat_id = copy_text(row->chat_id);
	target->installation_id = copy_text(row->installation_id);
	target->user_id = copy_text(row->user_id);
	target->verify_at = row->verify_at;
	target->state = row->knowledge == KNOWN_INSTALLED ?
		TARGET_KNOWN : TARGET_NEW;
	target->queue.priority = target->rest.priority = PRIORITY_LOW;
	dlist_init(&target->queue.messages);
	return target;
}

/* Begin to go over all targets of a bot, to the end. */
void
target_begin_scan(Bot *bot, TargetScan *scan)
{
	hash_seq_init(&scan->targets, targets_of(bot));
}

/* The next of them, or NULL.  None is freed meanwhile. */
Target *
target_next(TargetScan *scan)
{
	TargetEntry *entry = hash_seq_search(&scan->targets);

	return entry != NULL ? entry->target : NULL;
}

/* ----------
 * What its messages wait for
 * ----------
 */

/* The message that is first in the target's queue, or NULL. */
Message *
target_first(Target *target)
{
	if (dlist_is_empty(&target->queue.messages))
		return NULL;
	return dlist_head_element(Message, node, &target->queue.messages);
}

/*
 * The highest id that queues for the target, or 0.  One on the wire may have a
 * higher one than others that have come late.
 */
int64
target_last_queued_id(Target *target)
{
	int64		last = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &target->queue.messages)
	{
		Message    *message = dlist_container(Message, node, iter.cur);

		if (message->state == MESSAGE_QUEUED)
			last = Max(last, message->id);
	}
	return last;
}

/* The highest priority of what the target has in memory, or left behind. */
static Priority
priority_of(Target *target)
{
	Priority	highest = target->rest.from != 0 ?
		target->rest.priority : PRIORITY_LOW;
	dlist_iter	iter;

	dlist_foreach(iter, &target->queue.messages)
		highest = Min(highest,
					  dlist_container(Message, node, iter.cur)->priority);
	return highest;
}

/*
 * A target that is known can send, and what needs no target can be sent.  A
 * job is for Graph, whatever is known.
 */
static QueueState
queue_state(Target *target)
{
	Message    *first = target_first(target);

	if (first == NULL)
		return QUEUE_EMPTY;
	if (first->state == MESSAGE_IN_FLIGHT)
		return QUEUE_FLIES;
	if (target->state == TARGET_ASKING)
		return QUEUE_WAITS;
	if (kind_is_job(first->kind) ||
		(target->state == TARGET_NEW && message_needs_target(first)))
		return QUEUE_ASKS;
	return QUEUE_READY;
}

/*
 * Nothing is asked about a target, or not again, while a message to it is on
 * the wire, or can go there without that: what comes next waits for this.
 */
bool
target_waits_for_first(const Target *target)
{
	return target->state == TARGET_NEW &&
		(target->queue.state == QUEUE_FLIES ||
		 target->queue.state == QUEUE_READY);
}

static RestState
rest_state(const Target *target)
{
	const TargetRest *rest = &target->rest;

	if (rest->from == 0)
		return REST_NONE;
	if (rest->held_from != 0 && rest->from >= rest->held_from)
		return REST_HELD;
	if (target->state == TARGET_ASKING)
		return REST_ASKING;
	if (target_waits_for_first(target))
		return REST_FIRST;
	return target->queue.count > TARGET_ROOM / 2 ? REST_FULL : REST_DUE;
}

/* Is there nothing that the target is kept in memory for? */
static bool
is_idle(const Target *target)
{
	return target->queue.state == QUEUE_EMPTY &&
		target->rest.state == REST_NONE && target->state != TARGET_ASKING;
}

/* The list that a target is in by these, or NULL. */
static dlist_head *
list_of(BotWindow *window, QueueState state, Priority priority)
{
	if (state == QUEUE_READY)
		return &window->ready[priority];
	return state == QUEUE_ASKS ? &window->asks : NULL;
}

static void
set_queue_state(Target *target, QueueState state, Priority priority)
{
	TargetQueue *queue = &target->queue;
	BotWindow  *window = &target->bot->window;
	dlist_head *old_list = list_of(window, queue->state, queue->priority);
	dlist_head *new_list = list_of(window, state, priority);

	if (old_list != new_list && old_list != NULL)
		dlist_delete(&queue->node);
	if (old_list != new_list && new_list != NULL)
		dlist_push_tail(new_list, &queue->node);
	window->in_flight += (state == QUEUE_FLIES) - (queue->state == QUEUE_FLIES);
	queue->state = state;
	queue->priority = priority;
}

static void
set_rest_state(Target *target, RestState state)
{
	TargetRest *rest = &target->rest;

	if (rest->state == REST_DUE && state != REST_DUE)
		dlist_delete(&rest->node);
	if (rest->state != REST_DUE && state == REST_DUE)
		dlist_push_tail(&target->bot->window.due, &rest->node);
	rest->state = state;
}

/* Something has changed that the states of the target follow from. */
void
target_update(Target *target)
{
	set_queue_state(target, queue_state(target), priority_of(target));
	set_rest_state(target, rest_state(target));
	if (is_idle(target) && !target->is_idle)
	{
		target->is_idle = true;
		dlist_push_tail(&idle, &target->idle_node);
	}
}

/* ----------
 * What they follow from
 * ----------
 */

/*
 * Graph is asked about the target, or it is known, or not any more.  Messages
 * of those who are being asked about have room of their own: see
 * window_room().
 */
void
target_set_state(Target *target, TargetState state)
{
	int			change = (state == TARGET_ASKING) -
		(target->state == TARGET_ASKING);

	target->bot->window.asking_messages += change * target->queue.count;
	target->state = state;
	target_update(target);
}

/* What is stored of the target is wrong: the next message asks again. */
void
target_make_stale(Target *target)
{
	target_set_state(target, TARGET_NEW);
}

/* That is what is known of the target, or will be when it is written. */
void
target_set_knowledge(Target *target, TargetKnowledge knowledge)
{
	target->knowledge = knowledge;
}

/*
 * From that id on, the table may have messages to the target that no sweep
 * comes to again: they are read when there is room for them.
 */
void
target_note_rest(Target *target, int64 from, Priority priority)
{
	TargetRest *rest = &target->rest;

	rest->priority = rest->from != 0 ? Min(rest->priority, priority) :
		priority;
	rest->from = sooner(rest->from, from);
	target_update(target);
}

/*
 * What is found out of the target has changed: the sweeps may have passed over
 * messages that were for another of them.
 */
void
target_note_change(Target *target)
{
	if (target_first(target) != NULL)
		target_note_rest(target, target_last_queued_id(target) + 1,
						 PRIORITY_LOW);
}

/*
 * What the table has for the target is about to be admitted, in order.  The
 * caller ends that with target_update(), after it has noted what remains.
 */
void
target_take_rest(Target *target)
{
	target->rest.from = 0;
}

/*
 * From that id on, what the table has for the target waits for others of its
 * team; 0: for nobody.  The bot counts those that wait.
 */
void
target_hold(Target *target, int64 from)
{
	target->bot->window.held_targets += (from != 0) -
		(target->rest.held_from != 0);
	target->rest.held_from = from;
	target_update(target);
}

/* ----------
 * The end
 * ----------
 */

static void
free_text(const char *text)
{
	if (text != NULL)
		pfree(unconstify(char *, text));
}

static void
free_target(Target *target)
{
	target_hold(target, 0);
	dlist_delete(&target->idle_node);
	hash_search(target->bot->window.targets, &target->key, HASH_REMOVE, NULL);
	free_text(target->key);
	free_text(target->id);
	free_text(target->team);
	free_text(target->installation_id);
	free_text(target->app_version);
	free_text(target->chat_id);
	free_text(target->service_url);
	free_text(target->user_id);
	free_text(target->inquiry.error.code);
	free_text(target->inquiry.error.message);
	free_text(target->inquiry.correlation_id);
	pfree(target);
}

/*
 * Free the targets that nothing is left of.  It is called where nobody holds a
 * pointer to one, and before rows are read, as a target that is made anew goes
 * by what its row says.
 */
void
target_free_idle(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &idle)
	{
		Target	   *target = dlist_container(Target, idle_node, iter.cur);

		if (is_idle(target))
			free_target(target);
		else
		{
			dlist_delete(&target->idle_node);
			target->is_idle = false;
		}
	}
}
