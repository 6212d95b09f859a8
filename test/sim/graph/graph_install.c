/*
 * graph_install.c
 *	  Microsoft Graph: installs and upgrades apps, in whatever scope.
 */
#include "base/memory.h"
#include "base/text.h"
#include "graph/graph.h"
#include "http/reply.h"
#include "service/stats.h"

#include <stdlib.h>
#include <string.h>

static bool
check_consent(SimCall *call, const json_t *consent)
{
	if (consent == NULL || sim_graph_may_consent(call))
		return true;
	sim_graph_error(call, 403, "Forbidden", "A consentedPermissionSet"
					" needs a permission to consent.");
	return false;
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
	if (!check_consent(call, consent))
		return NULL;
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

/* Is the body said to be JSON?  If not, it is answered. */
static bool
check_content_type(SimCall *call)
{
	if (call->content_type != NULL &&
		strncasecmp(call->content_type, "application/json", 16) == 0)
		return true;
	sim_graph_bad_request(call, "%s", "A missing or unsupported content"
						  " type header was found when trying to read a"
						  " message.");
	return false;
}

/* POST .../installedApps (contract 3.4). */
void
sim_graph_install(SimCall *call)
{
	json_t	   *body;
	SimApp	   *app;
	SimTarget  *target;

	if (!check_content_type(call))
		return;
	body = json_loadb(call->body, call->length, JSON_REJECT_DUPLICATES, NULL);
	app = bound_app(call, body);
	json_decref(body);
	target = app != NULL ? sim_graph_target(call) : NULL;
	if (target == NULL)
		return;
	if (!sim_graph_may_touch(call, app))
		sim_graph_error(call, 403, "Forbidden", "The caller may only install"
						" its own app; '%s' is not.", app->teams_app_id);
	else if (sim_find_installation(target, app) != NULL)
		sim_graph_error(call, 409, "Conflict",
						"The app is already installed there.");
	else
	{
		sim_install(target, app, "graph");
		sim_stats_install();
		sim_reply_json(&call->reply,
					   target->scope == SIM_SCOPE_TEAM ? 200 : 201, NULL);
	}
}

/* The body may be missing, or holds a consent (contract 3.6). */
static bool
check_upgrade_body(SimCall *call)
{
	json_t	   *body;
	json_t	   *consent = NULL;
	bool		fine;

	if (call->length == 0)
		return true;
	if (!check_content_type(call))
		return false;
	body = json_loadb(call->body, call->length, JSON_REJECT_DUPLICATES, NULL);
	fine = json_unpack_ex(body, NULL, JSON_STRICT, "{s?o}",
						  "consentedPermissionSet", &consent) == 0;
	if (!fine)
		sim_graph_bad_request(call, "%s", "Invalid request body was sent.");
	fine = fine && check_consent(call, consent);
	json_decref(body);
	return fine;
}

/*
 * POST .../installedApps/{id}/upgrade: the version is that of the catalog
 * (contract 3.6).
 */
void
sim_graph_upgrade(SimCall *call)
{
	SimInstallation *installation;

	if (!check_upgrade_body(call))
		return;
	installation = sim_graph_installation(call);
	if (installation == NULL)
		return;
	sim_set_string(&installation->version, installation->app->version);
	sim_reply_json(&call->reply, 204, NULL);
}
