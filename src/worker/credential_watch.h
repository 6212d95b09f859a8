/*
 * credential_watch.h
 *	  Sees that a file with a credential has become another one.
 */
#ifndef TP_CREDENTIAL_WATCH_H
#define TP_CREDENTIAL_WATCH_H

#include "utils/timestamp.h"

extern void credential_watch_open(void);
extern void credential_watch_soon(void);
extern void credential_watch_try_again(void);
extern void credential_watch(void);
extern TimestampTz credential_watch_next(void);

#endif							/* TP_CREDENTIAL_WATCH_H */
