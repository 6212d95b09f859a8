/*
 * bot.c
 *	  What the sending process knows of each bot: its configuration, tokens,
 *	  and app in the catalog.
 *
 * Tokens live in this process's memory and nowhere else.  What only a person
 * can mend, such as an expired secret, pauses the bot with one clear reason
 * instead of failing its messages one by one.
 */
#include "postgres.h"

#include "compat.h"
#include "utils/memutils.h"

#include "bot.h"
#include "credential.h"
#include "graph.h"
#include "http.h"
#include "settings.h"
#include "shared.h"

/* The longest Retry-After that is believed (contract 5.2). */
#define MAX_RETRY_AFTER 3600.0

/* Where the services of a cloud are (contract 10). */
typedef struct Cloud
{
	const char *name;
	const char *login_url;
	const char *graph_url;
	const char *connector_url;
	const char *connector_scope;
	const char *multi_tenant;	/* tenant for tokens of multi-tenant bots */
} Cloud;

static const Cloud clouds[] = {
	{"public", "https://login.microsoftonline.com",
		"https://graph.microsoft.com/v1.0",
		"https://smba.trafficmanager.net/teams",
	"https://api.botframework.com/.default", "botframework.com"},
	{"gcc", "https://login.microsoftonline.com",
		"https://graph.microsoft.com/v1.0",
		"https://smba.infra.gcc.teams.microsoft.com/teams",
	"https://api.botframework.com/.default", "botframework.com"},
	{"gcc-high", "https://login.microsoftonline.us",
		"https://graph.microsoft.us/v1.0",
		"https://smba.infra.gov.teams.microsoft.us/teams",
		"https://api.botframework.us/.default",
	"MicrosoftServices.onmicrosoft.us"},
	{"dod", "https://login.microsoftonline.us",
		"https://dod-graph.microsoft.us/v1.0",
		"https://smba.infra.dod.teams.microsoft.us/teams",
		"https://api.botframework.us/.default",
	"MicrosoftServices.onmicrosoft.us"}
};

static MemoryContext bots_context = NULL;
static dlist_head bots;

dlist_head *
bot_list(void)
{
	return &bots;
}

Bot *
bot_find(const char *name)
{
	dlist_iter	iter;

	dlist_foreach(iter, &bots)
	{
		Bot		   *bot = dlist_container(Bot, node, iter.cur);

		if (strcmp(bot->name, name) == 0)
			return bot;
	}
	return NULL;
}

void
bot_open(MemoryContext context)
{
	bots_context = context;
	dlist_init(&bots);
}

double
bot_clock(void)
{
	return (double) GetCurrentTimestamp() / USECS_PER_SEC +
		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (double) SECS_PER_DAY;
}

double
bot_backoff(int attempt)
{
	return policy_backoff(attempt, settings_retry_base_delay / 1000.0,
						  settings_retry_max_delay / 1000.0,
						  compat_random_uniform());
}

/* ----------
 * Configuration
 * ----------
 */

static Bot *
new_bot(const char *name)
{
	Bot		   *bot = MemoryContextAllocZero(bots_context, sizeof(Bot));

	bot->name = MemoryContextStrdup(bots_context, name);
	for (int kind = 0; kind < PACE_KINDS; kind++)
		dlist_init(&bot->asking[kind]);
	dlist_init(&bot->ready);
	dlist_init(&bot->flying);
	dlist_push_tail(&bots, &bot->node);
	return bot;
}

static void
forget_tokens(Bot *bot)
{
	if (bot->graph_token.bearer != NULL)
		pfree(bot->graph_token.bearer);
	if (bot->connector_token.bearer != NULL)
		pfree(bot->connector_token.bearer);
	bot->graph_token.bearer = NULL;
	bot->connector_token.bearer = NULL;
}

/* Let a fetch be tried at once; one that runs goes on. */
static void
reset_fetch(Fetch *fetch)
{
	fetch->failures = 0;
	fetch->not_before = 0;
	fetch->proven = false;
}

