/*
 * catalog.c
 *	  Is the bot's app in the organisation's catalog?
 *
 * An installation that is answered by 404 does not tell an app that is not in
 * the catalog, which concerns everybody, from a person who cannot have it
 * (contract 3.4).  The catalog can: it is asked by the app's id, and if it has
 * none, whether that is the id in the app's manifest.  Reading it takes a
 * permission that the bot may lack (3.2): then nothing is proven, and it is
 * the person that is answered for.
 */
#include "postgres.h"

#include "http/http.h"
#include "protocol/graph.h"
#include "worker/bot_app.h"
#include "worker/bot_token.h"
#include "worker/catalog.h"
#include "worker/graph_queue.h"
#include "worker/line.h"
#include "worker/target.h"

/* So long an answer of the catalog is believed. */
#define BELIEVED_MS 60000

/* Failed attempts to ask it; then it cannot be known for a while. */
#define MAX_FAILURES 3

/* A bot of which nobody doubts that its app is there. */
void
catalog_init(BotCatalog *catalog)
{
	dlist_init(&catalog->doubting);
}

/*
 * Another configuration may name another app.  Those that wait for an answer
 * stay: it is of the next one.
 */
void
catalog_configure(BotCatalog *catalog)
{
	bot_fetch_configure(&catalog->fetch);
	catalog->is_missing = false;
	catalog->seen_at = 0;
	catalog->unknowable_until = 0;
}

/* Those that wait for the answer are asked about anew. */
static void
ask_doubting_again(Bot *bot)
{
	while (!dlist_is_empty(&bot->catalog.doubting))
	{
		Target	   *target = dlist_container(Target, question.node,
											 dlist_pop_head_node(&bot->catalog.doubting));

		graph_queue_ask(target, target->question.op);
	}
}

/*
 * So the answer was about whoever it was to be installed for: they are asked
 * about again, and the next such answer is believed.
 */
static void
app_is_there(Bot *bot)
{
	catalog_note_app(bot);
	bot_fetch_reset(&bot->catalog.fetch);
	bot_succeeded(bot, OP_CATALOG);
	ask_doubting_again(bot);
}

/*
 * The same, as nothing can be proven: for a while, such answers are believed
 * to be about people.
 */
static void
app_is_unknowable(Bot *bot)
{
	bot->catalog.unknowable_until =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), BELIEVED_MS);
	bot_fetch_reset(&bot->catalog.fetch);
	ask_doubting_again(bot);
}

/* It has no app of that id, but perhaps one with that in its manifest. */
static void
app_is_missing(Bot *bot, const char *catalog_id)
{
	bot->catalog.is_missing = false;
	bot_fetch_reset(&bot->catalog.fetch);
	if (catalog_id != NULL)
		bot_pause(bot, OP_CATALOG,
				  psprintf("Give teams_configure() teams_app_id => '%s', or the other one as manifest_id.",
						   catalog_id),
				  "teams_app_id %s is the id in the app's manifest, not that of the catalog, which is %s",
				  bot->app.id, catalog_id);
	else
		bot_pause(bot, OP_CATALOG,
				  "Upload the app's package to the catalog, or give teams_configure() the teams_app_id of one that is there.",
				  "the organisation's catalog has no app with id %s",
				  bot->app.id);
	ask_doubting_again(bot);
}

/* An answer with a list of apps: is there one? */
static void
take_list(Bot *bot, const HttpReply *reply)
{
	char	   *id = NULL;
	GraphCatalogResult result = graph_catalog_reply(reply->body,
													reply->length, &id);

	if (result != GRAPH_CATALOG_MALFORMED)
		bot_token_accepted(bot, AUDIENCE_GRAPH, bot->catalog.fetch.token);
	if (bot->catalog.is_missing)
		app_is_missing(bot, result == GRAPH_CATALOG_FOUND ? id : NULL);
	else if (result == GRAPH_CATALOG_ABSENT)
	{
		bot->catalog.is_missing = true;
		catalog_advance(bot);
	}
	else if (result == GRAPH_CATALOG_MALFORMED)
		app_is_unknowable(bot);
	else
		app_is_there(bot);
}

/* It has not answered: ask again later, unless it never will. */
static void
take_no_list(Bot *bot, const HttpReply *reply)
{
	Fetch	   *fetch = &bot->catalog.fetch;
	ServiceError error;
	Action		action = ACTION_RETRY;

	if (reply->result == HTTP_ANSWERED)
	{
		graph_error(reply->body, reply->length, &error);
		action = policy_classify(OP_CATALOG, reply->status, &error);
	}
	if (action == ACTION_REAUTH)
		bot_token_refused(bot, AUDIENCE_GRAPH, fetch->token, &error);
	if (action != ACTION_PAUSE_BOT && fetch->failures + 1 < MAX_FAILURES)
		bot_fetch_later(fetch, NULL);
	else if (bot->catalog.is_missing)
		app_is_missing(bot, NULL);
	else
		app_is_unknowable(bot);
}

/* The handler of what the catalog is asked. */
static void
on_apps(Bot *bot, Fetch *fetch pg_attribute_unused(), const HttpReply *reply)
{
	/* What never left is asked again when the host can be reached. */
	if (reply->result == HTTP_NOT_REACHED)
		return;
	if (reply->result == HTTP_ANSWERED && reply->status == 200)
		take_list(bot, reply);
	else
		take_no_list(bot, reply);
}

/* Ask the catalog, if targets wait for that and it can be asked now. */
void
catalog_advance(Bot *bot)
{
	Fetch	   *fetch = &bot->catalog.fetch;
	HttpRequest request = {0};
	const char *bearer;

	if (dlist_is_empty(&bot->catalog.doubting) ||
		!bot_fetch_may_start(bot, fetch, bot->graph_url))
		return;
	bearer = bot_token_bearer(bot, AUDIENCE_GRAPH);
	if (bearer == NULL || bot_app_id(bot) == NULL)
		return;
	request.url = bot->catalog.is_missing ?
		graph_catalog_url(bot->graph_url, bot->app.id) :
		graph_versions_url(bot->graph_url, bot->app.id);
	request.bearer = bearer;
	fetch->token = bot->tokens[AUDIENCE_GRAPH].serial;
	bot_fetch_start(bot, fetch, &request, on_apps);
	pace_count(bot_pace(bot), PACE_GRAPH_READ);
}

/* The app was installed somewhere: it is in the catalog. */
void
catalog_note_app(Bot *bot)
{
	bot->catalog.seen_at = GetCurrentTimestamp();
}

/*
 * Graph has answered that it has not got the app, or the person.  True if the
 * catalog is asked which of them: then the target is asked about anew when it
 * has answered, and if it has not got the app, the bot is paused.  False if it
 * was asked lately, or cannot be: then it is the person, as far as can be
 * known.
 */
bool
catalog_doubt(Target *target)
{
	Bot		   *bot = target->bot;
	TimestampTz now = GetCurrentTimestamp();

	if (bot->catalog.unknowable_until > now ||
		(bot->catalog.seen_at != 0 &&
		 !TimestampDifferenceExceeds(bot->catalog.seen_at, now, BELIEVED_MS)))
		return false;
	dlist_push_tail(&bot->catalog.doubting, &target->question.node);
	return true;
}
