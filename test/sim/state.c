/*
 * state.c
 *	  The tenant: bots, users, apps, installations and their chats.
 *
 * Everything is found by a hash lookup, whatever the number of users.  Ids
 * are compared without regard to case, as the services do, so the tables
 * have lower-case keys.
 */
#include "state.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

SimList		sim_bots;
SimList		sim_apps;
SimList		sim_users;
SimList		sim_installations;
uint64_t	sim_epoch = 1;

static SimTable bots;			/* by client id */
static SimTable apps;			/* by Teams app id */
static SimTable users_by_id;
static SimTable users_by_upn;
static SimTable chats;			/* by either id */

#define MAX_KEY 512

/* The key of an id: lower case.  Too long ids are nobody's. */
static const char *
fold(const char *id, char *key)
{
	size_t		i;

	for (i = 0; id[i] != '\0' && i < MAX_KEY - 1; i++)
		key[i] = (char) tolower((unsigned char) id[i]);
	key[id[i] == '\0' ? i : 0] = '\0';
	return key;
}

static void *
find_folded(const SimTable *table, const char *id)
{
	char		key[MAX_KEY];

	return sim_table_get(table, fold(id, key));
}

static char *
folded_copy(const char *id)
{
	char		key[MAX_KEY];

	return sim_strdup(fold(id, key));
}

void
sim_set_string(char **target, const char *value)
{
	char	   *copy = value != NULL ? sim_strdup(value) : NULL;

	free(*target);
	*target = copy;
}

bool
sim_is_guid(const char *text)
{
	for (int i = 0; i < 36; i++)
	{
		if (i == 8 || i == 13 || i == 18 || i == 23 ?
			text[i] != '-' : !isxdigit((unsigned char) text[i]))
			return false;
	}
	return text[36] == '\0';
}

void
sim_list_add(SimList *list, void *item)
{
	if (list->used == list->size)
	{
		list->size = list->size > 0 ? list->size * 2 : 16;
		list->items = sim_realloc(list->items, list->size * sizeof(void *));
	}
	list->items[list->used++] = item;
}

SimBot *
sim_find_bot(const char *client_id)
{
	return find_folded(&bots, client_id);
}

SimApp *
sim_find_app(const char *teams_app_id)
{
	return find_folded(&apps, teams_app_id);
}

SimUser *
sim_find_user(const char *id_or_upn)
{
	SimUser    *user = find_folded(&users_by_id, id_or_upn);

	return user != NULL ? user : find_folded(&users_by_upn, id_or_upn);
}

/* Conversation ids are opaque, so their case counts. */
SimChat *
sim_find_chat(const char *id)
{
	return sim_table_get(&chats, id);
}

SimInstallation *
sim_find_installation(const SimUser *user, const SimApp *app)
{
	SimInstallation *installation = user->installations;

	while (installation != NULL && installation->app != app)
		installation = installation->next;
	return installation;
}

bool
sim_tenant_exists(const char *tenant_id)
{
	for (size_t i = 0; i < sim_bots.used; i++)
	{
		if (strcasecmp(((SimBot *) sim_bots.items[i])->tenant_id,
					   tenant_id) == 0)
			return true;
	}
	return false;
}

SimBot *
sim_put_bot(const char *client_id)
{
	SimBot	   *bot = sim_find_bot(client_id);

	if (bot == NULL)
	{
		bot = sim_alloc(sizeof(SimBot));
		bot->client_id = folded_copy(client_id);
		sim_table_put(&bots, bot->client_id, bot);
		sim_list_add(&sim_bots, bot);
	}
	return bot;
}

SimApp *
sim_put_app(const char *teams_app_id)
{
	SimApp	   *app = sim_find_app(teams_app_id);

	if (app == NULL)
	{
		app = sim_alloc(sizeof(SimApp));
		app->teams_app_id = folded_copy(teams_app_id);
		sim_table_put(&apps, app->teams_app_id, app);
		sim_list_add(&sim_apps, app);
	}
	return app;
}

SimUser *
sim_put_user(const char *id, const char *upn)
{
	SimUser    *user = find_folded(&users_by_id, id);
	SimUser    *namesake = find_folded(&users_by_upn, upn);

	if (namesake != NULL && namesake != user)
		return NULL;
	if (user == NULL)
	{
		user = sim_alloc(sizeof(SimUser));
		user->id = folded_copy(id);
		sim_table_put(&users_by_id, user->id, user);
		sim_list_add(&sim_users, user);
	}
	if (namesake == NULL)
	{
		if (user->upn != NULL)
			sim_table_remove(&users_by_upn, user->upn);
		free(user->upn);
		user->upn = folded_copy(upn);
		sim_table_put(&users_by_upn, user->upn, user);
	}
	return user;
}

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	"abcdefghijklmnopqrstuvwxyz0123456789+/";