static const Cloud *
find_cloud(const char *name)
{
	for (int i = 0; i < lengthof(clouds); i++)
		if (strcmp(clouds[i].name, name) == 0)
			return &clouds[i];
	return &clouds[0];
}

static const char *
url_or_default(Bot *bot, const char *url, const char *otherwise)
{
	char	   *copy = MemoryContextStrdup(bot->context,
										   url ? url : otherwise);
	size_t		length = strlen(copy);

	while (length > 0 && copy[length - 1] == '/')
		copy[--length] = '\0';
	return copy;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static char *
strdup_or_null(const char *text)
{
	return text ? pstrdup(text) : NULL;
}

static OutboxBot *
copy_config(const OutboxBot *config)
{
	OutboxBot  *copy = palloc(sizeof(OutboxBot));

	*copy = *config;
	copy->name = pstrdup(config->name);
	copy->tenant_id = pstrdup(config->tenant_id);
	copy->client_id = pstrdup(config->client_id);
	copy->teams_app_id = strdup_or_null(config->teams_app_id);
	copy->manifest_id = strdup_or_null(config->manifest_id);
	copy->credential = pstrdup(config->credential);
	copy->cloud = pstrdup(config->cloud);
	copy->login_url = strdup_or_null(config->login_url);
	copy->graph_url = strdup_or_null(config->graph_url);
	copy->connector_url = strdup_or_null(config->connector_url);
	return copy;
}

/* A quota is that of a registration in a tenant. */
static void
find_pace(Bot *bot)
{
	char		key[PACE_KEY_SIZE];

	snprintf(key, sizeof(key), "%s/%s", bot->config->client_id,
			 bot->config->tenant_id);
	if (bot->pace != NULL && strcmp(bot->pace->key, key) == 0)
		return;
	bot->pace = shared_pace(key);
	if (bot->pace == NULL)
	{
		bot->pace = MemoryContextAlloc(bots_context, sizeof(Pace));
		pace_init(bot->pace, key);
	}
}

static void
configure(Bot *bot, const OutboxBot *config)
{
	const Cloud *cloud = find_cloud(config->cloud);
	MemoryContext context = AllocSetContextCreate(bots_context,
												  "teams_proactive bot",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	if (bot->config != NULL)
		bot->is_other = strcmp(bot->config->client_id, config->client_id) != 0 ||
			strcmp(bot->config->tenant_id, config->tenant_id) != 0 ||
			!same_text(bot->config->teams_app_id, config->teams_app_id);
	if (bot->context != NULL)
		MemoryContextDelete(bot->context);
	bot->context = context;
	bot->config = copy_config(config);
	bot->login_url = url_or_default(bot, config->login_url, cloud->login_url);
	bot->graph_url = url_or_default(bot, config->graph_url, cloud->graph_url);
	bot->connector_url = url_or_default(bot, config->connector_url,
										cloud->connector_url);
	bot->connector_scope = cloud->connector_scope;
	bot->connector_tenant = config->multi_tenant ? cloud->multi_tenant :
		bot->config->tenant_id;
	bot->teams_app_id = bot->config->teams_app_id;
	MemoryContextSwitchTo(old);

	find_pace(bot);
	bot->paused = config->paused;
	forget_tokens(bot);
	reset_fetch(&bot->graph_fetch);
	reset_fetch(&bot->connector_fetch);
	reset_fetch(&bot->catalog_fetch);
	bot->app_id_unsaved = false;
	bot->generation++;
	bot->cursor = 0;
	bot->sweeping = true;
}

static bool
same_config(const OutboxBot *a, const OutboxBot *b)
{
	return same_text(a->tenant_id, b->tenant_id) &&
		same_text(a->client_id, b->client_id) &&
		same_text(a->teams_app_id, b->teams_app_id) &&
		same_text(a->manifest_id, b->manifest_id) &&
		same_text(a->credential, b->credential) &&
		same_text(a->cloud, b->cloud) &&
		a->multi_tenant == b->multi_tenant &&
		same_text(a->login_url, b->login_url) &&
		same_text(a->graph_url, b->graph_url) &&
		same_text(a->connector_url, b->connector_url) &&
		a->connector_rate == b->connector_rate &&
		a->graph_rate == b->graph_rate &&
		a->paused == b->paused;
}

void
bot_reload(List *configs)
{
	dlist_iter	iter;
	ListCell   *cell;

	dlist_foreach(iter, &bots)
		dlist_container(Bot, node, iter.cur)->exists = false;
	foreach(cell, configs)
	{
		OutboxBot  *config = lfirst(cell);
		Bot		   *bot = bot_find(config->name);

		if (bot == NULL)
			bot = new_bot(config->name);
		if (bot->config == NULL || !same_config(bot->config, config) ||
			(bot->paused != config->paused && bot->pause_reason == NULL))
			configure(bot, config);
		bot->exists = true;
	}
}

/* ----------
 * Pausing, and what else is to be saved
 * ----------
 */

void
bot_pause(Bot *bot, const char *format,...)
{
	char		reason[2000];
	va_list		args;

	if (bot->paused)
		return;
	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	bot->paused = true;
	bot->pause_reason = MemoryContextStrdup(bots_context, reason);
	ereport(WARNING,
			(errmsg("bot \"%s\" is paused: %s", bot->name, reason),
			 errhint("When that is mended, call teams_resume() or teams_configure().")));
}

void
bot_pause_for(Bot *bot, const char *what, Operation op, int status,
			  const ServiceError *error)
{
	const char *hint = policy_hint(op, status, error);
	bool		says_code = error->code[0] != '\0' &&
		strncmp(error->message, error->code, strlen(error->code)) == 0;

	bot_pause(bot, "%s: status %d%s%s%s%s%s%s", what, status,
			  error->code[0] != '\0' && !says_code ? ", " : "",
			  says_code ? "" : error->code,
			  error->message[0] != '\0' ? ": " : "", error->message,
			  hint ? "  " : "", hint ? hint : "");
}

bool
bot_has_unsaved(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &bots)
	{
		Bot		   *bot = dlist_container(Bot, node, iter.cur);

		if (bot->pause_reason != NULL || bot->app_id_unsaved ||
			bot->trouble_unsaved)
			return true;
	}
	return false;
}

void
bot_save(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &bots)
	{
		Bot		   *bot = dlist_container(Bot, node, iter.cur);

		bot->saving_pause = bot->pause_reason != NULL;
		bot->saving_app_id = bot->app_id_unsaved;
		if (bot->saving_pause)
			outbox_pause_bot(bot->name, bot->pause_reason);
		if (bot->saving_app_id)
			outbox_save_app_id(bot->name, bot->teams_app_id);
		bot->saving_trouble = bot->trouble_unsaved;
		if (bot->saving_trouble)
			outbox_save_trouble(bot->name, bot->trouble);
	}
}

