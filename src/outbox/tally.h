/*
 * tally.h
 *	  Counts the messages that a transaction writes, for teams_account.
 */
#ifndef TP_TALLY_H
#define TP_TALLY_H

#include "outbox/outbox.h"

/*
 * The current transaction has written a message of a bot and broadcast (or 0),
 * which was recorded at once or is to be sent.
 */
extern void tally_message(const char *bot, int64 broadcast, bool is_recorded);

/*
 * What becomes of a bot's messages; it is looked up once in a transaction,
 * unless that changes the bots.
 */
extern BotMode tally_bot_mode(const char *bot);
extern void tally_forget_modes(void);

#endif							/* TP_TALLY_H */
