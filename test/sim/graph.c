/*
 * graph.c
 *	  Microsoft Graph: installing apps for users, and their chats.
 *
 * What the contract leaves open is refused rather than let through: a client
 * that pleases this service shall please the real one.
 */
#include "entra.h"
#include "graph.h"
#include "quota.h"
#include "reply.h"
#include "service.h"
#include "stats.h"

#include <stdlib.h>
#include <string.h>

#define INSTALLED_APPS "users/*/teamwork/installedApps"

SimOperation
sim_graph_operation(const SimCall *call)
{
	const SimUri *uri = &call->uri;
	bool		get = strcmp(call->method, "GET") == 0;
	bool		post = strcmp(call->method, "POST") == 0;

	if (uri->nsegments < 3 || (strcmp(uri->segments[1], "v1.0") != 0 &&
							   strcmp(uri->segments[1], "beta") != 0))
		return SIM_OTHER;
	if (sim_uri_matches(uri, 2, "$batch"))
		return post ? SIM_BATCH : SIM_OTHER;
	if (sim_uri_matches(uri, 2, INSTALLED_APPS))
		return get ? SIM_LOOKUP : post ? SIM_INSTALL : SIM_OTHER;
	if (sim_uri_matches(uri, 2, INSTALLED_APPS "/*"))
		return get ? SIM_LOOKUP :
			strcmp(call->method, "DELETE") == 0 ? SIM_UNINSTALL : SIM_OTHER;
	if (sim_uri_matches(uri, 2, INSTALLED_APPS "/*/chat") && get)
		return SIM_CHAT;
	if (sim_uri_matches(uri, 2, "appCatalogs/teamsApps") && get)
		return SIM_CATALOG;
	return SIM_OTHER;
}

static bool
check_quota(SimCall *call)
{
	double		seconds;
	char	   *header;

	if (call->operation == SIM_BATCH || sim_quota_graph(call, &seconds))
		return true;
	sim_graph_error(call, 429, "TooManyRequests", "Please retry again later.");
	header = sim_format("%.3f", seconds + 0.001);
	sim_reply_header(&call->reply, "Retry-After", header);
	free(header);
	return false;
}

void
sim_graph_bad_request(SimCall *call, const char *message, const char *detail)
{
	sim_graph_error(call, 400, "BadRequest", message, detail);
}

/* The user in the path, or NULL if the call was answered. */
SimUser *
sim_graph_user(SimCall *call)
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
		return user;
	return NULL;
}

/* The installation in the path, or NULL if the call was answered. */
SimInstallation *
sim_graph_installation(SimCall *call)
{
	const char *id = call->uri.segments[6];
	const SimUser *user = sim_graph_user(call);
	SimInstallation *installation;

	if (user == NULL)
		return NULL;
	installation = user->installations;
	while (installation != NULL &&
		   (strcmp(installation->id, id) != 0 ||
			!sim_graph_may_touch(call, installation->app)))
		installation = installation->next;
	if (installation == NULL)
		sim_graph_error(call, 404, "NotFound",
						"App Installation with id '%s' was not found.", id);
	return installation;
}

/* The app that the body binds, or NULL if the call was answered. */
static SimApp *
bound_app(SimCall *call, json_t *body)
{
	const char *bind = NULL;
	json_t	   *consent = NULL;
	char	   *prefix;
	size_t		length;
	SimApp	   *app;

	if (json_unpack_ex(body, NULL, JSON_STRICT, "{ss s?o}",
					   "teamsApp@odata.bind", &bind,
					   "consentedPermissionSet", &consent) != 0)
	{
		sim_graph_bad_request(call, "%s", "Invalid request body was sent.");
		return NULL;
	}
	if (consent != NULL && !sim_graph_may_consent(call))
	{
		sim_graph_error(call, 403, "Forbidden", "A consentedPermissionSet"
						" needs a permission to consent.");
		return NULL;
	}
	prefix = sim_format("%s/graph/%s/appCatalogs/teamsApps/", call->origin,
						call->uri.segments[1]);
	length = strlen(prefix);
	if (strncmp(bind, prefix, length) != 0 || !sim_is_guid(bind + length))
	{
		sim_graph_bad_request(call, "Invalid teamsApp@odata.bind '%s'.", bind);
		free(prefix);
		return NULL;
	}
	free(prefix);
	app = sim_find_app(bind + length);
	if (app == NULL)
		sim_graph_error(call, 404, "NotFound",
						"No app with id '%s' is in the catalog.",
						bind + length);
	return app;
}

static void
install(SimCall *call)
{
	json_t	   *body;
	SimApp	   *app;
	SimUser    *user;

	if (call->content_type == NULL ||
		strncasecmp(call->content_type, "application/json", 16) != 0)
	{
		sim_graph_bad_request(call, "%s", "A missing or unsupported content"
							  " type header was found when trying to read a"
							  " message.");
		return;
	}
	body = json_loadb(call->body, call->length, JSON_REJECT_DUPLICATES, NULL);
	app = bound_app(call, body);
	json_decref(body);
	user = app != NULL ? sim_graph_user(call) : NULL;
	if (user == NULL)
		return;
	if (!sim_graph_may_touch(call, app))
		sim_graph_error(call, 403, "Forbidden", "The caller may only install"
						" its own app; '%s' is not.", app->teams_app_id);
	else if (sim_find_installation(user, app) != NULL)
		sim_graph_error(call, 409, "Conflict",
						"The app is already installed for the user.");
	else
	{
		sim_install(user, app, "graph");
		sim_stats_install();
		sim_reply_json(&call->reply, 201, NULL);
	}
}

static void
get_chat(SimCall *call)
{
	SimInstallation *installation;
	char	   *context;

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
	context = sim_format("%s/graph/%s/$metadata#chats%s/$entity",
						 call->origin, call->uri.segments[1],
						 call->uri.nparameters > 0 ? "(id)" : "");
	sim_reply_json(&call->reply, 200,
				   json_pack("{ss ss}", "@odata.context", context, "id",
							 installation->chat->id));
	free(context);
}

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
	switch (call->operation)
	{
		case SIM_BATCH:
			sim_graph_batch(call, request);
			break;
		case SIM_LOOKUP:
			sim_graph_look_up(call);
			break;
		case SIM_INSTALL:
			install(call);
			break;
		case SIM_UNINSTALL:
			{
				SimInstallation *installation = sim_graph_installation(call);

				if (installation != NULL)
				{
					sim_uninstall(installation);
					sim_reply_json(&call->reply, 204, NULL);
				}
			}
			break;
		case SIM_CHAT:
			get_chat(call);
			break;
		default:
			sim_graph_catalog(call);
	}
}
