/*
 * directory.c
 *	  Users as the directory shows them, page by page.
 */
#include "graph/directory.h"
#include "base/memory.h"
#include "graph/graph_filter.h"
#include "http/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASIC "id,displayName,userPrincipalName"
#define USUAL BASIC ",preferredLanguage"
#define ALL USUAL ",accountEnabled,userType,assignedLicenses,assignedPlans"

/* An Office licence that includes Teams, and its plan for Teams. */
#define SKU_ID "c7df2760-2c81-4ef7-b578-5b5392b571df"
#define TEAMS_PLAN_ID "57ff2da0-773e-42df-b2af-ffb7a2317929"

static json_t *
licenses_json(const SimUser *user)
{
	return user->no_teams ? json_array() :
		json_pack("[{s[] ss}]", "disabledPlans", "skuId", SKU_ID);
}

static json_t *
plans_json(const SimUser *user)
{
	return user->no_teams ? json_array() :
		json_pack("[{ss ss ss ss}]", "assignedDateTime",
				  "2026-01-05T08:00:00Z", "capabilityStatus", "Enabled",
				  "service", "TeamspaceAPI", "servicePlanId", TEAMS_PLAN_ID);
}

/* The value of one property; the name is known. */
static json_t *
property(const SimUser *user, const char *name)
{
	if (strcmp(name, "id") == 0)
		return json_string(user->id);
	if (strcmp(name, "displayName") == 0)
		return json_string(user->display_name);
	if (strcmp(name, "userPrincipalName") == 0)
		return json_string(user->upn);
	if (strcmp(name, "accountEnabled") == 0)
		return json_boolean(!user->disabled);
	if (strcmp(name, "userType") == 0)
		return json_string(user->guest ? "Guest" : "Member");
	if (strcmp(name, "assignedLicenses") == 0)
		return licenses_json(user);
	if (strcmp(name, "assignedPlans") == 0)
		return plans_json(user);
	return user->preferred_language != NULL ?
		json_string(user->preferred_language) : json_null();
}

/* A user with these properties; the caller owns the object. */
json_t *
sim_directory_user(const SimUser *user, const char *select)
{
	json_t	   *result = json_object();

	while (*select != '\0')
	{
		size_t		length = strcspn(select, ",");
		char		name[32];

		snprintf(name, sizeof(name), "%.*s", (int) length, select);
		json_object_set_new(result, name, property(user, name));
		select += length;
		select += *select == ',' ? 1 : 0;
	}
	return result;
}

/* What User.ReadBasic.All lets one see, and nothing more. */
static bool
is_basic(const char *select)
{
	while (*select != '\0')
	{
		size_t		length = strcspn(select, ",");
		char		name[32];

		snprintf(name, sizeof(name), "%.*s", (int) length, select);
		if (!sim_list_holds(BASIC, name))
			return false;
		select += length;
		select += *select == ',' ? 1 : 0;
	}
	return true;
}

/*
 * The names in $select, or the usual ones, with commas between them; false if
 * the call was answered.
 */
bool
sim_directory_select(SimCall *call, char *select, size_t size)
{
	const char *wanted = sim_uri_parameter(&call->uri, "$select");

	if (!sim_graph_words(call, "$select", ALL))
		return false;
	if (wanted == NULL)
		wanted = sim_graph_may_see_all_of_users(call) ? USUAL : BASIC;
	else if (strlen(wanted) >= size)
	{
		sim_graph_bad_request(call, "%s", "$select is too long.");
		return false;
	}
	else if (call->operation != SIM_GROUP && !is_basic(wanted) &&
			 !sim_graph_may_see_all_of_users(call))
	{
		sim_graph_error(call, 403, "Authorization_RequestDenied",
						"Insufficient privileges to complete the operation.");
		return false;
	}
	snprintf(select, size, "%s", wanted);
	return true;
}

/* A number in a query option; false if it was answered. */
bool
sim_directory_top(SimCall *call, int *top)
{
	const char *text = sim_uri_parameter(&call->uri, "$top");
	char	   *end;
	long		number;

	*top = 100;
	if (text == NULL)
		return true;
	number = strtol(text, &end, 10);
	if (*text == '\0' || *end != '\0' || number < 1 || number > 999)
	{
		sim_graph_bad_request(call, "Invalid page size specified: '%s'. Must"
							  " be between 1 and 999 inclusive.", text);
		return false;
	}
	*top = (int) number;
	return true;
}

/* The page that $skiptoken (or another one) means; false if answered. */
bool
sim_directory_page(SimCall *call, const char *option, SimPage *page)
{
	const char *text = sim_uri_parameter(&call->uri, option);

	memset(page, 0, sizeof(*page));
	if (text == NULL || sim_page_read(page, text))
		return true;
	sim_graph_error(call, 400, "Directory_ExpiredPageToken",
					"The specified page token value has expired and can no"
					" longer be included in your request.");
	return false;
}

/* Append a value that may hold nothing but unreserved characters, "," "=". */
static char *
append_option(char *link, const char *name, const char *value)
{
	char	   *longer = sim_format("%s%c%s=%s", link,
									strchr(link, '?') != NULL ? '&' : '?',
									name, value);

	free(link);
	return longer;
}

/* Add "@odata.nextLink": the same call, but for where it goes on. */
void
sim_directory_next(const SimCall *call, json_t *answer, uint64_t position)
{
	const SimUri *uri = &call->uri;
	SimPage		page = {.position = position};
	char	   *token = sim_page_write(&page);
	char	   *link = sim_strdup(call->origin);

	for (int i = 0; i < uri->nsegments; i++)
	{
		char	   *longer = sim_format("%s/%s", link, uri->segments[i]);

		free(link);
		link = longer;
	}
	for (int i = 0; i < uri->nparameters; i++)
	{
		if (strcmp(uri->names[i], "$skiptoken") != 0)
			link = append_option(link, uri->names[i], uri->values[i]);
	}
	link = append_option(link, "$skiptoken", token);
	json_object_set_new(answer, "@odata.nextLink", json_string(link));
	free(link);
	free(token);
}
