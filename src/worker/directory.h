/*
 * directory.h
 *	  Keeps the tables of people, groups and teams, page by page.
 */
#ifndef TP_DIRECTORY_H
#define TP_DIRECTORY_H

#include "outbox/session.h"

extern void directory_open(MemoryContext context);
extern void directory_wake(void);

/* The transaction: when it is due, and what it does. */
extern bool directory_is_due(void);
extern TimestampTz directory_next(void);
extern bool directory_write(SessionKind kind);

/* Between transactions: one page at a time is asked for, for each bot. */
extern void directory_advance(void);
extern bool directory_is_idle(void);

#endif							/* TP_DIRECTORY_H */
