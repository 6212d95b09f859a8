/*
 * graph_roles.c
 *	  Which application permission allows what (contract 3.3 to 3.5, 3.13).
 */
#include "base/memory.h"
#include "graph/graph.h"
#include "http/reply.h"
#include "service/entra.h"

#include <stdlib.h>
#include <string.h>

/* "*" stands for what the installation is for: User, Team or Chat. */
#define READ_SELF "TeamsAppInstallation.ReadWriteSelfFor*.All"
#define CONSENT_SELF "TeamsAppInstallation.ReadWriteAndConsentSelfFor*.All"
#define READ_WRITE "TeamsAppInstallation.ReadWriteFor*.All"
#define CONSENT "TeamsAppInstallation.ReadWriteAndConsentFor*.All"
#define SELECTED "TeamsAppInstallation.ReadWriteSelectedFor*.All"
#define MANAGE "TeamsAppInstallation.ManageSelectedFor*.All"
#define READ_ANY "TeamsAppInstallation.ReadFor*.All"

/* Who may do what (contract 3.3 to 3.9); the first one is the least. */
static const char *const lookup_roles[] = {
	READ_SELF, READ_ANY, CONSENT_SELF, READ_WRITE, CONSENT, SELECTED, MANAGE,
	NULL
};
static const char *const install_roles[] = {
	READ_SELF, CONSENT_SELF, READ_WRITE, CONSENT, SELECTED, MANAGE, NULL
};
static const char *const chat_roles[] = {
	READ_SELF, READ_ANY, READ_WRITE, SELECTED, NULL
};
static const char *const catalog_roles[] = {
	"AppCatalog.Read.All", "AppCatalog.ReadWrite.All", NULL
};
static const char *const channel_roles[] = {
	"Channel.ReadBasic.All", "ChannelSettings.Read.All", "Group.Read.All",
	"Directory.Read.All", NULL
};
static const char *const user_roles[] = {
	"User.ReadBasic.All", "User.Read.All", "Directory.Read.All", NULL
};
static const char *const whole_user_roles[] = {
	"User.Read.All", "Directory.Read.All", NULL
};
static const char *const group_roles[] = {
	"GroupMember.Read.All", "Group.Read.All", "Directory.Read.All", NULL
};
static const char *const consent_roles[] = {
	CONSENT_SELF, CONSENT, MANAGE, NULL
};

static const char *const *
roles_for(SimOperation operation)
{
	switch (operation)
	{
		case SIM_LOOKUP:
			return lookup_roles;
		case SIM_INSTALL:
		case SIM_UPGRADE:
		case SIM_UNINSTALL:
			return install_roles;
		case SIM_CHAT:
			return chat_roles;
		case SIM_CATALOG:
			return catalog_roles;
		case SIM_PRIMARY_CHANNEL:
			return channel_roles;
		case SIM_USERS:
			return user_roles;
		case SIM_DELTA:
			return whole_user_roles;
		case SIM_GROUP:
			return group_roles;
		default:
			return NULL;
	}
}

/* The role that a pattern stands for in this call; to be freed. */
static char *
role_name(const SimCall *call, const char *pattern)
{
	static const char *const words[] = {
		[SIM_SCOPE_USER] = "User",
		[SIM_SCOPE_TEAM] = "Team",
		[SIM_SCOPE_CHAT] = "Chat",
		[SIM_SCOPE_NONE] = ""
	};
	const char *star = strchr(pattern, '*');

	if (star == NULL)
		return sim_strdup(pattern);
	return sim_format("%.*s%s%s", (int) (star - pattern), pattern,
					  words[sim_graph_scope(call)], star + 1);
}

static bool
has_role(const SimCall *call, const char *pattern)
{
	char	   *role = role_name(call, pattern);
	bool		result = sim_token_has_role(call->token, role);

	free(role);
	return result;
}

static bool
has_any_role(const SimCall *call, const char *const *roles)
{
	for (; *roles != NULL; roles++)
	{
		if (has_role(call, *roles))
			return true;
	}
	return false;
}

/* May it see more of users than their ids? */
bool
sim_graph_may_see_users(const SimCall *call)
{
	return has_any_role(call, user_roles);
}

/* May it see more of them than their names? */
bool
sim_graph_may_see_all_of_users(const SimCall *call)
{
	return has_any_role(call, whole_user_roles);
}

/* May the caller touch this app?  The Self permissions are for its own. */
bool
sim_graph_may_touch(const SimCall *call, const SimApp *app)
{
	const char *const *roles = roles_for(call->operation);

	if (app->client_id != NULL &&
		strcasecmp(app->client_id, call->token->client_id) == 0)
		return true;
	for (; *roles != NULL; roles++)
	{
		if (strstr(*roles, "SelfFor") == NULL && has_role(call, *roles))
			return true;
	}
	return false;
}

/* "one, two, three"; to be freed. */
static char *
join(char *list, char *word)
{
	char	   *longer = list == NULL ? sim_strdup(word) :
		sim_format("%s, %s", list, word);

	free(list);
	free(word);
	return longer;
}

/* The texts that the services are known to give (contract 3.4, 15.3). */
bool
sim_graph_check_roles(SimCall *call)
{
	const char *const *roles = roles_for(call->operation);
	char	   *needed = NULL;
	char	   *granted = NULL;

	if (roles == NULL || has_any_role(call, roles))
		return true;
	if (call->operation == SIM_USERS || call->operation == SIM_DELTA ||
		call->operation == SIM_GROUP)
	{
		sim_graph_error(call, 403, "Authorization_RequestDenied",
						"Insufficient privileges to complete the operation.");
		return false;
	}
	for (; *roles != NULL; roles++)
		needed = join(needed, role_name(call, *roles));
	for (size_t i = 0; i < json_array_size(call->token->roles); i++)
		granted = join(granted, sim_strdup(json_string_value(
			json_array_get(call->token->roles, i))));
	sim_graph_error(call, 403, "Forbidden",
					"Missing role permissions on the request. API requires"
					" one of '%s'. Roles on the request '%s'.", needed,
					granted != NULL ? granted : "");
	free(needed);
	free(granted);
	return false;
}

/* May it install apps that ask for consent to permissions? */
bool
sim_graph_may_consent(const SimCall *call)
{
	return has_any_role(call, consent_roles);
}
