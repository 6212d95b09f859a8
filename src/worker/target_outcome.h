/*
 * target_outcome.h
 *	  What becomes of those that wait for a target when it cannot be reached,
 *	  or when Graph has answered about it.
 */
#ifndef TP_TARGET_OUTCOME_H
#define TP_TARGET_OUTCOME_H

#include "worker/target.h"

extern bool target_outcome_ask(Target *target);
extern void target_outcome_advance(void);

#endif							/* TP_TARGET_OUTCOME_H */
