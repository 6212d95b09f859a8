/*
 * target.c
 *	  The targets that are in memory: found by scope and id, and ready when their
 *	  first message can go.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "worker/window_internal.h"

static MemoryContext targets_context;

/* Targets that were seen without anything to be kept for. */
static dlist_head idle;

void
window_open_targets(MemoryContext context)
{
	targets_context = context;
	dlist_init(&idle);
}

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

static HTAB *
targets_of(Bot *bot)
{
	HASHCTL		control = {0};

	if (bot->targets != NULL)
		return bot->targets;
	control.keysize = sizeof(const char *);
	control.entrysize = sizeof(TargetEntry);
	control.hash = hash_key;
	control.match = compare_keys;
	control.hcxt = targets_context;
	bot->targets = hash_create("teams_proactive targets", 256, &control,
							   HASH_ELEM | HASH_FUNCTION | HASH_COMPARE |
							   HASH_CONTEXT);
	return bot->targets;
}

static char *
keep(const char *text)
{
	return text ? MemoryContextStrdup(targets_context, text) : NULL;
}

static char *
key_of(Scope scope, const char *id)
{
	return psprintf("%s:%s", words_name(&scope_words, scope), id);
}

Target *
window_find_target(Bot *bot, Scope scope, const char *id)
{
	char	   *key = key_of(scope, id);
	TargetEntry *entry = hash_search(targets_of(bot), &key, HASH_FIND, NULL);

	pfree(key);
	return entry != NULL ? entry->target : NULL;
}

Target *
window_find_or_make_target(Bot *bot, const OutboxMessage *row)
{
	Target	   *target = window_find_target(bot, row->scope, row->target);
	TargetEntry *entry;
	char	   *key;

	if (target != NULL)
		return target;
	key = key_of(row->scope, row->target);
	target = MemoryContextAllocZero(targets_context, sizeof(Target));
	target->key = keep(key);
	pfree(key);
	entry = hash_search(bot->targets, &target->key, HASH_ENTER, NULL);
	entry->target = target;
	target->bot = bot;
	target->scope = row->scope;
	target->id = keep(row->target);
	target->team = keep(row->team);
	target->service_url = keep(row->service_url);
	target->knowledge = row->knowledge;
	target->chat_id = keep(row->chat_id);
	target->installation_id = keep(row->installation_id);
	target->user_id = keep(row->user_id);
	target->verify_at = row->verify_at;
	target->state = target->knowledge == KNOWN_INSTALLED ?
		TARGET_KNOWN : TARGET_NEW;
	target->priority = target->behind_priority = PRIORITY_LOW;
	dlist_init(&target->messages);
	return target;
}

static void
free_string(const char *text)
{
	if (text != NULL)
		pfree(unconstify(char *, text));
}

void
window_unready(Target *target)
{
	if (target->is_ready)
		dlist_delete(&target->ready_node);
	target->is_ready = false;
}

static void
free_target(Target *target)
{
	window_unready(target);
	window_set_held(target, 0);
	if (target->is_behind)
		dlist_delete(&target->behind_node);
	dlist_delete(&target->idle_node);
	free_string(target->id);
	free_string(target->team);
	free_string(target->installation_id);
	free_string(target->app_version);
	free_string(target->chat_id);
	free_string(target->service_url);
	free_string(target->user_id);
	free_string(target->error.code);
	free_string(target->error.message);
	free_string(target->correlation_id);
	hash_search(target->bot->targets, &target->key, HASH_REMOVE, NULL);
	free_string(target->key);
	pfree(target);
}

Message *
window_first(Target *target)
{
	if (dlist_is_empty(&target->messages))
		return NULL;
	return dlist_head_element(Message, node, &target->messages);
}

/* The highest priority of what queues for the target. */
static Priority
priority_of(Target *target)
{
	Priority	highest = target->behind_from != 0 ?
		target->behind_priority : PRIORITY_LOW;
	dlist_iter	iter;

	dlist_foreach(iter, &target->messages)
		highest = Min(highest,
					  dlist_container(Message, node, iter.cur)->priority);
	return highest;
}

void
window_check_ready(Target *target)
{
	Message    *first = window_first(target);
	bool		ready = first != NULL && first->state == MESSAGE_QUEUED &&
		(target->state == TARGET_KNOWN ||
		 (target->state == TARGET_NEW && !message_needs_target(first)));
	Priority	priority = priority_of(target);

	if (target->is_ready && (!ready || priority != target->priority))
		window_unready(target);
	target->priority = priority;
	if (ready && !target->is_ready)
		dlist_push_tail(&target->bot->lanes[priority].ready,
						&target->ready_node);
	target->is_ready = ready;
}

void
window_target_is_stale(Target *target)
{
	target->state = TARGET_NEW;
	window_check_ready(target);
}

bool
window_chat_is_busy(const Bot *bot, const char *chat_id)
{
	dlist_iter	iter;

	dlist_foreach(iter, unconstify(dlist_head *, &bot->flying))
	{
		/* What is on the wire is the first of its target. */
		Target	   *other = dlist_container(Target, flying_node, iter.cur);
		const char *chat = message_chat(window_first(other));

		if (chat != NULL && strcmp(chat, chat_id) == 0)
			return true;
	}
	return false;
}

/* Is there nothing that the target is kept in memory for? */
static bool
is_idle(Target *target)
{
	return dlist_is_empty(&target->messages) && target->behind_from == 0 &&
		target->state != TARGET_ASKING;
}

void
window_release_target(Target *target)
{
	if (target->is_idle || !is_idle(target))
		return;
	target->is_idle = true;
	dlist_push_tail(&idle, &target->idle_node);
}

/*
 * Free the targets that were released and have got nothing since.  It is called
 * where nobody holds a pointer to one, and before rows are read, as a target
 * that is made anew goes by what its row says.
 */
void
window_free_idle_targets(void)
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
