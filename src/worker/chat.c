/*
 * chat.c
 *	  The chats that a message is on its way to.
 *
 * A chat gets one message of a bot at a time, since two that are on the wire
 * together may arrive in any order.  Targets do not see to that: a person may
 * be addressed by object id and by user principal name, which are two targets,
 * and what changes a message goes to where that is.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "worker/chat.h"

/* The chat's id is the message's copy of it. */
typedef struct TakenChat
{
	const Bot  *bot;
	const char *chat;
} TakenChat;

static MemoryContext chats_context;
static HTAB *taken_chats;
static dlist_head reserving;	/* messages that have reserved one */

static uint32
hash_chat(const void *key, Size size pg_attribute_unused())
{
	const TakenChat *taken = key;
	const char *chat = taken->chat;

	return hash_combine(hash_bytes((const unsigned char *) chat, strlen(chat)),
						hash_bytes((const unsigned char *) &taken->bot,
								   sizeof(taken->bot)));
}

static int
compare_chats(const void *a, const void *b, Size size pg_attribute_unused())
{
	const TakenChat *x = a;
	const TakenChat *y = b;

	return x->bot != y->bot ? 1 : strcmp(x->chat, y->chat);
}

/* Start with no chat taken; which ones are is kept in the context. */
void
chat_open(MemoryContext context)
{
	HASHCTL		control = {0};

	chats_context = context;
	dlist_init(&reserving);
	control.keysize = sizeof(TakenChat);
	control.entrysize = sizeof(TakenChat);
	control.hash = hash_chat;
	control.match = compare_chats;
	control.hcxt = context;
	taken_chats = hash_create("teams_proactive taken chats", 256, &control,
							  HASH_ELEM | HASH_FUNCTION | HASH_COMPARE |
							  HASH_CONTEXT);
}

/*
 * Is a message of the bot on its way to where this one goes?  A message that
 * is known to lead nowhere is in nobody's way.
 */
bool
chat_is_taken(const Message *message)
{
	TakenChat	key = {message->bot, message_chat(message)};

	return *key.chat != '\0' &&
		hash_search(taken_chats, &key, HASH_FIND, NULL) != NULL;
}

/*
 * The message is to go to its chat, which nobody has taken.  Until it goes,
 * the chat is only reserved.
 */
void
chat_reserve(Message *message)
{
	TakenChat	key = {message->bot, message_chat(message)};

	Assert(message->taken_chat == NULL && !chat_is_taken(message));
	if (*key.chat == '\0')
		return;
	message->taken_chat = MemoryContextStrdup(chats_context, key.chat);
	key.chat = message->taken_chat;
	(void) hash_search(taken_chats, &key, HASH_ENTER, NULL);
	message->reserves_chat = true;
	dlist_push_tail(&reserving, &message->reserving_node);
}

static void
end_reservation(Message *message)
{
	if (message->reserves_chat)
		dlist_delete(&message->reserving_node);
	message->reserves_chat = false;
}

/* The message goes to the chat that it has reserved. */
void
chat_take(Message *message)
{
	end_reservation(message);
}

/* The message is not on its way any more, if it was. */
void
chat_leave(Message *message)
{
	TakenChat	key = {message->bot, message->taken_chat};

	if (message->taken_chat == NULL)
		return;
	end_reservation(message);
	(void) hash_search(taken_chats, &key, HASH_REMOVE, NULL);
	pfree(message->taken_chat);
	message->taken_chat = NULL;
}

/* No message that has reserved a chat goes there now. */
void
chat_give_up(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &reserving)
		chat_leave(dlist_container(Message, reserving_node, iter.cur));
}
