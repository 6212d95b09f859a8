/*
 * bot_secret.c
 *	  A bot's credential: is there another one, and has it been tried?
 *
 * Whoever replaces a secret shall see at once whether it is the right one, and
 * not an hour later, when the token that was had with the old one expires.  So
 * a token is fetched with whatever is new in the file; if there is none to be
 * had, the old one is used while it lasts, and the bot's trouble says so.
 */
#include "postgres.h"

#include "outbox/session.h"
#include "protocol/credential.h"
#include "worker/bot.h"
#include "worker/bot_secret.h"

/* Begin anew for another configuration. */
void
bot_secret_configure(Bot *bot)
{
	memset(&bot->secret, 0, sizeof(bot->secret));
}

/*
 * There is something to try: what has failed with another credential may go
 * well with this one, and what the bot is paused for may be over.
 */
static void
want_trial(Bot *bot)
{
	bot->secret.untried = true;
	bot_fetch_try_again(bot);
	bot_probe_soon(bot);
}

/* Does teams_bot want it to be tried, by teams_try_credential()? */
void
bot_secret_ask(Bot *bot, bool asked)
{
	if (asked && !bot->secret.asked)
		want_trial(bot);
	bot->secret.asked = asked;
}

/* Has the file become another one since it was read? */
void
bot_secret_look(Bot *bot)
{
	const char *problem;
	char	   *credential = credential_read(session_database(),
											 bot->config->credential,
											 &problem);
	uint64		seen = credential_fingerprint(credential, problem);

	if (bot->secret.seen != 0 && bot->secret.seen != seen)
		want_trial(bot);
	bot->secret.seen = seen;
	if (credential != NULL)
		explicit_bzero(credential, strlen(credential));
}

/* Try once more what has been refused, as something may be otherwise now. */
void
bot_secret_try_again(Bot *bot)
{
	if (bot->status.secret_trouble != NULL)
		want_trial(bot);
}

/*
 * The credential, as from credential_read(), which is going to be tried by
 * that: to be followed by bot_secret_tried() or bot_secret_not_tried().
 */
char *
bot_secret_read(Bot *bot, const char **problem)
{
	BotSecret  *secret = &bot->secret;
	char	   *credential = credential_read(session_database(),
											 bot->config->credential,
											 problem);
	uint64		seen = credential_fingerprint(credential, *problem);

	secret->on_trial = secret->untried ||
		(secret->seen != 0 && secret->seen != seen);
	secret->untried = false;
	secret->seen = seen;
	return credential;
}

/* It is known whether it is the right one. */
void
bot_secret_tried(Bot *bot)
{
	bot->secret.on_trial = false;
	if (bot->secret.asked)
		bot_note_news(bot, BOT_NEWS_CREDENTIAL_TRIED);
}

/* It is not known, as nobody has said so. */
void
bot_secret_not_tried(Bot *bot)
{
	if (bot->secret.on_trial)
		bot->secret.untried = true;
	bot->secret.on_trial = false;
}
