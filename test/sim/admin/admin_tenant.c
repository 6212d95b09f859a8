/*
 * admin_tenant.c
 *	  Shows and changes who is in the tenant and what is installed.
 */
#include "admin/admin.h"
#include "base/memory.h"
#include "http/reply.h"

#include <stdlib.h>
#include <string.h>

static json_t *
installation_json(const SimInstallation *installation)
{
	const SimTarget *target = installation->target;
	const SimUser *user = target->user;
	const SimChat *chat = installation->chat;

	return json_pack("{ss ss ss ss? ss? ss ss ss ss? sI}", "id",
					 installation->id, "scope",
					 sim_scope_names[target->scope], "target", target->id,
					 "user", user != NULL ? user->id : NULL,
					 "upn", user != NULL ? user->upn : NULL,
					 "app", installation->app->teams_app_id,
					 "version", installation->version,
					 "by", installation->by,
					 "chat", chat != NULL ? chat->id : NULL,
					 "installed_at_ns",
					 (json_int_t) installation->installed_at_ns);
}

/* A value from the body or else from the query, or NULL. */
static const char *
argument(const AdminContext *context, const char *name)
{
	const char *value = json_string_value(json_object_get(context->body,
														  name));

	return value != NULL ? value : sim_uri_parameter(&context->uri, name);
}

/* The target that "target" or "user" names, or NULL if that was answered. */
static SimTarget *
target_argument(AdminContext *context)
{
	const char *name = argument(context, "target");
	SimTarget  *target;

	if (name == NULL)
		name = argument(context, "user");
	target = name != NULL ? sim_find_target(name) : NULL;
	if (name == NULL)
		sim_admin_error(context->reply, 400,
						"\"user\" or \"target\" is missing");
	else if (target == NULL)
		sim_admin_error(context->reply, 404,
						"there is no user, team or chat \"%s\"", name);
	return target;
}

/* The user that an argument names, or NULL if that was answered. */
static SimUser *
user_argument(AdminContext *context)
{
	const char *name = argument(context, "user");
	SimUser    *user = name != NULL ? sim_find_user(name) : NULL;

	if (name == NULL)
		sim_admin_error(context->reply, 400, "\"user\" is missing");
	else if (user == NULL)
		sim_admin_error(context->reply, 404, "there is no user \"%s\"", name);
	return user;
}

/* GET /installations: what is installed where, for all or for one target. */
void
sim_admin_installations(AdminContext *context)
{
	const SimTarget *target = NULL;
	const char *limit = argument(context, "limit");
	size_t		left = limit != NULL ? strtoul(limit, NULL, 10) : SIZE_MAX;
	json_t	   *result;

	if (argument(context, "user") != NULL ||
		argument(context, "target") != NULL)
	{
		target = target_argument(context);
		if (target == NULL)
			return;
	}
	result = json_array();
	for (size_t i = 0; i < sim_installations.used && left > 0; i++)
	{
		const SimInstallation *installation = sim_installations.items[i];

		if (target != NULL && installation->target != target)
			continue;
		json_array_append_new(result, installation_json(installation));
		left--;
	}
	sim_reply_json(context->reply, 200, result);
}

/* DELETE /installations: somebody takes the app away by hand. */
void
sim_admin_uninstall(AdminContext *context)
{
	const SimTarget *target = target_argument(context);
	const char *name = argument(context, "app");
	const SimApp *app = name != NULL ? sim_find_app(name) : NULL;
	SimInstallation *installation;

	if (target == NULL)
		return;
	installation = app != NULL ? sim_find_installation(target, app) : NULL;
	if (name == NULL)
		sim_admin_error(context->reply, 400, "\"app\" is missing");
	else if (installation == NULL)
		sim_admin_error(context->reply, 404,
						"there is no app \"%s\" installed", name);
	else
	{
		sim_uninstall(installation);
		sim_admin_done(context);
	}
}

/*
 * POST /block: writes into the user's chats are refused from now on, or not
 * any more.
 */
void
sim_admin_block(AdminContext *context)
{
	const json_t *blocked = json_object_get(context->body, "blocked");
	SimUser    *user = user_argument(context);

	if (user == NULL)
		return;
	user->blocked = blocked == NULL || json_is_true(blocked);
	sim_admin_done(context);
}

/* Only what the body names changes. */
void
sim_admin_change_user(AdminContext *context)
{
	SimUser    *user = user_argument(context);
	json_t	   *changes;
	char	   *problem;

	if (user == NULL)
		return;
	changes = json_copy(context->body);
	json_object_del(changes, "user");
	problem = sim_change_user(user, changes);
	json_decref(changes);
	if (problem == NULL)
		sim_admin_done(context);
	else
		sim_admin_error(context->reply, 400, "%s", problem);
	free(problem);
}

/*
 * DELETE /users: the user is gone from the directory, with what was installed
 * there.
 */
void
sim_admin_remove_user(AdminContext *context)
{
	SimUser    *user = user_argument(context);

	if (user == NULL)
		return;
	sim_remove_user(user);
	sim_admin_done(context);
}

static json_t *
team_json(const SimGroup *team)
{
	json_t	   *channels = json_array();
	SimList		members = sim_group_users(team, false);
	int			count = (int) members.used;

	sim_list_clear(&members, NULL);
	for (size_t i = 0; i < team->channels.used; i++)
	{
		const SimChat *channel = team->channels.items[i];

		json_array_append_new(channels, json_pack("{ss ss}", "id", channel->id,
												  "name", channel->name));
	}
	return json_pack("{ss ss so si si}", "id", team->id, "display_name",
					 team->display_name, "channels", channels, "members",
					 count, "owners",
					 (int) team->owners.used);
}

/* GET /teams: the teams with their channels and how many people they have. */
void
sim_admin_teams(AdminContext *context)
{
	const char *name = argument(context, "team");
	const SimGroup *only = name != NULL ? sim_find_team(name) : NULL;
	json_t	   *result;

	if (name != NULL && only == NULL)
	{
		sim_admin_error(context->reply, 404, "there is no team \"%s\"", name);
		return;
	}
	result = json_array();
	for (size_t i = 0; i < sim_groups.used; i++)
	{
		const SimGroup *group = sim_groups.items[i];

		if (group->target.scope == SIM_SCOPE_TEAM &&
			(only == NULL || only == group))
			json_array_append_new(result, team_json(group));
	}
	sim_reply_json(context->reply, 200, result);
}

/* POST /delta/expire: all delta tokens that were handed out are refused. */
void
sim_admin_expire_delta(AdminContext *context)
{
	sim_delta_generation++;
	sim_admin_done(context);
}
