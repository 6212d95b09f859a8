/*
 * bot_token.c
 *	  A bot's tokens, one for each service.
 *
 * Tokens live in this process's memory and nowhere else.  They are fetched
 * when somebody wants to use them, one fetch at a time, and anew before they
 * expire (contract 2.2).
 *
 * Requests carry the serial of the token that they were sent with, since many
 * are on the wire at a time: what is said of a token that has been replaced
 * says nothing of its successor.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/moment.h"
#include "http/http.h"
#include "worker/bot.h"
#include "worker/bot_token.h"

/*
 * A token that is refused is replaced at once, the next one not so soon; after
 * a minute without a refusal, that is forgotten.
 */
#define REPLACE_DELAY_MS 500
#define MAX_REPLACE_DELAY_MS 10000
#define REFUSALS_FORGOTTEN_MS 60000

#define CREDENTIAL_HINT \
	"Put the client secret into a file of that name in teams_proactive.credential_directory, readable by the server's user only, then call teams_resume()."

/* So many have been replaced lately that it is not the tokens' fault. */
#define MANY_REFUSALS 3

/* The services, by what their tokens are for. */
static const struct
{
	const char *name;
	Operation	op;				/* what has to succeed before a bot goes on
								 * whose new token was refused */
}			services[AUDIENCES] = {
	[AUDIENCE_GRAPH] = {"Graph", OP_LOOKUP},
	[AUDIENCE_CONNECTOR] = {"the Bot Connector", OP_SEND},
};

static MemoryContext token_context = NULL;

/* Tokens are kept in the context. */
void
bot_token_open(MemoryContext context)
{
	token_context = context;
}

/* ----------
 * Fetching
 * ----------
 */

static void
wipe(char *secret, size_t length)
{
	explicit_bzero(secret, length);
	pfree(secret);
}

/* The new token has come; the old one may still be there. */
static void
take_token(Token *token, const AuthReply *reply)
{
	bot_token_drop(token);
	token->bearer = MemoryContextStrdup(token_context, reply->access_token);
	token->expires_at = unix_seconds(GetCurrentTimestamp()) +
		reply->expires_in;
	token->refresh_at = token->expires_at -
		Min(AUTH_REFRESH_AHEAD, reply->expires_in / 2);
	token->serial++;
}

/* Is there one that can be used at that time? */
static bool
is_valid(const Token *token, double now)
{
	return token->bearer != NULL && now < token->expires_at;
}

static bool
is_valid_now(const Token *token)
{
	return is_valid(token, unix_seconds(GetCurrentTimestamp()));
}

/*
 * There is none to be had with the credential.  While the last one can be
 * used, that is no reason to stop; it is tried again when the credential is
 * another one, or when that token is to be replaced, from time to time.
 */
static void
keep_token(Bot *bot, Token *token, const char *hint, const char *problem)
{
	bot_clear_trouble(bot);
	bot_note_refusal(bot, problem, hint, (time_t) token->expires_at);
	bot_fetch_later(&token->fetch, NULL);
	bot_secret_tried(bot);
}

static void
fetch_has_failed(Bot *bot, Token *token, const HttpReply *reply,
				 const ServiceError *error)
{
	if (!bot_fetch_is_refused(OP_TOKEN, reply, error))
	{
		bot_secret_not_tried(bot);
		bot_fetch_failed(bot, &token->fetch, OP_TOKEN, "get a token", reply,
						 error);
	}
	else if (is_valid_now(token))
		keep_token(bot, token, policy_hint(OP_TOKEN, reply->status, error),
				   bot_describe_error("could not get a token",
									  reply->status, error));
	else
	{
		bot_secret_tried(bot);
		bot_fetch_failed(bot, &token->fetch, OP_TOKEN, "get a token", reply,
						 error);
	}
}

/* A fetch has ended; "fetch" is the first member of its token. */
static void
on_token(Bot *bot, Fetch *fetch, const HttpReply *reply)
{
	AuthReply	received = {0};
	ServiceError error;

	policy_set_error(&error, "", "the reply makes no sense");
	if (reply->result == HTTP_ANSWERED && reply->status == 200)
		auth_token_reply(reply->body, reply->length, &received);
	else if (reply->result == HTTP_ANSWERED)
		auth_error(reply->body, reply->length, &error);
	if (received.access_token == NULL)
	{
		fetch_has_failed(bot, (Token *) fetch, reply, &error);
		return;
	}
	take_token((Token *) fetch, &received);
	bot_secret_tried(bot);
	bot_note_refusal(bot, NULL, NULL, 0);
	bot_note_news(bot, BOT_NEWS_CREDENTIAL_GOOD);
	bot_clear_trouble(bot);
	bot_succeeded(bot, OP_TOKEN);
}

static void
refuse_credential(Bot *bot, Token *token, const char *problem)
{
	if (is_valid_now(token))
	{
		keep_token(bot, token, CREDENTIAL_HINT,
				   psprintf("it cannot be used: %s", problem));
		return;
	}
	bot_secret_tried(bot);
	bot_pause(bot, OP_TOKEN, CREDENTIAL_HINT,
			  "credential \"%s\" cannot be used: %s",
			  bot->config->credential, problem);
}

