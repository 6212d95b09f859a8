/*
 * message.c
 *	  Every activity that was posted to a chat.
 *
 * Also counts equal texts per chat as they come, since "did anything arrive
 * twice?" is what most tests want to know, after any number of messages.
 */
#include "message.h"

#include <stdlib.h>
#include <string.h>

SimList		sim_messages;
uint64_t	sim_message_count;

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

uint64_t
sim_message_add(SimChat *chat, const json_t *activity, int64_t received_at_ns)
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
	message->chat = chat;
	message->activity = json_dumps(activity, JSON_COMPACT);
	message->text = count_text(chat, activity, message->activity);
	message->received_at_ns = received_at_ns;
	sim_list_add(&sim_messages, message);
	return id;
}

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
