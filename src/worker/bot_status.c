/*
 * bot_status.c
 *	  Whether a bot sends, and if not, why; what of this teams_bot has to hear.
 *
 * What only a person can mend, such as an expired secret, pauses the bot with
 * one clear reason instead of failing its messages one by one.  What mends
 * itself is a trouble, which is only told.
 *
 * What is found out between two transactions is news until one has written it.
 * It stays news if the bot's row is locked, if the transaction fails, or if it
 * has changed again by the time it commits.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "base/settings.h"
#include "worker/bot.h"
#include "worker/line.h"
#include "worker/retry.h"

/* The interval between probes doubles so often. */
#define MAX_PROBE_DOUBLINGS 4

/* The longest reason for a pause, in bytes. */
#define MAX_REASON 2000

static MemoryContext status_context;

/* Reasons and troubles are kept in the context. */
void
bot_status_open(MemoryContext context)
{
	status_context = context;
}

static void
set_text(char **place, const char *text)
{
	if (*place != NULL)
		pfree(*place);
	*place = text != NULL ? MemoryContextStrdup(status_context, text) : NULL;
}

/* ----------
 * Pauses
 * ----------
 */

static TimestampTz
next_probe(const BotStatus *status)
{
	int64		delay = (int64) settings_probe_interval <<
		Min(status->probes, MAX_PROBE_DOUBLINGS);

	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), delay);
}

/*
 * The bot has a new configuration, which says whether it is paused.  A pause
 * of the worker's own is tried again, and nothing is known of troubles.
 */
void
bot_status_configure(Bot *bot)
{
	BotStatus  *status = &bot->status;
	const char *paused_by = bot->config->paused_by;

	status->state = paused_by != NULL ? BOT_PAUSED : BOT_ACTIVE;
	status->probes = 0;
	status->probe_at = 0;
	if (paused_by != NULL && strcmp(paused_by, "worker") == 0)
	{
		status->paused_op = OP_CHAT;
		status->probe_at = next_probe(status);
	}
	bot_drop_news(bot, BOT_NEWS_RESUME);
	set_text(&status->trouble, NULL);
	set_text(&status->secret_trouble, NULL);
	bot_note_news(bot, BOT_NEWS_TROUBLE);
}

/*
 * Stop sending for the bot: nothing can succeed until somebody acts, or until
 * "op" succeeds, which is tried now and then.  The hint says what to do, and
 * may be NULL.
 */
void
bot_pause(Bot *bot, Operation op, const char *hint, const char *format,...)
{
	BotStatus  *status = &bot->status;
	BotState	before = status->state;
	char		reason[MAX_REASON];
	va_list		args;

	if (before == BOT_PAUSED)
		return;
	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);

	/* It is UTF-8, and may have been cut within a character. */
	reason[pg_encoding_mbcliplen(PG_UTF8, reason, strlen(reason),
								 strlen(reason))] = '\0';
	status->state = BOT_PAUSED;
	status->is_copy = false;
	status->paused_op = op;
	status->probes = before == BOT_PROBING ? status->probes + 1 : 0;
	status->probe_at = next_probe(status);

	/* It is paused already, and that was said. */
	if (before == BOT_PROBING)
		return;
	set_text(&status->pause_reason, reason);
	set_text(&status->pause_hint, hint);
	bot_note_news(bot, BOT_NEWS_PAUSE);
	ereport(WARNING,
			(errmsg("bot \"%s\" is paused: %s", bot->name, reason),
			 errhint("%s", hint != NULL ? hint :
					 "When that is mended, call teams_resume() or teams_configure().")));
}

/*
 * What a service has answered, for people to read; palloc'd.  "what" happened
 * is said.
 */
char *
bot_describe_error(const char *what, int status, const ServiceError *error)
{
	bool		says_code = error->code[0] != '\0' &&
		strncmp(error->message, error->code, strlen(error->code)) == 0;

	return psprintf("%s: status %d%s%s%s%s", what, status,
					error->code[0] != '\0' && !says_code ? ", " : "",
					says_code ? "" : error->code,
					error->message[0] != '\0' ? ": " : "", error->message);
}

/*
 * bot_pause() for an error that a service has reported; "what" happened is
 * said.
 */
void
bot_pause_for(Bot *bot, const char *what, Operation op, int status,
			  const ServiceError *error)
{
	bot_pause(bot, op, policy_hint(op, status, error), "%s",
			  bot_describe_error(what, status, error));
}

