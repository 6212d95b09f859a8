/*
 * chat.c
 *	  The conversations: personal chats, group chats and channels.
 *
 * Conversation ids are opaque, so their case counts.
 */
#include "base/memory.h"
#include "base/table.h"
#include "base/text.h"
#include "tenant/tenant.h"

#include <stdlib.h>
#include <string.h>

SimList		sim_shared_chats;

static SimTable chats;			/* by either id */

/* The conversation with that id, or NULL; a personal one has two of them. */
SimChat *
sim_find_chat(const char *id)
{
	return sim_table_get(&chats, id);
}

/*
 * The conversation of an id that may have ";messageid=N" behind it, if it is a
 * channel's; *root, unless it is NULL, is N, or 0 if there is none.
 */
SimChat *
sim_find_chat_of_thread(const char *id, uint64_t *root)
{
	static const char suffix[] = ";messageid=";
	const char *mark = strstr(id, suffix);
	uint64_t	number = 0;
	char	   *base;
	char	   *end;
	SimChat    *chat;

	if (mark != NULL)
	{
		const char *digits = mark + strlen(suffix);

		number = strtoull(digits, &end, 10);
		if (*digits < '1' || *digits > '9' || *end != '\0')
			return NULL;
	}
	if (root != NULL)
		*root = number;
	base = sim_format("%.*s", mark != NULL ? (int) (mark - id) :
					  (int) strlen(id), id);
	chat = sim_find_chat(base);
	free(base);
	return mark == NULL || (chat != NULL && sim_chat_is_channel(chat)) ?
		chat : NULL;
}

/* An opaque text that is always the same for a user and a bot. */
static char *
pairwise_text(const SimUser *user, const char *client_id)
{
	char	   *pair = sim_format("%s%s", user->id, client_id);
	char	   *encoded;

	/* Hide what it is made of: nobody shall take it apart. */
	for (size_t i = 0; pair[i] != '\0'; i++)
		pair[i] = (char) (pair[i] ^ (1 + i % 7));
	encoded = sim_base64(pair);
	for (char *p = encoded; *p != '\0'; p++)
		*p = *p == '+' ? '-' : *p == '/' ? '_' : *p == '=' ? 'x' : *p;
	free(pair);
	return encoded;
}

/*
 * How the Connector calls a user when it speaks with a bot: "29:1...", to be
 * freed by the caller.
 */
char *
sim_member_id(const SimUser *user, const char *client_id)
{
	char	   *text = pairwise_text(user, client_id);
	char	   *result = sim_format("29:1%s", text);

	free(text);
	return result;
}

/*
 * The personal chat of a user and a bot, which is made if it is not there; it
 * is that app now which brought the bot there.
 */
SimChat *
sim_personal_chat(SimUser *user, SimApp *app, SimBot *bot)
{
	SimChat    *chat = user->chats;
	char	   *text;

	while (chat != NULL && chat->bot != bot)
		chat = chat->next;
	if (chat == NULL)
	{
		chat = sim_alloc(sizeof(SimChat));
		chat->id = sim_format("19:%s_%s@unq.gbl.spaces", user->id,
							  bot->client_id);
		text = pairwise_text(user, bot->client_id);
		chat->pairwise_id = sim_format("a:1%s", text);
		free(text);
		chat->user = user;
		chat->bot = bot;
		chat->next = user->chats;
		user->chats = chat;
		sim_table_put(&chats, chat->id, chat);
		sim_table_put(&chats, chat->pairwise_id, chat);
	}
	chat->app = app;
	return chat;
}

/* Make a channel or group chat, which belongs to that group. */
SimChat *
sim_shared_chat(const char *id, SimGroup *group)
{
	SimChat    *chat = sim_alloc(sizeof(SimChat));

	chat->id = sim_strdup(id);
	chat->group = group;
	sim_table_put(&chats, chat->id, chat);
	sim_list_add(&sim_shared_chats, chat);
	return chat;
}

/* Is it a channel of a team? */
bool
sim_chat_is_channel(const SimChat *chat)
{
	return chat->group != NULL && chat->group->target.scope == SIM_SCOPE_TEAM;
}

/* Is a bot there, and so may write? */
bool
sim_chat_has_bot(const SimChat *chat, const char *client_id)
{
	const SimInstallation *installation;

	if (chat->group == NULL)
		return chat->installed &&
			strcasecmp(chat->bot->client_id, client_id) == 0;
	installation = chat->group->target.installations;
	while (installation != NULL &&
		   (installation->app->client_id == NULL ||
			strcasecmp(installation->app->client_id, client_id) != 0))
		installation = installation->next;
	return installation != NULL;
}

static void
free_chat(void *item)
{
	SimChat    *chat = item;

	free(chat->id);
	free(chat->pairwise_id);
	free(chat->name);
	free(chat->window);
	free(chat);
}

/* Free the chats of a user who is about to be freed. */
void
sim_free_personal_chats(SimUser *user)
{
	while (user->chats != NULL)
	{
		SimChat    *chat = user->chats;

		user->chats = chat->next;
		free_chat(chat);
	}
}

/* Forget all conversations; those of users are freed with them. */
void
sim_chats_reset(void)
{
	sim_table_clear(&chats, NULL);
	sim_list_clear(&sim_shared_chats, free_chat);
}
