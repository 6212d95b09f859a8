/*
 * fates.h
 *	  What becomes of messages, and how long that is kept.
 *
 * All functions must be called between session_begin() and session_commit().
 * Strings are UTF-8.
 */
#ifndef TP_FATES_H
#define TP_FATES_H

#include "datatype/timestamp.h"

#include "base/words.h"

/* What became of an attempt. */
typedef struct Outcome
{
	int64		id;
	bool		is_final;		/* else to be tried again at due_at */
	Fate		fate;			/* if final */
	bool		is_attempt;		/* counts against max_attempts */
	bool		doubtful;		/* may have been carried out nevertheless */
	TimestampTz due_at;
	const char *conversation_id;
	const char *activity_id;
	const char *error_code;
	const char *error;
	const char *hint;
	const char *correlation_id;
} Outcome;
extern int	outbox_lock_free(const int64 *ids, int count, int64 **locked);
extern void outbox_settle(Outcome *const *outcomes, int count);
extern int64 outbox_postpone(Outcome *const *outcomes, int count);
extern int64 outbox_end_postponed(void);

/*
 * Settle what has expired and is not on the wire, up to a thousand; sets their
 * ids, and whether each held back those behind it.
 */
typedef struct OutboxExpired
{
	int64		id;
	char	   *bot;
	bool		held_back;
} OutboxExpired;
extern int	outbox_expire(MemoryContext context, OutboxExpired **expired);
extern int	outbox_refuse(const int64 *ids, const char *const *problems,
						  int count);
extern int64 outbox_purge_history(int retention_minutes);
extern bool outbox_fold_account(int64 *after, int most);

#endif							/* TP_FATES_H */
