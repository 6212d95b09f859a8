/*
 * tally.h
 *	  What a transaction writes for each bot: whether it may, and how much.
 */
#ifndef TP_TALLY_H
#define TP_TALLY_H

#include "utils/relcache.h"

/* What becomes of a bot's messages. */
typedef enum BotMode
{
	BOT_MODE_MISSING,			/* there is no such bot */
	BOT_MODE_SENDS,
	BOT_MODE_RECORDS			/* a dry-run bot: as if they had been sent */
} BotMode;
extern void tally_message(const char *bot, int64 broadcast, bool is_recorded);
extern BotMode tally_bot_mode(const char *bot);
extern void tally_forget_modes(Relation bots);

#endif							/* TP_TALLY_H */
