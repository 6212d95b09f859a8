/*
 * connector_change.c
 *	  The Bot Connector: edits and deletes activities (contract 4.4, 4.5).
 */
#include "connector/connector.h"
#include "http/reply.h"
#include "service/entra.h"

#include <stdlib.h>
#include <string.h>

/*
 * The caller's own message in the path, or NULL if the call was answered.
 * The conversation may name the message's thread, or only the channel.
 */
static SimMessage *
own_message(SimCall *call, SimChat *chat, uint64_t root)
{
	SimMessage *message = sim_connector_message(call, chat);

	if (message == NULL)
		return NULL;
	if (root != 0 && message->root != root)
		sim_connector_error(call, 404, "ActivityNotFoundInConversation",
							"The activity was not found in the conversation.");
	else if (strcmp(message->bot->client_id, call->token->client_id) != 0)
		sim_connector_error(call, 403, "NotEnoughPermissions",
							"Only the bot that sent it may change it.");
	else
		return message;
	return NULL;
}

/* PUT of an activity: it says something else from now on. */
void
sim_connector_edit(SimCall *call)
{
	uint64_t	root;
	SimChat    *chat = sim_connector_chat_in_path(call, &root);
	SimMessage *message;
	json_t	   *activity;

	if (chat == NULL || !sim_connector_check_quota(call, chat))
		return;
	activity = sim_connector_body(call);
	if (activity == NULL)
		return;
	if (sim_connector_check_activity(call, activity) &&
		sim_connector_check_chat(call, chat) &&
		(message = own_message(call, chat, root)) != NULL)
	{
		sim_message_edit(message, activity, call->received_at_ns);
		sim_reply_json(&call->reply, 200,
					   json_pack("{ss}", "id",
								 sim_connector_activity_id(call)));
	}
	json_decref(activity);
}

/* DELETE of an activity. */
void
sim_connector_delete(SimCall *call)
{
	uint64_t	root;
	SimChat    *chat = sim_connector_chat_in_path(call, &root);
	SimMessage *message;

	if (chat == NULL || !sim_connector_check_quota(call, chat) ||
		!sim_connector_check_chat(call, chat))
		return;
	message = own_message(call, chat, root);
	if (message == NULL)
		return;
	sim_message_delete(message, call->received_at_ns);
	sim_reply_json(&call->reply, 200, NULL);
}
