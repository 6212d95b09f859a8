/*
 * retry.h
 *	  Whether and when something is tried again.
 *
 * What decides is policy_retry(); here it gets the settings, the clock and
 * chance.
 */
#ifndef TP_RETRY_H
#define TP_RETRY_H

#include "datatype/timestamp.h"

#include "protocol/policy.h"

/* When to look again for what somebody has locked. */
#define RETRY_LOCKED_MS 1000

extern double retry_told(const char *header);
extern Retry retry_decide(RetrySubject subject, Action action, int attempt,
						  double told);
extern TimestampTz retry_time(double delay);

#endif							/* TP_RETRY_H */
