/*
 * moment.h
 *	  Moments at which something is due, and ids, of which 0 means none.
 */
#ifndef TP_MOMENT_H
#define TP_MOMENT_H

#include "datatype/timestamp.h"

/*
 * The sooner of two moments, or the lower of two ids; 0 if there is neither.
 */
static inline TimestampTz
sooner(TimestampTz a, TimestampTz b)
{
	if (a == 0 || b == 0)
		return a != 0 ? a : b;
	return Min(a, b);
}

/* As Unix time. */
static inline double
unix_seconds(TimestampTz moment)
{
	return (double) moment / USECS_PER_SEC +
		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (double) SECS_PER_DAY;
}

#endif							/* TP_MOMENT_H */
