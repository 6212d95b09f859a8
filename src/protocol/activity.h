/*
 * activity.h
 *	  What an activity must be like to be seen by somebody.
 */
#ifndef TP_ACTIVITY_H
#define TP_ACTIVITY_H

#include "utils/jsonb.h"

extern const char *activity_problem(Jsonb *activity, const char **hint);
extern const char *activity_text_problem(const char *text, const char **hint);

#endif							/* TP_ACTIVITY_H */
