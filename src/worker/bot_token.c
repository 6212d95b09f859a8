/*
 * bot_token.c
 *	  A bot's access to the services: its tokens, and its app in the catalog.
 *
 * Tokens live in this process's memory and nowhere else.  They are fetched
 * when somebody wants to use them, one fetch at a time, and anew before they
 * expire.
 */
#include "postgres.h"

#include "base/compat.h"
#include "utils/memutils.h"

#include "base/moment.h"
#include "http/http.h"
#include "outbox/session.h"
#include "protocol/credential.h"
#include "protocol/graph.h"
#include "worker/bot_token.h"
#include "worker/line.h"

/* The longest Retry-After that is believed (contract 5.2). */
#define MAX_RETRY_AFTER 3600.0

/*
 * A token that is refused is replaced at once, the next one not so soon; after
 * a minute without, that is forgotten.
 */
#define REPLACE_DELAY_MS 500
#define MAX_REPLACE_DELAY_MS 10000
#define REFUSALS_FORGOTTEN_MS 60000
#define MANY_REFUSALS 3

/* The longest delay after a failure, if the service does not tell one. */
#define MAX_FETCH_DELAY 60.0

static MemoryContext tokens_context = NULL;

void
access_open(MemoryContext context)
{
	tokens_context = context;
}

/* ----------
 * Fetches in general
 * ----------
 */

/*
 * A request under way, and the configuration that it was made by: another one
 * may have begun since, which this one's answer says nothing about.
 */
typedef struct Question
{
	Bot		   *bot;
	int			generation;
} Question;

static void
ask(Bot *bot, Fetch *fetch, HttpRequest *request, HttpHandler handler)
{
	Question   *question = MemoryContextAlloc(tokens_context,
											  sizeof(Question));

	question->bot = bot;
	question->generation = bot->generation;
	request->handler = handler;
	request->argument = question;
	fetch->running = true;
	line_start(request);
}

/* Whose answer it is; NULL if the bot was configured anew meanwhile. */
static Bot *
asker(void *argument)
{
	Question   *question = argument;
	Bot		   *bot = question->generation == question->bot->generation ?
		question->bot : NULL;

	pfree(question);
	return bot;
}

static bool
may_fetch(Bot *bot, const Fetch *fetch, const char *url)
{
	return bot_is_active(bot) && !fetch->running &&
		fetch->not_before <= GetCurrentTimestamp() && line_is_free(url);
}

