/*
 * connector.c
 *	  The Bot Connector: what a path names, and what bots send there.
 */
#include "connector/connector.h"
#include "base/memory.h"
#include "connector/connector_check.h"
#include "http/reply.h"
#include "service/entra.h"
#include "service/quota.h"
#include "service/service.h"
#include "tenant/message.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * The index of "v3" in /connector/{path of the service URL}/v3/..., or 0.
 * There must be such a path: it is significant (contract 4.0.1).
 */
static int
find_root(const SimUri *uri)
{
	for (int i = 1; i < uri->nsegments; i++)
	{
		if (*uri->segments[i] == '\0')
			return 0;
		if (i > 1 && strcmp(uri->segments[i], "v3") == 0)
			return i;
	}
	return 0;
}

/* The id of the conversation in a path, thread included, or NULL. */
const char *
sim_connector_conversation(const SimUri *uri)
{
	int			root = find_root(uri);

	if (root == 0 || strcmp(uri->segments[0], "connector") != 0 ||
		uri->nsegments < root + 3 || *uri->segments[root + 2] == '\0')
		return NULL;
	return uri->segments[root + 2];
}

/* The same, of a path that leads to its activities. */
const char *
sim_connector_chat(const SimUri *uri)
{
	int			root = find_root(uri);

	if (!sim_uri_matches(uri, root, "v3/conversations/*/activities") &&
		!sim_uri_matches(uri, root, "v3/conversations/*/activities/*"))
		return NULL;
	return sim_connector_conversation(uri);
}

/* Which operation is it, by method and path? */
SimOperation
sim_connector_operation(const SimCall *call)
{
	static const struct
	{
		const char *method;
		const char *path;
		SimOperation operation;
	}			methods[] = {
		{"POST", "v3/conversations", SIM_CREATE},
		{"POST", "v3/conversations/*/activities", SIM_SEND},
		{"POST", "v3/conversations/*/activities/*", SIM_SEND},
		{"PUT", "v3/conversations/*/activities/*", SIM_EDIT},
		{"DELETE", "v3/conversations/*/activities/*", SIM_DELETE},
		{"GET", "v3/conversations/*/pagedmembers", SIM_MEMBERS},
		{"GET", "v3/conversations/*/members/*", SIM_MEMBERS},
		{"GET", "v3/teams/*", SIM_CHANNELS},
		{"GET", "v3/teams/*/conversations", SIM_CHANNELS}
	};
	int			root = find_root(&call->uri);

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
	{
		if (root > 0 && strcmp(call->method, methods[i].method) == 0 &&
			sim_uri_matches(&call->uri, root, methods[i].path))
			return methods[i].operation;
	}
	return SIM_OTHER;
}

/* Count the call; if it is one too many, it is answered with 429. */
bool
sim_connector_check_quota(SimCall *call, SimChat *chat)
{
	double		seconds;
	char	   *header;

	if (sim_quota_connector(call, chat, &seconds))
		return true;
	sim_connector_error(call, 429, "Throttled", "Too many requests.");
	header = sim_format("%.0f", fmax(1, ceil(seconds)));
	sim_reply_header(&call->reply, "Retry-After", header);
	free(header);
	return false;
}

/*
 * The body as a JSON object that the caller owns; if it is none, the call is
 * answered and this is NULL.
 */
json_t *
sim_connector_body(SimCall *call)
{
	json_t	   *body;

	if (call->content_type == NULL ||
		strncasecmp(call->content_type, "application/json", 16) != 0)
	{
		sim_connector_error(call, 415, "UnsupportedMediaType",
							"The body must be application/json.");
		return NULL;
	}
	if (call->oversized)
	{
		sim_connector_error(call, 413, "MessageSizeTooBig",
							"Message size too large.");
		return NULL;
	}
	body = json_loadb(call->body, call->length, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(body))
		return body;
	json_decref(body);
	sim_connector_error(call, 400, "BadSyntax",
						"The body is not a JSON object.");
	return NULL;
}

/* Shape b of an error: JSON inside a string (contract 15.8). */
static void
answer_blocked(SimCall *call)
{
	sim_reply_json(&call->reply, 403,
				   json_pack("{si ss}", "errorCode", 209, "message",
							 "{\r\n  \"subCode\": \"MessageWritesBlocked\","
							 "\r\n  \"details\": \"Thread is blocked from"
							 " message writes.\",\r\n  \"errorCode\": null,"
							 "\r\n  \"errorSubCode\": null\r\n}"));
}

/* The conversation in the path; *root is its thread or 0. */
SimChat *
sim_connector_chat_in_path(SimCall *call, uint64_t *root)
{
	SimChat    *chat =
		sim_find_chat_of_thread(sim_connector_conversation(&call->uri), root);

	if (chat == NULL)
		sim_connector_error(call, 404, "ConversationNotFound",
							"Conversation not found.");
	else if (chat->bot != NULL &&
			 (strcmp(chat->bot->client_id, call->token->client_id) != 0 ||
			  strcasecmp(chat->bot->tenant_id, call->token->tenant_id) != 0))
		sim_connector_error(call, 400, "BadArgument",
							"Failed to decrypt conversation id.");
	else
		return chat;
	return NULL;
}

/*
 * Is the caller's bot in the conversation?  If not, the call is answered with
 * 403.
 */
bool
sim_connector_check_roster(SimCall *call, const SimChat *chat)
{
	if (sim_chat_has_bot(chat, call->token->client_id))
		return true;
	sim_connector_error(call, 403, "BotNotInConversationRoster",
						"The bot is not part of the conversation roster.");
	return false;
}

/*
 * May the bot write there now?  It may not where it is blocked, absent, or has
 * another write under way; then the call is answered.
 */