void
bot_saved(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &bots)
	{
		Bot		   *bot = dlist_container(Bot, node, iter.cur);

		if (bot->saving_pause && bot->pause_reason != NULL)
		{
			pfree(bot->pause_reason);
			bot->pause_reason = NULL;
			bot->config->paused = true;
		}
		if (bot->saving_trouble)
			bot->trouble_unsaved = false;
		if (bot->saving_app_id)
		{
			bot->app_id_unsaved = false;
			bot->config->teams_app_id = bot->teams_app_id;
		}
	}
}

/* ----------
 * Fetches in general
 * ----------
 */

static bool
may_fetch(Bot *bot, const Fetch *fetch)
{
	return bot_is_active(bot) && !fetch->running &&
		fetch->not_before <= GetCurrentTimestamp();
}

/* Say in teams_bot why nothing gets through at the moment. */
static void
note_trouble(Bot *bot, const char *trouble)
{
	ereport(LOG, (errmsg("bot \"%s\": %s", bot->name, trouble)));
	if (bot->trouble != NULL && strcmp(bot->trouble, trouble) == 0)
		return;
	if (bot->trouble != NULL)
		pfree(bot->trouble);
	bot->trouble = MemoryContextStrdup(bots_context, trouble);
	bot->trouble_unsaved = true;
}

