/*
 * bot_app.c
 *	  A bot's app in the organisation's catalog: its id, and its version.
 *
 * Both are fetched when somebody needs them (contract 3.2).  The id is what
 * nothing can be installed without: what stands in its way pauses the bot.
 * The version is only good to know, and takes a permission that the bot may
 * lack: then it is not known, and that is all.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "http/http.h"
#include "protocol/graph.h"
#include "worker/bot.h"
#include "worker/bot_app.h"
#include "worker/bot_fetch.h"
#include "worker/bot_token.h"
#include "worker/line.h"

/*
 * How long a version is believed, or that it cannot be known, while jobs come
 * that need it.  The first of them has it asked for in any case.
 */
#define VERSION_LIFE_MS 10000

static void
ask_catalog(Bot *bot, Fetch *fetch, const char *url, const char *bearer,
			FetchHandler handler)
{
	HttpRequest request = {0};

	request.url = url;
	request.bearer = bearer;
	fetch->token = bot->tokens[AUDIENCE_GRAPH].serial;
	bot_fetch_start(bot, fetch, &request, handler);
	pace_count(bot_pace(bot), PACE_GRAPH_READ);
}

/* Begin anew for another configuration, which has that id, or NULL. */
void
bot_app_configure(BotApp *app, char *id)
{
	app->id = id;
	app->version[0] = '\0';
	bot_fetch_configure(&app->id_fetch);
	bot_fetch_configure(&app->version_fetch);
}

/* ----------
 * Its id
 * ----------
 */

static void
take_app_id(Bot *bot, Fetch *fetch, const HttpReply *reply)
{
	char	   *app_id;

	switch (graph_catalog_reply(reply->body, reply->length, &app_id))
	{
		case GRAPH_CATALOG_FOUND:
			bot_token_accepted(bot, AUDIENCE_GRAPH, fetch->token);
			bot->app.id = MemoryContextStrdup(bot->context, app_id);
			bot_note_news(bot, BOT_NEWS_APP_ID);
			bot_fetch_reset(fetch);
			bot_clear_trouble(bot);
			bot_succeeded(bot, OP_CATALOG);
			break;
		case GRAPH_CATALOG_ABSENT:
			bot_pause(bot, OP_CATALOG,
					  "Upload the app's package to the catalog, or give teams_configure() the manifest_id that the app has there.",
					  "the organisation's catalog has no app with manifest id %s",
					  bot->config->manifest_id);
			break;
		case GRAPH_CATALOG_AMBIGUOUS:
			bot_pause(bot, OP_CATALOG,
					  "Give teams_configure() the teams_app_id of one of them.",
					  "the catalog has several apps with manifest id %s",
					  bot->config->manifest_id);
			break;
		case GRAPH_CATALOG_MALFORMED:
			bot_note_trouble(bot, "the catalog's reply makes no sense", NULL);
			bot_fetch_later(fetch, NULL);
			break;
	}
}

static void
on_app_id(Bot *bot, Fetch *fetch, const HttpReply *reply)
{
	ServiceError error;

	if (reply->result == HTTP_ANSWERED && reply->status == 200)
	{
		take_app_id(bot, fetch, reply);
		return;
	}
	graph_error(reply->body, reply->length, &error);
	if (reply->result == HTTP_ANSWERED &&
		policy_classify(OP_CATALOG, reply->status, &error) == ACTION_REAUTH)
		bot_token_refused(bot, AUDIENCE_GRAPH, fetch->token, &error);
	else
		bot_fetch_failed(bot, fetch, OP_CATALOG,
						 "ask the catalog for the app", reply, &error);
}

/*
 * The app's id in the catalog, the bot's; or NULL if it is not configured and
 * not known yet: then the catalog is being asked for the one that has the
 * configured id in its manifest, or will be when the bot may.
 */
const char *
bot_app_id(Bot *bot)
{
	const char *bearer;

	if (bot->app.id != NULL)
		return bot->app.id;
	bearer = bot_token_bearer(bot, AUDIENCE_GRAPH);
	if (bearer != NULL &&
		bot_fetch_may_start(bot, &bot->app.id_fetch, bot->graph_url))
		ask_catalog(bot, &bot->app.id_fetch,
					graph_catalog_url(bot->graph_url,
									  bot->config->manifest_id),
					bearer, on_app_id);
	return NULL;
}

/* ----------
 * Its version
 * ----------
 */

static void
on_version(Bot *bot, Fetch *fetch, const HttpReply *reply)
{
	char	   *version = NULL;
	bool		is_forbidden;

	/* What never left is asked again when the host can be reached. */
	if (reply->result == HTTP_NOT_REACHED)
		return;
	fetch->not_before = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													VERSION_LIFE_MS);
	if (reply->result == HTTP_ANSWERED && reply->status == 200)
		version = graph_versions_reply(reply->body, reply->length);
	is_forbidden = reply->result == HTTP_ANSWERED && reply->status == 403;
	strlcpy(bot->app.version, version ? version : "",
			sizeof(bot->app.version));
	if (version != NULL || is_forbidden)
		bot_note_news(bot, BOT_NEWS_APP_VERSION);
	else
		bot_drop_news(bot, BOT_NEWS_APP_VERSION);
}

/*
 * A job begins that needs the version.  The first of them wants to hear of
 * what has just been published.
 */
void
bot_app_version_wanted(Bot *bot)
{
	if (bot->app.version_jobs++ == 0)
		bot->app.version_fetch.not_before = 0;
}

/* Such a job has ended. */
void
bot_app_version_used(Bot *bot)
{
	bot->app.version_jobs--;
}

/*
 * Is the app's version in the catalog known, or known not to be knowable?  If
 * not, it is being asked for.  The caller has got the app's id, and a token
 * for Graph.
 */
bool
bot_app_version_is_known(Bot *bot)
{
	Fetch	   *fetch = &bot->app.version_fetch;

	if (fetch->running)
		return false;
	if (fetch->not_before > GetCurrentTimestamp())
		return true;
	if (line_is_free(bot->graph_url))
		ask_catalog(bot, fetch,
					graph_versions_url(bot->graph_url, bot_app_id(bot)),
					bot_token_bearer(bot, AUDIENCE_GRAPH), on_version);
	return false;
}
