/*
 * tenant.c
 *	  The tenant: bots, apps and users.
 *
 * Everything is found by a hash lookup, whatever the number of users.  Ids
 * are compared without regard to case, as the services do, so the tables
 * have lower-case keys.
 */
#include "tenant/tenant.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

SimList		sim_bots;
SimList		sim_apps;
SimList		sim_users;
uint64_t	sim_epoch = 1;
uint64_t	sim_directory_version;
uint64_t	sim_delta_generation = 1;

static SimTable bots;			/* by client id */
static SimTable apps;			/* by Teams app id */
static SimTable users_by_id;
static SimTable users_by_upn;

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

void *
sim_table_get_folded(const SimTable *table, const char *id)
{
	char		key[MAX_KEY];

	return sim_table_get(table, fold(id, key));
}

char *
sim_folded_copy(const char *id)
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
	return sim_table_get_folded(&bots, client_id);
}

SimApp *
sim_find_app(const char *teams_app_id)
{
	return sim_table_get_folded(&apps, teams_app_id);
}

SimUser *
sim_find_user(const char *id_or_upn)
{
	SimUser    *user = sim_table_get_folded(&users_by_id, id_or_upn);

	if (user == NULL)
		user = sim_table_get_folded(&users_by_upn, id_or_upn);
	return user != NULL && !user->removed ? user : NULL;
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
		bot->client_id = sim_folded_copy(client_id);
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
		app->teams_app_id = sim_folded_copy(teams_app_id);
		sim_table_put(&apps, app->teams_app_id, app);
		sim_list_add(&sim_apps, app);
	}
	return app;
}

/* Let the next round of the delta query tell of it. */
void
sim_user_changed(SimUser *user)
{
	user->changed = ++sim_directory_version;
}

SimUser *
sim_put_user(const char *id, const char *upn)
{
	SimUser    *user = sim_table_get_folded(&users_by_id, id);
	SimUser    *namesake = sim_table_get_folded(&users_by_upn, upn);

	if (namesake != NULL && namesake != user)
		return NULL;
	if (user == NULL)
	{
		user = sim_alloc(sizeof(SimUser));
		user->id = sim_folded_copy(id);
		user->target.id = user->id;
		user->target.user = user;
		sim_table_put(&users_by_id, user->id, user);
		sim_list_add(&sim_users, user);
	}
	if (namesake == NULL)
	{
		if (user->upn != NULL && !user->removed)
			sim_table_remove(&users_by_upn, user->upn);
		free(user->upn);
		user->upn = sim_folded_copy(upn);
		sim_table_put(&users_by_upn, user->upn, user);
	}
	user->removed = false;
	sim_user_changed(user);
	return user;
}

/* The name is free again, but the id stays: the user may come back. */
void
sim_remove_user(SimUser *user)
{
	while (user->target.installations != NULL)
		sim_uninstall(user->target.installations);
	sim_table_remove(&users_by_upn, user->upn);
	user->removed = true;
	sim_user_changed(user);
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

static void
free_user(void *item)
{
	SimUser    *user = item;

	sim_free_personal_chats(user);
	free(user->preferred_language);
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

void
sim_list_clear(SimList *list, void (*release) (void *))
{
	for (size_t i = 0; i < list->used && release != NULL; i++)
		release(list->items[i]);
	free(list->items);
	memset(list, 0, sizeof(*list));
}

void
sim_state_reset(void)
{
	sim_groups_reset();
	sim_installations_reset();
	sim_chats_reset();
	sim_table_clear(&bots, NULL);
	sim_table_clear(&apps, NULL);
	sim_table_clear(&users_by_id, NULL);
	sim_table_clear(&users_by_upn, NULL);
	sim_list_clear(&sim_users, free_user);
	sim_list_clear(&sim_apps, free_app);
	sim_list_clear(&sim_bots, free_bot);
	sim_delta_generation++;
	sim_epoch++;
}
