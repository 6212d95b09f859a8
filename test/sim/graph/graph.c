/*
 * graph.c
 *	  Microsoft Graph: what a path names, and who answers.
 *
 * What the contract leaves open is refused rather than let through: a client
 * that pleases this service shall please the real one.
 */
#include "graph/graph.h"
#include "base/memory.h"
#include "http/reply.h"
#include "service/entra.h"
#include "service/quota.h"
#include "service/service.h"

#include <stdlib.h>
#include <string.h>

/* What is asked of an installation; "verb" is the path behind its id. */
static SimOperation
installation_operation(const SimCall *call, int apps)
{
	const SimUri *uri = &call->uri;
	const char *method = call->method;

	if (uri->nsegments == apps + 1)
		return strcmp(method, "GET") == 0 ? SIM_LOOKUP :
			strcmp(method, "POST") == 0 ? SIM_INSTALL : SIM_OTHER;
	if (*uri->segments[apps + 1] == '\0')
		return SIM_OTHER;
	if (uri->nsegments == apps + 2)
		return strcmp(method, "GET") == 0 ? SIM_LOOKUP :
			strcmp(method, "DELETE") == 0 ? SIM_UNINSTALL : SIM_OTHER;
	if (sim_uri_matches(uri, apps + 2, "upgrade"))
		return strcmp(method, "POST") == 0 ? SIM_UPGRADE : SIM_OTHER;

	/* Teams and group chats have no such call (contract 3.8). */
	if (sim_uri_matches(uri, apps + 2, "chat") &&
		sim_graph_scope(call) == SIM_SCOPE_USER)
		return strcmp(method, "GET") == 0 ? SIM_CHAT : SIM_OTHER;
	return SIM_OTHER;
}

