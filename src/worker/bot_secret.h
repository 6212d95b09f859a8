/*
 * bot_secret.h
 *	  A bot's credential: is there another one, and has it been tried?
 */
#ifndef TP_BOT_SECRET_H
#define TP_BOT_SECRET_H

struct Bot;

/* bot_secret.c alone writes it. */
typedef struct BotSecret
{
	uint64		seen;			/* fingerprint of what was in the file; 0: it
								 * was not looked at */
	bool		asked;			/* teams_try_credential() was called */
	bool		untried;		/* is to be tried, needed or not */
	bool		on_trial;		/* is being tried because of that */
} BotSecret;

extern void bot_secret_configure(struct Bot *bot);
extern void bot_secret_ask(struct Bot *bot, bool asked);
extern void bot_secret_look(struct Bot *bot);
extern void bot_secret_try_again(struct Bot *bot);

/* Its trial. */
extern char *bot_secret_read(struct Bot *bot, const char **problem);
extern void bot_secret_tried(struct Bot *bot);
extern void bot_secret_not_tried(struct Bot *bot);

#endif							/* TP_BOT_SECRET_H */
