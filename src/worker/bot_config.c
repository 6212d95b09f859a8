/*
 * bot.c
 *	  What the sending process knows of each bot.
 *
 * What only a person can mend, such as an expired secret, pauses the bot with
 * one clear reason instead of failing its messages one by one.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "base/cloud.h"
#include "base/settings.h"
#include "worker/bot.h"
#include "worker/line.h"

/* When to write again to a row that somebody has locked. */
#define LOCKED_RETRY_MS 1000

/* The interval between probes doubles so often. */
#define MAX_PROBE_DOUBLINGS 4

static MemoryContext bots_context = NULL;
static Bot *first_bot;
static Bot *last_bot;

/* The first bot, or NULL if there is none: see foreach_bot(). */
Bot *
bot_first(void)
{
	return first_bot;
}

Bot *
bot_find(const char *name)
{
	foreach_bot(bot)
		if (strcmp(bot->name, name) == 0)
			return bot;
	return NULL;
}

void
bot_open(MemoryContext context)
{
	bots_context = context;
	first_bot = last_bot = NULL;
}

double
bot_clock(void)
{
	return (double) GetCurrentTimestamp() / USECS_PER_SEC +
		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (double) SECS_PER_DAY;
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
	for (int i = 0; i < PRIORITIES; i++)
		dlist_init(&bot->window.ready[i]);
	dlist_init(&bot->window.asks);
	dlist_init(&bot->resting);
	dlist_init(&bot->doubting);
	dlist_init(&bot->graph_batches);
	dlist_init(&bot->window.due);
	if (last_bot != NULL)
		last_bot->next = bot;
	else
		first_bot = bot;
	last_bot = bot;
	return bot;
}

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

static TimestampTz
next_probe(const Bot *bot)
{
	int64		delay = (int64) settings_probe_interval <<
		Min(bot->probes, MAX_PROBE_DOUBLINGS);

	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), delay);
}

/* What teams_bot says of a pause; the worker's own is tried again. */
static void
take_state(Bot *bot, const OutboxBot *config)
{
	bot->state = config->paused_by != NULL ? BOT_PAUSED : BOT_ACTIVE;
	bot->probes = 0;
	bot->probe_at = 0;
	if (config->paused_by != NULL && strcmp(config->paused_by, "worker") == 0)
	{
		bot->paused_op = OP_CHAT;
		bot->probe_at = next_probe(bot);
	}
}

static void
configure(Bot *bot, const OutboxBot *config)
{
	const Cloud *cloud = cloud_find(config->cloud);
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
	bot->teams_app_id = bot->config->teams_app_id;
	MemoryContextSwitchTo(old);

	snprintf(bot->pacing.key, sizeof(bot->pacing.key), "%s/%s", config->client_id,
			 config->tenant_id);
	bot_token_configure(&bot->tokens[AUDIENCE_GRAPH], bot->config->tenant_id,
						cloud->graph_scope);
	bot_token_configure(&bot->tokens[AUDIENCE_CONNECTOR],
						config->multi_tenant ? cloud->multi_tenant :
						bot->config->tenant_id, cloud->connector_scope);
	take_state(bot, config);
	if (bot->trouble != NULL)
		pfree(bot->trouble);
	bot->trouble = NULL;
	bot->trouble_unsaved = true;
	bot_fetch_configure(&bot->catalog_fetch);
	bot_fetch_configure(&bot->version_fetch);
	bot_fetch_configure(&bot->app_fetch);
	bot->app_version[0] = '\0';
	bot->app_version_unsaved = false;
	bot->app_id_unsaved = false;
	bot->resume_unsaved = false;
	bot->disabled = 0;
	bot->app_is_missing = false;
	bot->app_seen_at = 0;
	bot->app_unknowable_until = 0;
	bot->generation++;
	line_try_again();
	lanes_restart(bot->lanes);
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
		memcmp(a->chat_limits, b->chat_limits, sizeof(a->chat_limits)) == 0 &&
		a->reinstall == b->reinstall &&
		a->dry_run == b->dry_run &&
		same_text(a->paused_by, b->paused_by) &&
		a->is_at_home == b->is_at_home;
}

/*
 * A copy of the database, restored or cloned, must not write to real people
 * until somebody says that it is the one that shall.
 */
static void
check_home(Bot *bot)
{
	if (bot->config->is_at_home || !bot_is_active(bot))
		return;
	bot_pause(bot, OP_SEND, "this database is a copy of the one in which the bot was configured, and sends nothing until teams_resume() is called here.");
	bot->is_copy = true;
	bot->probe_at = 0;
}

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
		check_home(bot);
	}
}

/* ----------
 * Pausing, and what else is to be saved
 * ----------
 */

void
bot_pause(Bot *bot, Operation op, const char *format,...)
{
	char		reason[2000];
	va_list		args;
	BotState	before = bot->state;

	if (before == BOT_PAUSED)
		return;
	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);

	/* It is UTF-8, and may have been cut within a character. */
	reason[pg_encoding_mbcliplen(PG_UTF8, reason, strlen(reason),
								 strlen(reason))] = '\0';
	bot->state = BOT_PAUSED;
	bot->is_copy = false;
	bot->paused_op = op;
	bot->probes = before == BOT_PROBING ? bot->probes + 1 : 0;
	bot->probe_at = next_probe(bot);

	/* It is paused already, and that was said. */
	if (before == BOT_PROBING)
		return;
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

	bot_pause(bot, op, "%s: status %d%s%s%s%s%s%s", what, status,
			  error->code[0] != '\0' && !says_code ? ", " : "",
			  says_code ? "" : error->code,
			  error->message[0] != '\0' ? ": " : "", error->message,
			  hint ? "  " : "", hint ? hint : "");
}

