/*
 * entra.c
 *	  Entra ID: hands out tokens and remembers them.
 *
 * A token is opaque: it looks like a JSON web token, so that filters for
 * logs meet what they look for, but says nothing.  All about it is kept here,
 * with the roles as they were at issue time: a consent that is granted later
 * takes a new token, as in the service.
 */
#include "service/entra.h"
#include "base/memory.h"
#include "base/table.h"
#include "http/http.h"
#include "http/reply.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Those of the public cloud, wherever the services are (contract 10). */
#define GRAPH_SCOPE "https://graph.microsoft.com/.default"
#define CONNECTOR_SCOPE "https://api.botframework.com/.default"
#define BOTFRAMEWORK_TENANT "botframework.com"
#define TOKEN_LENGTH 1200

static SimTable tokens;

/* The fields of the form; each may be there once. */
typedef struct TokenForm
{
	json_t	   *fields;
	char	   *repeated;
} TokenForm;

static enum MHD_Result
add_field(void *cls, enum MHD_ValueKind kind, const char *name,
		  const char *filename, const char *content_type,
		  const char *encoding, const char *data, uint64_t offset,
		  size_t size)
{
	TokenForm  *form = cls;
	const json_t *known = json_object_get(form->fields, name);
	char	   *value;

	(void) kind;
	(void) filename;
	(void) content_type;
	(void) encoding;
	if (known != NULL && offset == 0)
	{
		sim_set_string(&form->repeated, name);
		return MHD_YES;
	}
	value = sim_format("%s%.*s", known != NULL ? json_string_value(known) : "",
					   (int) size, data);
	json_object_set_new(form->fields, name, json_string_nocheck(value));
	free(value);
	return MHD_YES;
}

/* Read the body with the form decoder of libmicrohttpd. */
static bool
read_form(TokenForm *form, SimCall *call, const SimRequest *request)
{
	struct MHD_PostProcessor *processor;
	bool		fine;

	memset(form, 0, sizeof(*form));
	form->fields = json_object();
	if (call->content_type == NULL ||
		strncasecmp(call->content_type, "application/x-www-form-urlencoded",
					33) != 0)
		return false;
	processor = MHD_create_post_processor(request->connection, 4096,
										  add_field, form);
	if (processor == NULL)
		return false;
	fine = MHD_post_process(processor, call->body, call->length) == MHD_YES;
	return MHD_destroy_post_processor(processor) == MHD_YES && fine;
}

static const char *
field(const TokenForm *form, const char *name)
{
	const char *value = json_string_value(json_object_get(form->fields,
														  name));

	return value != NULL && *value != '\0' ? value : NULL;
}

/* The checks of the form itself; false if it was answered. */
static bool
check_form(SimCall *call, const TokenForm *form)
{
	static const char *const required[] = {"grant_type", "client_id", "scope"};

	if (form->repeated != NULL)
	{
		sim_login_error(call, 400, "invalid_request", 9000411,
						"The request is not properly formatted. The parameter"
						" '%s' is duplicated.", form->repeated);
		return false;
	}
	for (int i = 0; i < 3; i++)
	{
		if (field(form, required[i]) != NULL)
			continue;
		sim_login_error(call, 400, "invalid_request", 900144,
						"The request body must contain the following"
						" parameter: '%s'.", required[i]);
		return false;
	}
	if (strcmp(field(form, "grant_type"), "client_credentials") != 0)
	{
		sim_login_error(call, 400, "unsupported_grant_type", 70003,
						"The app requested an unsupported grant type '%s'.",
						field(form, "grant_type"));
		return false;
	}
	return true;
}

/* Is there such a tenant, and does the bot exist in it? */
static bool
check_tenant(SimCall *call, const SimBot *bot, const char *client_id,
			 const char *tenant, SimService audience)
{
	bool		botframework = strcasecmp(tenant, BOTFRAMEWORK_TENANT) == 0;

	if (!botframework && !sim_tenant_exists(tenant))
	{
		sim_login_error(call, 400, "invalid_request", 90002,
						"Tenant '%s' not found. Check to make sure you have"
						" the correct tenant ID and are signing into the"
						" correct cloud.", tenant);
		return false;
	}
	if (bot == NULL || (botframework ? audience == SIM_GRAPH :
						!bot->multi_tenant &&
						strcasecmp(bot->tenant_id, tenant) != 0))
	{
		sim_login_error(call, 400, "unauthorized_client", 700016,
						"Application with identifier '%s' was not found in"
						" the directory '%s'.", client_id, tenant);
		return false;
	}
	return true;
}

static bool
check_secret(SimCall *call, const SimBot *bot, const TokenForm *form)
{
	const char *secret = field(form, "client_secret");

	if (secret == NULL)
		sim_login_error(call, 401, "invalid_client", 7000216,
						"'client_assertion', 'client_secret' or 'request' is"
						" required for the 'client_credentials' grant type.");
	else if (bot->client_secret == NULL ||
			 strcmp(bot->client_secret, secret) != 0)
		sim_login_error(call, 401, "invalid_client", 7000215,
						"Invalid client secret provided. Ensure the secret"
						" being sent in the request is the client secret"
						" value, not the client secret ID, for a secret added"
						" to app '%s'.", bot->client_id);
	else if (bot->secret_expired)
		sim_login_error(call, 401, "invalid_client", 7000222,
						"The provided client secret keys for app '%s' are"
						" expired.", bot->client_id);
	else
		return true;
	return false;
}

