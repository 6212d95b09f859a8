/*
 * tenant.c
 *	  The tenant: bots, apps and users.
 *
 * Everything is found by a hash lookup, whatever the number of users.  Ids
 * are compared without regard to case, as the services do, so the tables
 * have lower-case keys.
 */
#include "tenant/tenant.h"
#include "base/memory.h"
#include "base/table.h"
#include "base/text.h"

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

/* The bot with that client id, or NULL. */
SimBot *
sim_find_bot(const char *client_id)
{
	return sim_table_get_folded(&bots, client_id);
}

/* The app with that id in the catalog, or NULL. */
SimApp *
sim_find_app(const char *teams_app_id)
{
	return sim_table_get_folded(&apps, teams_app_id);
}

/*
 * The user with that id or user principal name who was not removed, or NULL.
 */
SimUser *
sim_find_user(const char *id_or_upn)
{
	SimUser    *user = sim_table_get_folded(&users_by_id, id_or_upn);

	if (user == NULL)
		user = sim_table_get_folded(&users_by_upn, id_or_upn);
	return user != NULL && !user->removed ? user : NULL;
}

/* Has any bot that tenant? */
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

/* The bot with that client id; it is added if it is not there. */
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

/* The app with that id in the catalog; it is added if it is not there. */
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

/*
 * The user with that id, who is added or comes back if that is needed, and
 * gets that name.  NULL if the name is another user's.
 */
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

/* Forget the whole tenant; its epoch is over. */
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
