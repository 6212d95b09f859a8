/*
 * credential_watch.c
 *	  Sees that a file with a credential has become another one.
 *
 * Whoever replaces a secret shall see at once whether it is the right one, and
 * not when the token that was had with the old one expires; and nobody shall
 * have to tell the server.  Files are so short that they are read rather than
 * judged by their times.
 */
#include "postgres.h"

#include "base/settings.h"
#include "http/http.h"
#include "outbox/session.h"
#include "protocol/credential.h"
#include "worker/bot.h"
#include "worker/credential_watch.h"
#include "worker/line.h"

/* How often to look. */
#define WATCH_INTERVAL_MS 10000

static TimestampTz watch_at;
static uint64 proxy_seen;		/* 0: there is no login */

/* Begin: it is looked at once. */
void
credential_watch_open(void)
{
	watch_at = GetCurrentTimestamp();
	proxy_seen = 0;
}

/* Somebody may have changed something: do not wait for the next look. */
void
credential_watch_soon(void)
{
	watch_at = GetCurrentTimestamp();
}

/* Why what is in the proxy's file cannot be used, palloc'd, or NULL. */
static const char *
login_problem(const char *login, const char *problem)
{
	if (login != NULL && strchr(login, ':') == NULL)
		problem = "There is no colon between user and password.";
	if (problem == NULL)
		return NULL;
	return psprintf("the proxy's credential \"%s\" cannot be used: %s",
					settings_proxy_credential, problem);
}

/* What could not be reached may be reached with another login. */
static void
watch_proxy(void)
{
	const char *problem = NULL;
	char	   *login = NULL;
	uint64		seen = 0;

	if (settings_proxy_credential[0] != '\0')
	{
		login = credential_read(session_database(), settings_proxy_credential,
								&problem);
		seen = credential_fingerprint(login, problem);
	}
	if (seen != proxy_seen)
	{
		http_set_proxy_login(login, login_problem(login, problem));
		line_try_again();
	}
	proxy_seen = seen;
	if (login != NULL)
		explicit_bzero(login, strlen(login));
}

/* A dry-run bot has none. */
static bool
is_watched(const Bot *bot)
{
	return bot->exists && !bot->config->dry_run;
}

/*
 * Settings have changed: what was refused may be accepted now.  And it is
 * looked at once.
 */
void
credential_watch_try_again(void)
{
	credential_watch_soon();
	foreach_bot(bot)
		if (is_watched(bot))
			bot_secret_try_again(bot);
}

/* Look, if it is time to, in a process that has begun a transaction before. */
void
credential_watch(void)
{
	TimestampTz now = GetCurrentTimestamp();

	if (watch_at > now)
		return;
	watch_at = TimestampTzPlusMilliseconds(now, WATCH_INTERVAL_MS);
	watch_proxy();
	foreach_bot(bot)
		if (is_watched(bot))
			bot_secret_look(bot);
}

/* When to look next. */
TimestampTz
credential_watch_next(void)
{
	return watch_at;
}
