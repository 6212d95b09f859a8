/*
 * graph_lookup.c
 *	  Microsoft Graph: what reads the installations and the catalog.
 */
#include "base/memory.h"
#include "base/text.h"
#include "graph/graph.h"
#include "graph/graph_filter.h"
#include "http/reply.h"

#include <stdlib.h>
#include <string.h>

static bool
is_beta(const SimCall *call)
{
	return strcmp(call->uri.segments[1], "beta") == 0;
}

/* One version of an app: what is installed, or what the catalog has. */
static json_t *
definition_json(const SimApp *app, const char *version)
{
	char	   *key = sim_format("%s##%s##Published", app->teams_app_id,
								 version);
	char	   *id = sim_base64(key);
	json_t	   *result = json_pack("{ss ss ss ss ss}", "id", id,
								   "teamsAppId", app->teams_app_id,
								   "displayName", app->display_name,
								   "version", version,
								   "publishingState", "published");

	free(id);
	free(key);
	return result;
}

static json_t *
app_json(const SimApp *app)
{
	return json_pack("{ss ss ss ss}", "id", app->teams_app_id, "externalId",
					 app->external_id, "displayName", app->display_name,
					 "distributionMethod", app->distribution_method);
}

static json_t *
installation_json(const SimInstallation *installation, const char *expand)
{
	json_t	   *result = json_pack("{ss}", "id", installation->id);

	if (sim_list_holds(expand, "teamsApp"))
		json_object_set_new(result, "teamsApp", app_json(installation->app));
	if (sim_list_holds(expand, "teamsAppDefinition"))
		json_object_set_new(result, "teamsAppDefinition",
							definition_json(installation->app,
											installation->version));
	return result;
}

/* Does a list with commas hold nothing but these words? */
bool
sim_graph_words(SimCall *call, const char *option, const char *known)
{
	const char *list = sim_uri_parameter(&call->uri, option);
	bool		fine = true;

	while (list != NULL && fine)
	{
		size_t		length = strcspn(list, ",");
		char	   *word = sim_format("%.*s", (int) length, list);

		fine = length > 0 && sim_list_holds(known, word);
		if (!fine)
			sim_graph_bad_request(call, "Parsing OData Select and Expand"
								  " failed: could not find a property named"
								  " '%s'.", word);
		free(word);
		list = list[length] == ',' ? list + length + 1 : NULL;
	}
	return fine;
}

/* The value that a path of the filter has for an app, or NULL. */
static const char *
filter_value(const SimApp *app, const char *path)
{
	if (strcmp(path, "teamsApp/id") == 0 || strcmp(path, "id") == 0 ||
		strcmp(path, "teamsAppDefinition/teamsAppId") == 0)
		return app->teams_app_id;
	if (strcmp(path, "teamsApp/externalId") == 0 ||
		strcmp(path, "externalId") == 0)
		return app->external_id;
	if (strcmp(path, "distributionMethod") == 0)
		return app->distribution_method;
	return NULL;
}

static bool
filter_passes(const SimFilter *filter, const SimApp *app)
{
	for (int i = 0; i < filter->nterms; i++)
	{
		const char *value = filter_value(app, filter->paths[i]);

		if (value == NULL || strcasecmp(value, filter->values[i]) != 0)
			return false;
	}
	return true;
}

/*
 * Every path that a filter names must be expanded, too; the path of the
 * definition is the preview's (contract 3.1).
 */
static const char *
lookup_filter_problem(const SimCall *call, const SimFilter *filter,
					  const char *expand)
{
	for (int i = 0; i < filter->nterms; i++)
	{
		const char *path = filter->paths[i];

		if (strcmp(path, "teamsApp/id") == 0 ||
			strcmp(path, "teamsApp/externalId") == 0)
		{
			if (!sim_list_holds(expand, "teamsApp"))
				return "$filter on teamsApp needs $expand=teamsApp.";
		}
		else if (strcmp(path, "teamsAppDefinition/teamsAppId") == 0 &&
				 is_beta(call))
		{
			if (!sim_list_holds(expand, "teamsAppDefinition"))
				return "$filter on teamsAppDefinition needs"
					" $expand=teamsAppDefinition.";
		}
		else
			return "The property in $filter is unknown or not supported.";
	}
	return NULL;
}

/* Read $filter; false if the call was answered. */
static bool
read_filter(SimCall *call, SimFilter *filter)
{
	const char *text = sim_uri_parameter(&call->uri, "$filter");

	memset(filter, 0, sizeof(*filter));
	if (text == NULL || sim_filter_parse(filter, text))
		return true;
	sim_graph_bad_request(call, "Invalid filter clause: '%s'.", text);
	return false;
}

