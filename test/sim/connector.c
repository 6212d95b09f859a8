/*
 * connector.c
 *	  The Bot Connector: personal chats and what bots send there.
 */
#include "connector_check.h"
#include "entra.h"
#include "message.h"
#include "quota.h"
#include "reply.h"
#include "service.h"

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

const char *
sim_connector_chat(const SimUri *uri)
{
	int			root = find_root(uri);

	if (root == 0 || strcmp(uri->segments[0], "connector") != 0 ||
		!sim_uri_matches(uri, root, "v3/conversations/*/activities"))
		return NULL;
	return uri->segments[root + 2];
}

SimOperation
sim_connector_operation(const SimCall *call)
{
	int			root = find_root(&call->uri);

	if (root == 0 || strcmp(call->method, "POST") != 0)
		return SIM_OTHER;
	if (sim_connector_chat(&call->uri) != NULL)
		return SIM_SEND;
	if (sim_uri_matches(&call->uri, root, "v3/conversations"))
		return SIM_CREATE;
	return SIM_OTHER;
}

static bool
check_quota(SimCall *call, SimChat *chat)
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

/* The body, an object; NULL if the call was answered. */
static json_t *
read_body(SimCall *call)
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

/* The chat in the path, of the caller's bot; NULL if answered. */
static SimChat *
chat_in_path(SimCall *call)
{
	const char *id = sim_connector_chat(&call->uri);
	SimChat    *chat = sim_find_chat(id);

	if (chat == NULL)
		sim_connector_error(call, 404, "ConversationNotFound",
							"Conversation not found.");
	else if (strcmp(chat->bot->client_id, call->token->client_id) != 0 ||
			 strcasecmp(chat->bot->tenant_id, call->token->tenant_id) != 0)
		sim_connector_error(call, 400, "BadArgument",
							"Failed to decrypt conversation id.");
	else
		return chat;
	return NULL;
}

/* May the bot write there now? */
static bool
check_chat(SimCall *call, const SimChat *chat)
{
	const char *targeted = sim_uri_parameter(&call->uri, "isTargetedActivity");

	if (targeted != NULL && strcasecmp(targeted, "true") == 0)
		sim_connector_error(call, 400, "BadSyntax", "Targeted activities are"
							" not supported in personal chats.");
	else if (!chat->installed)
		sim_connector_error(call, 403, "BotNotInConversationRoster",
							"The bot is not part of the conversation roster.");
	else if (chat->user->blocked)
		answer_blocked(call);
	else if (call->overlapped && sim_settings.strict_conversations)
		sim_connector_error(call, 412, "PreconditionFailed", "Another"
							" operation on this conversation is under way.");
	else
		return true;
	return false;
}

static bool
check_activity(SimCall *call, const json_t *activity)
{
	const char *message;
	const char *code;

	if (sim_activity_size(call, activity) > SIM_MAX_ACTIVITY_SIZE)
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

/*
 * Store the activity.  Text with an attachment is split by Teams into two
 * messages, and then there is no id to tell (contract 4.2).
 */
static void
post(SimCall *call, SimChat *chat, const json_t *activity)
{
	uint64_t	id = sim_message_add(chat, activity, call->received_at_ns);
	char	   *text = sim_format("%llu", (unsigned long long) id);
	bool		split =
		json_string_length(json_object_get(activity, "text")) > 0 &&
		json_array_size(json_object_get(activity, "attachments")) > 0;

	sim_reply_json(&call->reply, 201, split ? json_object() :
				   json_pack("{ss}", "id", text));
	free(text);
}

static void
send_activity(SimCall *call)
{
	SimChat    *chat = chat_in_path(call);
	json_t	   *activity;

	if (chat == NULL || !check_quota(call, chat))
		return;
	activity = read_body(call);
	if (activity == NULL)
		return;
	if (check_activity(call, activity) && check_chat(call, chat))
		post(call, chat, activity);
	json_decref(activity);
}

/* Check the request for a personal chat (contract 4.1). */
static bool
check_creation(SimCall *call, json_t *body, const char **member)
{
	const json_t *members = json_object_get(body, "members");
	const char *tenant = json_string_value(json_object_get(body, "tenantId"));
	const char *bot = json_string_value(json_object_get(
		json_object_get(body, "bot"), "id"));

	*member = json_string_value(json_object_get(json_array_get(members, 0),
												"id"));
	if (json_is_true(json_object_get(body, "isGroup")))
		sim_connector_error(call, 400, "BadSyntax",
							"Incorrect conversation creation parameters");
	else if (*member == NULL)
		sim_connector_error(call, 400, "MissingProperty",
							"The 'Members' property is missing.");
	else if (json_array_size(members) != 1)
		sim_connector_error(call, 400, "BadSyntax",
							"Incorrect conversation creation parameters");
	else if (tenant == NULL)
		sim_connector_error(call, 401, "AuthorizationError",
							"Authorization has been denied for this request:"
							" tenantId is missing.");
	else if (strcasecmp(tenant, call->token->tenant_id) != 0)
		sim_connector_error(call, 401, "AuthorizationError",
							"Authorization has been denied for this request:"
							" the bot is not known in the tenant.");
	else if (bot != NULL && (strncmp(bot, "28:", 3) != 0 ||
							 strcasecmp(bot + 3, call->token->client_id) != 0))
		sim_connector_error(call, 400, "BadArgument",
							"The bot id is not that of the caller.");
	else if (!sim_is_guid(*member))
		sim_connector_error(call, 400, "BadArgument",
							"Failed to decrypt pairwise id");
	else
		return true;
	return false;
}

/* The chat of the user with the caller's bot, if it is installed there. */
static SimChat *
installed_chat(const SimCall *call, const char *member)
{
	const SimUser *user = sim_find_user(member);
	SimChat    *chat = user != NULL ? user->chats : NULL;

	while (chat != NULL && (!chat->installed ||
							strcmp(chat->bot->client_id,
								   call->token->client_id) != 0))
		chat = chat->next;
	return chat;
}

static void
create_chat(SimCall *call)
{
	json_t	   *body = read_body(call);
	const char *member;
	json_t	   *activity;
	SimChat    *chat;

	if (body == NULL)
		return;
	activity = json_object_get(body, "activity");
	if (!check_creation(call, body, &member))
	{
		json_decref(body);
		return;
	}
	chat = installed_chat(call, member);
	if (!check_quota(call, chat))
		 /* answered */ ;
	else if (chat == NULL)
		sim_connector_error(call, 403, "ForbiddenOperationException",
							"Bot is not installed in user's personal scope");
	else if (activity == NULL ||
			 (check_activity(call, activity) && check_chat(call, chat)))
	{
		if (activity != NULL)
			sim_message_add(chat, activity, call->received_at_ns);
		sim_reply_json(&call->reply, 201, json_pack("{ss}", "id",
													chat->pairwise_id));
	}
	json_decref(body);
}

void
sim_connector_handle(SimCall *call)
{
	call->token = sim_token_check(call->authorization, SIM_CONNECTOR);
	if (call->token == NULL)
		sim_connector_error(call, 401, "AuthorizationError", "Authorization"
							" has been denied for this request.");
	else if (call->operation == SIM_SEND)
		send_activity(call);
	else if (call->operation == SIM_CREATE)
		create_chat(call);
	else
		sim_connector_error(call, 404, "NotFound",
							"There is no such method at this path.");
}
