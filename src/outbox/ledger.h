/*
 * ledger.h
 *	  What is on the wire: teams_inflight.
 *
 * All functions must be called between session_begin() and session_commit().
 * Strings are UTF-8.
 */
#ifndef TP_LEDGER_H
#define TP_LEDGER_H

#include "protocol/kind.h"

/*
 * A message about to be posted.  The conversation and the activity are those
 * of the message that it edits, deletes or replies to; NULL if that was not
 * sent.
 */
typedef struct OutboxPost
{
	int64		id;
	Kind		kind;			/* of a message */
	char	   *activity;		/* NULL to delete */
	const char *problem;		/* why that cannot be sent, or NULL */
	bool		opted_out;		/* the recipient, of the broadcast's topic */
	bool		has_referent;
	char	   *conversation_id;
	char	   *activity_id;
} OutboxPost;
extern int64 outbox_enter_ledger(const int64 *ids, int count,
								 MemoryContext context,
								 OutboxPost **posts, int *nposts,
								 int64 *gone, int *ngone);
extern void outbox_leave_ledger(const int64 *batches, int nbatches,
								const int64 *ids, int nids);
extern void outbox_close_batches(const int64 *batches, int count);
extern int64 outbox_recover(void);

#endif							/* TP_LEDGER_H */