/*
 * Has the call only query options from this list, with commas, each once?  If
 * not, it is answered.
 */
bool
sim_graph_options(SimCall *call, const char *known)
{
	const char *culprit;

	if (sim_options_known(&call->uri, known, &culprit))
		return true;
	sim_graph_bad_request(call, "The query parameter '%s' is not supported,"
						  " or is there twice.", culprit);
	return false;
}

static void
answer_list(SimCall *call, const char *what, json_t *value)
{
	sim_reply_json(&call->reply, 200,
				   json_pack("{so si so}", "@odata.context",
							 sim_graph_context(call, what), "@odata.count",
							 (int) json_array_size(value), "value", value));
}

static void
list_installations(SimCall *call, const SimTarget *target)
{
	const char *expand = sim_uri_parameter(&call->uri, "$expand");
	static const char *const contexts[] = {
		[SIM_SCOPE_USER] = "users/teamwork/installedApps",
		[SIM_SCOPE_TEAM] = "teams/installedApps",
		[SIM_SCOPE_CHAT] = "chats/installedApps"
	};
	SimFilter	filter;
	const char *problem;
	json_t	   *value;

	if (!read_filter(call, &filter))
		return;
	problem = lookup_filter_problem(call, &filter, expand);
	if (problem != NULL)
	{
		sim_graph_bad_request(call, "%s", problem);
		sim_filter_free(&filter);
		return;
	}
	value = json_array();
	for (const SimInstallation *installation = target->installations;
		 installation != NULL; installation = installation->next)
	{
		if (sim_graph_may_touch(call, installation->app) &&
			filter_passes(&filter, installation->app))
			json_array_append_new(value,
								  installation_json(installation, expand));
	}
	sim_filter_free(&filter);
	answer_list(call, contexts[target->scope], value);
}

/*
 * GET .../installedApps: where the caller's app is installed, and in which
 * version (contract 3.1).
 */
void
sim_graph_look_up(SimCall *call)
{
	bool		one = call->uri.nsegments == sim_graph_apps_segment(call) + 2;
	const SimInstallation *installation;
	const SimTarget *target;

	if (!sim_graph_options(call, one ? "$expand,$select" :
						   "$expand,$filter,$select") ||
		!sim_graph_words(call, "$expand", "teamsApp,teamsAppDefinition") ||
		!sim_graph_words(call, "$select", "id,consentedPermissionSet"))
		return;
	if (one)
	{
		const char *expand = sim_uri_parameter(&call->uri, "$expand");

		installation = sim_graph_installation(call);
		if (installation != NULL)
			sim_reply_json(&call->reply, 200,
						   installation_json(installation, expand));
		return;
	}
	target = sim_graph_target(call);
	if (target != NULL)
		list_installations(call, target);
}

/* GET /appCatalogs/teamsApps: the apps of the organisation (contract 3.2). */
void
sim_graph_catalog(SimCall *call)
{
	const char *expand = sim_uri_parameter(&call->uri, "$expand");
	SimFilter	filter;
	json_t	   *value;

	if (!sim_graph_options(call, "$expand,$filter") ||
		!sim_graph_words(call, "$expand", "appDefinitions") ||
		!read_filter(call, &filter))
		return;
	value = json_array();
	for (size_t i = 0; i < sim_apps.used; i++)
	{
		const SimApp *app = sim_apps.items[i];
		json_t	   *item;

		if (!filter_passes(&filter, app))
			continue;
		item = app_json(app);
		if (expand != NULL)
		{
			json_t	   *definition = definition_json(app, app->version);

			json_object_set_new(item, "appDefinitions",
								json_pack("[o]", definition));
		}
		json_array_append_new(value, item);
	}
	sim_filter_free(&filter);
	answer_list(call, "appCatalogs/teamsApps", value);
}

/* GET /teams/{id}/primaryChannel: General. */
void
sim_graph_primary_channel(SimCall *call)
{
	const SimGroup *team;
	const SimChat *general;

	if (!sim_graph_options(call, "$select") ||
		!sim_graph_words(call, "$select", "id,displayName,membershipType"))
		return;
	if (sim_graph_target(call) == NULL)
		return;
	team = sim_find_team(call->uri.segments[3]);
	general = team->channels.items[0];
	sim_reply_json(&call->reply, 200,
				   json_pack("{so ss ss ss}", "@odata.context",
							 sim_graph_context(call, "channels/$entity"),
							 "id", general->id, "displayName", general->name,
							 "membershipType", "standard"));
}
