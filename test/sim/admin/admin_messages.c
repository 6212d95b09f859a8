/*
 * admin_messages.c
 *	  Shows the messages that arrived.
 */
#include "admin/admin.h"
#include "base/memory.h"
#include "http/reply.h"
#include "tenant/message.h"

#include <stdlib.h>

static const char *
chat_scope(const SimChat *chat)
{
	return chat->user != NULL ? "user" :
		sim_chat_is_channel(chat) ? "channel" : "chat";
}

/* Where a message is; what does not apply is null. */
static json_t *
place_json(const SimMessage *message)
{
	const SimChat *chat = message->chat;
	const SimUser *user = chat->user;
	char	   *root = message->root == 0 ? NULL :
		sim_format("%llu", (unsigned long long) message->root);
	json_t	   *result =
		json_pack("{ss ss ss? ss? ss? ss? ss?}", "scope", chat_scope(chat),
				  "conversation", chat->id, "user",
				  user != NULL ? user->id : NULL, "upn",
				  user != NULL ? user->upn : NULL, "team",
				  sim_chat_is_channel(chat) ? chat->group->id : NULL,
				  "channel", chat->name, "thread", root);

	free(root);
	return result;
}

static json_t *
message_json(const SimMessage *message)
{
	json_t	   *result = place_json(message);
	json_t	   *activity = json_loads(message->activity, 0, NULL);
	json_t	   *text = json_object_get(activity, "text");
	char	   *id = sim_format("%llu", (unsigned long long) message->id);

	json_object_update_new(result,
						   json_pack("{sI ss ss ss sO? so sI sI sI si sb}",
									 "seq", (json_int_t) message->seq,
									 "id", id, "bot", message->bot->client_id,
									 "arrived_as", message->text->text,
									 "text", text, "activity", activity,
									 "received_at_ns",
									 (json_int_t) message->received_at_ns,
									 "changed_at_ns",
									 (json_int_t) message->changed_at_ns,
									 "count",
									 (json_int_t) message->text->count,
									 "edited", (int) message->edits,
									 "deleted", (int) message->deleted));
	free(id);
	return result;
}

/* A number of the query; false if it is none. */
static bool
number(const SimUri *uri, const char *name, uint64_t *value)
{
	const char *text = sim_uri_parameter(uri, name);
	char	   *end;

	if (text == NULL)
		return true;
	*value = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && *end == '\0';
}

/*
 * GET /messages: what arrived, in the order of its arrival, as far as it was
 * kept.
 */
void
sim_admin_messages(SimRequest *request, const SimUri *uri)
{
	const char *chat_id = sim_uri_parameter(uri, "conversation");
	const char *user_name = sim_uri_parameter(uri, "user");
	uint64_t	root = 0;
	const SimChat *chat = chat_id != NULL ?
		sim_find_chat_of_thread(chat_id, &root) : NULL;
	const SimUser *user = user_name != NULL ? sim_find_user(user_name) : NULL;
	uint64_t	limit = UINT64_MAX;
	uint64_t	after = 0;
	json_t	   *result;

	if (!number(uri, "limit", &limit) || !number(uri, "after", &after))
	{
		sim_admin_error(&request->reply, 400,
						"\"limit\" and \"after\" must be numbers");
		return;
	}
	if ((chat_id != NULL && chat == NULL) ||
		(user_name != NULL && user == NULL))
	{
		sim_admin_error(&request->reply, 404,
						"there is no such conversation or user");
		return;
	}
	result = json_array();
	for (size_t i = sim_messages_after(after);
		 i < sim_messages.used && json_array_size(result) < limit; i++)
	{
		const SimMessage *message = sim_messages.items[i];

		if ((chat == NULL || message->chat == chat) &&
			(root == 0 || message->root == root) &&
			(user == NULL || message->chat->user == user))
			json_array_append_new(result, message_json(message));
	}
	sim_reply_json(&request->reply, 200, result);
}

static void
add_duplicate(const SimText *text, void *context)
{
	const SimUser *user = text->chat->user;

	json_array_append_new(context,
						  json_pack("{ss ss? ss? ss sI}", "conversation",
									text->chat->id, "user",
									user != NULL ? user->id : NULL, "upn",
									user != NULL ? user->upn : NULL, "text",
									text->text, "count",
									(json_int_t) text->count));
}

/*
 * The texts that arrived more than once in a chat, and how often; the caller
 * owns the object.
 */
json_t *
sim_duplicates_json(void)
{
	json_t	   *result = json_array();

	sim_for_duplicates(add_duplicate, result);
	return result;
}