static void
post_form(Bot *bot, Token *token, const char *url, const StringInfo form)
{
	HttpRequest request = {0};

	request.url = url;
	request.content_type = "application/x-www-form-urlencoded";
	request.body = form->data;
	request.length = form->len;
	request.max_reply = HTTP_SHORT_BODY;
	request.is_secret = true;
	bot_fetch_start(bot, &token->fetch, &request, on_token);
}

/* Ask Entra ID for a token; the credential is in memory just meanwhile. */
static void
fetch_token(Bot *bot, Token *token)
{
	const char *problem;
	char	   *credential = bot_secret_read(bot, &problem);
	AuthRequest grant;
	StringInfoData form;

	if (credential == NULL)
	{
		refuse_credential(bot, token, problem);
		return;
	}
	grant.token_url = auth_token_url(bot->login_url, token->tenant);
	grant.client_id = bot->config->client_id;
	grant.scope = token->scope;
	grant.credential = credential;
	initStringInfo(&form);
	problem = auth_token_form(&form, &grant);
	if (problem == NULL)
		post_form(bot, token, grant.token_url, &form);
	else
		refuse_credential(bot, token, problem);
	wipe(credential, strlen(credential));
	wipe(form.data, form.len);
}

/*
 * A valid token for that service, which lives until the next call of a
 * function here; or NULL if there is none yet: then one is being fetched, or
 * will be when the bot may.  One that will not be valid for long is fetched
 * anew in passing.
 */
const char *
bot_token_bearer(Bot *bot, Audience audience)
{
	Token	   *token = &bot->tokens[audience];
	double		now = unix_seconds(GetCurrentTimestamp());

	if ((token->bearer == NULL || now >= token->refresh_at) &&
		bot_fetch_may_start(bot, &token->fetch, bot->login_url))
		fetch_token(bot, token);
	return is_valid(token, now) ? token->bearer : NULL;
}

/*
 * Try a credential that is new, by fetching a token with it that messages can
 * use, whether or not there are any.
 */
void
bot_token_try(Bot *bot)
{
	Token	   *token = &bot->tokens[AUDIENCE_CONNECTOR];

	if (bot->secret.untried &&
		bot_fetch_may_start(bot, &token->fetch, bot->login_url))
		fetch_token(bot, token);
}

/* ----------
 * What the services say of them
 * ----------
 */

static bool
was_lately(TimestampTz time, int ms)
{
	return time != 0 &&
		!TimestampDifferenceExceeds(time, GetCurrentTimestamp(), ms);
}

/* The token that has that serial, unless it has been replaced: then NULL. */
static Token *
find_token(Bot *bot, Audience audience, int serial)
{
	Token	   *token = &bot->tokens[audience];

	return token->bearer != NULL && serial == token->serial ? token : NULL;
}

/* The service has taken a request with the token that has that serial. */
void
bot_token_accepted(Bot *bot, Audience audience, int serial)
{
	Token	   *token = &bot->tokens[audience];

	if (serial != token->serial)
		return;
	token->proven = true;
	token->accepted_at = GetCurrentTimestamp();
}

static void
forget_bearer(Token *token)
{
	pfree(token->bearer);
	token->bearer = NULL;
}

/*
 * Forget the token that has that serial.  The next one may be better, as it
 * knows of what was granted since; so the bot is not paused.
 */
void
bot_token_forget(Bot *bot, Audience audience, int serial)
{
	Token	   *token = find_token(bot, audience, serial);

	if (token != NULL)
		forget_bearer(token);
}

/*
 * If the service refuses now and then what it accepts at the same time,
 * another token is no better.  That some were replaced lately is the reason to
 * think so.
 */
static bool
is_good_nevertheless(const Token *token)
{
	return token->proven && token->refusals >= MANY_REFUSALS &&
		was_lately(token->refused_at, REFUSALS_FORGOTTEN_MS) &&
		was_lately(token->accepted_at, BOT_TOKEN_STILL_GOOD_MS);
}

/* A token that was refused is replaced at once, but not again and again. */
static void
replace_later(Token *token)
{
	TimestampTz now = GetCurrentTimestamp();

	if (!was_lately(token->refused_at, REFUSALS_FORGOTTEN_MS))
		token->refusals = 0;
	token->refused_at = now;
	if (token->refusals++ > 0)
	{
		int			delay = REPLACE_DELAY_MS << Min(token->refusals - 2, 10);

		token->fetch.not_before =
			TimestampTzPlusMilliseconds(now, Min(MAX_REPLACE_DELAY_MS,
												 delay));
	}
}

/*
 * The service has answered 401 to the token that has that serial: another one
 * is fetched, unless that has been done since.  If the service has never
 * accepted a request with it, another one would be no better, and the bot is
 * paused.  False if the token is kept all the same, since the service accepts
 * it at the same time and replacing it did not help: it is not the token that
 * is at fault.
 */
bool
bot_token_refused(Bot *bot, Audience audience, int serial,
				  const ServiceError *error)
{
	Token	   *token = find_token(bot, audience, serial);

	/* Others that were in flight with it come here, too, perhaps late. */
	if (token == NULL)
		return true;
	if (is_good_nevertheless(token))
		return false;
	if (!token->proven)
		bot_pause_for(bot, psprintf("%s refused a new token",
									services[audience].name),
					  services[audience].op, 401, error);
	forget_bearer(token);
	replace_later(token);
	return true;
}
