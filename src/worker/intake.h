/*
 * intake.h
 *	  What of the outbox comes into memory, and when.
 */
#ifndef TP_INTAKE_H
#define TP_INTAKE_H

#include "worker/bot.h"

/* All of this in a transaction. */
extern void intake_begin(void);
extern bool intake_admit(const OutboxMessage *row);
extern bool intake_refuse_unfit(void);
extern void intake_read_rest(void);
extern void intake_record(void);
extern int	intake_make_ready(void);
extern int	intake_expire(void);

/* Is there reason for one? */
extern bool intake_has_rest(void);
extern bool intake_has_dry_runs(void);

#endif							/* TP_INTAKE_H */
