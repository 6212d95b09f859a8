/*
 * accept.h
 *	  The one way from SQL functions into the outbox.
 */
#ifndef TP_ACCEPT_H
#define TP_ACCEPT_H

#include "fmgr.h"

#include "outbox/messages.h"

/*
 * Write a message or job of the calling role into the outbox, in the current
 * transaction; returns its id, or that of the one that has its key already.
 * Raises an error if the bot does not exist or the activity is too large.
 */
extern int64 accept_message(FunctionCallInfo fcinfo, OutboxNew *message);

/* Which one it was last, for teams_wait(). */
extern void accept_note(int64 id);
extern int64 accept_last(void);

#endif							/* TP_ACCEPT_H */
