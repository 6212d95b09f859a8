/*
 * admin_config.c
 *	  Reads configurations and settings.
 *
 * An entry with a known key changes what it names and leaves the rest, so a
 * test may send the same configuration twice.
 */
#include "admin/admin.h"
#include "base/memory.h"
#include "base/text.h"
#include "tenant/tenant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_ROLE "TeamsAppInstallation.ReadWriteSelfForUser.All"

/* Keep what is there already unless there is something new. */
void
sim_set_given(char **target, const char *value, const char *otherwise)
{
	if (value != NULL)
		sim_set_string(target, value);
	else if (*target == NULL)
		sim_set_string(target, otherwise);
}

static bool
all_strings(const json_t *array)
{
	size_t		i;
	const json_t *item;

	if (!json_is_array(array))
		return false;
	json_array_foreach(array, i, item)
	{
		if (!json_is_string(item))
			return false;
	}
	return true;
}

static SimApp *
put_app(const char *teams_app_id, const char *external_id, const char *name,
		const char *method, const char *version, const char *client_id)
{
	SimApp	   *app = sim_put_app(teams_app_id);

	sim_set_given(&app->external_id, external_id, teams_app_id);
	sim_set_given(&app->display_name, name, "App");
	sim_set_given(&app->distribution_method, method, "organization");
	sim_set_given(&app->version, version, "1.0.0");
	sim_set_given(&app->client_id, client_id, NULL);
	return app;
}

static char *
add_bot(json_t *entry)
{
	const char *client_id, *secret = NULL, *tenant_id = NULL, *name = NULL;
	const char *app_id = NULL, *manifest_id = NULL, *version = NULL;
	json_t	   *roles = NULL;
	int			multi_tenant = -1, secret_expired = -1;
	json_error_t error;
	SimBot	   *bot;

	if (json_unpack_ex(entry, &error, JSON_STRICT,
					   "{ss s?s s?s s?s s?o s?b s?b s?s s?s s?s}",
					   "client_id", &client_id, "client_secret", &secret,
					   "tenant_id", &tenant_id, "display_name", &name,
					   "roles", &roles, "multi_tenant", &multi_tenant,
					   "secret_expired", &secret_expired,
					   "teams_app_id", &app_id, "manifest_id", &manifest_id,
					   "version", &version) != 0)
		return sim_strdup(error.text);
	if (!sim_is_guid(client_id) ||
		(app_id != NULL && !sim_is_guid(app_id)))
		return sim_strdup("client_id and teams_app_id must be GUIDs");
	if (roles != NULL && !all_strings(roles))
		return sim_strdup("roles must be an array of strings");
	if (tenant_id == NULL && sim_find_bot(client_id) == NULL)
		return sim_strdup("tenant_id is missing");
	bot = sim_put_bot(client_id);
	sim_set_given(&bot->client_secret, secret, NULL);
	sim_set_given(&bot->tenant_id, tenant_id, NULL);
	sim_set_given(&bot->display_name, name, "Bot");
	if (multi_tenant >= 0)
		bot->multi_tenant = multi_tenant != 0;
	if (secret_expired >= 0)
		bot->secret_expired = secret_expired != 0;
	if (roles != NULL || bot->roles == NULL)
	{
		json_decref(bot->roles);
		bot->roles = roles != NULL ? json_deep_copy(roles) :
			json_pack("[s]", DEFAULT_ROLE);
	}
	if (app_id != NULL)
		put_app(app_id, manifest_id, bot->display_name, NULL, version,
				bot->client_id);
	return NULL;
}

static char *
add_app(json_t *entry)
{
	const char *id, *external_id = NULL, *name = NULL, *method = NULL;
	const char *version = NULL, *client_id = NULL;
	json_error_t error;

	if (json_unpack_ex(entry, &error, JSON_STRICT,
					   "{ss s?s s?s s?s s?s s?s}", "teams_app_id", &id,
					   "external_id", &external_id, "display_name", &name,
					   "distribution_method", &method, "version", &version,
					   "client_id", &client_id) != 0)
		return sim_strdup(error.text);
	if (!sim_is_guid(id))
		return sim_strdup("teams_app_id must be a GUID");
	put_app(id, external_id, name, method, version, client_id);
	return NULL;
}

/* Set a flag if it was given: 0 or 1, not -1. */
static void
set_flag(bool *flag, int given)
{
	if (given >= 0)
		*flag = given != 0;
}

/* Set the flags and names that a JSON object of a user has. */
char *
sim_change_user(SimUser *user, json_t *entry)
{
	const char *name = NULL, *language = NULL;
	int			guest = -1, disabled = -1, no_teams = -1, blocked = -1;
	json_error_t error;

	if (json_unpack_ex(entry, &error, JSON_STRICT,
					   "{s?s s?s s?b s?b s?b s?b}", "display_name", &name,
					   "preferred_language", &language, "guest", &guest,
					   "disabled", &disabled, "no_teams", &no_teams,
					   "blocked", &blocked) != 0)
		return sim_strdup(error.text);
	sim_set_given(&user->display_name, name, user->upn);
	sim_set_given(&user->preferred_language, language, NULL);
	set_flag(&user->guest, guest);
	set_flag(&user->disabled, disabled);
	set_flag(&user->no_teams, no_teams);
	set_flag(&user->blocked, blocked);
	sim_user_changed(user);
	return NULL;
}