char *
sim_base64(const char *text)
{
	size_t		length = strlen(text);
	char	   *result = sim_alloc(4 * ((length + 2) / 3) + 1);
	char	   *to = result;

	for (size_t i = 0; i < length; i += 3)
	{
		unsigned	bits = (unsigned char) text[i] << 16;

		if (i + 1 < length)
			bits |= (unsigned char) text[i + 1] << 8;
		if (i + 2 < length)
			bits |= (unsigned char) text[i + 2];
		*to++ = base64[bits >> 18];
		*to++ = base64[bits >> 12 & 63];
		*to++ = i + 1 < length ? base64[bits >> 6 & 63] : '=';
		*to++ = i + 2 < length ? base64[bits & 63] : '=';
	}
	return result;
}

/* An opaque id that is always the same for a user and a bot. */
static char *
pairwise_id(const SimUser *user, const SimBot *bot)
{
	char	   *pair = sim_format("%s%s", user->id, bot->client_id);
	char	   *encoded;
	char	   *result;

	/* Hide what it is made of: nobody shall take it apart. */
	for (size_t i = 0; pair[i] != '\0'; i++)
		pair[i] = (char) (pair[i] ^ (1 + i % 7));
	encoded = sim_base64(pair);
	for (char *p = encoded; *p != '\0'; p++)
		*p = *p == '+' ? '-' : *p == '/' ? '_' : *p == '=' ? 'x' : *p;
	result = sim_format("a:1%s", encoded);
	free(encoded);
	free(pair);
	return result;
}

/* The chat of a user and a bot, made if need be. */
static SimChat *
chat_of(SimUser *user, SimApp *app, SimBot *bot)
{
	SimChat    *chat = user->chats;

	while (chat != NULL && chat->bot != bot)
		chat = chat->next;
	if (chat == NULL)
	{
		chat = sim_alloc(sizeof(SimChat));
		chat->id = sim_format("19:%s_%s@unq.gbl.spaces", user->id,
							  bot->client_id);
		chat->pairwise_id = pairwise_id(user, bot);
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

SimInstallation *
sim_install(SimUser *user, SimApp *app, const char *by)
{
	SimInstallation *installation = sim_find_installation(user, app);
	SimBot	   *bot = app->client_id != NULL ?
		sim_find_bot(app->client_id) : NULL;
	char	   *pair;

	if (installation != NULL)
		return installation;
	installation = sim_alloc(sizeof(SimInstallation));
	pair = sim_format("%s##%s", user->id, app->teams_app_id);
	installation->id = sim_base64(pair);
	free(pair);
	installation->user = user;
	installation->app = app;
	installation->by = by;
	installation->installed_at_ns = sim_now_ns();
	if (strcmp(by, "graph") == 0)
		installation->chat_polls_left = sim_settings.chat_404_polls;
	if (bot != NULL)
	{
		installation->chat = chat_of(user, app, bot);
		installation->chat->installed = true;
	}
	installation->next = user->installations;
	user->installations = installation;
	installation->position = sim_installations.used;
	sim_list_add(&sim_installations, installation);
	return installation;
}

static void
free_installation(void *item)
{
	SimInstallation *installation = item;

	free(installation->id);
	free(installation);
}

void
sim_uninstall(SimInstallation *installation)
{
	SimInstallation **link = &installation->user->installations;
	SimInstallation *last;

	while (*link != installation)
		link = &(*link)->next;
	*link = installation->next;

	/* The last of the list takes its place. */
	last = sim_installations.items[--sim_installations.used];
	sim_installations.items[installation->position] = last;
	last->position = installation->position;

	if (installation->chat != NULL)
		installation->chat->installed = false;
	free_installation(installation);
}

static void
free_chats(SimChat *chat)
{
	while (chat != NULL)
	{
		SimChat    *next = chat->next;

		free(chat->id);
		free(chat->pairwise_id);
		free(chat->window);
		free(chat);
		chat = next;
	}
}

static void
free_user(void *item)
{
	SimUser    *user = item;

	free_chats(user->chats);
	free(user->id);
	free(user->upn);
	free(user->display_name);
	free(user);
}

static void
free_app(void *item)
{
	SimApp	   *app = item;

	free(app->teams_app_id);
	free(app->external_id);
	free(app->display_name);
	free(app->distribution_method);
	free(app->version);
	free(app->client_id);
	free(app);
}

static void
free_bot(void *item)
{
	SimBot	   *bot = item;

	free(bot->client_id);
	free(bot->client_secret);
	free(bot->tenant_id);
	free(bot->display_name);
	json_decref(bot->roles);
	free(bot);
}

static void
clear_list(SimList *list, void (*release) (void *))
{
	for (size_t i = 0; i < list->used; i++)
		release(list->items[i]);
	free(list->items);
	memset(list, 0, sizeof(*list));
}

void
sim_state_reset(void)
{
	sim_table_clear(&bots, NULL);
	sim_table_clear(&apps, NULL);
	sim_table_clear(&users_by_id, NULL);
	sim_table_clear(&users_by_upn, NULL);
	sim_table_clear(&chats, NULL);
	clear_list(&sim_installations, free_installation);
	clear_list(&sim_users, free_user);
	clear_list(&sim_apps, free_app);
	clear_list(&sim_bots, free_bot);
	sim_epoch++;
}
