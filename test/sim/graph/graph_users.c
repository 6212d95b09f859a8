/*
 * graph_users.c
 *	  Microsoft Graph: the users of the directory, and what changed.
 *
 * Changes are numbered.  A round of the delta query tells of those up to the
 * number at its start; whatever happens during the round is told again in
 * the next one, as the service may (contract 3.11).
 */
#include "base/memory.h"
#include "graph/directory.h"
#include "http/reply.h"

#include <stdlib.h>
#include <string.h>

/* One user, by id or UPN. */
static void
get_user(SimCall *call)
{
	const SimUser *user = sim_find_user(call->uri.segments[3]);
	char		select[256];
	json_t	   *answer;

	if (!sim_graph_options(call, "$select") ||
		!sim_directory_select(call, select, sizeof(select)))
		return;
	if (user == NULL)
	{
		sim_graph_error(call, 404, "Request_ResourceNotFound", "Resource '%s'"
						" does not exist or one of its queried reference-"
						"property objects are not present.",
						call->uri.segments[3]);
		return;
	}
	answer = sim_directory_user(user, select);
	json_object_set_new(answer, "@odata.context",
						sim_graph_context(call, "users/$entity"));
	sim_reply_json(&call->reply, 200, answer);
}

/* GET /users and /users/{id}, page by page. */
void
sim_graph_users(SimCall *call)
{
	char		select[256];
	SimPage		page;
	int			top;
	json_t	   *value;
	json_t	   *answer;
	size_t		i;

	if (call->uri.nsegments == 4)
	{
		get_user(call);
		return;
	}
	if (!sim_graph_options(call, "$select,$top,$skiptoken") ||
		!sim_directory_select(call, select, sizeof(select)) ||
		!sim_directory_top(call, &top) ||
		!sim_directory_page(call, "$skiptoken", &page))
		return;
	value = json_array();
	for (i = page.position; i < sim_users.used; i++)
	{
		const SimUser *user = sim_users.items[i];

		if (user->removed)
			continue;
		if ((int) json_array_size(value) == top)
			break;
		json_array_append_new(value, sim_directory_user(user, select));
	}
	answer = json_pack("{so so}", "@odata.context",
					   sim_graph_context(call, "users"), "value", value);
	if (i < sim_users.used)
		sim_directory_next(call, answer, i);
	sim_reply_json(&call->reply, 200, answer);
}

/* A link that goes on with the delta query. */
static void
add_delta_link(const SimCall *call, json_t *answer, bool last,
			   const SimPage *page)
{
	char	   *token = sim_page_write(page);
	const char *option = last ? "$deltatoken" : "$skiptoken";
	char	   *link = sim_format("%s/graph/%s/users/delta?%s=%s",
								  call->origin, call->uri.segments[1],
								  option, token);

	json_object_set_new(answer, last ? "@odata.deltaLink" : "@odata.nextLink",
						json_string(link));
	free(link);
	free(token);
}

/* Where to start anew: the same query without a token. */
static void
answer_gone(SimCall *call, const SimPage *page)
{
	char	   *location = sim_format("%s/graph/%s/users/delta?$deltatoken="
									  "&$select=%s", call->origin,
									  call->uri.segments[1], page->select);

	sim_graph_error(call, 410, "syncStateNotFound", "The sync state"
					" generation is not found. Start with a full"
					" synchronization.");
	sim_reply_header(&call->reply, "Location", location);
	free(location);
}

/*
 * Read the token of a call, or start a round without one; false if the call
 * was answered.
 */
static bool
read_round(SimCall *call, SimPage *page)
{
	const char *delta = sim_uri_parameter(&call->uri, "$deltatoken");
	const char *skip = sim_uri_parameter(&call->uri, "$skiptoken");
	bool		fresh = skip == NULL && (delta == NULL || *delta == '\0' ||
										 strcmp(delta, "latest") == 0);

	if (fresh)
	{
		memset(page, 0, sizeof(*page));
		if (!sim_directory_select(call, page->select, sizeof(page->select)))
			return false;
		page->generation = sim_delta_generation;
		page->until = sim_directory_version;
		if (delta != NULL && strcmp(delta, "latest") == 0)
			page->since = page->until;
		return true;
	}
	if (!sim_directory_page(call, skip != NULL ? "$skiptoken" : "$deltatoken",
							page))
		return false;
	if (page->generation != sim_delta_generation)
	{
		answer_gone(call, page);
		return false;
	}
	if (skip == NULL)
		page->until = sim_directory_version;
	return true;
}

/* Users that came and went since the last round are told of, too. */
static json_t *
entry_json(const SimUser *user, const char *select)
{
	if (user->removed)
		return json_pack("{ss s{ss}}", "id", user->id, "@removed", "reason",
						 "changed");
	return sim_directory_user(user, select);
}

/* GET /users/delta: all users, then what has changed since. */
void
sim_graph_delta(SimCall *call)
{
	SimPage		page;
	json_t	   *value;
	json_t	   *answer;
	size_t		i;

	if (!sim_graph_options(call, "$select,$deltatoken,$skiptoken") ||
		!read_round(call, &page))
		return;
	value = json_array();
	for (i = page.position; i < sim_users.used; i++)
	{
		const SimUser *user = sim_users.items[i];

		if (user->changed <= page.since ||
			(user->removed && page.since == 0))
			continue;
		if ((int) json_array_size(value) == sim_settings.delta_page_size)
			break;
		json_array_append_new(value, entry_json(user, page.select));
	}
	answer = json_pack("{so so}", "@odata.context",
					   sim_graph_context(call, "users(delta)"), "value",
					   value);
	if (i < sim_users.used)
		page.position = i;
	else
	{
		page.since = page.until;
		page.position = 0;
	}
	add_delta_link(call, answer, i == sim_users.used, &page);
	sim_reply_json(&call->reply, 200, answer);
}