/*
 * A copy of the database, restored or cloned, must not write to real people
 * until somebody says that it is the one that shall.
 */
void
bot_pause_copy(Bot *bot)
{
	bot_pause(bot, OP_SEND,
			  "Call teams_resume() here if this database shall send in place of the original.",
			  "this database is a copy of the one in which the bot was configured");
	bot->status.is_copy = true;
	bot->status.probe_at = 0;
}

/*
 * The worker's own pauses end by themselves: now and then the bot tries with
 * one message whether what stood in the way is gone.  Begin that if it is due.
 */
void
bot_probe(Bot *bot)
{
	BotStatus  *status = &bot->status;

	if (!bot->exists || status->state != BOT_PAUSED || status->probe_at == 0 ||
		status->pause_reason != NULL ||
		status->probe_at > GetCurrentTimestamp())
		return;
	status->state = BOT_PROBING;
	status->probe_at = 0;
	for (int i = 0; i < AUDIENCES; i++)
		bot_token_drop(&bot->tokens[i]);
	bot_fetch_reset(&bot->app.id_fetch);
	bot_fetch_reset(&bot->catalog.fetch);
	lanes_restart(bot->lanes);
}

/* Do not wait any longer for the next probe, if there is one to come. */
void
bot_probe_soon(Bot *bot)
{
	if (bot->status.probe_at != 0)
		bot->status.probe_at = GetCurrentTimestamp();
}

/* A service has done what it was asked for: a probe may have succeeded. */
void
bot_succeeded(Bot *bot, Operation op)
{
	BotStatus  *status = &bot->status;

	if (status->state != BOT_PROBING ||
		(op != status->paused_op && op != OP_SEND))
		return;
	status->state = BOT_ACTIVE;
	bot_note_news(bot, BOT_NEWS_RESUME);
	lanes_restart(bot->lanes);
	ereport(LOG,
			(errmsg("bot \"%s\" goes on: what had paused it is over",
					bot->name)));
}

/* ----------
 * Troubles
 * ----------
 */

/*
 * Say in teams_bot why nothing gets through at the moment, and what to do, a
 * constant, or NULL.
 */
void
bot_note_trouble(Bot *bot, const char *trouble, const char *hint)
{
	char	  **place = &bot->status.trouble;

	bot->status.trouble_hint = hint;
	if (*place != NULL && strcmp(*place, trouble) == 0)
		return;
	ereport(LOG, (errmsg("bot \"%s\": %s", bot->name, trouble)));
	set_text(place, trouble);
	bot_note_news(bot, BOT_NEWS_TROUBLE);
}

/* What bot_note_trouble() has said is over. */
void
bot_clear_trouble(Bot *bot)
{
	if (bot->status.trouble == NULL)
		return;
	set_text(&bot->status.trouble, NULL);
	bot_note_news(bot, BOT_NEWS_TROUBLE);
}

/*
 * Its credential is refused, but the token that was had with the one before is
 * good until that time; problem NULL: it is not any more.  Whoever has
 * replaced the credential learns of it now, and has that long to mend it.
 */
void
bot_note_refusal(Bot *bot, const char *problem, const char *hint,
				 time_t good_until)
{
	char	  **place = &bot->status.secret_trouble;
	char	   *text = NULL;

	if (problem != NULL)
		text = psprintf("credential \"%s\": %s (Messages go on with the last token until %s.)",
						bot->config->credential, problem,
						timestamptz_to_str(time_t_to_timestamptz(good_until)));
	if (text == NULL ? *place == NULL :
		(*place != NULL && strcmp(*place, text) == 0))
		return;
	if (text != NULL)
		ereport(WARNING,
				(errmsg("bot \"%s\": %s", bot->name, text),
				 hint != NULL ? errhint("%s", hint) : 0));
	set_text(place, text);
	bot->status.secret_hint = hint;
	bot_note_news(bot, BOT_NEWS_TROUBLE);
}

/*
 * Note whether the hosts that the bot needs can be reached, as its trouble;
 * true if that has changed.
 */
bool
bot_watch_lines(Bot *bot)
{
	const char *urls[] = {bot->login_url, bot->graph_url, bot->connector_url};
	const char *before = bot->status.line_trouble;
	const char *problem = NULL;
	const char *hint = NULL;

	/* A dry-run bot needs none. */
	for (size_t i = 0; i < lengthof(urls) && problem == NULL &&
		 !bot->config->dry_run; i++)
	{
		problem = line_problem(urls[i]);
		hint = line_hint(urls[i]);
	}
	if (problem == NULL ? before == NULL :
		(before != NULL && strcmp(problem, before) == 0))
		return false;
	set_text(&bot->status.line_trouble, problem);
	bot->status.line_hint = hint;
	bot_note_news(bot, BOT_NEWS_TROUBLE);
	return true;
}

