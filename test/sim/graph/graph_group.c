/*
 * graph_group.c
 *	  Microsoft Graph: who is in a group.
 */
#include "base/memory.h"
#include "graph/directory.h"
#include "http/reply.h"

#include <stdlib.h>
#include <string.h>

#define OPTIONS "$select,$top,$skiptoken,$count"

/* "$count" is an advanced query and needs its header. */
static bool
check_count(SimCall *call)
{
	const char *count = sim_uri_parameter(&call->uri, "$count");
	const char *level = call->consistency_level;

	if (count == NULL || (strcmp(count, "true") == 0 && level != NULL &&
						  strcasecmp(level, "eventual") == 0))
		return true;
	sim_graph_error(call, 400, "Request_UnsupportedQuery",
					"$count needs the header ConsistencyLevel: eventual.");
	return false;
}

/* A caller who may not read users sees that they are there, and no more. */
static json_t *
member_json(const SimCall *call, const SimUser *user, const char *select,
			bool with_type)
{
	bool		visible = sim_graph_may_see_users(call);
	json_t	   *result = sim_directory_user(user, select);
	const char *name;
	json_t	   *value;
	void	   *next;

	json_object_foreach_safe(result, next, name, value)
	{
		if (!visible && strcmp(name, "id") != 0)
			json_object_set_new(result, name, json_null());
	}
	if (with_type)
		json_object_set_new(result, "@odata.type",
							json_string("#microsoft.graph.user"));
	return result;
}

static json_t *
group_json(const SimGroup *group)
{
	return json_pack("{ss ss ss?}", "@odata.type", "#microsoft.graph.group",
					 "id", group->id, "displayName", group->display_name);
}

/* The users that the path asks for. */
static SimList
users_of(const SimGroup *group, const char *relation)
{
	SimGroup	owners = {.members = group->owners};

	if (strcasecmp(relation, "owners") == 0)
		return sim_group_users(&owners, false);
	return sim_group_users(group,
						   strcasecmp(relation, "transitiveMembers") == 0);
}

/* The groups among them; a cast to users leaves them out. */
static SimList
groups_of(const SimCall *call, SimGroup *group)
{
	const char *relation = call->uri.segments[4];
	SimList		result = {0};

	if (call->uri.nsegments == 6 || strcasecmp(relation, "owners") == 0)
		return result;
	if (strcasecmp(relation, "transitiveMembers") == 0)
		return sim_group_groups(group);
	for (size_t i = 0; i < group->groups.used; i++)
		sim_list_add(&result, group->groups.items[i]);
	return result;
}

static void
answer_members(SimCall *call, SimGroup *group, const char *select,
			   size_t position, size_t top)
{
	bool		cast = call->uri.nsegments == 6;
	SimList		users = users_of(group, call->uri.segments[4]);
	SimList		groups = groups_of(call, group);
	size_t		total = users.used + groups.used;
	size_t		end = position + top < total ? position + top : total;
	json_t	   *value = json_array();
	json_t	   *answer =
		json_pack("{so so}", "@odata.context",
				  sim_graph_context(call, cast ? "users" : "directoryObjects"),
				  "value", value);

	for (size_t i = position; i < end; i++)
		json_array_append_new(value, i < users.used ?
							  member_json(call, users.items[i], select,
										  !cast) :
							  group_json(groups.items[i - users.used]));
	if (sim_uri_parameter(&call->uri, "$count") != NULL && position == 0)
		json_object_set_new(answer, "@odata.count",
							json_integer((json_int_t) total));
	if (end < total)
		sim_directory_next(call, answer, end);
	sim_list_clear(&users, NULL);
	sim_list_clear(&groups, NULL);
	sim_reply_json(&call->reply, 200, answer);
}

/* GET /groups/{id}/members, transitiveMembers or owners, page by page. */
void
sim_graph_group(SimCall *call)
{
	SimGroup   *group = sim_find_group(call->uri.segments[3]);
	char		select[256];
	SimPage		page;
	int			top;

	if (!sim_graph_options(call, OPTIONS) || !check_count(call) ||
		!sim_directory_select(call, select, sizeof(select)) ||
		!sim_directory_top(call, &top) ||
		!sim_directory_page(call, "$skiptoken", &page))
		return;
	if (group != NULL)
		answer_members(call, group, select, page.position, (size_t) top);
	else
		sim_graph_error(call, 404, "Request_ResourceNotFound", "Resource '%s'"
						" does not exist or one of its queried reference-"
						"property objects are not present.",
						call->uri.segments[3]);
}
