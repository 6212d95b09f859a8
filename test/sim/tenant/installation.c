/*
 * installation.c
 *	  Which app is installed for which user, team or group chat.
 */
#include "base/memory.h"
#include "base/text.h"
#include "tenant/tenant.h"

#include <stdlib.h>
#include <string.h>

SimList		sim_installations;
void		(*sim_on_installation) (const SimInstallation *installation,
									bool installed);

const char *const sim_scope_names[] = {
	[SIM_SCOPE_USER] = "user",
	[SIM_SCOPE_TEAM] = "team",
	[SIM_SCOPE_CHAT] = "chat"
};

/* The installation of that app there, or NULL. */
SimInstallation *
sim_find_installation(const SimTarget *target, const SimApp *app)
{
	SimInstallation *installation = target->installations;

	while (installation != NULL && installation->app != app)
		installation = installation->next;
	return installation;
}

/* A user by id or UPN, a team by its group's id, a group chat by its id. */
SimTarget *
sim_find_target(const char *id)
{
	SimUser    *user = sim_find_user(id);
	SimGroup   *team = sim_find_team(id);
	SimChat    *chat = sim_find_chat(id);

	if (user != NULL)
		return &user->target;
	if (team != NULL)
		return &team->target;
	if (chat != NULL && chat->group != NULL && !sim_chat_is_channel(chat))
		return &chat->group->target;
	return NULL;
}

/*
 * Install an app, unless it is there; returns the installation.  Who did it is
 * "graph" or "seed".
 */
SimInstallation *
sim_install(SimTarget *target, SimApp *app, const char *by)
{
	SimInstallation *installation = sim_find_installation(target, app);
	SimBot	   *bot = app->client_id != NULL ?
		sim_find_bot(app->client_id) : NULL;
	char	   *pair;

	if (installation != NULL)
		return installation;
	installation = sim_alloc(sizeof(SimInstallation));
	pair = sim_format("%s##%s", target->id, app->teams_app_id);
	installation->id = sim_base64(pair);
	free(pair);
	installation->target = target;
	installation->app = app;
	sim_set_string(&installation->version, app->version);
	installation->by = by;
	installation->installed_at_ns = sim_now_ns();
	if (strcmp(by, "graph") == 0)
		installation->chat_polls_left = sim_settings.chat_404_polls;
	if (bot != NULL && target->user != NULL)
	{
		installation->chat = sim_personal_chat(target->user, app, bot);
		installation->chat->installed = true;
	}
	installation->next = target->installations;
	target->installations = installation;
	installation->position = sim_installations.used;
	sim_list_add(&sim_installations, installation);
	if (sim_on_installation != NULL)
		sim_on_installation(installation, true);
	return installation;
}

static void
free_installation(void *item)
{
	SimInstallation *installation = item;

	free(installation->id);
	free(installation->version);
	free(installation);
}

/* Take an app away, and free the installation. */
void
sim_uninstall(SimInstallation *installation)
{
	SimInstallation **link = &installation->target->installations;
	SimInstallation *last;

	if (sim_on_installation != NULL)
		sim_on_installation(installation, false);
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

/* Forget all installations. */
void
sim_installations_reset(void)
{
	sim_list_clear(&sim_installations, free_installation);
}
