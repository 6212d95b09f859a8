/*
 * conditions.h
 *	  Conditions of users' on rows of their tables.
 */
#ifndef TP_CONDITIONS_H
#define TP_CONDITIONS_H

#include "commands/trigger.h"
#include "utils/rel.h"

typedef struct Condition Condition;
extern Condition *condition_prepare(const char *expression, Relation table,
									const Trigger *trigger, bool of_old,
									MemoryContext context);
extern bool condition_holds(const Condition *condition, TriggerData *trigger,
							HeapTuple row, HeapTuple other);

#endif							/* TP_CONDITIONS_H */
