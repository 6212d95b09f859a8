/*
 * locks.h
 *	  Keeps messages from the wire, for callers who change or cancel them.
 */
#ifndef TP_LOCKS_H
#define TP_LOCKS_H

#include "utils/array.h"

/* Which messages a role may lock. */
typedef enum Unsent
{
	UNSENT_VISIBLE,				/* that it may see */
	UNSENT_OWN,					/* that it has sent */
	UNSENT_REWRITABLE			/* of those, new messages that say what they
								 * said at first */
} Unsent;

/*
 * Lock those of the messages that are not on the wire, until the transaction
 * ends, and return their ids in order, palloc'd.  To be called between
 * session_begin() and session_commit().
 */
extern ArrayType *outbox_lock_unsent(Unsent which, ArrayType *ids, Oid role);
extern int	outbox_compare_ids(const void *a, const void *b);

#endif							/* TP_LOCKS_H */
