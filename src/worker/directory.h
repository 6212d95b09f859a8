/*
 * directory.h
 *	  Keeps the tables of people, groups and teams, page by page.
 */
#ifndef TP_DIRECTORY_H
#define TP_DIRECTORY_H

#include "outbox/session.h"

/* Start with nothing under way; what is read lives in the context. */
extern void directory_open(MemoryContext context);

/* Look at all lists again: they, or the bots, may have changed. */
extern void directory_wake(void);

/* Is there something to write or to look at?  And when will there be, or 0. */
extern bool directory_is_due(void);
extern TimestampTz directory_next(void);

/*
 * In a transaction of its own, so that sending does not depend on it: write
 * the pages that have come, and see what is to be read next.  False if the
 * extension is gone.
 */
extern bool directory_write(SessionKind kind);

/* Ask for what can be asked for: one page at a time for each bot. */
extern void directory_advance(void);

/* Is nothing under way? */
extern bool directory_is_idle(void);

#endif							/* TP_DIRECTORY_H */