static char *
add_user(json_t *entry)
{
	const char *id = json_string_value(json_object_get(entry, "id"));
	const char *upn = json_string_value(json_object_get(entry, "upn"));
	SimUser    *user;
	json_t	   *rest;
	char	   *problem;

	if (id == NULL || upn == NULL || !sim_is_guid(id) ||
		strchr(upn, '@') == NULL || strlen(upn) > 320)
		return sim_strdup("id must be a GUID and upn a user principal name");
	user = sim_put_user(id, upn);
	if (user == NULL)
		return sim_format("another user has the upn \"%s\"", upn);
	rest = json_copy(entry);
	json_object_del(rest, "id");
	json_object_del(rest, "upn");
	problem = sim_change_user(user, rest);
	json_decref(rest);
	return problem;
}

static char *
add_installation(json_t *entry)
{
	const char *user = NULL, *target_id = NULL, *app_id, *version = NULL;
	json_error_t error;
	SimTarget  *target;
	SimApp	   *app;
	SimInstallation *installation;

	if (json_unpack_ex(entry, &error, JSON_STRICT, "{s?s s?s ss s?s}",
					   "user", &user, "target", &target_id, "app", &app_id,
					   "version", &version) != 0)
		return sim_strdup(error.text);
	if (target_id == NULL)
		target_id = user;
	target = target_id != NULL ? sim_find_target(target_id) : NULL;
	if (target == NULL)
		return sim_format("there is no user, team or chat \"%s\"",
						  target_id != NULL ? target_id : "");
	app = sim_find_app(app_id);
	if (app == NULL)
		return sim_format("there is no app \"%s\"", app_id);
	installation = sim_install(target, app, "seed");
	if (version != NULL)
		sim_set_string(&installation->version, version);
	return NULL;
}

/*
 * The id of a generated user, to be freed by the caller: it follows from the
 * prefix and the number.
 */
char *
sim_generated_id(const char *prefix, int number)
{
	return sim_format("%s-0000-4000-8000-%012x", prefix, number);
}

/* Can ids of generated users begin with that?  It takes eight hex digits. */
bool
sim_is_generated_prefix(const char *prefix)
{
	return strlen(prefix) == 8 &&
		strspn(prefix, "0123456789abcdefABCDEF") == 8;
}

/* One of the generated users; the pattern has its number for %d. */
static char *
generate_user(const char *pattern, const char *name_pattern,
			  const char *prefix, int number, const char *language,
			  SimApp *app)
{
	const char *mark = strstr(pattern, "%d");
	const char *name_mark = strstr(name_pattern, "%d");
	char	   *upn = sim_format("%.*s%d%s", (int) (mark - pattern), pattern,
								 number, mark + 2);
	char	   *name = name_mark == NULL ? sim_strdup(name_pattern) :
		sim_format("%.*s%d%s", (int) (name_mark - name_pattern), name_pattern,
				   number, name_mark + 2);
	char	   *id = sim_generated_id(prefix, number);
	SimUser    *user = sim_put_user(id, upn);
	char	   *problem = NULL;

	if (user == NULL)
		problem = sim_format("another user has the upn \"%s\"", upn);
	else
	{
		sim_set_string(&user->display_name, name);
		sim_set_given(&user->preferred_language, language, NULL);
		if (app != NULL)
			sim_install(&user->target, app, "seed");
	}
	free(upn);
	free(name);
	free(id);
	return problem;
}

static char *
generate_users(json_t *entry)
{
	const char *pattern, *name = "User %d", *prefix = "00000000";
	const char *app_id = NULL;
	int			count, first = 1, installed = 0;
	json_t	   *languages = NULL;
	size_t		nlanguages;
	json_error_t error;
	SimApp	   *app;
	char	   *problem = NULL;

	if (json_unpack_ex(entry, &error, JSON_STRICT,
					   "{si ss s?s s?i s?s s?i s?s s?o}", "count", &count,
					   "upn", &pattern, "display_name", &name,
					   "first", &first, "id_prefix", &prefix,
					   "installed", &installed, "app", &app_id,
					   "preferred_languages", &languages) != 0)
		return sim_strdup(error.text);
	if (languages != NULL && !all_strings(languages))
		return sim_strdup("preferred_languages must be an array of strings");
	app = app_id != NULL ? sim_find_app(app_id) : NULL;
	if (app == NULL && (app_id != NULL || installed > 0))
		return sim_strdup("\"app\" must be an app that is there");
	if (strstr(pattern, "%d") == NULL || strchr(pattern, '@') == NULL ||
		strlen(pattern) > 300)
		return sim_strdup("\"upn\" must be a user principal name with %d");
	if (!sim_is_generated_prefix(prefix))
		return sim_strdup("\"id_prefix\" must be 8 hex digits");
	if (count < 0 || count > 10000000 || first < 0 || first > 100000000)
		return sim_strdup("\"count\" or \"first\" is out of range");
	nlanguages = json_array_size(languages);
	for (int i = 0; i < count && problem == NULL; i++)
	{
		const json_t *language = nlanguages == 0 ? NULL :
			json_array_get(languages, (size_t) i % nlanguages);

		problem = generate_user(pattern, name, prefix, first + i,
								json_string_value(language),
								i < installed ? app : NULL);
	}
	return problem;
}