static void
clear_trouble(Bot *bot)
{
	if (bot->trouble == NULL)
		return;
	pfree(bot->trouble);
	bot->trouble = NULL;
	bot->trouble_unsaved = true;
}

static void
fetch_later(Fetch *fetch, const char *retry_after)
{
	double		delay = policy_retry_after(retry_after, bot_clock(),
										   MAX_RETRY_AFTER);

	fetch->failures++;
	if (delay < 0)
		delay = Max(1.0, bot_backoff(fetch->failures));
	fetch->not_before =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), delay * 1000);
}

/*
 * A fetch has failed: try again later, or pause the bot.  "subject" says what
 * was to be done.
 */
static void
fetch_failed(Bot *bot, Fetch *fetch, Operation op, const char *subject,
			 const HttpReply *reply, const ServiceError *error)
{
	if (reply->result != HTTP_ANSWERED)
	{
		note_trouble(bot, psprintf("could not %s: %s", subject,
								   reply->problem));
		fetch_later(fetch, NULL);
		return;
	}
	switch (policy_classify(op, reply->status, error))
	{
		case ACTION_RETRY:
		case ACTION_THROTTLED:
		case ACTION_OK:			/* but not of the documented shape */
			note_trouble(bot, psprintf("could not %s: status %d %s %s",
									   subject, reply->status, error->code,
									   error->message));
			fetch_later(fetch, reply->retry_after);
			break;
		default:
			bot_pause_for(bot, psprintf("could not %s", subject), op,
						  reply->status, error);
			break;
	}
}

TimestampTz
bot_next_fetch(const Bot *bot)
{
	const Fetch *fetches[] = {&bot->graph_fetch, &bot->connector_fetch,
	&bot->catalog_fetch};
	TimestampTz earliest = 0;

	if (!bot_is_active(bot))
		return 0;
	for (int i = 0; i < lengthof(fetches); i++)
		if (!fetches[i]->running && fetches[i]->not_before != 0 &&
			(earliest == 0 || fetches[i]->not_before < earliest))
			earliest = fetches[i]->not_before;
	return earliest;
}

/* ----------
 * Tokens
 * ----------
 */

static void
start_token_fetch(Bot *bot, Fetch *fetch, const char *tenant,
				  const char *scope, HttpHandler handler)
{
	HttpRequest request;
	StringInfoData form;
	char	   *problem;
	char	   *secret = credential_read(bot->config->credential, &problem);

	if (secret == NULL)
	{
		bot_pause(bot, "credential \"%s\" cannot be used: %s",
				  bot->config->credential, problem);
		return;
	}
	initStringInfo(&form);
	auth_token_form(&form, bot->config->client_id, secret, scope);

	memset(&request, 0, sizeof(request));
	request.url = auth_token_url(bot->login_url, tenant);
	request.content_type = "application/x-www-form-urlencoded";
	request.body = form.data;
	request.length = form.len;
	request.is_secret = true;
	request.handler = handler;
	request.argument = bot;
	http_start(&request);
	fetch->running = true;
	fetch->generation = bot->generation;

	explicit_bzero(secret, strlen(secret));
	explicit_bzero(form.data, form.len);
	pfree(secret);
	pfree(form.data);
}

