/*
 * admin_groups.c
 *	  Reads groups, teams and group chats of a configuration.
 *
 * A list that is given replaces the one that is there.
 */
#include "admin/admin.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* Users by id or UPN. */
static char *
read_users(const json_t *names, const char *what, SimList *list)
{
	size_t		i;
	const json_t *item;

	if (names == NULL)
		return NULL;
	if (!json_is_array(names))
		return sim_format("\"%s\" must be an array", what);
	sim_list_clear(list, NULL);
	json_array_foreach(names, i, item)
	{
		const char *name = json_string_value(item);
		SimUser    *user = name != NULL ? sim_find_user(name) : NULL;

		if (user == NULL)
			return sim_format("%s: there is no user \"%s\"", what,
							  name != NULL ? name : "");
		sim_list_add(list, user);
	}
	return NULL;
}

/* Those that generate_users made, in addition. */
static char *
read_generated(json_t *entry, SimList *list)
{
	const char *prefix = "00000000";
	int			count, first = 1;
	json_error_t error;

	if (entry == NULL)
		return NULL;
	if (json_unpack_ex(entry, &error, JSON_STRICT, "{si s?i s?s}",
					   "count", &count, "first", &first, "id_prefix",
					   &prefix) != 0)
		return sim_format("generated: %s", error.text);
	for (int i = 0; i < count; i++)
	{
		char	   *id = sim_generated_id(prefix, first + i);
		SimUser    *user = sim_find_user(id);

		free(id);
		if (user == NULL)
			return sim_format("generated: there is no user number %d",
							  first + i);
		sim_list_add(list, user);
	}
	return NULL;
}

static char *
read_roster(const json_t *entry, SimGroup *group, bool owners_are_members)
{
	char	   *problem;

	problem = read_users(json_object_get(entry, "members"), "members",
						 &group->members);
	if (problem == NULL)
		problem = read_users(json_object_get(entry, "owners"), "owners",
							 &group->owners);
	if (problem == NULL)
		problem = read_generated(json_object_get(entry, "generated"),
								 &group->members);
	for (size_t i = 0; owners_are_members && i < group->owners.used; i++)
		sim_list_add(&group->members, group->owners.items[i]);
	return problem;
}

static char *
read_groups(const json_t *ids, SimGroup *group)
{
	size_t		i;
	const json_t *item;

	if (ids == NULL)
		return NULL;
	if (!json_is_array(ids))
		return sim_strdup("\"groups\" must be an array");
	sim_list_clear(&group->groups, NULL);
	json_array_foreach(ids, i, item)
	{
		const char *id = json_string_value(item);
		SimGroup   *child = id != NULL ? sim_find_group(id) : NULL;

		if (child == NULL)
			return sim_format("there is no group \"%s\"",
							  id != NULL ? id : "");
		sim_list_add(&group->groups, child);
	}
	return NULL;
}

/* Is everything in the entry known? */
static char *
check_keys(const json_t *entry, const char *const *known)
{
	const char *key;
	json_t	   *value;

	json_object_foreach((json_t *) entry, key, value)
	{
		const char *const *name = known;

		while (*name != NULL && strcmp(*name, key) != 0)
			name++;
		if (*name == NULL)
			return sim_format("unknown key \"%s\"", key);
	}
	return NULL;
}

static const char *
string_of(const json_t *entry, const char *name)
{
	return json_string_value(json_object_get(entry, name));
}

/*
 * Add the group that an entry of "groups" describes; NULL, or what is wrong,
 * to be freed by the caller.
 */
char *
sim_add_group(json_t *entry)
{
	static const char *const keys[] = {
		"id", "display_name", "members", "owners", "generated", "groups", NULL
	};
	const char *id = string_of(entry, "id");
	char	   *problem = check_keys(entry, keys);
	SimGroup   *group;

	if (problem != NULL)
		return problem;
	if (id == NULL || !sim_is_guid(id))
		return sim_strdup("id must be a GUID");
	group = sim_put_group(id);
	sim_set_given(&group->display_name, string_of(entry, "display_name"),
				  "Group");
	problem = read_roster(entry, group, false);
	return problem != NULL ? problem :
		read_groups(json_object_get(entry, "groups"), group);
}

static char *
add_channel(SimGroup *team, const json_t *entry)
{
	const char *name = json_is_string(entry) ? json_string_value(entry) :
		string_of(entry, "name");

	if (name == NULL || *name == '\0')
		return sim_strdup("a channel must have a name");
	if (sim_put_channel(team, name, string_of(entry, "id")) == NULL)
		return sim_format("channel \"%s\": the id is taken, or the channel"
						  " has another one", name);
	return NULL;
}

/* The same for an entry of "teams", with its channels. */
char *
sim_add_team(json_t *entry)
{
	static const char *const keys[] = {
		"id", "display_name", "members", "owners", "generated", "general",
		"channels", NULL
	};
	const char *id = string_of(entry, "id");
	char	   *problem = check_keys(entry, keys);
	SimGroup   *team;
	size_t		i;
	const json_t *channel;

	if (problem != NULL)
		return problem;
	if (id == NULL || !sim_is_guid(id))
		return sim_strdup("id must be a GUID");
	team = sim_put_group(id);
	sim_set_given(&team->display_name, string_of(entry, "display_name"),
				  "Team");
	if (sim_put_channel(team, "General", string_of(entry, "general")) == NULL)
		return sim_strdup("the id of General is taken, or it has another one");
	problem = read_roster(entry, team, true);
	json_array_foreach(json_object_get(entry, "channels"), i, channel)
	{
		if (problem == NULL)
			problem = add_channel(team, channel);
	}
	return problem;
}

/* The same for an entry of "chats". */
char *
sim_add_group_chat(json_t *entry)
{
	static const char *const keys[] = {
		"id", "display_name", "members", "owners", "generated", NULL
	};
	const char *id = string_of(entry, "id");
	char	   *problem = check_keys(entry, keys);
	SimChat    *chat;

	if (problem != NULL)
		return problem;
	if (id == NULL || strncmp(id, "19:", 3) != 0 ||
		strstr(id, "@thread.v2") == NULL)
		return sim_strdup("id must look like 19:...@thread.v2");
	chat = sim_put_group_chat(id);
	if (chat == NULL)
		return sim_strdup("the id is that of another conversation");
	sim_set_given(&chat->group->display_name, string_of(entry, "display_name"),
				  "Group chat");
	return read_roster(entry, chat->group, true);
}