static void
fetch_later(Fetch *fetch, const char *retry_after)
{
	double		delay = policy_retry_after(retry_after, bot_clock(),
										   MAX_RETRY_AFTER);

	fetch->failures++;
	if (delay < 0)
		delay = Min(MAX_FETCH_DELAY, Max(1.0, bot_backoff(fetch->failures)));
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
	/* What never left is asked again when the host can be reached. */
	if (reply->result == HTTP_NOT_REACHED)
		return;
	if (reply->result != HTTP_ANSWERED)
	{
		bot_note_trouble(bot, psprintf("could not %s: %s", subject,
								   reply->problem));
		fetch_later(fetch, NULL);
		return;
	}
	switch (policy_classify(op, reply->status, error))
	{
		case ACTION_RETRY:
		case ACTION_THROTTLED:
		case ACTION_OK:			/* but not of the documented shape */
			bot_note_trouble(bot, psprintf("could not %s: status %d %s %s",
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

void
access_try_again(Bot *bot)
{
	bot->graph_fetch.not_before = 0;
	bot->connector_fetch.not_before = 0;
	bot->catalog_fetch.not_before = 0;
	bot->app_fetch.not_before = 0;
}

bool
access_watch_lines(Bot *bot)
{
	const char *urls[] = {bot->login_url, bot->graph_url, bot->connector_url};
	const char *problem = NULL;

	/* A dry-run bot needs none. */
	for (size_t i = 0; i < lengthof(urls) && problem == NULL &&
		 !bot->config->dry_run; i++)
		problem = line_problem(urls[i]);
	if (problem == NULL && bot->line_trouble == NULL)
		return false;
	if (problem != NULL && bot->line_trouble != NULL &&
		strcmp(problem, bot->line_trouble) == 0)
		return false;
	if (bot->line_trouble != NULL)
		pfree(bot->line_trouble);
	bot->line_trouble = problem != NULL ?
		MemoryContextStrdup(tokens_context, problem) : NULL;
	bot->trouble_unsaved = true;
	return true;
}

TimestampTz
access_next_fetch(const Bot *bot)
{
	const Fetch *fetches[] = {&bot->graph_fetch, &bot->connector_fetch,
	&bot->catalog_fetch, &bot->app_fetch};
	TimestampTz earliest = 0;

	if (!bot_is_active(bot))
		return 0;
	for (size_t i = 0; i < lengthof(fetches); i++)
		if (!fetches[i]->running)
			earliest = sooner(earliest, fetches[i]->not_before);
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
	char	   *secret = credential_read(session_database(),
											  bot->config->credential,
											  &problem);

	if (secret == NULL)
	{
		bot_pause(bot, OP_TOKEN, "credential \"%s\" cannot be used: %s",
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
	request.max_reply = HTTP_SHORT_BODY;
	request.is_secret = true;
	ask(bot, fetch, &request, handler);

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
	bot_reset_fetch(fetch);
	fetch->serial++;
	*expires_at = bot_clock() + token.expires_in;
	*refresh_at = *expires_at - Min(AUTH_REFRESH_AHEAD, token.expires_in / 2);
	bot_clear_trouble(bot);
	bot_succeeded(bot, OP_TOKEN);
	return MemoryContextStrdup(tokens_context, token.access_token);
}

static void
on_graph_token(const HttpReply *reply, void *argument)
{
	Bot		   *bot = asker(argument);
	double		expires_at;
	double		refresh_at;
	char	   *bearer;

	if (bot == NULL)
		return;
	bearer = receive_token(bot, &bot->graph_fetch, reply, &expires_at,
						   &refresh_at);
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
	Bot		   *bot = asker(argument);
	double		expires_at;
	double		refresh_at;
	char	   *bearer;

	if (bot == NULL)
		return;
	bearer = receive_token(bot, &bot->connector_fetch, reply, &expires_at,
						   &refresh_at);
	if (bearer == NULL)
		return;
	if (bot->connector_token.bearer != NULL)
		pfree(bot->connector_token.bearer);
	bot->connector_token.bearer = bearer;
	bot->connector_token.expires_at = expires_at;
	bot->connector_token.refresh_at = refresh_at;
}

const char *
access_graph_bearer(Bot *bot)
{
	const GraphToken *token = &bot->graph_token;
	double		now = bot_clock();

	if ((token->bearer == NULL || now >= token->refresh_at) &&
		may_fetch(bot, &bot->graph_fetch, bot->login_url))
		start_token_fetch(bot, &bot->graph_fetch, bot->config->tenant_id,
						  bot->graph_scope, on_graph_token);
	return token->bearer != NULL && now < token->expires_at ?
		token->bearer : NULL;
}

const char *
access_connector_bearer(Bot *bot)
{
	const ConnectorToken *token = &bot->connector_token;
	double		now = bot_clock();

	if ((token->bearer == NULL || now >= token->refresh_at) &&
		may_fetch(bot, &bot->connector_fetch, bot->login_url))
		start_token_fetch(bot, &bot->connector_fetch, bot->connector_tenant,
						  bot->connector_scope, on_connector_token);
	return token->bearer != NULL && now < token->expires_at ?
		token->bearer : NULL;
}

static void
forget_token(const Fetch *fetch, char **bearer, int token)
{
	if (*bearer == NULL || token != fetch->serial)
		return;
	pfree(*bearer);
	*bearer = NULL;
}

void
access_graph_forget(Bot *bot, int token)
{
	forget_token(&bot->graph_fetch, &bot->graph_token.bearer, token);
}

void
access_connector_forget(Bot *bot, int token)
{
	forget_token(&bot->connector_fetch, &bot->connector_token.bearer, token);
}

static bool
was_lately(TimestampTz time, int ms)
{
	return time != 0 &&
		!TimestampDifferenceExceeds(time, GetCurrentTimestamp(), ms);
}

/*
 * If the service refuses now and then what it accepts at the same time, another
 * token is no better.  That some were replaced lately is the reason to think so.
 */
static bool
is_good_nevertheless(const Fetch *fetch)
{
	return fetch->proven && fetch->refusals >= MANY_REFUSALS &&
		was_lately(fetch->refused_at, REFUSALS_FORGOTTEN_MS) &&
		was_lately(fetch->accepted_at, ACCESS_STILL_GOOD_MS);
}

/* A token that was refused is replaced at once, but not again and again. */
static void
replace_later(Fetch *fetch)
{
	TimestampTz now = GetCurrentTimestamp();

	if (!was_lately(fetch->refused_at, REFUSALS_FORGOTTEN_MS))
		fetch->refusals = 0;
	fetch->refused_at = now;
	if (fetch->refusals++ > 0)
		fetch->not_before =
			TimestampTzPlusMilliseconds(now, Min(MAX_REPLACE_DELAY_MS,
												 REPLACE_DELAY_MS << Min(fetch->refusals - 2, 10)));
}

static bool
token_refused(Bot *bot, Fetch *fetch, char **bearer, int token,
			  Operation op, const char *service, const ServiceError *error)
{
	/* Others that were in flight with it come here, too, perhaps late. */
	if (*bearer == NULL || token != fetch->serial)
		return true;
	if (is_good_nevertheless(fetch))
		return false;
	if (!fetch->proven)
		bot_pause_for(bot, psprintf("%s refused a new token", service), op,
					  401, error);
	forget_token(fetch, bearer, token);
	replace_later(fetch);
	return true;
}

void
access_graph_refused(Bot *bot, int token, const ServiceError *error)
{
	token_refused(bot, &bot->graph_fetch, &bot->graph_token.bearer, token,
				  OP_LOOKUP, "Graph", error);
}

bool
access_connector_refused(Bot *bot, int token, const ServiceError *error)
{
	return token_refused(bot, &bot->connector_fetch, &bot->connector_token.bearer,
				  token, OP_SEND, "the Bot Connector", error);
}

/* What was said to an earlier token says nothing of this one. */
static void
token_accepted(Fetch *fetch, int token)
{
	if (token != fetch->serial)
		return;
	fetch->proven = true;
	fetch->accepted_at = GetCurrentTimestamp();
}

void
access_graph_accepted(Bot *bot, int token)
{
	token_accepted(&bot->graph_fetch, token);
}

void
access_connector_accepted(Bot *bot, int token)
{
	token_accepted(&bot->connector_fetch, token);
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
			access_graph_accepted(bot, bot->catalog_fetch.serial);
			bot->teams_app_id = MemoryContextStrdup(bot->context, app_id);
			bot->app_id_unsaved = true;
			bot_reset_fetch(&bot->catalog_fetch);
			bot_clear_trouble(bot);
			bot_succeeded(bot, OP_CATALOG);
			break;
		case GRAPH_CATALOG_ABSENT:
			bot_pause(bot, OP_CATALOG, "the organisation's catalog has no app with manifest id %s.  Upload the app's package to the catalog.",
					  bot->config->manifest_id);
			break;
		case GRAPH_CATALOG_AMBIGUOUS:
			bot_pause(bot, OP_CATALOG, "the catalog has several apps with manifest id %s.  Give teams_configure() the teams_app_id of one.",
					  bot->config->manifest_id);
			break;
		case GRAPH_CATALOG_MALFORMED:
			bot_note_trouble(bot, "the catalog's reply makes no sense");
			fetch_later(&bot->catalog_fetch, NULL);
			break;
	}
}

static void
on_catalog(const HttpReply *reply, void *argument)
{
	Bot		   *bot = asker(argument);
	ServiceError error;

	if (bot == NULL)
		return;
	bot->catalog_fetch.running = false;
	if (reply->result == HTTP_ANSWERED && reply->status == 200)
	{
		receive_app_id(bot, reply);
		return;
	}
	graph_error(reply->body, reply->length, &error);
	if (reply->result == HTTP_ANSWERED &&
		policy_classify(OP_CATALOG, reply->status, &error) == ACTION_REAUTH)
		access_graph_refused(bot, bot->catalog_fetch.serial, &error);
	else
		fetch_failed(bot, &bot->catalog_fetch, OP_CATALOG,
					 "ask the catalog for the app", reply, &error);
}

/*
 * How long a version is believed, or that it cannot be known, while jobs come
 * that need it.  The first of them has it asked for in any case.
 */
#define VERSION_LIFE_MS 10000

static void
on_versions(const HttpReply *reply, void *argument)
{
	Bot		   *bot = asker(argument);
	char	   *version = NULL;

	if (bot == NULL)
		return;
	bot->version_fetch.running = false;
	if (reply->result == HTTP_NOT_REACHED)
		return;
	bot->version_fetch.not_before =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), VERSION_LIFE_MS);

	/* It needs a permission that the bot may lack (contract 3.2): never mind. */
	if (reply->result == HTTP_ANSWERED && reply->status == 200)
		version = graph_versions_reply(reply->body, reply->length);
	strlcpy(bot->app_version, version ? version : "",
			sizeof(bot->app_version));
	bot->app_version_unsaved = version != NULL ||
		(reply->result == HTTP_ANSWERED && reply->status == 403);
}

bool
access_knows_version(Bot *bot)
{
	Fetch	   *fetch = &bot->version_fetch;
	HttpRequest request = {0};

	if (fetch->running)
		return false;
	if (fetch->not_before > GetCurrentTimestamp())
		return true;
	if (!line_is_free(bot->graph_url))
		return false;
	request.url = graph_versions_url(bot->graph_url, access_app_id(bot));
	request.bearer = access_graph_bearer(bot);
	ask(bot, fetch, &request, on_versions);
	pace_count(bot_pace(bot), PACE_GRAPH_READ);
	return false;
}

const char *
access_app_id(Bot *bot)
{
	const char *bearer;
	HttpRequest request;

	if (bot->teams_app_id != NULL)
		return bot->teams_app_id;
	bearer = access_graph_bearer(bot);
	if (bearer == NULL || !may_fetch(bot, &bot->catalog_fetch, bot->graph_url))
		return NULL;

	memset(&request, 0, sizeof(request));
	request.url = graph_catalog_url(bot->graph_url, bot->config->manifest_id);
	request.bearer = bearer;
	ask(bot, &bot->catalog_fetch, &request, on_catalog);
	pace_count(bot_pace(bot), PACE_GRAPH_READ);
	bot->catalog_fetch.serial = bot->graph_fetch.serial;
	return NULL;
}