/* What only reads, besides installations. */
static SimOperation
reading_operation(const SimUri *uri)
{
	static const struct
	{
		const char *path;
		SimOperation operation;
	}			paths[] = {
		{"appCatalogs/teamsApps", SIM_CATALOG},
		{"teams/*/primaryChannel", SIM_PRIMARY_CHANNEL},
		{"users", SIM_USERS},
		{"users/delta", SIM_DELTA},
		{"users/*", SIM_USERS},
		{"groups/*/members", SIM_GROUP},
		{"groups/*/transitiveMembers", SIM_GROUP},
		{"groups/*/owners", SIM_GROUP},
		{"groups/*/members/microsoft.graph.user", SIM_GROUP},
		{"groups/*/transitiveMembers/microsoft.graph.user", SIM_GROUP},
		{"groups/*/owners/microsoft.graph.user", SIM_GROUP}
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
	{
		if (sim_uri_matches(uri, 2, paths[i].path))
			return paths[i].operation;
	}
	return SIM_OTHER;
}

/* What the call is about, by the collection in its path. */
SimScope
sim_graph_scope(const SimCall *call)
{
	const char *collection = call->uri.segments[2];

	return strcasecmp(collection, "users") == 0 ? SIM_SCOPE_USER :
		strcasecmp(collection, "teams") == 0 ? SIM_SCOPE_TEAM :
		strcasecmp(collection, "chats") == 0 ? SIM_SCOPE_CHAT : SIM_SCOPE_NONE;
}

/*
 * The segment of the path that is "installedApps", behind which the
 * installation's id and a verb may follow; or 0.
 */
int
sim_graph_apps_segment(const SimCall *call)
{
	const SimUri *uri = &call->uri;
	SimScope	scope = sim_graph_scope(call);
	int			apps = scope == SIM_SCOPE_USER ? 5 : 4;

	if (scope == SIM_SCOPE_NONE || uri->nsegments <= apps ||
		*uri->segments[3] == '\0' ||
		(apps == 5 && strcasecmp(uri->segments[4], "teamwork") != 0) ||
		strcasecmp(uri->segments[apps], "installedApps") != 0)
		return 0;
	return apps;
}

/* Which operation is it, by method and path? */
SimOperation
sim_graph_operation(const SimCall *call)
{
	const SimUri *uri = &call->uri;
	int			apps;

	if (uri->nsegments < 3 || (strcmp(uri->segments[1], "v1.0") != 0 &&
							   strcmp(uri->segments[1], "beta") != 0))
		return SIM_OTHER;
	if (sim_uri_matches(uri, 2, "$batch"))
		return strcmp(call->method, "POST") == 0 ? SIM_BATCH : SIM_OTHER;
	apps = sim_graph_apps_segment(call);
	if (apps > 0)
		return installation_operation(call, apps);
	return strcmp(call->method, "GET") == 0 ? reading_operation(uri) :
		SIM_OTHER;
}

static bool
check_quota(SimCall *call)
{
	const char *team = sim_graph_scope(call) == SIM_SCOPE_TEAM ?
		call->uri.segments[3] : NULL;
	double		seconds;
	char	   *header;

	if (call->operation == SIM_BATCH || sim_quota_graph(call, team, &seconds))
		return true;
	sim_graph_error(call, 429, "TooManyRequests", "Please retry again later.");
	header = sim_format("%.3f", seconds + 0.001);
	sim_reply_header(&call->reply, "Retry-After", header);
	free(header);
	return false;
}

/* Answer with 400; "detail" is for the %s in the message. */
void
sim_graph_bad_request(SimCall *call, const char *message, const char *detail)
{
	sim_graph_error(call, 400, "BadRequest", message, detail);
}

/* The user in the path, or NULL if the call was answered. */
static SimTarget *
user_target(SimCall *call)
{
	SimUser    *user = sim_find_user(call->uri.segments[3]);

	if (user == NULL)
		sim_graph_error(call, 404, "NotFound", "User Id '%s' not found.",
						call->uri.segments[3]);
	else if (user->no_teams)
		sim_graph_error(call, 404, "NotFound",
						"The user is not enabled for Teams.");
	else if (user->guest && call->operation == SIM_INSTALL)
		sim_graph_error(call, 403, "Forbidden",
						"Apps cannot be installed for guest users.");
	else
		return &user->target;
	return NULL;
}

/*
 * The user, team or group chat that the path names; NULL if there is none and
 * the call was answered.
 */
SimTarget *
sim_graph_target(SimCall *call)
{
	const char *id = call->uri.segments[3];
	SimGroup   *team;
	SimChat    *chat;

	switch (sim_graph_scope(call))
	{
		case SIM_SCOPE_USER:
			return user_target(call);
		case SIM_SCOPE_TEAM:
			team = sim_find_team(id);
			if (team != NULL)
				return &team->target;
			sim_graph_error(call, 404, "NotFound",
							"No team found with Group Id '%s'.", id);
			return NULL;
		default:
			chat = sim_find_chat(id);
			if (chat != NULL && chat->group != NULL &&
				!sim_chat_is_channel(chat))
				return &chat->group->target;
			sim_graph_error(call, 404, "NotFound",
							"The chat '%s' was not found.", id);
			return NULL;
	}
}

/*
 * The installation that the path names; NULL if there is none that the caller
 * may see and the call was answered.
 */
SimInstallation *
sim_graph_installation(SimCall *call)
{
	const char *id = call->uri.segments[sim_graph_apps_segment(call) + 1];
	const SimTarget *target = sim_graph_target(call);
	SimInstallation *installation;

	if (target == NULL)
		return NULL;
	installation = target->installations;
	while (installation != NULL &&
		   (strcmp(installation->id, id) != 0 ||
			!sim_graph_may_touch(call, installation->app)))
		installation = installation->next;
	if (installation == NULL)
		sim_graph_error(call, 404, "NotFound",
						"App Installation with id '%s' was not found.", id);
	return installation;
}

/* The end of an answer's "@odata.context". */
json_t *
sim_graph_context(const SimCall *call, const char *what)
{
	char	   *context = sim_format("%s/graph/%s/$metadata#%s", call->origin,
									 call->uri.segments[1], what);
	json_t	   *result = json_string(context);

	free(context);
	return result;
}

static void
get_chat(SimCall *call)
{
	SimInstallation *installation;

	if (!sim_graph_options(call, "$select") ||
		!sim_graph_words(call, "$select", "id"))
		return;
	installation = sim_graph_installation(call);
	if (installation == NULL)
		return;
	if (installation->chat == NULL || installation->chat_polls_left > 0)
	{
		if (installation->chat_polls_left > 0)
			installation->chat_polls_left--;
		sim_graph_error(call, 404, "NotFound",
						"The chat of the installation was not found.");
		return;
	}
	sim_reply_json(&call->reply, 200,
				   json_pack("{so ss}", "@odata.context",
							 sim_graph_context(call,
											   call->uri.nparameters > 0 ?
											   "chats(id)/$entity" :
											   "chats/$entity"),
							 "id", installation->chat->id));
}

static void
uninstall(SimCall *call)
{
	SimInstallation *installation = sim_graph_installation(call);

	if (installation == NULL)
		return;
	sim_uninstall(installation);
	sim_reply_json(&call->reply, 204, NULL);
}

static void (*const handlers[SIM_OPERATIONS]) (SimCall *call) = {
	[SIM_LOOKUP] = sim_graph_look_up,
	[SIM_INSTALL] = sim_graph_install,
	[SIM_UPGRADE] = sim_graph_upgrade,
	[SIM_UNINSTALL] = uninstall,
	[SIM_CHAT] = get_chat,
	[SIM_CATALOG] = sim_graph_catalog,
	[SIM_PRIMARY_CHANNEL] = sim_graph_primary_channel,
	[SIM_USERS] = sim_graph_users,
	[SIM_DELTA] = sim_graph_delta,
	[SIM_GROUP] = sim_graph_group
};

/*
 * Carry out a call of Graph: check token, quota and permissions, then do what
 * it asks for.
 */
void
sim_graph_handle(SimCall *call, const SimRequest *request)
{
	call->token = sim_token_check(call->authorization, SIM_GRAPH);
	if (call->token == NULL)
	{
		sim_graph_error(call, 401, "InvalidAuthenticationToken",
						"Access token is missing, expired, or not meant for"
						" this audience.");
		return;
	}
	if (call->operation == SIM_OTHER)
	{
		sim_graph_bad_request(call, "Resource not found for the segment '%s'.",
							  call->uri.segments[call->uri.nsegments - 1]);
		return;
	}
	if (!check_quota(call) || !sim_graph_check_roles(call))
		return;
	if (call->operation == SIM_BATCH)
		sim_graph_batch(call, request);
	else
		handlers[call->operation] (call);
}
