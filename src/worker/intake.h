/*
 * intake.h
 *	  What of the outbox comes into memory, and when.
 */
#ifndef TP_INTAKE_H
#define TP_INTAKE_H

#include "worker/bot.h"

/* A transaction begins, in whose memory rows are read. */
extern void intake_begin(void);

/*
 * Take in a row; its target is asked for if it is not known.  False if there
 * is no room for it.
 */
extern bool intake_admit(const OutboxMessage *row);

/*
 * Is there something to read for targets that have room again?  Read it, in a
 * transaction, after outcomes were written.
 */
extern bool intake_has_behind(void);
extern void intake_read_behind(void);

/*
 * Settle the rows for which nothing can be done that the transaction has come
 * across.  False if somebody has locked some: then they are to be read again.
 */
extern bool intake_refuse_unfit(void);

/*
 * What there is in the outbox of dry-run bots goes to the history: it was
 * there before they were.
 */
extern bool intake_has_dry_runs(void);
extern void intake_record(void);

/*
 * The same at a point in time at which messages become due, or expire; returns
 * how many.
 */
extern int	intake_make_ready(void);
extern int	intake_expire(void);

#endif							/* TP_INTAKE_H */