/*
 * The worker's own pauses end by themselves: now and then the bot tries with
 * one message whether what stood in the way is gone.
 */
void
bot_probe(Bot *bot)
{
	if (!bot->exists || bot->state != BOT_PAUSED || bot->probe_at == 0 ||
		bot->pause_reason != NULL || bot->probe_at > GetCurrentTimestamp())
		return;
	bot->state = BOT_PROBING;
	bot->probe_at = 0;
	for (int i = 0; i < AUDIENCES; i++)
		bot_token_drop(&bot->tokens[i]);
	bot_fetch_reset(&bot->catalog_fetch);
	bot_fetch_reset(&bot->app_fetch);
	lanes_restart(bot->lanes);
}

void
bot_succeeded(Bot *bot, Operation op)
{
	if (bot->state != BOT_PROBING || (op != bot->paused_op && op != OP_SEND))
		return;
	bot->state = BOT_ACTIVE;
	bot->resume_unsaved = true;
	lanes_restart(bot->lanes);
	ereport(LOG,
			(errmsg("bot \"%s\" goes on: what had paused it is over",
					bot->name)));
}

void
bot_note_trouble(Bot *bot, const char *trouble)
{
	if (bot->trouble != NULL && strcmp(bot->trouble, trouble) == 0)
		return;
	ereport(LOG, (errmsg("bot \"%s\": %s", bot->name, trouble)));
	if (bot->trouble != NULL)
		pfree(bot->trouble);
	bot->trouble = MemoryContextStrdup(bots_context, trouble);
	bot->trouble_unsaved = true;
}

void
bot_clear_trouble(Bot *bot)
{
	if (bot->trouble == NULL)
		return;
	pfree(bot->trouble);
	bot->trouble = NULL;
	bot->trouble_unsaved = true;
}

bool
bot_watch_lines(Bot *bot)
{
	const char *urls[] = {bot->login_url, bot->graph_url, bot->connector_url};
	const char *problem = NULL;

	/* A dry-run bot needs none. */
	for (size_t i = 0; i < lengthof(urls) && problem == NULL &&
		 !bot->config->dry_run; i++)
		problem = line_problem(urls[i]);
	if (same_text(problem, bot->line_trouble))
		return false;
	if (bot->line_trouble != NULL)
		pfree(bot->line_trouble);
	bot->line_trouble = problem != NULL ?
		MemoryContextStrdup(bots_context, problem) : NULL;
	bot->trouble_unsaved = true;
	return true;
}

static bool
has_unsaved(const Bot *bot)
{
	return bot->exists &&
		(bot->pause_reason != NULL || bot->app_id_unsaved ||
		 bot->app_version_unsaved ||
		 bot->trouble_unsaved || bot->resume_unsaved);
}

bool
bot_has_unsaved(void)
{
	TimestampTz now = GetCurrentTimestamp();

	foreach_bot(bot)
		if (has_unsaved(bot) && bot->save_at <= now)
			return true;
	return false;
}

bool
bot_all_are_away(void)
{
	bool		any = false;

	foreach_bot(bot)
	{
		if (!bot->exists)
			continue;
		if (bot->config->is_at_home || has_unsaved(bot))
			return false;
		any = true;
	}
	return any;
}

static void
save(Bot *bot)
{
	bot->saving_pause = bot->pause_reason != NULL;
	bot->saving_resume = bot->resume_unsaved;
	bot->saving_app_id = bot->app_id_unsaved;
	bot->saving_app_version = bot->app_version_unsaved;
	bot->saving_trouble = bot->trouble_unsaved;
	if (bot->saving_pause)
		outbox_pause_bot(bot->name, bot->pause_reason,
						 bot->is_copy ? "copy" : "worker");
	if (bot->saving_resume)
		outbox_resume_bot(bot->name);
	if (bot->saving_app_id)
		outbox_save_app_id(bot->name, bot->teams_app_id);
	if (bot->saving_app_version)
		outbox_save_app_version(bot->name, bot->app_version);
	if (bot->saving_trouble)
		outbox_save_trouble(bot->name, bot_trouble(bot));
}

void
bot_save(void)
{
	foreach_bot(bot)
	{
		bot->saving_pause = bot->saving_resume = false;
		bot->saving_app_id = bot->saving_trouble = false;
		bot->saving_app_version = false;
		if (!has_unsaved(bot))
			continue;
		bot->save_at = 0;
		if (outbox_lock_bot(bot->name))
			save(bot);
		else
			bot->save_at =
				TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											LOCKED_RETRY_MS);
	}
}

void
bot_saved(void)
{
	foreach_bot(bot)
	{
		if (bot->saving_pause && bot->pause_reason != NULL)
		{
			pfree(bot->pause_reason);
			bot->pause_reason = NULL;
			bot->config->paused_by = bot->is_copy ? "copy" : "worker";
		}
		if (bot->saving_resume && bot->resume_unsaved)
		{
			bot->resume_unsaved = false;
			bot->config->paused_by = NULL;
		}
		if (bot->saving_trouble)
			bot->trouble_unsaved = false;
		if (bot->saving_app_version)
			bot->app_version_unsaved = false;
		if (bot->saving_app_id)
		{
			bot->app_id_unsaved = false;
			bot->config->teams_app_id = bot->teams_app_id;
		}
	}
}
