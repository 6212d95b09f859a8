/*
 * group.c
 *	  Whatever has a roster: groups, teams and group chats.
 *
 * As in Entra ID, a team is a group that has channels.
 */
#include "base/memory.h"
#include "base/table.h"
#include "base/text.h"
#include "tenant/tenant.h"

#include <stdlib.h>
#include <string.h>

SimList		sim_groups;

static SimTable groups;			/* by id, not those of chats */
static uint64_t walks;

/* The group, or team, with that id; or NULL. */
SimGroup *
sim_find_group(const char *id)
{
	return sim_table_get_folded(&groups, id);
}

/* The team whose group has that id; or NULL. */
SimGroup *
sim_find_team(const char *id)
{
	SimGroup   *group = sim_find_group(id);

	return group != NULL && group->target.scope == SIM_SCOPE_TEAM ?
		group : NULL;
}

static SimGroup *
new_group(char *id, SimScope scope)
{
	SimGroup   *group = sim_alloc(sizeof(SimGroup));

	group->id = id;
	group->target.scope = scope;
	group->target.id = id;
	return group;
}

/* The group with that id; it is added if it is not there. */
SimGroup *
sim_put_group(const char *id)
{
	SimGroup   *group = sim_find_group(id);

	if (group == NULL)
	{
		group = new_group(sim_folded_copy(id), SIM_SCOPE_NONE);
		sim_table_put(&groups, group->id, group);
		sim_list_add(&sim_groups, group);
	}
	return group;
}

static SimChat *
find_channel(const SimGroup *team, const char *name)
{
	for (size_t i = 0; i < team->channels.used; i++)
	{
		SimChat    *channel = team->channels.items[i];

		if (strcasecmp(channel->name, name) == 0)
			return channel;
	}
	return NULL;
}

/* An id that is the same whenever the same team is made. */
static char *
channel_id(const SimGroup *team, const char *name)
{
	char	   *key = sim_format("%.8s%s%.8s", team->id, name, team->id + 24);
	char	   *encoded = sim_base64(key);
	char	   *to = encoded;
	char	   *result;

	for (const char *from = encoded; *from != '\0'; from++)
	{
		if (strchr("+/=", *from) == NULL)
			*to++ = *from;
	}
	*to = '\0';
	result = sim_format("19:%s1@thread.tacv2", encoded);
	free(encoded);
	free(key);
	return result;
}

/*
 * Add a channel, and with the first one make a team of the group; NULL if
 * the id is taken.
 */
SimChat *
sim_put_channel(SimGroup *team, const char *name, const char *id)
{
	SimChat    *channel = find_channel(team, name);
	char	   *made = id != NULL ? sim_strdup(id) : channel_id(team, name);

	if (channel != NULL)
	{
		bool		same = id == NULL || strcmp(channel->id, id) == 0;

		free(made);
		return same ? channel : NULL;
	}
	if (sim_find_chat(made) == NULL)
	{
		team->target.scope = SIM_SCOPE_TEAM;
		channel = sim_shared_chat(made, team);
		channel->name = sim_strdup(name);
		sim_list_add(&team->channels, channel);
	}
	free(made);
	return channel;
}

/* A group chat; NULL if the id is that of another conversation. */
SimChat *
sim_put_group_chat(const char *id)
{
	SimChat    *chat = sim_find_chat(id);

	if (chat == NULL)
		chat = sim_shared_chat(id, new_group(sim_strdup(id), SIM_SCOPE_CHAT));
	return chat->group != NULL &&
		chat->group->target.scope == SIM_SCOPE_CHAT ? chat : NULL;
}

/* The groups within, each once, also if they hold one another. */
static void
add_groups(const SimGroup *group, SimList *result)
{
	for (size_t i = 0; i < group->groups.used; i++)
	{
		SimGroup   *child = group->groups.items[i];

		if (child->mark == walks)
			continue;
		child->mark = walks;
		sim_list_add(result, child);
		add_groups(child, result);
	}
}

/*
 * The groups within the group, at any depth, each once; the caller clears the
 * list.
 */
SimList
sim_group_groups(SimGroup *group)
{
	SimList		result = {0};

	walks++;
	group->mark = walks;
	add_groups(group, &result);
	return result;
}

/* Users that were met before, or are gone, are left out. */
static void
add_users(const SimList *users, SimList *result)
{
	for (size_t i = 0; i < users->used; i++)
	{
		SimUser    *user = users->items[i];

		if (user->mark == walks || user->removed)
			continue;
		user->mark = walks;
		sim_list_add(result, user);
	}
}

/*
 * All users in the group, or in groups within too (if deep), each once; the
 * caller clears the list.
 */
SimList
sim_group_users(const SimGroup *group, bool deep)
{
	SimList		within = deep ? sim_group_groups((SimGroup *) group) :
		(SimList) {0};
	SimList		result = {0};

	walks++;
	add_users(&group->members, &result);
	for (size_t i = 0; i < within.used; i++)
		add_users(&((SimGroup *) within.items[i])->members, &result);
	sim_list_clear(&within, NULL);
	return result;
}

static void
free_group(void *item)
{
	SimGroup   *group = item;

	sim_list_clear(&group->members, NULL);
	sim_list_clear(&group->owners, NULL);
	sim_list_clear(&group->groups, NULL);
	sim_list_clear(&group->channels, NULL);
	free(group->id);
	free(group->display_name);
	free(group);
}

/* The chats must still be there. */
void
sim_groups_reset(void)
{
	for (size_t i = 0; i < sim_shared_chats.used; i++)
	{
		SimChat    *chat = sim_shared_chats.items[i];

		if (chat->group->target.scope == SIM_SCOPE_CHAT)
			free_group(chat->group);
	}
	sim_table_clear(&groups, NULL);
	sim_list_clear(&sim_groups, free_group);
}