/* The new token, or NULL; sees to what happens then. */
static char *
receive_token(Bot *bot, Fetch *fetch, const HttpReply *reply,
			  double *expires_at, double *refresh_at)
{
	ServiceError error;
	AuthReply	token = {0};

	fetch->running = false;
	if (fetch->generation != bot->generation)
		return NULL;
	policy_set_error(&error, "", "the reply makes no sense");
	if (reply->result == HTTP_ANSWERED && reply->status == 200)
		auth_token_reply(reply->body, reply->length, &token);
	else if (reply->result == HTTP_ANSWERED)
		auth_error(reply->body, reply->length, &error);
	if (token.access_token == NULL)
	{
		fetch_failed(bot, fetch, OP_TOKEN, "get a token", reply, &error);
		return NULL;
	}
	reset_fetch(fetch);
	fetch->serial++;
	*expires_at = bot_clock() + token.expires_in;
	*refresh_at = *expires_at - Min(AUTH_REFRESH_AHEAD, token.expires_in / 2);
	clear_trouble(bot);
	return MemoryContextStrdup(bots_context, token.access_token);
}

static void
on_graph_token(const HttpReply *reply, void *argument)
{
	Bot		   *bot = argument;
	double		expires_at;
	double		refresh_at;
	char	   *bearer = receive_token(bot, &bot->graph_fetch, reply,
									   &expires_at, &refresh_at);

	if (bearer == NULL)
		return;
	if (bot->graph_token.bearer != NULL)
		pfree(bot->graph_token.bearer);
	bot->graph_token.bearer = bearer;
	bot->graph_token.expires_at = expires_at;
	bot->graph_token.refresh_at = refresh_at;
}

static void
on_connector_token(const HttpReply *reply, void *argument)
{
	Bot		   *bot = argument;
	double		expires_at;
	double		refresh_at;
	char	   *bearer = receive_token(bot, &bot->connector_fetch, reply,
									   &expires_at, &refresh_at);

	if (bearer == NULL)
		return;
	if (bot->connector_token.bearer != NULL)
		pfree(bot->connector_token.bearer);
	bot->connector_token.bearer = bearer;
	bot->connector_token.expires_at = expires_at;
	bot->connector_token.refresh_at = refresh_at;
}

const char *
bot_graph_bearer(Bot *bot)
{
	const GraphToken *token = &bot->graph_token;
	double		now = bot_clock();

	if ((token->bearer == NULL || now >= token->refresh_at) &&
		may_fetch(bot, &bot->graph_fetch))
		start_token_fetch(bot, &bot->graph_fetch, bot->config->tenant_id,
						  auth_graph_scope(bot->graph_url), on_graph_token);
	return token->bearer != NULL && now < token->expires_at ?
		token->bearer : NULL;
}

const char *
bot_connector_bearer(Bot *bot)
{
	const ConnectorToken *token = &bot->connector_token;
	double		now = bot_clock();

	if ((token->bearer == NULL || now >= token->refresh_at) &&
		may_fetch(bot, &bot->connector_fetch))
		start_token_fetch(bot, &bot->connector_fetch, bot->connector_tenant,
						  bot->connector_scope, on_connector_token);
	return token->bearer != NULL && now < token->expires_at ?
		token->bearer : NULL;
}

static void
token_refused(Bot *bot, Fetch *fetch, char **bearer, int token,
			  const char *service, const ServiceError *error)
{
	/* Others that were in flight with it come here, too, perhaps late. */
	if (*bearer == NULL || token != fetch->serial)
		return;
	if (!fetch->proven)
		bot_pause(bot, "%s refused a new token: %s: %s  Check the tenant, and whether the bot is single-tenant or multi-tenant.",
				  service, error->code, error->message);
	pfree(*bearer);
	*bearer = NULL;
}

void
bot_graph_refused(Bot *bot, int token, const ServiceError *error)
{
	token_refused(bot, &bot->graph_fetch, &bot->graph_token.bearer, token,
				  "Graph", error);
}

void
bot_connector_refused(Bot *bot, int token, const ServiceError *error)
{
	token_refused(bot, &bot->connector_fetch, &bot->connector_token.bearer,
				  token, "the Bot Connector", error);
}

void
bot_graph_accepted(Bot *bot)
{
	bot->graph_fetch.proven = true;
}

void
bot_connector_accepted(Bot *bot)
{
	bot->connector_fetch.proven = true;
}

