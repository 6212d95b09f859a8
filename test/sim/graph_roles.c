/*
 * graph_roles.c
 *	  Which application permission allows what (contract 3.3 to 3.5, 3.13).
 */
#include "entra.h"
#include "graph.h"
#include "reply.h"

#include <stdlib.h>
#include <string.h>

#define READ_SELF "TeamsAppInstallation.ReadWriteSelfForUser.All"
#define CONSENT_SELF "TeamsAppInstallation.ReadWriteAndConsentSelfForUser.All"
#define READ_WRITE "TeamsAppInstallation.ReadWriteForUser.All"
#define CONSENT "TeamsAppInstallation.ReadWriteAndConsentForUser.All"
#define SELECTED "TeamsAppInstallation.ReadWriteSelectedForUser.All"
#define MANAGE "TeamsAppInstallation.ManageSelectedForUser.All"
#define READ_ANY "TeamsAppInstallation.ReadForUser.All"

/* Who may do what (contract 3.3 to 3.5); the first one is the least. */
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
		case SIM_UNINSTALL:
			return install_roles;
		case SIM_CHAT:
			return chat_roles;
		case SIM_CATALOG:
			return catalog_roles;
		default:
			return NULL;
	}
}

static bool
has_any_role(const SimToken *token, const char *const *roles)
{
	for (; *roles != NULL; roles++)
	{
		if (sim_token_has_role(token, *roles))
			return true;
	}
	return false;
}

bool
sim_graph_may_touch(const SimCall *call, const SimApp *app)
{
	const char *const *roles = roles_for(call->operation);

	if (app->client_id != NULL &&
		strcasecmp(app->client_id, call->token->client_id) == 0)
		return true;
	for (; *roles != NULL; roles++)
	{
		if (strstr(*roles, "SelfForUser") == NULL &&
			sim_token_has_role(call->token, *roles))
			return true;
	}
	return false;
}

/* The text that the service is known to give (contract 15.3). */
bool
sim_graph_check_roles(SimCall *call)
{
	const char *const *roles = roles_for(call->operation);
	char	   *needed;
	char	   *granted;

	if (roles == NULL || has_any_role(call->token, roles))
		return true;
	needed = sim_strdup(roles[0]);
	for (int i = 1; roles[i] != NULL; i++)
	{
		char	   *longer = sim_format("%s, %s", needed, roles[i]);

		free(needed);
		needed = longer;
	}
	granted = sim_strdup("");
	for (size_t i = 0; i < json_array_size(call->token->roles); i++)
	{
		char	   *longer = sim_format("%s%s%s", granted, i > 0 ? ", " : "",
										json_string_value(json_array_get(
											call->token->roles, i)));

		free(granted);
		granted = longer;
	}
	sim_graph_error(call, 403, "Forbidden",
					"Missing role permissions on the request. API requires"
					" one of '%s'. Roles on the request '%s'.", needed,
					granted);
	free(needed);
	free(granted);
	return false;
}

bool
sim_graph_may_consent(const SimCall *call)
{
	return has_any_role(call->token, consent_roles);
}
