/*
 * activity.h
 *	  What an activity must be like to be seen by somebody.
 */
#ifndef TP_ACTIVITY_H
#define TP_ACTIVITY_H

#include "utils/jsonb.h"

/*
 * What is wrong with an activity, as a sentence, or NULL; *hint is what to do
 * about it.  Both are constants, or palloc'd.
 */
extern const char *activity_problem(Jsonb *activity, const char **hint);

#endif							/* TP_ACTIVITY_H */
