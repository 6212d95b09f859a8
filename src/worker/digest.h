/*
 * digest.h
 *	  Has the digests sent that triggers have collected.
 */
#ifndef TP_DIGEST_H
#define TP_DIGEST_H

#include "datatype/timestamp.h"

extern void digest_open(void);
extern void digest_wake(void);

/* Is it time to send some?  And when will it be? */
extern bool digest_is_due(void);
extern TimestampTz digest_next(void);
extern bool digest_is_idle(void);

extern int64 digest_send(void);

#endif							/* TP_DIGEST_H */
