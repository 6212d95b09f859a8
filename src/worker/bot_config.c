/*
 * bot_config.c
 *	  What teams_bot says of each bot.
 *
 * A bot that is configured anew begins anew: what was found out or was refused
 * belonged to the other configuration, and so does what is under way.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/cloud.h"
#include "worker/bot.h"
#include "worker/line.h"
#include "worker/window.h"

/* A bot that was not there before.  Its modules begin with it. */
static Bot *
new_bot(const char *name)
{
	Bot		   *bot = bot_add(name);

	catalog_init(&bot->catalog);
	graph_queue_init(&bot->graph);
	target_init_window(&bot->window);
	return bot;
}

/* A copy of the service's URL that is configured, or else of the cloud's. */
static const char *
url_or_default(Bot *bot, const char *url, const char *otherwise)
{
	char	   *copy = MemoryContextStrdup(bot->context,
										   url ? url : otherwise);

	copy[cloud_root_length(copy)] = '\0';
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

/* In the current memory context. */
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
	copy->paused_by = strdup_or_null(config->paused_by);
	return copy;
}

/* Is what was known of targets true still? */
static bool
is_same_app(const OutboxBot *a, const OutboxBot *b)
{
	return strcmp(a->client_id, b->client_id) == 0 &&
		strcmp(a->tenant_id, b->tenant_id) == 0 &&
		same_text(a->teams_app_id, b->teams_app_id);
}

/* Begin anew with that configuration. */
static void
configure(Bot *bot, const OutboxBot *config)
{
	const Cloud *cloud = cloud_find(config->cloud);
	MemoryContext old;

	if (bot->config != NULL && !is_same_app(bot->config, config))
		window_drop_bot(bot);
	MemoryContextReset(bot->context);
	old = MemoryContextSwitchTo(bot->context);
	bot->config = copy_config(config);
	bot->login_url = url_or_default(bot, config->login_url, cloud->login_url);
	bot->graph_url = url_or_default(bot, config->graph_url, cloud->graph_url);
	bot->connector_url = url_or_default(bot, config->connector_url,
										cloud->connector_url);
	MemoryContextSwitchTo(old);

	snprintf(bot->pacing.key, sizeof(bot->pacing.key), "%s/%s", config->client_id,
			 config->tenant_id);
	bot_token_configure(&bot->tokens[AUDIENCE_GRAPH], bot->config->tenant_id,
						cloud->graph_scope);
	bot_token_configure(&bot->tokens[AUDIENCE_CONNECTOR],
						config->multi_tenant ? cloud->multi_tenant :
						bot->config->tenant_id, cloud->connector_scope);
	bot_secret_configure(bot);
	bot_status_configure(bot);
	bot_app_configure(&bot->app, bot->config->teams_app_id);
	catalog_configure(&bot->catalog);
	bot_drop_news(bot, BOT_NEWS_APP_ID | BOT_NEWS_APP_VERSION |
				  BOT_NEWS_CREDENTIAL_TRIED | BOT_NEWS_CREDENTIAL_GOOD);
	bot->disabled = 0;
	bot->generation++;
	line_try_again();
	lanes_restart(bot->lanes);
}

/* Is it the configuration that the bot has? */
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
		memcmp(a->chat_limits, b->chat_limits, sizeof(a->chat_limits)) == 0 &&
		a->reinstall == b->reinstall &&
		a->dry_run == b->dry_run &&
		same_text(a->paused_by, b->paused_by) &&
		a->is_at_home == b->is_at_home;
}

/*
 * Take over what teams_bot says now: a list of OutboxBot, which are copied.  A
 * bot that is not there any more is kept, as what it has on the wire comes
 * back, but nothing is sent for it.
 */
void
bot_reload(List *configs)
{
	ListCell   *cell;

	foreach_bot(bot)
		bot->exists = false;
	foreach(cell, configs)
	{
		OutboxBot  *config = lfirst(cell);
		Bot		   *bot = bot_find(config->name);

		if (bot == NULL)
			bot = new_bot(config->name);
		if (bot->config == NULL || !same_config(bot->config, config))
			configure(bot, config);
		bot->exists = true;
		bot_secret_ask(bot, config->try_credential);
		if (!config->is_at_home && bot_is_active(bot))
			bot_pause_copy(bot);
	}
}