/* ----------
 * News
 * ----------
 */

/*
 * There are BotNews for the bot's row.  If the current transaction has written
 * it as it was before, the next one does so again.
 */
void
bot_note_news(Bot *bot, int news)
{
	bot->status.unsaved |= news;
	bot->status.saving &= ~news;
}

/* It is not so any more, or not of interest. */
void
bot_drop_news(Bot *bot, int news)
{
	bot->status.unsaved &= ~news;
	bot->status.saving &= ~news;
}

static bool
has_news(const Bot *bot)
{
	return bot->exists && bot->status.unsaved != 0;
}

/* Is there a bot whose row is to be written, now? */
bool
bot_has_news(void)
{
	TimestampTz now = GetCurrentTimestamp();

	foreach_bot(bot)
		if (has_news(bot) && bot->status.save_at <= now)
			return true;
	return false;
}

/* The worst comes first. */
static void
save_trouble(const Bot *bot)
{
	const BotStatus *status = &bot->status;

	if (status->line_trouble != NULL)
		outbox_save_trouble(bot->name, status->line_trouble,
							status->line_hint);
	else if (status->trouble != NULL)
		outbox_save_trouble(bot->name, status->trouble, status->trouble_hint);
	else
		outbox_save_trouble(bot->name, status->secret_trouble,
							status->secret_hint);
}

static void
save_news(Bot *bot)
{
	BotStatus  *status = &bot->status;

	status->saving = status->unsaved;
	if (status->saving & BOT_NEWS_PAUSE)
		outbox_pause_bot(bot->name, status->pause_reason, status->pause_hint,
						 status->is_copy ? "copy" : "worker");
	if (status->saving & BOT_NEWS_RESUME)
		outbox_resume_bot(bot->name);
	if (status->saving & BOT_NEWS_APP_ID)
		outbox_save_app_id(bot->name, bot->app.id);
	if (status->saving & BOT_NEWS_APP_VERSION)
		outbox_save_app_version(bot->name, bot->app.version);
	if (status->saving & BOT_NEWS_TROUBLE)
		save_trouble(bot);
	if (status->saving & BOT_NEWS_CREDENTIAL_TRIED)
		outbox_save_tried(bot->name);
	if (status->saving & BOT_NEWS_CREDENTIAL_GOOD)
		outbox_save_credential_good(bot->name);
}

/*
 * In a transaction: write what is new of all bots.  It is not waited for a row
 * that somebody has locked; it is tried again.
 */
void
bot_save_news(void)
{
	foreach_bot(bot)
	{
		BotStatus  *status = &bot->status;

		status->saving = 0;
		if (!has_news(bot))
			continue;
		status->save_at = 0;
		if (outbox_lock_bot(bot->name))
			save_news(bot);
		else
			status->save_at =
				retry_time(RETRY_LOCKED_MS / 1000.0);
	}
}

/*
 * The transaction has committed: what it has written is no news, and is how
 * the row is now, so that reading it again shows no other configuration.  True
 * if that is something that those want to hear of who wait for a message.
 */
bool
bot_news_saved(void)
{
	bool		any = false;

	foreach_bot(bot)
	{
		BotStatus  *status = &bot->status;
		int			saved = status->saving;

		any |= (saved & (BOT_NEWS_PAUSE | BOT_NEWS_TROUBLE)) != 0;
		if (saved & BOT_NEWS_PAUSE)
		{
			set_text(&status->pause_reason, NULL);
			set_text(&status->pause_hint, NULL);
			bot->config->paused_by = status->is_copy ? "copy" : "worker";
		}
		if (saved & BOT_NEWS_RESUME)
			bot->config->paused_by = NULL;
		if (saved & BOT_NEWS_APP_ID)
			bot->config->teams_app_id = bot->app.id;
		status->unsaved &= ~saved;
		status->saving = 0;
	}
	return any;
}

/*
 * Is this database but a copy?  There are bots, none of them was configured
 * here, and nothing is left to be saved about them.
 */
bool
bot_all_are_away(void)
{
	bool		any = false;

	foreach_bot(bot)
	{
		if (!bot->exists)
			continue;
		if (bot->config->is_at_home || has_news(bot))
			return false;
		any = true;
	}
	return any;
}
