/*
 * house.h
 *	  When what is old is removed, and the account added up.
 */
#ifndef TP_HOUSE_H
#define TP_HOUSE_H

#include "utils/timestamp.h"

/* Begin: both are due at once. */
extern void house_open(void);

/* The retention may be another now. */
extern void house_try_again(void);

/* Something has happened that the account has to be added up for. */
extern void house_note_change(void);

/* Do what is due, inside a transaction. */
extern void house_keep(void);

/* When there is something to do next. */
extern TimestampTz house_next(void);

#endif							/* TP_HOUSE_H */