/* Add each entry of a list, or the only one if it is no list. */
static char *
add_all(const json_t *config, const char *name, char *(*add) (json_t *entry))
{
	json_t	   *list = json_object_get(config, name);
	char	   *problem;
	char	   *result;

	if (list == NULL)
		return NULL;
	if (!json_is_array(list))
	{
		problem = add(list);
		if (problem == NULL)
			return NULL;
		result = sim_format("%s: %s", name, problem);
		free(problem);
		return result;
	}
	for (size_t i = 0; i < json_array_size(list); i++)
	{
		problem = add(json_array_get(list, i));
		if (problem == NULL)
			continue;
		result = sim_format("%s[%zu]: %s", name, i, problem);
		free(problem);
		return result;
	}
	return NULL;
}

/*
 * Add what a configuration (the body of POST /config) describes.  NULL, or
 * what is wrong with it, to be freed by the caller; what comes before the
 * wrong entry is added nevertheless.
 */
char *
sim_configure(const json_t *config)
{
	static const struct
	{
		const char *name;
		char	   *(*add) (json_t *entry);
	}			parts[] = {
		{"bots", add_bot},
		{"apps", add_app},
		{"users", add_user},
		{"generate_users", generate_users},
		{"groups", sim_add_group},
		{"teams", sim_add_team},
		{"chats", sim_add_group_chat},
		{"installations", add_installation}
	};
	const int	nparts = sizeof(parts) / sizeof(parts[0]);
	json_t	   *settings = json_object_get(config, "settings");
	char	   *problem = NULL;
	const char *name;
	json_t	   *value;

	json_object_foreach((json_t *) config, name, value)
	{
		bool		known = strcmp(name, "settings") == 0;

		for (int i = 0; i < nparts; i++)
			known = known || strcmp(name, parts[i].name) == 0;
		if (!known)
			return sim_format("unknown key \"%s\"", name);
	}
	if (settings != NULL)
		problem = sim_change_settings(settings);
	for (int i = 0; i < nparts && problem == NULL; i++)
		problem = add_all(config, parts[i].name, parts[i].add);
	return problem;
}

/*
 * Change the settings that the object names; NULL, or what is wrong, to be
 * freed by the caller.
 */
char *
sim_change_settings(const json_t *settings)
{
	SimSettings new = sim_settings;
	int			enforce = new.enforce_quotas;
	int			strict = new.strict_conversations;
	int			forget = new.forget_messages;
	json_error_t error;

	if (json_unpack_ex((json_t *) settings, &error, JSON_STRICT,
					   "{s?F s?b s?F s?i s?b s?b s?i}",
					   "latency_ms", &new.latency_ms,
					   "enforce_quotas", &enforce,
					   "token_lifetime", &new.token_lifetime,
					   "chat_404_polls", &new.chat_404_polls,
					   "strict_conversations", &strict,
					   "forget_messages", &forget,
					   "delta_page_size", &new.delta_page_size) != 0)
		return sim_strdup(error.text);
	if (new.latency_ms < 0 || new.latency_ms > 3600e3 ||
		new.token_lifetime < 0 || new.token_lifetime > 1e9 ||
		new.chat_404_polls < 0 || new.delta_page_size < 1)
		return sim_strdup("a setting is out of range");
	new.enforce_quotas = enforce != 0;
	new.strict_conversations = strict != 0;
	new.forget_messages = forget != 0;
	sim_settings = new;
	return NULL;
}

/* The settings as POST /settings takes them; the caller owns the object. */
json_t *
sim_settings_json(void)
{
	return json_pack("{sf sb sf si sb sb si}",
					 "latency_ms", sim_settings.latency_ms,
					 "enforce_quotas", (int) sim_settings.enforce_quotas,
					 "token_lifetime", sim_settings.token_lifetime,
					 "chat_404_polls", sim_settings.chat_404_polls,
					 "strict_conversations",
					 (int) sim_settings.strict_conversations,
					 "forget_messages", (int) sim_settings.forget_messages,
					 "delta_page_size", sim_settings.delta_page_size);
}
