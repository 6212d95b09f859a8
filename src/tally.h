/*
 * tally.h
 *	  Counts the messages that a transaction writes, for teams_account.
 */
#ifndef TP_TALLY_H
#define TP_TALLY_H

/* The current transaction has written a message of a bot and broadcast (or 0). */
extern void tally_message(const char *bot, int64 broadcast);

/* Has it, since the subtransaction that is open began or before? */
extern bool tally_has_bot(const char *bot);

#endif							/* TP_TALLY_H */
