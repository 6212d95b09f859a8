/*
 * message.c
 *	  Every activity that was posted to a conversation.
 *
 * Also counts equal texts per chat as they come, since "did anything arrive
 * twice?" is what most tests want to know, after any number of messages.
 */
#include "tenant/message.h"
#include "base/memory.h"
#include "base/table.h"

#include <stdlib.h>
#include <string.h>

SimList		sim_messages;
uint64_t	sim_message_count;
void		(*sim_on_message) (const SimMessage *message);
void		(*sim_on_deletion) (const SimMessage *message);

static SimTable texts;
static uint64_t last_id;

/* Ids look like milliseconds since 1970, and no two are the same. */
static uint64_t
next_id(int64_t received_at_ns)
{
	uint64_t	now_ms = (uint64_t) (received_at_ns / 1000000);

	last_id = now_ms > last_id ? now_ms : last_id + 1;
	return last_id;
}

/* What a message says: its text, else (a card) all of it. */
static SimText *
count_text(SimChat *chat, const json_t *activity, const char *dump)
{
	const char *said = json_string_value(json_object_get(activity, "text"));
	size_t		prefix = strlen(chat->id) + 1;
	SimText    *text;
	SimText    *known;

	if (said == NULL || *said == '\0')
		said = dump;
	text = sim_alloc(sizeof(SimText) + prefix + strlen(said) + 1);
	memcpy(text->key, chat->id, prefix - 1);
	text->key[prefix - 1] = '\n';
	strcpy(text->key + prefix, said);
	known = sim_table_get(&texts, text->key);
	if (known == NULL)
	{
		text->chat = chat;
		text->text = text->key + prefix;
		sim_table_put(&texts, text->key, text);
		known = text;
	}
	else
		free(text);
	known->count++;
	return known;
}

/*
 * Store an activity; returns the id that the service gives it.  In a channel
 * it answers to the message "root", or starts a thread if that is 0.
 */
uint64_t
sim_message_add(SimChat *chat, SimBot *bot, uint64_t root,
				const json_t *activity, int64_t received_at_ns)
{
	SimMessage *message;
	uint64_t	id = next_id(received_at_ns);

	sim_message_count++;
	chat->messages++;
	if (sim_settings.forget_messages)
		return id;
	message = sim_alloc(sizeof(SimMessage));
	message->seq = sim_message_count;
	message->id = id;
	message->root = root > 0 || !sim_chat_is_channel(chat) ? root : id;
	message->chat = chat;
	message->bot = bot;
	message->activity = json_dumps(activity, JSON_COMPACT);
	message->text = count_text(chat, activity, message->activity);
	message->received_at_ns = received_at_ns;
	sim_list_add(&sim_messages, message);
	if (sim_on_message != NULL)
		sim_on_message(message);
	return id;
}

/* The position of the first message after a sequence number. */
size_t
sim_messages_after(uint64_t seq)
{
	size_t		low = 0;
	size_t		high = sim_messages.used;

	while (low < high)
	{
		size_t		middle = (low + high) / 2;

		if (((SimMessage *) sim_messages.items[middle])->seq <= seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Ids only ever grow, so no table of them is needed. */
SimMessage *
sim_find_message(const SimChat *chat, uint64_t id)
{
	size_t		low = 0;
	size_t		high = sim_messages.used;
	SimMessage *message;

	while (low < high)
	{
		size_t		middle = (low + high) / 2;

		if (((SimMessage *) sim_messages.items[middle])->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == sim_messages.used)
		return NULL;
	message = sim_messages.items[low];
	return message->id == id && message->chat == chat ? message : NULL;
}

/* The message says something else from now on. */
void
sim_message_edit(SimMessage *message, const json_t *activity,
				 int64_t received_at_ns)
{
	free(message->activity);
	message->activity = json_dumps(activity, JSON_COMPACT);
	message->edits++;
	message->changed_at_ns = received_at_ns;
	if (sim_on_message != NULL)
		sim_on_message(message);
}

/* The message is not to be seen any more; it is kept. */
void
sim_message_delete(SimMessage *message, int64_t received_at_ns)
{
	message->deleted = true;
	message->changed_at_ns = received_at_ns;
	if (sim_on_deletion != NULL)
		sim_on_deletion(message);
}

/* Call "visit" for each text that arrived more than once in a chat. */
void
sim_for_duplicates(void (*visit) (const SimText *text, void *context),
				   void *context)
{
	for (size_t i = 0; i < texts.size; i++)
	{
		const SimText *text = texts.slots[i].value;

		if (texts.slots[i].key != NULL && text->count > 1)
			visit(text, context);
	}
}

/* Forget all messages. */
void
sim_messages_reset(void)
{
	for (size_t i = 0; i < sim_messages.used; i++)
	{
		SimMessage *message = sim_messages.items[i];

		free(message->activity);
		free(message);
	}
	free(sim_messages.items);
	memset(&sim_messages, 0, sizeof(sim_messages));
	sim_table_clear(&texts, free);
	sim_message_count = 0;
}
