/*
 * connector_roster.c
 *	  The Bot Connector: who is in a conversation, and which channels a team
 *	  has (contract 4.6, 4.8).
 */
#include "base/memory.h"
#include "base/page.h"
#include "connector/connector.h"
#include "http/reply.h"
#include "service/entra.h"
#include "service/service.h"

#include <stdlib.h>
#include <string.h>

#define MIN_PAGE 50
#define MAX_PAGE 500
#define DEFAULT_PAGE 200

static SimList
roster_of(const SimChat *chat)
{
	SimList		result = {0};

	if (chat->group != NULL)
		return sim_group_users(chat->group, false);
	if (!chat->user->removed)
		sim_list_add(&result, chat->user);
	return result;
}

/*
 * A guest has neither UPN nor e-mail here, and its object id by the other of
 * its two names: a client has to cope with both (contract 4.6).
 */
static json_t *
member_json(const SimCall *call, const SimUser *user)
{
	char	   *id = sim_member_id(user, call->token->client_id);
	const char *mail = user->guest ? NULL : user->upn;
	json_t	   *result =
		json_pack("{ss ss ss ss* ss* ss ss}", "id", id, "name",
				  user->display_name, user->guest ? "objectId" : "aadObjectId",
				  user->id, "userPrincipalName", mail, "email", mail,
				  "tenantId", call->token->tenant_id, "userRole", "user");

	free(id);
	return result;
}

/* Tokens are any text: a client has to encode them (contract 4.6). */
#define TOKEN_MARK "after & +%20"

/* What page is asked for; false if the call was answered. */
static bool
read_page(SimCall *call, SimPage *page, size_t *size)
{
	const char *wanted = sim_uri_parameter(&call->uri, "pageSize");
	const char *token = sim_uri_parameter(&call->uri, "continuationToken");

	memset(page, 0, sizeof(*page));
	*size = wanted != NULL ? strtoul(wanted, NULL, 10) : DEFAULT_PAGE;
	*size = *size < MIN_PAGE ? MIN_PAGE : *size > MAX_PAGE ? MAX_PAGE : *size;
	if (token == NULL || *token == '\0' ||
		(strncmp(token, TOKEN_MARK, strlen(TOKEN_MARK)) == 0 &&
		 sim_page_read(page, token + strlen(TOKEN_MARK))))
		return true;
	sim_connector_error(call, 400, "BadArgument",
						"The continuation token is invalid.");
	return false;
}

static void
answer_page(SimCall *call, const SimList *roster, SimPage *page, size_t size)
{
	json_t	   *members = json_array();
	json_t	   *answer = json_pack("{so}", "members", members);
	size_t		end = page->position + size;

	for (size_t i = page->position; i < roster->used && i < end; i++)
		json_array_append_new(members, member_json(call, roster->items[i]));
	if (end < roster->used)
	{
		char	   *position;
		char	   *token;

		page->position = end;
		position = sim_page_write(page);
		token = sim_format("%s%s", TOKEN_MARK, position);
		json_object_set_new(answer, "continuationToken", json_string(token));
		free(token);
		free(position);
	}
	sim_reply_json(&call->reply, 200, answer);
}

/* By object id, by UPN, or as the Connector calls the user. */
static bool
is_member(const SimCall *call, const SimUser *user, const char *name)
{
	char	   *id = sim_member_id(user, call->token->client_id);
	bool		result = strcmp(id, name) == 0 ||
		strcasecmp(user->id, name) == 0 || strcasecmp(user->upn, name) == 0;

	free(id);
	return result;
}

static void
answer_one(SimCall *call, const SimList *roster, const char *name)
{
	for (size_t i = 0; i < roster->used; i++)
	{
		if (is_member(call, roster->items[i], name))
		{
			sim_reply_json(&call->reply, 200,
						   member_json(call, roster->items[i]));
			return;
		}
	}
	sim_connector_error(call, 404, "MemberNotFoundInConversation",
						"The member was not found in the conversation.");
}

/* GET .../pagedmembers and .../members/{id}: who is in a conversation. */
void
sim_connector_members(SimCall *call)
{
	const SimUri *uri = &call->uri;
	SimChat    *chat = sim_connector_chat_in_path(call, NULL);
	SimPage		page;
	SimList		roster;
	size_t		size;

	if (chat == NULL || !sim_connector_check_quota(call, chat) ||
		!sim_connector_check_roster(call, chat) ||
		!read_page(call, &page, &size))
		return;
	roster = roster_of(chat);
	if (strcasecmp(uri->segments[uri->nsegments - 1], "pagedmembers") == 0)
		answer_page(call, &roster, &page, size);
	else
		answer_one(call, &roster, uri->segments[uri->nsegments - 1]);
	sim_list_clear(&roster, NULL);
}

/* General has no name, as the service has it. */
static json_t *
channels_json(const SimGroup *team)
{
	json_t	   *list = json_array();

	for (size_t i = 0; i < team->channels.used; i++)
	{
		const SimChat *channel = team->channels.items[i];

		json_array_append_new(list, json_pack("{ss ss?}", "id", channel->id,
											  "name", i == 0 ? NULL :
											  channel->name));
	}
	return json_pack("{so}", "conversations", list);
}

/* A team goes by the id of its channel General, not by its group's. */
void
sim_connector_team(SimCall *call)
{
	const SimUri *uri = &call->uri;
	SimChat    *general = sim_find_chat(sim_connector_conversation(uri));
	const SimGroup *team;

	if (general == NULL || !sim_chat_is_channel(general) ||
		general->group->channels.items[0] != general)
	{
		sim_connector_error(call, 404, "ConversationNotFound",
							"Conversation not found.");
		return;
	}
	team = general->group;
	if (!sim_connector_check_quota(call, general) ||
		!sim_connector_check_roster(call, general))
		return;
	if (strcasecmp(uri->segments[uri->nsegments - 1], "conversations") == 0)
		sim_reply_json(&call->reply, 200, channels_json(team));
	else
		sim_reply_json(&call->reply, 200,
					   json_pack("{ss ss ss}", "id", general->id, "name",
								 team->display_name, "aadGroupId", team->id));
}
