/*
 * house.h
 *	  When what is old is removed, and the account added up.
 */
#ifndef TP_HOUSE_H
#define TP_HOUSE_H

#include "utils/timestamp.h"

extern void house_open(void);

/* What changes when it is due. */
extern void house_try_again(void);
extern void house_note_change(void);

extern void house_keep(void);
extern TimestampTz house_next(void);

#endif							/* TP_HOUSE_H */
