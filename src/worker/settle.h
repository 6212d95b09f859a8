/*
 * settle.h
 *	  Outcomes that wait to be written.
 */
#ifndef TP_SETTLE_H
#define TP_SETTLE_H

#include "protocol/connector.h"
#include "worker/retry.h"
#include "worker/window.h"

/* Why a message was not sent, or not yet. */
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

/* What a transaction has written. */
typedef struct SettleCounts
{
	int			sent;
	int			failed;
	int			cancelled;
	int			retried;
	int			left;			/* to be looked at again some time */
	int64		look_from;		/* what may not be held back any more, or 0 */
} SettleCounts;

extern void settle_open(MemoryContext context);
extern LedgerBatch *settle_new_batch(int64 id, int messages);

/* What became of a message. */
extern void settle_sent(Message *message, const char *conversation_id,
						const char *activity_id);
extern void settle_failed(Message *message, const Failure *failure);
extern void settle_cancelled(Message *message, const Failure *failure);
extern void settle_all_failed(Target *target, const Failure *failure);
extern void settle_retry(Message *message, Failure *failure, Retry retry);

/* What became known of a target. */
extern void settle_installation(const Target *target, InstallState state,
								const ServiceError *error, const char *hint);

/* What waits to be written. */
extern int	settle_count(void);
extern TimestampTz settle_since(void);
extern bool settle_has_retries(void);

/* In a transaction; after its commit. */
extern void settle_write(void);
extern SettleCounts settle_written(void);

#endif							/* TP_SETTLE_H */
