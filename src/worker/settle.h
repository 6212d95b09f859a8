/*
 * settle.h
 *	  Outcomes that wait to be written.
 */
#ifndef TP_SETTLE_H
#define TP_SETTLE_H

#include "protocol/connector.h"
#include "worker/retry.h"
#include "worker/window.h"

extern void settle_open(MemoryContext context);

/* A batch that was entered into the ledger with so many messages. */
extern LedgerBatch *settle_new_batch(int64 id, int messages);

/*
 * Record what became of a message.  Strings of the result are copied; those of
 * the error may be NULL.
 */
extern void settle_sent(Message *message, const char *conversation_id,
						const char *activity_id);

typedef struct Failure
{
	const char *code;
	const char *error;
	const char *hint;			/* or NULL */
	const char *correlation_id; /* or NULL */
	bool		doubtful;		/* it may have arrived nevertheless */
	bool		may_be_done;	/* the same, if that is the end of it */
	bool		is_attempt;		/* counts against max_attempts */
} Failure;

/* It cannot succeed. */
extern void settle_failed(Message *message, const Failure *failure);

/* It shall not be sent any more. */
extern void settle_cancelled(Message *message, const Failure *failure);

/* All that queue for the target have failed, up to the next job. */
extern void settle_all_failed(Target *target, const Failure *failure);

/* Try again, or if that was the last attempt, it has failed. */
extern void settle_retry(Message *message, Failure *failure, Retry retry);

/* Record what is known of a target, for teams_installation. */
extern void settle_installation(const Target *target, InstallState state,
								const ServiceError *error, const char *hint);

/* How many records wait, and since when (0: none do). */
extern int	settle_count(void);
extern TimestampTz settle_since(void);

/* Are there any that are to be tried again? */
extern bool settle_has_retries(void);

/* Write everything, in a transaction. */
extern void settle_write(void);

/* It has been committed: forget it. */
typedef struct SettleCounts
{
	int			sent;
	int			failed;
	int			cancelled;
	int			retried;
	int			left;			/* to be looked at again some time */
	int64		look_from;		/* what may not be held back any more, or 0 */
} SettleCounts;

extern SettleCounts settle_written(void);

#endif							/* TP_SETTLE_H */