bool
sim_connector_check_chat(SimCall *call, const SimChat *chat)
{
	const char *targeted = sim_uri_parameter(&call->uri, "isTargetedActivity");

	if (targeted != NULL && strcasecmp(targeted, "true") == 0)
		sim_connector_error(call, 400, "BadSyntax", "Targeted activities are"
							" not supported in this conversation.");
	else if (!sim_connector_check_roster(call, chat))
		 /* answered */ ;
	else if (chat->user != NULL && chat->user->blocked)
		answer_blocked(call);
	else if (call->overlapped && sim_settings.strict_conversations)
		sim_connector_error(call, 412, "PreconditionFailed", "Another"
							" operation on this conversation is under way.");
	else
		return true;
	return false;
}

/* The activity is the body, or a part of it when a conversation is made. */
static size_t
size_of(const SimCall *call, const json_t *activity)
{
	char	   *text;
	size_t		size;

	if (call->operation != SIM_CREATE)
		return sim_activity_size(call->body, call->length, activity);
	text = json_dumps(activity, JSON_COMPACT);
	size = sim_activity_size(text, strlen(text), activity);
	free(text);
	return size;
}

/*
 * Can the activity be taken?  If it is too large or malformed, the call is
 * answered with 413 or 400.
 */
bool
sim_connector_check_activity(SimCall *call, const json_t *activity)
{
	const char *message;
	const char *code;

	if (size_of(call, activity) > SIM_MAX_ACTIVITY_SIZE)
	{
		sim_connector_error(call, 413, "MessageSizeTooBig",
							"Message size too large.");
		return false;
	}
	code = sim_activity_problem(activity, &message);
	if (code != NULL)
		sim_connector_error(call, 400, code, "%s", message);
	return code == NULL;
}

/* Store what the caller's bot says; the message's id. */
uint64_t
sim_connector_store(SimCall *call, SimChat *chat, uint64_t root,
					const json_t *activity)
{
	return sim_message_add(chat, sim_find_bot(call->token->client_id), root,
						   activity, call->received_at_ns);
}

/* Does Teams make two messages of it? */
bool
sim_connector_splits(const json_t *activity)
{
	return json_string_length(json_object_get(activity, "text")) > 0 &&
		json_array_size(json_object_get(activity, "attachments")) > 0;
}

/* The segment behind "activities", or NULL. */
const char *
sim_connector_activity_id(const SimCall *call)
{
	int			segment = find_root(&call->uri) + 4;

	return call->uri.nsegments > segment ? call->uri.segments[segment] : NULL;
}

/* The activity in the path, if it is there and not deleted. */
SimMessage *
sim_connector_message(SimCall *call, const SimChat *chat)
{
	SimMessage *message =
		sim_find_message(chat, strtoull(sim_connector_activity_id(call),
										NULL, 10));

	if (message != NULL && !message->deleted)
		return message;
	sim_connector_error(call, 404, "ActivityNotFoundInConversation",
						"The activity was not found in the conversation.");
	return NULL;
}

/*
 * Which thread is it for?  The path of the conversation says so, or the
 * activity that is answered; 0 starts one.  False if the call was answered.
 */
static bool
find_thread(SimCall *call, const SimChat *chat, uint64_t *root)
{
	const SimMessage *message;

	if (sim_connector_activity_id(call) != NULL)
	{
		message = sim_connector_message(call, chat);
		if (message == NULL)
			return false;
		*root = message->root;
		return true;
	}
	if (*root == 0 || sim_settings.forget_messages)
		return true;
	message = sim_find_message(chat, *root);
	if (message != NULL && message->root == *root)
		return true;
	sim_connector_error(call, 404, "ConversationNotFound",
						"Conversation not found.");
	return false;
}

/*
 * Text with an attachment is split by Teams into two messages, and then there
 * is no id to tell (contract 4.2).
 */
static void
store_and_answer(SimCall *call, SimChat *chat, uint64_t root,
				 const json_t *activity)
{
	uint64_t	id = sim_connector_store(call, chat, root, activity);
	char	   *text = sim_format("%llu", (unsigned long long) id);

	sim_reply_json(&call->reply, 201, sim_connector_splits(activity) ?
				   json_object() : json_pack("{ss}", "id", text));
	free(text);
}

static void
send_activity(SimCall *call)
{
	uint64_t	root;
	SimChat    *chat = sim_connector_chat_in_path(call, &root);
	json_t	   *activity;

	if (chat == NULL || !sim_connector_check_quota(call, chat))
		return;
	activity = sim_connector_body(call);
	if (activity == NULL)
		return;
	if (sim_connector_check_activity(call, activity) &&
		sim_connector_check_chat(call, chat) &&
		find_thread(call, chat, &root))
		store_and_answer(call, chat, root, activity);
	json_decref(activity);
}

static void (*const handlers[SIM_OPERATIONS]) (SimCall *call) = {
	[SIM_SEND] = send_activity,
	[SIM_CREATE] = sim_connector_create,
	[SIM_EDIT] = sim_connector_edit,
	[SIM_DELETE] = sim_connector_delete,
	[SIM_MEMBERS] = sim_connector_members,
	[SIM_CHANNELS] = sim_connector_team
};

/* Carry out a call of the Connector, if its token is good. */
void
sim_connector_handle(SimCall *call)
{
	call->token = sim_token_check(call->authorization, SIM_CONNECTOR);
	if (call->token == NULL)
		sim_connector_error(call, 401, "AuthorizationError", "Authorization"
							" has been denied for this request.");
	else if (handlers[call->operation] != NULL)
		handlers[call->operation] (call);
	else
		sim_connector_error(call, 404, "NotFound",
							"There is no such method at this path.");
}
