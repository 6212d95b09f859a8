/*
 * bot_token.h
 *	  A bot's tokens, one for each service.
 */
#ifndef TP_BOT_TOKEN_H
#define TP_BOT_TOKEN_H

#include "protocol/auth.h"
#include "worker/bot_fetch.h"

/*
 * A token that was accepted so lately is good, whatever another answer says.
 */
#define BOT_TOKEN_STILL_GOOD_MS 1000

/* What a bot shows at one of the services; bot_token.c alone writes it. */
typedef struct Token
{
	Fetch		fetch;			/* of the next one; the first member, as a
								 * fetch that ends is cast to its token */
	const char *tenant;			/* where to ask for it, and what for, by the */
	const char *scope;			/* bot's configuration */

	char	   *bearer;			/* NULL if there is none */
	double		expires_at;		/* Unix time */
	double		refresh_at;		/* when to fetch the next one */
	int			serial;			/* counts those that have come */
	bool		proven;			/* the service has accepted this one */
	TimestampTz accepted_at;	/* when it last accepted one */
	TimestampTz refused_at;		/* when it last refused one for good */
	int			refusals;		/* how often lately */
} Token;

/* Forget the token; another one may be fetched at once. */
static inline void
bot_token_drop(Token *token)
{
	if (token->bearer != NULL)
		pfree(token->bearer);
	token->bearer = NULL;
	token->proven = false;
	bot_fetch_reset(&token->fetch);
}

/* Begin anew for another configuration, whose strings are not copied. */
static inline void
bot_token_configure(Token *token, const char *tenant, const char *scope)
{
	bot_token_drop(token);
	bot_fetch_configure(&token->fetch);
	token->refusals = 0;
	token->tenant = tenant;
	token->scope = scope;
}

extern void bot_token_open(MemoryContext context);
extern void bot_token_try(struct Bot *bot);
extern const char *bot_token_bearer(struct Bot *bot, Audience audience);

/* What the service says of the token that has that serial. */
extern void bot_token_accepted(struct Bot *bot, Audience audience, int serial);
extern bool bot_token_refused(struct Bot *bot, Audience audience, int serial,
							  const ServiceError *error);
extern void bot_token_forget(struct Bot *bot, Audience audience, int serial);

#endif							/* TP_BOT_TOKEN_H */
