/*
 * connector_create.c
 *	  The Bot Connector: creates personal chats and threads (contract 4.1).
 *
 * A personal chat is the same one each time; a thread in a channel is a new
 * one.  Group chats cannot be made at all.
 */
#include "base/memory.h"
#include "base/text.h"
#include "connector/connector.h"
#include "http/reply.h"
#include "service/entra.h"

#include <stdlib.h>
#include <string.h>

/* Every conversation is made in the caller's tenant. */
static bool
check_caller(SimCall *call, const json_t *body)
{
	const char *tenant = json_string_value(json_object_get(body, "tenantId"));
	const char *bot = json_string_value(json_object_get(
		json_object_get(body, "bot"), "id"));

	if (tenant == NULL)
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
	else
		return true;
	return false;
}

static void
answer_bad_syntax(SimCall *call)
{
	sim_connector_error(call, 400, "BadSyntax",
						"Incorrect conversation creation parameters");
}

/* The only member, or NULL if the call was answered. */
static const char *
read_member(SimCall *call, const json_t *body)
{
	const json_t *members = json_object_get(body, "members");
	const char *member = json_string_value(json_object_get(
		json_array_get(members, 0), "id"));

	if (member == NULL)
		sim_connector_error(call, 400, "MissingProperty",
							"The 'Members' property is missing.");
	else if (json_array_size(members) != 1)
		answer_bad_syntax(call);
	else if (!check_caller(call, body))
		 /* answered */ ;
	else if (!sim_is_guid(member))
		sim_connector_error(call, 400, "BadArgument",
							"Failed to decrypt pairwise id");
	else
		return member;
	return NULL;
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
create_personal(SimCall *call, const json_t *body)
{
	const char *member = read_member(call, body);
	const json_t *activity = json_object_get(body, "activity");
	SimChat    *chat;

	if (member == NULL)
		return;
	chat = installed_chat(call, member);
	if (!sim_connector_check_quota(call, chat))
		 /* answered */ ;
	else if (chat == NULL)
		sim_connector_error(call, 403, "ForbiddenOperationException",
							"Bot is not installed in user's personal scope");
	else if (activity == NULL ||
			 (sim_connector_check_activity(call, activity) &&
			  sim_connector_check_chat(call, chat)))
	{
		if (activity != NULL)
			sim_connector_store(call, chat, 0, activity);
		sim_reply_json(&call->reply, 201, json_pack("{ss}", "id",
													chat->pairwise_id));
	}
}

/* As for any post, there is no id to tell if Teams splits it in two. */
static void
post_thread(SimCall *call, SimChat *channel, const json_t *activity)
{
	uint64_t	id = sim_connector_store(call, channel, 0, activity);
	char	   *number = sim_format("%llu", (unsigned long long) id);
	char	   *thread = sim_format("%s;messageid=%s", channel->id, number);

	sim_reply_json(&call->reply, 201,
				   json_pack("{ss ss*}", "id", thread, "activityId",
							 sim_connector_splits(activity) ? NULL : number));
	free(thread);
	free(number);
}

/* Members are not looked at. */
static void
create_thread(SimCall *call, const json_t *body, const char *channel_id)
{
	const json_t *activity = json_object_get(body, "activity");
	SimChat    *channel = sim_find_chat(channel_id);

	if (!check_caller(call, body))
		return;
	if (channel == NULL || !sim_chat_is_channel(channel))
	{
		sim_connector_error(call, 404, "ConversationNotFound",
							"Conversation not found.");
		return;
	}
	if (!sim_connector_check_quota(call, channel))
		return;
	if (!json_is_object(activity))
		answer_bad_syntax(call);
	else if (!sim_chat_has_bot(channel, call->token->client_id))
		sim_connector_error(call, 403, "ForbiddenOperationException",
							"Bot is not installed in the team of the channel");
	else if (sim_connector_check_activity(call, activity))
		post_thread(call, channel, activity);
}

/* POST /v3/conversations: a personal chat, or a thread in a channel. */
void
sim_connector_create(SimCall *call)
{
	json_t	   *body = sim_connector_body(call);
	const char *channel;
	bool		group;

	if (body == NULL)
		return;
	channel = json_string_value(json_object_get(json_object_get(
		json_object_get(body, "channelData"), "channel"), "id"));
	group = json_is_true(json_object_get(body, "isGroup"));
	if (group != (channel != NULL))
		answer_bad_syntax(call);
	else if (group)
		create_thread(call, body, channel);
	else
		create_personal(call, body);
	json_decref(body);
}