/* What the scope is for; SIM_ELSEWHERE if the resource is unknown. */
static SimService
audience_of(const char *scope)
{
	if (strcmp(scope, GRAPH_SCOPE) == 0)
		return SIM_GRAPH;
	return strcmp(scope, CONNECTOR_SCOPE) == 0 ? SIM_CONNECTOR : SIM_ELSEWHERE;
}

static bool
check_scope(SimCall *call, const char *scope, SimService audience)
{
	size_t		length = strlen(scope);

	if (audience != SIM_ELSEWHERE)
		return true;
	if (length < 9 || strcmp(scope + length - 9, "/.default") != 0)
		sim_login_error(call, 400, "invalid_scope", 1002012,
						"The provided value for scope %s is not valid. Client"
						" credential flows must have a scope value with"
						" /.default suffixed to the resource identifier.",
						scope);
	else
		sim_login_error(call, 400, "invalid_resource", 500011,
						"The resource principal named %.*s was not found in"
						" the tenant.", (int) length - 9, scope);
	return false;
}

static void
issue(SimCall *call, const SimBot *bot, const char *tenant,
	  SimService audience)
{
	SimToken   *token = sim_alloc(sizeof(SimToken));
	bool		botframework = strcasecmp(tenant, BOTFRAMEWORK_TENANT) == 0;
	char		random[TOKEN_LENGTH + 1];
	int			lifetime = (int) sim_settings.token_lifetime;

	sim_random_text(random, TOKEN_LENGTH);
	random[TOKEN_LENGTH - 342] = '.';	/* where a signature of RSA starts */
	token->text = sim_format("eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJ%s",
							 random);
	token->audience = audience;
	token->tenant_id = sim_strdup(botframework ? bot->tenant_id : tenant);
	token->client_id = sim_strdup(bot->client_id);
	token->roles = json_deep_copy(bot->roles);
	token->wrong_tenant = audience == SIM_CONNECTOR &&
		botframework != bot->multi_tenant;
	token->expires_ns = sim_monotonic_ns() +
		(int64_t) (sim_settings.token_lifetime * 1e9);
	sim_table_put(&tokens, token->text, token);
	sim_reply_json(&call->reply, 200,
				   json_pack("{ss si si ss}", "token_type", "Bearer",
							 "expires_in", lifetime, "ext_expires_in",
							 lifetime, "access_token", token->text));
	sim_reply_header(&call->reply, "Cache-Control", "no-store, no-cache");
}

static void
answer_form(SimCall *call, const TokenForm *form)
{
	const char *tenant = call->uri.segments[1];
	const char *scope;
	const SimBot *bot;
	SimService	audience;

	if (!check_form(call, form))
		return;
	scope = field(form, "scope");
	audience = audience_of(scope);
	bot = sim_find_bot(field(form, "client_id"));
	if (check_tenant(call, bot, field(form, "client_id"), tenant, audience) &&
		check_secret(call, bot, form) && check_scope(call, scope, audience))
		issue(call, bot, tenant, audience);
}

/* POST /login/{tenant}/oauth2/v2.0/token */
void
sim_entra_token(SimCall *call, const SimRequest *request)
{
	TokenForm	form;

	if (strcmp(call->method, "POST") != 0)
	{
		sim_login_error(call, 405, "invalid_request", 900561,
						"The endpoint only accepts POST requests. Received a"
						" %s request.", call->method);
		return;
	}
	if (read_form(&form, call, request) && !call->oversized)
		answer_form(call, &form);
	else
		sim_login_error(call, 400, "invalid_request", 900144,
						"The request body must contain the following"
						" parameter: 'grant_type'.");
	json_decref(form.fields);
	free(form.repeated);
}

static void
free_token(void *item)
{
	SimToken   *token = item;

	free(token->text);
	free(token->tenant_id);
	free(token->client_id);
	json_decref(token->roles);
	free(token);
}

/*
 * The token of an Authorization header, if it is good for that service now; or
 * NULL.
 */
SimToken *
sim_token_check(const char *authorization, SimService audience)
{
	SimToken   *token;

	if (authorization == NULL || strncasecmp(authorization, "Bearer ", 7) != 0)
		return NULL;
	token = sim_table_get(&tokens, authorization + 7);
	if (token == NULL || token->audience != audience || token->wrong_tenant)
		return NULL;
	if (token->expires_ns <= sim_monotonic_ns())
	{
		free_token(sim_table_remove(&tokens, token->text));
		return NULL;
	}
	return token;
}

/* Has the token that application permission? */
bool
sim_token_has_role(const SimToken *token, const char *role)
{
	size_t		i;
	const json_t *granted;

	json_array_foreach(token->roles, i, granted)
	{
		if (strcmp(json_string_value(granted), role) == 0)
			return true;
	}
	return false;
}

/* Make all tokens invalid; returns how many there were. */
size_t
sim_tokens_expire(void)
{
	size_t		count = tokens.used;

	sim_table_clear(&tokens, free_token);
	return count;
}