/* ----------
 * Throttling
 * ----------
 */

/* How long to keep still if the service does not say, in seconds. */
#define UNTOLD_RETRY_AFTER 2.0

/* Conversations that are throttled within a second: then it is the bot. */
#define COMPLAINTS_OF_BOT 3

static double
told_or_default(double retry_after)
{
	return retry_after < 0 ? UNTOLD_RETRY_AFTER : retry_after;
}

void
bot_graph_throttled(Bot *bot, PaceKind kind, double retry_after)
{
	pace_back_off(bot->pace, kind, told_or_default(retry_after));
}

/*
 * The Connector does not say whether the conversation or the bot is too fast.
 * A conversation that is throttled waits; if others are, too, it is the bot.
 */
void
bot_connector_throttled(Bot *bot, double retry_after)
{
	TimestampTz now = GetCurrentTimestamp();

	if (TimestampDifferenceExceeds(bot->complaints_since, now, 1000))
	{
		bot->complaints = 0;
		bot->complaints_since = now;
	}
	if (++bot->complaints >= COMPLAINTS_OF_BOT)
		pace_back_off(bot->pace, PACE_CONNECTOR, told_or_default(retry_after));
}

/* ----------
 * The app in the catalog
 * ----------
 */

static void
receive_app_id(Bot *bot, const HttpReply *reply)
{
	char	   *app_id;

	switch (graph_catalog_reply(reply->body, reply->length, &app_id))
	{
		case GRAPH_CATALOG_FOUND:
			bot->teams_app_id = MemoryContextStrdup(bot->context, app_id);
			bot->app_id_unsaved = true;
			reset_fetch(&bot->catalog_fetch);
			break;
		case GRAPH_CATALOG_ABSENT:
			bot_pause(bot, "the organisation's catalog has no app with manifest id %s.  Upload the app's package to the catalog.",
					  bot->config->manifest_id);
			break;
		case GRAPH_CATALOG_AMBIGUOUS:
			bot_pause(bot, "the catalog has several apps with manifest id %s.  Give teams_configure() the teams_app_id of one.",
					  bot->config->manifest_id);
			break;
		case GRAPH_CATALOG_MALFORMED:
			note_trouble(bot, "the catalog's reply makes no sense");
			fetch_later(&bot->catalog_fetch, NULL);
			break;
	}
}

static void
on_catalog(const HttpReply *reply, void *argument)
{
	Bot		   *bot = argument;
	ServiceError error;

	bot->catalog_fetch.running = false;
	if (bot->catalog_fetch.generation != bot->generation)
		return;
	if (reply->result == HTTP_ANSWERED && reply->status == 200)
	{
		bot_graph_accepted(bot);
		receive_app_id(bot, reply);
		return;
	}
	graph_error(reply->body, reply->length, &error);
	if (reply->result == HTTP_ANSWERED &&
		policy_classify(OP_CATALOG, reply->status, &error) == ACTION_REAUTH)
		bot_graph_refused(bot, bot->catalog_fetch.serial, &error);
	else
		fetch_failed(bot, &bot->catalog_fetch, OP_CATALOG,
					 "ask the catalog for the app", reply, &error);
}

const char *
bot_app_id(Bot *bot)
{
	const char *bearer;
	HttpRequest request;

	if (bot->teams_app_id != NULL)
		return bot->teams_app_id;
	bearer = bot_graph_bearer(bot);
	if (bearer == NULL || !may_fetch(bot, &bot->catalog_fetch))
		return NULL;

	memset(&request, 0, sizeof(request));
	request.url = graph_catalog_url(bot->graph_url, bot->config->manifest_id);
	request.bearer = bearer;
	request.handler = on_catalog;
	request.argument = bot;
	http_start(&request);
	bot->catalog_fetch.running = true;
	bot->catalog_fetch.generation = bot->generation;
	bot->catalog_fetch.serial = bot->graph_fetch.serial;
	return NULL;
}
